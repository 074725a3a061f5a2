"""The judgement of ZenML's own orchestrators: what is published is what was kept."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from zenml_orchestrators.catalogue import SUBJECTS
from zenml_orchestrators.executions import Executions, Task
from zenml_orchestrators.judge import judge_by
from zenml_orchestrators.outcome import DIRECTORY, Outcomes, OutcomesError, newest, of, read
from zenml_orchestrators.page import PAGE, PAGES, anchor, redrawn

from real_engine import need_engine
from zenml_conformance.contract.rule import Status, Tier
from zenml_conformance.fake_backend.client import FakeBackend
from zenml_conformance.fake_backend.faults import Faults
from zenml_conformance.fake_backend.jobs import Job, JobState
from zenml_conformance.fake_backend.table import JobTable, Rejected
from zenml_conformance.harness import Harness
from zenml_conformance.protocol import EngineError

KEPT = newest()
FILE = DIRECTORY / "0.98" / "kubernetes.json"


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
    assert redrawn(page, KEPT) == page, "run `python -m zenml_orchestrators write`"


@pytest.mark.parametrize("outcomes", KEPT, ids=lambda outcomes: outcomes.flavor)
def test_what_was_kept_is_of_the_tier_in_the_catalogue(outcomes: Outcomes) -> None:
    """No outcomes are older than how their orchestrator is judged."""
    assert (outcomes.tier is Tier.STATIC) == (SUBJECTS[outcomes.flavor].tier == "static")


@pytest.mark.parametrize("outcomes", KEPT, ids=lambda outcomes: outcomes.flavor)
def test_what_was_kept_is_all_that_rules_do_not_say(outcomes: Outcomes) -> None:
    """A report that is joined from it gives it back."""
    assert of(outcomes.report(), outcomes.tier) == outcomes


def test_outcomes_are_written_a_line_a_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are in the repository, in the order of their ids."""
    kubernetes = read(FILE)
    monkeypatch.setattr("zenml_orchestrators.outcome.DIRECTORY", tmp_path)
    kubernetes.write()
    text = (tmp_path / "0.98" / "kubernetes.json").read_text(encoding="utf-8")
    assert text == FILE.read_text(encoding="utf-8")
    ids = re.findall(r'^  "(DYN-\d+)"', text, re.MULTILINE)
    assert ids == [f"DYN-{number}" for number in range(1, 12)]


def test_the_newest_zenml_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the numbers of its version, for each orchestrator."""
    kept = {outcomes.flavor: outcomes for outcomes in KEPT}
    monkeypatch.setattr("zenml_orchestrators.outcome.DIRECTORY", tmp_path)
    versions = kept["local"].versions.model_copy(update={"zenml": "0.100.1"})
    newer = kept["local"].model_copy(update={"versions": versions})
    for outcomes in (newer, kept["local"], kept["modal"]):
        outcomes.write()
    assert {outcomes.flavor: outcomes for outcomes in newest()} == {
        "local": newer,
        "modal": kept["modal"],
    }


@pytest.mark.parametrize(
    ("text", "changed", "complaint"),
    [
        ('"passed"', '"splendid"', "splendid"),
        ('"ISO-1"', '"ISO-111"', "there are no rules ISO-111"),
        ('"judged"', '"on"', "judged"),
        ('"zenml": "0.98.0"', '"zenml": "0.97.1"', "belong into .*0.97"),
        ("{", "", "it is no JSON"),
    ],
)
def test_what_is_no_outcome_is_refused(
    text: str, changed: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the file and what is wrong with it."""
    monkeypatch.setattr("zenml_orchestrators.outcome.DIRECTORY", tmp_path)
    path = tmp_path / "0.98" / "kubernetes.json"
    path.parent.mkdir()
    path.write_text(FILE.read_text(encoding="utf-8").replace(text, changed, 1), encoding="utf-8")
    with pytest.raises(OutcomesError, match=complaint) as error:
        read(path)
    assert str(path) in str(error.value)


def anchors(flavor: str) -> list[str]:
    """The anchors in an orchestrator's part of the documentation, each before its rule's id."""
    if flavor in PAGES:
        text = (PAGE.parent / PAGES[flavor]).read_text(encoding="utf-8")
    else:
        _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## `{flavor}`\n")
        text, _, _ = rest.partition("\n## ")
    found = re.findall(r'<a id="([^"]+)"></a>([A-Z]+-\d+)', text)
    assert [name for name, _ in found] == [anchor(flavor, rule) for _, rule in found]
    assert text.count("<a id=") == len(found)
    return [name for name, _ in found]


@pytest.mark.parametrize("outcomes", KEPT, ids=lambda outcomes: outcomes.flavor)
def test_every_broken_rule_is_explained_at_its_anchor(outcomes: Outcomes) -> None:
    """A red mark without a finding that was confirmed would be an accusation."""
    flavor = outcomes.flavor
    broken = [rule for rule, seen in outcomes.rules.items() if seen.status is Status.FAILED]
    assert {anchor(flavor, rule) for rule in broken} <= set(anchors(flavor))


def test_the_anchor_of_a_finding_is_of_its_orchestrator_and_rule_and_of_nothing_else() -> None:
    """So that a link to a finding leads to it for good."""
    assert anchor("vm_aws", "ENV-1") == "vm_aws-env-1"
    page = PAGE.read_text(encoding="utf-8")
    named = [name for flavor in SUBJECTS if flavor not in PAGES for name in anchors(flavor)]
    assert sorted(re.findall(r'<a id="([^"]+)">', page)) == sorted(set(named))


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


def test_what_was_kept_of_kubernetes_is_what_the_cluster_shows() -> None:
    """By the rules that one short run shows: pods cost time."""
    need_engine("kubernetes")
    rules = ("SUB-1", "SUB-8", "ENV-1")
    seen = judge_by(SUBJECTS["kubernetes"], rules, "--conformance-store=sqlite")
    assert seen.rules == {rule: read(FILE).rules[rule] for rule in rules}
    assert {seen.rules[rule].tier for rule in rules} == {Tier.LIVE}


@pytest.mark.parametrize(
    ("text", "in_the_container"),
    [
        ("$HOME $ 5$", "$HOME $ 5$"),
        ("a $$ and $$(A)", "a $ and $(A)"),
        ("$(A)$(B)", "1$(B)"),
        ("$(A", "$(A"),
    ],
)
def test_the_emulated_cluster_expands_variables(text: str, in_the_container: str) -> None:
    """As a real one was seen to."""
    kubernetes = pytest.importorskip("zenml_orchestrators.kubernetes")
    assert kubernetes.expanded(text, {"A": "1"}) == in_the_container


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
