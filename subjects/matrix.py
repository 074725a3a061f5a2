"""The reports on the orchestrators that were judged, and the tables that are made of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from subjects.catalogue import SUBJECTS, Subject
from subjects.static import STATIC_RULES
from zenml_conformance.report import matrix
from zenml_conformance.report.model import Report, read
from zenml_conformance.rule import Tier

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "zenml-orchestrators.md"
BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->"
JUDGED = (0, 1)
"""pytest's exit codes: every rule holds, some do not."""


def judge(subject: Subject) -> Report:
    """Judge an orchestrator, in a pytest of its own.

    Args:
        subject: The orchestrator.

    Returns:
        The report, fit to be published.

    Raises:
        RuntimeError: If pytest could not judge.
    """
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pytest", "-q", f"--orchestrator={subject.flavor}"]
        command += [f"--rootdir={directory}", f"--conformance-report={directory}"]
        if subject.harness:
            command.append(f"--orchestrator-harness={subject.harness}")
        if subject.tier == "live":
            command.append("--conformance-tier=live")
        if subject.tier == "static":
            command += ["-k", " or ".join(f"[{rule}]" for rule in STATIC_RULES)]
        if subject.without:
            command += ["-k", " and ".join(f"not {prefix}" for prefix in subject.without)]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in JUDGED:
            raise RuntimeError(f"{subject.flavor} could not be judged:\n{done.stdout[-3000:]}")
        return publishable(read(Path(directory, "report.json")), subject)


def publishable(report: Report, subject: Subject) -> Report:
    """Leave out of a report what is of interest to nobody else.

    Args:
        report: The report.
        subject: What was judged.

    Returns:
        The same without timelines and without this machine's paths. What was only looked at ran
        on no tier.
    """
    shown = {"tier": Tier.STATIC} if subject.tier == "static" else {}
    bare = report.model_copy(
        update={"scenarios": [], "subject": report.subject.model_copy(update=shown)}
    )
    return Report.model_validate_json(re.sub(r"(/[\w.-]+){3,}", "…", bare.model_dump_json()))


def save(report: Report, path: Path) -> None:
    """Keep a report.

    Args:
        report: The report.
        path: The file.
    """
    path.parent.mkdir(exist_ok=True)
    path.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")


def tables(reports: list[Report]) -> str:
    """Set side by side what ran, and what was only looked at.

    Args:
        reports: The reports.

    Returns:
        Markdown.
    """
    order = list(SUBJECTS)
    reports = sorted(reports, key=lambda report: order.index(report.subject.flavor))
    ran = [report for report in reports if report.subject.tier is not Tier.STATIC]
    seen = [report for report in reports if report.subject.tier is Tier.STATIC]
    return "\n".join(matrix.markdown(matrix.of(some)) for some in (ran, seen) if some)


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
