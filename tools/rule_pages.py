"""Write what is said about the rules outside the code, from the rules themselves.

    python tools/rule_pages.py            write docs/rules.md and the list in README.md
    python tools/rule_pages.py --check    exit with 1 if they are not what would be written

A rule's docstring is its page. The suite must be installed: `zenml_conformance` is imported.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path

from generated_files import stale
from zenml_conformance.contract.rule import Level
from zenml_conformance.contract.rules import RULES
from zenml_conformance.scenarios.scenario import SCENARIOS

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- rules: written by tools/rule_pages.py -->"
END = "<!-- end of rules -->"

INTRODUCTION = """\
# The rules

This page is written by `tools/rule_pages.py` from the rules' own docstrings
(`conformance_tests/src/zenml_conformance/contract/rules/`).

A **MUST** that is broken leaves wrong or stuck records, or loses data. A broken **SHOULD** degrades
work or exposes a secret. A rule's id never changes its meaning.

[What became of each candidate](rule-decisions.md) says which rules there might have been, too, and
[what the suite catches](what-the-suite-catches.md) which mistakes each of them is known to find.
"""


def areas() -> dict[str, list[str]]:
    """Group the rules' ids by the first line of the module that they stand in."""
    grouped: dict[str, list[str]] = {}
    for rule in RULES.values():
        module = inspect.getdoc(sys.modules[rule.check.__module__]) or ""
        grouped.setdefault(module.partition("\n")[0], []).append(rule.id)
    return grouped


def page(rule_id: str) -> str:
    """Return the page of one rule."""
    rule = RULES[rule_id]
    facts = [f"profile {rule.profile.value}", f"since {rule.since}"]
    if rule.capability:
        facts.append(f"applies to what declares {rule.capability.value}")
    if rule.needs_jobs:
        facts.append("looks at jobs, so it needs a harness or the template's seam")
    if rule.requires:
        facts.append(f"judged after {', '.join(map(link, rule.requires))}")
    seen = "\n".join(f"- `{name}`: {SCENARIOS[name].sentence}" for name in rule.scenarios)
    return (
        f'### <a id="{rule.id.lower()}"></a>{rule.id} ({rule.level.value})\n\n'
        f"**{rule.title}**\n\n"
        f"*Why:* {rule.why}\n\n*Fix:* {rule.fix}\n\n"
        f"Seen in:\n\n{seen}\n\n"
        f"({'; '.join(facts)})\n"
    )


def link(rule_id: str) -> str:
    """Return a link to a rule's place on the page."""
    return f"[{rule_id}](#{rule_id.lower()})"


def reference() -> str:
    """Return the text of docs/rules.md."""
    parts = [INTRODUCTION]
    for area, ids in areas().items():
        title, _, line = area.partition(": ")
        parts += [f"## {title}\n", f"{line[:1].upper()}{line[1:]}\n", *map(page, ids)]
    return "\n".join(parts)


def listing() -> str:
    """Return the README's list: one line an area, with the numbers of its rules."""
    lines = ["| Area | What it is about | MUST | SHOULD |", "|---|---|--:|--:|"]
    for area, ids in areas().items():
        title, _, line = area.partition(": ")
        musts, shoulds = (
            sum(RULES[rule_id].level is level for rule_id in ids)
            for level in (Level.MUST, Level.SHOULD)
        )
        # The anchor that forges, and the site, make of the heading.
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        area_link = f"[{title}](docs/rules.md#{anchor})"
        lines.append(f"| {area_link} | {line.rstrip('.')} | {musts} | {shoulds} |")
    musts = sum(rule.level is Level.MUST for rule in RULES.values())
    lines += ["", f"{len(RULES)} rules in all, {musts} of them MUST."]
    return "\n".join(lines)


def readme(text: str) -> str:
    """Return README.md with its list of rules brought up to date.

    Args:
        text: What it holds now.

    Returns:
        The same, with a new list between the markers.

    Raises:
        ValueError: If a marker is missing or stands there twice.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must have {BEGIN!r} once, and {END!r} once after it")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{listing()}\n\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the rules' pages from the rules.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    options = parser.parse_args(arguments)

    front = ROOT / "README.md"
    pages = {
        front: readme(front.read_text(encoding="utf-8")),
        ROOT / "docs" / "rules.md": reference(),
    }
    behind = stale(pages, write=not options.check)
    if behind and options.check:
        print(f"{' and '.join(behind)} are behind the rules: run python tools/rule_pages.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
