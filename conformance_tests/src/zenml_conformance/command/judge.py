"""`judge`: pytest with the suite, in a process of its own."""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.argument("target")
@click.option(
    "--tier",
    type=click.Choice(["simulated", "live"]),
    help="On the suite's fake backend (default), or on the orchestrator's own.",
)
@click.option("--rules", metavar="AREA|ID,...", multiple=True, help="Judge these rules alone.")
@click.option(
    "--config",
    metavar="KEY=VALUE|FILE",
    multiple=True,
    help="Configure the orchestrator; may be repeated.",
)
@click.option("--report", metavar="DIR", help="Write report.json, .md, .html and a badge there.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST...]")
def command(
    target: str,
    tier: str | None,
    rules: tuple[str, ...],
    config: tuple[str, ...],
    report: str | None,
    pytest_arguments: tuple[str, ...],
) -> None:
    """Judge an orchestrator.

    TARGET is `package.module:Flavor`, the name of a flavor that ZenML ships, or `reference`. This
    is `pytest --orchestrator=TARGET`; what stands behind `--` is for pytest, such as the suite's
    other options. The exit status is pytest's.
    """
    arguments = [f"--orchestrator={target}"]
    if tier:
        arguments.append(f"--conformance-tier={tier}")
    arguments += [f"--conformance-rules={names}" for names in rules]
    arguments += [f"--orchestrator-config={field}" for field in config]
    if report is not None:
        arguments.append(f"--conformance-report={report}")
    # In place of this process: signals and the exit status are pytest's own.
    os.execv(  # noqa: S606 - there is no shell in it
        sys.executable, [sys.executable, "-m", "pytest", *arguments, *pytest_arguments]
    )
