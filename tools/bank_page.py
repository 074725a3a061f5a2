"""Write down what each faulty orchestrator of the suite's tests turns red.

    python tools/bank_page.py            write docs/what-the-suite-catches.md
    python tools/bank_page.py --check    exit with 1 if it is not what would be written

The suite's tests show that each of them turns red exactly that (`test_faulty.py`).
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from pathlib import Path

from generated_files import stale

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "what-the-suite-catches.md"
sys.path.insert(0, str(ROOT / "conformance_tests" / "tests"))

from faulty import FAULTS  # noqa: E402 - the tests are no package that is installed
from faulty.fault import Fault  # noqa: E402

INTRODUCTION = """\
# What the suite catches

This page is written by `tools/bank_page.py` from the faulty orchestrators of the suite's own tests
(`conformance_tests/tests/faulty/`). Most are the reference orchestrator, which is the core of every
generated project, with one thing wrong. Those made from `makefile` and `threaded` share no line
with it; `makefile` is a black box, with a backend of its own. A test runs each and demands that
exactly the rules in the last column are red: no other, and none less. Those with none are unlike
the reference orchestrator, and right.

`make test` tries those that are made from two topologies in one of them, in turns: what is wrong is
the same code. `make bank` tries all of them in both.
"""


def sentence(fault: Fault) -> str:
    """Return what a fault's class says about itself."""
    module, _, flavor = fault.flavor.partition(":")
    part = getattr(importlib.import_module(module), flavor.removesuffix("Flavor"))
    return (inspect.getdoc(part) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def page() -> str:
    """Return the text of the page."""
    areas: dict[str, dict[str, tuple[list[str], Fault]]] = {}
    for fault in FAULTS:
        module, _, flavor = fault.flavor.partition(":")
        rows = areas.setdefault(module, {})
        rows.setdefault(flavor, ([], fault))[0].append(fault.construction.replace("_", " "))
    parts = [INTRODUCTION]
    for module, rows in areas.items():
        title = (inspect.getdoc(importlib.import_module(module)) or "").partition("\n")[0]
        parts.append(f"## {title.rstrip('.')}\n")
        parts.append("| Orchestrator | What is wrong | Made from | Red |\n|---|---|---|---|")
        for flavor, (topologies, fault) in rows.items():
            red = ", ".join(f"[{rule}](rules.md#{rule.lower()})" for rule in sorted(fault.breaks))
            where = ", ".join(topologies)
            name = flavor.removesuffix("Flavor")
            parts.append(f"| `{name}` | {sentence(fault)} | {where} | {red or 'none'} |")
        parts.append("")
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the page of the bank of faults.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    options = parser.parse_args(arguments)
    behind = stale({PAGE: page()}, write=not options.check)
    if behind and options.check:
        print(f"{behind[0]} is behind the bank: run python tools/bank_page.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
