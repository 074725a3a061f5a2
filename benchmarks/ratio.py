"""A ratio of two times, its aim, and how both are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Ratio:
    """One time as a multiple of another.

    Attributes:
        what: The two things that are compared, as `this / that`.
        seconds: The time of the first; a median where there are several runs.
        against: The time of the second.
        aim: What the ratio should be, if there is an aim.
        better: Whether the aim is a ceiling ("lower") or a floor ("higher").
        spent: What the first time consists of, in seconds: the answer to a missed aim.
        note: What one must know to read the figures.
    """

    what: str
    seconds: float
    against: float
    aim: float | None = None
    better: Literal["lower", "higher"] = "lower"
    spent: dict[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def value(self) -> float:
        """The ratio."""
        return self.seconds / self.against

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None if there is none."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.better == "lower" else self.value >= self.aim


def show(console: Console, ratios: Sequence[Ratio]) -> None:
    """Print a table of ratios, then what the time goes into where an aim is missed.

    Args:
        console: Where to print.
        ratios: What was measured.
    """
    table = Table(title="Ratios of one run", title_justify="left")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    for heading in ("aim", "measured"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("met?")
    for ratio in ratios:
        sign = "≤" if ratio.better == "lower" else "≥"
        table.add_row(
            ratio.what,
            f"{ratio.seconds:.2f} / {ratio.against:.2f}",
            "none" if ratio.aim is None else f"{sign} {ratio.aim:g}",
            f"{ratio.value:.2f}",
            {True: "yes", False: "[bold]no[/bold]", None: "-"}[ratio.met],
        )
    console.print(table)
    for ratio in ratios:
        if ratio.note:
            console.print(f"{ratio.what}: {ratio.note}", highlight=False)
    for ratio in ratios:
        if ratio.met is False:
            console.print(_spent(ratio))


def _spent(ratio: Ratio) -> Table:
    table = Table(title=f"Aim missed: {ratio.what}", title_justify="left")
    table.add_column("where the time goes")
    table.add_column("seconds", justify="right")
    for part, seconds in ratio.spent.items():
        table.add_row(part, f"{seconds:.2f}")
    return table
