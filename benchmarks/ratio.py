"""A ratio of two measurements, its aim, and how both are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Ratio:
    """One measurement as a multiple of another.

    Attributes:
        what: The two things that are compared, as `this / that`.
        measured: The first, in `unit`; a median where there are several runs.
        against: The second, in `unit`.
        aim: What the ratio should be, if there is an aim.
        better: Whether the aim is a ceiling ("lower") or a floor ("higher").
        unit: What both are measured in.
        spent: What the first consists of: the answer to a missed aim.
        note: What one must know to read the figures.
        detail: A table that belongs to the ratio, whether its aim is met or not.
    """

    what: str
    measured: float
    against: float
    aim: float | None = None
    better: Literal["lower", "higher"] = "lower"
    unit: str = "s"
    spent: dict[str, float] = field(default_factory=dict)
    note: str = ""
    detail: Table | None = None

    @property
    def value(self) -> float:
        """The ratio."""
        return self.measured / self.against

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
    table.add_column("figures", justify="right")
    for heading in ("aim", "measured"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("met?")
    for ratio in ratios:
        sign = "≤" if ratio.better == "lower" else "≥"
        table.add_row(
            ratio.what,
            f"{ratio.measured:.2f} / {ratio.against:.2f} {ratio.unit}",
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
        if ratio.detail:
            console.print(ratio.detail)


def _spent(ratio: Ratio) -> Table:
    table = Table(title=f"Aim missed: {ratio.what}", title_justify="left")
    table.add_column("where the time goes")
    table.add_column(ratio.unit, justify="right")
    for part, share in ratio.spent.items():
        table.add_row(part, f"{share:.2f}")
    return table
