"""What became of each rule with each orchestrator, and the table of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

from subjects.catalogue import SUBJECTS, Subject
from subjects.static import STATIC_RULES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "zenml-orchestrators.md"
BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->"
MARKS = {
    "passed": "✓",
    "failed": "**✗**",
    "blocked": "↑",
    "not applicable": "·",
    "not seen": "?",
    "error": "!",
}


@dataclass(frozen=True)
class Verdicts:
    """What became of each rule with one orchestrator.

    Attributes:
        flavor: The orchestrator's flavor.
        tier: How it was judged.
        zenml: ZenML's version.
        outcomes: By rule: its level, its status, and what was seen.
    """

    flavor: str
    tier: str
    zenml: str
    outcomes: dict[str, dict[str, str]]

    @staticmethod
    def reach(subject: Subject) -> Verdicts:
        """Judge an orchestrator, in a pytest of its own.

        Args:
            subject: The orchestrator.

        Returns:
            What became of the rules.

        Raises:
            RuntimeError: If pytest could not judge.
        """
        with tempfile.TemporaryDirectory() as directory:
            report = Path(directory, "report.xml")
            command = [sys.executable, "-m", "pytest", "-q", f"--orchestrator={subject.flavor}"]
            command += [f"--rootdir={directory}", f"--junitxml={report}"]
            if subject.harness:
                command.append(f"--orchestrator-harness={subject.harness}")
            if subject.tier == "static":
                command += ["-k", " or ".join(f"[{rule}]" for rule in STATIC_RULES)]
            if subject.without:
                command += ["-k", " and ".join(f"not {prefix}" for prefix in subject.without)]
            done = subprocess.run(
                command,
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode not in (0, 1) or not report.exists():
                raise RuntimeError(f"{subject.flavor} could not be judged:\n{done.stdout[-3000:]}")
            return Verdicts.read(subject, report)

    @staticmethod
    def read(subject: Subject, report: Path) -> Verdicts:
        """Read pytest's report.

        Args:
            subject: The orchestrator that was judged.
            report: JUnit's XML, in which the suite notes each outcome.

        Returns:
            What became of the rules.
        """
        import zenml

        from zenml_conformance.rules import RULES

        # A file that pytest has written just now.
        properties = ElementTree.parse(report).iter("property")  # noqa: S314
        noted = [
            json.loads(p.attrib["value"]) for p in properties if p.get("name") == "conformance"
        ]
        by_rule = {outcome["rule"]: outcome for outcome in noted}
        outcomes = {
            rule_id: {
                "level": RULES[rule_id].level.value,
                "status": by_rule[rule_id]["status"],
                # Where this machine keeps its files is of no interest to readers.
                "detail": re.sub(r"(/[\w.-]+){3,}", "…", by_rule[rule_id]["detail"]),
            }
            for rule_id in RULES
            if rule_id in by_rule and not rule_id.startswith(subject.without)
        }
        return Verdicts(subject.flavor, subject.tier, zenml.__version__, outcomes)

    @property
    def summary(self) -> str:
        """How many rules came to which end."""
        counts = Counter(outcome["status"] for outcome in self.outcomes.values())
        return ", ".join(f"{number} {status}" for status, number in counts.most_common())

    def save(self, path: Path) -> None:
        """Write to a file.

        Args:
            path: The file.
        """
        path.parent.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def load(path: Path) -> Verdicts:
        """Read what `save` wrote.

        Args:
            path: The file.

        Returns:
            The verdicts.
        """
        return Verdicts(**json.loads(path.read_text(encoding="utf-8")))


def matrix(judged: list[Verdicts]) -> str:
    """Make the tables: what ran with a row for each rule, what was looked at with one for each.

    Args:
        judged: What became of the rules with each orchestrator.

    Returns:
        Markdown.
    """
    order = list(SUBJECTS)
    judged = sorted(judged, key=lambda verdicts: order.index(verdicts.flavor))
    ran = [verdicts for verdicts in judged if verdicts.tier != "static"]
    seen = [verdicts for verdicts in judged if verdicts.tier == "static"]
    levels: dict[str, str] = {}
    for verdicts in ran:
        for rule_id, outcome in verdicts.outcomes.items():
            levels.setdefault(rule_id, outcome["level"])
    lines = [
        _row("rule", "level", *(f"`{v.flavor}` ({v.tier})" for v in ran)),
        "|---|---|" + ":-:|" * len(ran),
        *(_row(rule, level, *(_mark(v, rule) for v in ran)) for rule, level in levels.items()),
        "",
        _row("static", *STATIC_RULES),
        "|---|" + ":-:|" * len(STATIC_RULES),
        *(_row(f"`{v.flavor}`", *(_mark(v, rule) for rule in STATIC_RULES)) for v in seen),
    ]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _mark(verdicts: Verdicts, rule: str) -> str:
    return MARKS[verdicts.outcomes[rule]["status"]] if rule in verdicts.outcomes else ""


def within(page: str, begin: str, end: str, text: str) -> str:
    """Replace what stands between two marks.

    Args:
        page: The page.
        begin: The first mark.
        end: The second.
        text: What shall stand there.

    Returns:
        The new page.
    """
    head, rest = page.split(begin)
    return head + begin + text + end + rest.split(end)[1]
