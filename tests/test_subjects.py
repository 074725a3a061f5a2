"""The judgement of ZenML's own orchestrators: what is published is what was kept."""

from __future__ import annotations

import importlib
import re

import pytest
from subjects.__main__ import OUTCOMES
from subjects.catalogue import SUBJECTS
from subjects.executions import Executions, Task
from subjects.matrix import BEGIN, END, PAGE, tables, within

from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.fake_backend.client import FakeBackend
from zenml_conformance.fake_backend.faults import Faults
from zenml_conformance.fake_backend.jobs import Job, JobState
from zenml_conformance.fake_backend.table import JobTable, Rejected
from zenml_conformance.harness import Harness
from zenml_conformance.report.model import Report, read
from zenml_conformance.rule import Status, Tier
from zenml_conformance.rules import RULES

KEPT = [read(path) for path in sorted(OUTCOMES.glob("*.json"))]


class Table(FakeBackend):
    """A fake backend without an engine: nothing is ever run."""

    def __init__(self, accepts: int | None = None) -> None:
        """Accept so many jobs, or all."""
        self.table = JobTable(Faults(accepts=accepts))
        self.noted: dict[str, object] = {}

    def submit(self, job: Job) -> str:
        """Submit a job."""
        try:
            return self.table.submit(job, "client").id
        except Rejected as error:
            raise EngineError(str(error)) from error

    def status(self, job_id: str) -> JobState:
        """Ask for a state."""
        return self.table.status(job_id, asker=0)

    def cancel(self, job_id: str) -> None:
        """End a job."""
        self.table.end(job_id, JobState.CANCELLED)

    def note(self, key: str, value: object) -> None:
        """Remember something."""
        self.noted[key] = value

    def notes(self) -> dict[str, object]:
        """Give it back."""
        return self.noted


def diamond(definition: object, execution: str) -> list[Task]:
    """Four tasks, the last one first, as a compiled pipeline may have them."""
    after = {"join": ("left", "right"), "left": ("source",), "right": ("source",), "source": ()}
    return [
        Task(name, Job(name=f"{execution}-{name}", command=("true",)), needs)
        for name, needs in after.items()
    ]


def test_the_page_shows_what_was_kept() -> None:
    """The matrix is the command's own."""
    page = PAGE.read_text(encoding="utf-8")
    assert within(page, BEGIN, END, tables(KEPT)) == page, "run `python -m subjects write`"


@pytest.mark.parametrize("report", KEPT, ids=lambda report: report.subject.flavor)
def test_what_was_kept_is_of_known_rules_and_of_the_tier_in_the_catalogue(report: Report) -> None:
    """No report is of a rule that is not there any more, or older than its subject's harness."""
    looked_at = SUBJECTS[report.subject.flavor].tier == "static"
    assert (report.subject.tier is Tier.STATIC) == looked_at
    assert {rule.id for rule in report.rules} <= set(RULES)


def test_every_broken_rule_of_an_emulated_subject_is_explained() -> None:
    """A red mark without a finding that was confirmed would be an accusation."""
    page = PAGE.read_text(encoding="utf-8")
    for report in KEPT:
        flavor = report.subject.flavor
        if SUBJECTS[flavor].tier != "emulated":
            continue
        section = page.split(f"\n## `{flavor}`\n")[1].split("\n## ")[0]
        broken = {rule.id for rule in report.with_status(Status.FAILED)}
        explained = set(re.findall(r"\b[A-Z]+-\d+\b", section))
        assert broken <= explained, f"{flavor}: {broken - explained}"


@pytest.mark.parametrize("flavor", [name for name, s in SUBJECTS.items() if s.harness])
def test_harnesses_can_be_made(flavor: str) -> None:
    """The catalogue names what is there, as far as this environment can import it."""
    source = SUBJECTS[flavor].harness
    assert source is not None
    module_name, _, name = source.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        pytest.skip(f"ZenML's integration {SUBJECTS[flavor].integration!r} is missing: {error}")
    assert isinstance(getattr(module, name)(), Harness)


def test_a_dag_is_submitted_with_its_dependencies() -> None:
    """Names become ids, whatever the order."""
    backend = Table()
    executions = Executions(backend, f"{__name__}:diamond")
    ids = executions.tasks(executions.start(None, "one"))
    records = backend.table.records
    assert set(records[ids["join"]].job.depends_on) == {ids["left"], ids["right"]}
    assert records[ids["source"]].job.depends_on == ()


def test_a_dag_is_accepted_as_a_whole_or_not_at_all() -> None:
    """The third task is refused, and the first two are cancelled."""
    backend = Table(accepts=2)
    executions = Executions(backend, f"{__name__}:diamond")
    with pytest.raises(EngineError):
        executions.start(None, "one")
    assert not backend.table.live and not executions.tasks("one")


def test_an_execution_is_as_its_tasks_are() -> None:
    """A lost task has failed; an unknown execution is unknown."""
    backend = Table()
    executions = Executions(backend, f"{__name__}:diamond")
    assert executions.state("unknown") is JobState.UNKNOWN
    ids = executions.tasks(executions.start(None, "one"))
    assert executions.state("one") is JobState.RUNNING
    for job_id in ids.values():
        backend.table.end(job_id, JobState.SUCCEEDED)
    assert executions.state("one") is JobState.SUCCEEDED
    backend.table.records[ids["join"]].lost = True
    assert executions.state("one") is JobState.FAILED
