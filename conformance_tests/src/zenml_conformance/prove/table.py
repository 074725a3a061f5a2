"""The table of proofs, for the terminal."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from zenml_conformance.prove.proof import Catch, Tally


def table(seen: Tally, width: int) -> str:
    """Draw the table, and the line below it.

    Args:
        seen: What the proofs add up to.
        width: The terminal's width.

    Returns:
        Some lines.
    """
    grid = Table(box=None, pad_edge=False, show_edge=False)
    grid.add_column("rule", no_wrap=True)
    grid.add_column("", no_wrap=True)
    grid.add_column("fault")
    for proof in seen.rows:
        shown = proof.catch in (Catch.CAUGHT, Catch.MISSED)
        fault = proof.fault if shown else f"{proof.fault} ({proof.detail})"
        grid.add_row(proof.rule, proof.catch.value, fault)
    output = io.StringIO()
    console = Console(file=output, width=width, color_system=None, highlight=False, markup=False)
    console.print(grid)
    console.print(
        f"\n{len(seen.bite)} of {len(seen.hold)} MUST rules that hold were shown to bite."
    )
    for what, rules in {
        "Not shown, for no fault of theirs can be run here": seen.unshown,
        "NOT CAUGHT": [p.rule for p in seen.rows if p.catch is Catch.MISSED],
    }.items():
        if rules:
            console.print(f"{what}: {', '.join(dict.fromkeys(rules))}.")
    return output.getvalue().rstrip()
