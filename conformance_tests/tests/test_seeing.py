"""No rule holds without having looked: what nothing was seen of, no rule can vouch for."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from zenml_conformance.context.evidence import (
    Answer,
    Answers,
    Attempt,
    Call,
    Done,
    Evidence,
    Probe,
    Raised,
    Refresh,
    RoundTrip,
    RunRecord,
    Standing,
    StepRecord,
    Submission,
    Told,
)
from zenml_conformance.contract.rule import NotApplicable, NotSeen, Rule, Violation
from zenml_conformance.contract.rules import RULES
from zenml_conformance.fake_backend.jobs import Job, JobRecord
from zenml_conformance.scenarios.coordinator_killed import CoordinatorKilled
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.dynamic import Dynamic
from zenml_conformance.scenarios.dynamic_restarted import DynamicRestarted
from zenml_conformance.scenarios.dynamic_resumed import DynamicResumed
from zenml_conformance.scenarios.fail_fast import FailFast
from zenml_conformance.scenarios.failing import Failing
from zenml_conformance.scenarios.fired_twice import FiredTwice
from zenml_conformance.scenarios.hostile_names import HostileNames
from zenml_conformance.scenarios.inspection import Inspection
from zenml_conformance.scenarios.isolated_status import IsolatedStatus
from zenml_conformance.scenarios.job_lost import JobLost
from zenml_conformance.scenarios.killed import Killed
from zenml_conformance.scenarios.never_started import NeverStarted
from zenml_conformance.scenarios.refreshed import Refreshed
from zenml_conformance.scenarios.rejected_midway import RejectedMidway
from zenml_conformance.scenarios.resources import Resources
from zenml_conformance.scenarios.scenario import load
from zenml_conformance.scenarios.shared.dynamic import Entry
from zenml_conformance.scenarios.shared.process import ProcessReport
from zenml_conformance.scenarios.step_process import StepProcess
from zenml_conformance.scenarios.stop_on_failure import StopOnFailure
from zenml_conformance.scenarios.stopped import Stopped
from zenml_conformance.scenarios.stopped_early import StoppedEarly
from zenml_conformance.scenarios.together import Together
from zenml_conformance.scenarios.unreliable_backend import UnreliableBackend
from zenml_conformance.scenarios.wide import Wide

E = TypeVar("E", bound=Evidence)

AT_CLASSES = ("SUB-9", "RUNID-5", "PKG-1", "PKG-3", "PKG-4", "PKG-5", "PKG-6")
"""Rules that look at nothing but classes and configuration."""


def inspection() -> Inspection:
    """An orchestrator that has nothing to hide, and stops runs."""
    return Inspection(
        scenario="inspection",
        simulated=False,
        flavor="acme",
        built_in=False,
        validation=Attempt(gave="None"),
        overridden=["submit_pipeline", "_stop_run_forcefully"],
        deprecated=False,
        capabilities=["stopping runs"],
        stubs=[],
        modes=["fail_fast", "stop_on_failure", "continue_on_failure"],
        client_side_caching=True,
        is_local=True,
        is_remote=False,
        containerized=True,
        validates_stack=False,
        run_id_outside=Attempt(raised="RuntimeError: no run"),
        job_name_pattern=".*",
        step_level_hooks=True,
        distribution="acme",
        requirements=["acme==1"],
        round_trip=RoundTrip(),
    )


def nothing(kind: type[E], *, simulated: bool) -> E:
    """Evidence of a scenario whose clients ended before they had done anything."""
    clients = [Submission(label=label, pid=1, began=0.0) for label in ("first", "second", "third")]
    evidence = kind(scenario=kind.SCENARIO, simulated=simulated, submissions=clients)
    if simulated:
        evidence.jobs, evidence.refused, evidence.schedules = [], [], []
        evidence.overdue_jobs = []
    return evidence


@pytest.mark.parametrize("simulated", [True, False], ids=["fake backend", "black box"])
@pytest.mark.parametrize(
    "rule", [rule for rule in RULES.values() if rule.id not in AT_CLASSES], ids=lambda r: r.id
)
def test_no_rule_holds_on_nothing(rule: Rule, simulated: bool) -> None:
    kinds = [load(name).evidence for name in rule.scenarios]
    evidence = [
        inspection() if kind is Inspection else nothing(kind, simulated=simulated) for kind in kinds
    ]
    with pytest.raises((NotSeen, NotApplicable, Violation)):
        rule.check(*evidence)


# -- half seen ------------------------------------------------------------------------------


CLIENT, STEP = 1, 2
"""Processes."""

DIAMOND = {
    "source": [],
    "meet": ["source"],
    "meet_2": ["source"],
    "join": ["meet", "meet_2"],
}


def call(**seen: Any) -> Call:
    """A submission that returned."""
    made = {"began": 1.0, "returned_at": 2.0, "placeholder": "run", "snapshot": "snapshot"}
    environments: dict[str, dict[str, str]] = {name: {} for name in DIAMOND}
    made |= {"steps": DIAMOND, "step_environments": environments}
    return Call.model_validate({**made, **seen})


def probe(step: str, began: float = 3.0, ended: float | None = 3.0, **seen: Any) -> Probe:
    """What a step saw in a process of its own."""
    made = {"run": "run", "pid": STEP, "main_thread": True}
    made |= {"environment_at_start": {}, "environment_at_run": {}}
    return Probe.model_validate({**made, "step": step, "began": began, "ended": ended, **seen})


def step(name: str, status: str = "completed", **seen: Any) -> StepRecord:
    """A step in ZenML's store."""
    return StepRecord(name=name, version=1, status=status, **seen)


def run(status: str, *steps: StepRecord, run_id: str | None = "id", **seen: Any) -> RunRecord:
    """A run in ZenML's store."""
    made = {"id": "run", "pipeline": "pipeline", "snapshot": "snapshot", "in_progress": False}
    made |= {"status": status, "steps": list(steps), "orchestrator_run_id": run_id}
    return RunRecord.model_validate({**made, **seen})


def job(step: str, **seen: Any) -> JobRecord:
    """A job on the fake backend."""
    made = {"id": f"job-{step}", "submitted_by": "client", "submitted_at": 1.0}
    command = ("python", "--step_name", step)
    return JobRecord.model_validate({**made, "job": Job(name=step, command=command), **seen})


def of(kind: type[E], *, simulated: bool = False, submitted: Call | None = None, **seen: Any) -> E:
    """Evidence of a scenario whose client ended well."""
    evidence = nothing(kind, simulated=simulated)
    evidence.submissions[0].calls = [submitted or call()]
    for name, value in seen.items():
        assert name in kind.model_fields
        setattr(evidence, name, value)
    return evidence


ALONE = [probe(name, 3.0 + n, 3.0 + n) for n, name in enumerate(DIAMOND)]
"""The probes of a diamond that ran as it should."""

STOPPING = Standing(status="stopping", in_progress=True)
STOPPED = Standing(status="stopped", in_progress=False)
REFRESHED = Refresh(status="running", in_progress=True, gave=Told(run=None, steps={}))


def stopped(**seen: Any) -> Stopped:
    """A run that was stopped, without a backend to look at."""
    made = {"stop": Done(), "stop_again": Done(), "outlived": [], "when_to_be_over": STOPPED}
    ended = run("stopped", step("stoppable", "stopped"), pipeline="stopped")
    return of(Stopped, runs=[ended], **{**made, **seen})


def entry(**seen: Any) -> Entry:
    """A beginning of the pipeline's code."""
    process = {"pid": STEP, "pid_namespace": 0, "environment": dict[str, str]()}
    return Entry.model_validate({"id": "id", "raised": None, **process, **seen})


def answers(state: str) -> Answers:
    """The answer about one step, whose job is in some state."""
    said = Answer(method="get_isolated_step_status", step="reporter", status="running", gave="x")
    return Answers(answers=[said], raised=None, states={"reporter": state})


def process_report(step: str, **seen: Any) -> ProcessReport:
    """What a step saw of a process like that of a new interpreter."""
    around = {"machine": "m", "user": 0, "directory": "/", "umask": 0o022, "limits": {}}
    made = {"pid": STEP, "imported_by": STEP, "draws": {}, "signals": [], "descriptors": []}
    return ProcessReport.model_validate({**made, "step": step, "surroundings": around, **seen})


HALF_SEEN: dict[str, tuple[list[Evidence], str]] = {
    "SUB-4": ([of(RejectedMidway, simulated=True)], "asked for nothing that it could refuse"),
    "SUB-5": ([of(Diamond, submitted=call(placeholder=None), probes=ALONE)], "no placeholder run"),
    "SUB-6": (
        [of(Failing, probes=[probe("boom")]), of(Killed)],
        "no run with a killed step whose end could be waited for",
    ),
    "PROC-1": ([of(StepProcess, reports={"busy": process_report("busy")})], "no two steps"),
    "PROC-4": ([of(StepProcess, quit=[])], "no step got so far"),
    "SUB-8": ([of(Diamond, submitted=call(returned_at=None))], "never returned"),
    "RUNID-1": ([of(Diamond, runs=[run("running", step("source"))])], "no two steps"),
    "RUNID-3": (
        [of(DynamicRestarted, probes=ALONE, restarted=True, entries=[entry()])],
        "not begun again",
    ),
    "RUNID-4": (
        [of(Diamond, runs=[run("running", run_id=None)]), of(HostileNames)],
        "no run of the scenario 'diamond' ever had an id",
    ),
    "DAG-1": (
        [of(Diamond, probes=[probe("source")], runs=[run("failed", step("source"))])],
        "'meet' after 'source'",
    ),
    "DAG-3": ([of(Failing, runs=[run("running")])], "no step failed"),
    "DAG-4": ([of(Diamond, probes=[probe("source")])], "no step got as far as to look"),
    "DAG-5": (
        [of(Diamond, runs=[run("running", step("source"), step("meet", "running"))])],
        "did not both come to be run",
    ),
    "ENV-1": ([of(Diamond, probes=[probe("source")])], "not seen of join, meet, meet_2"),
    "ENV-2": ([of(Diamond, probes=[probe("meet")])], "not seen of meet_2"),
    "ENV-3": ([of(Diamond, probes=[probe("meet")])], "not seen of source"),
    "ENV-4": ([of(Diamond, probes=ALONE)], "only jobs show it"),
    "APP-1": ([of(Diamond, simulated=True, jobs=[job("source")])], "was started"),
    "ART-1": (
        [
            of(Diamond, runs=[run("completed", step("source", outputs={"output": None}))]),
            of(Together),
        ],
        "no step of the scenario 'together' has put anything out",
    ),
    "META-3": ([of(Diamond, probes=[probe("meet")])], "did not get as far as to call it"),
    "NAME-2": (
        [of(FiredTwice, simulated=True, jobs=[job("source")]), of(Together, simulated=True)],
        "no two jobs in the scenario 'fired_twice'",
    ),
    "HB-1": ([of(Diamond)], "no step ran"),
    "MODE-1": (
        [
            inspection(),
            of(FailFast, runs=[run("failed", step("boom", "failed"))], slept=False),
            of(StopOnFailure),
        ],
        "no other step was running when one failed",
    ),
    "RETRY-2": ([of(Killed, probes=[probe("victim")])], "only jobs show it"),
    "HOOK-1": ([of(Failing, init=[], cleanup=[]), inspection()], "no step ran"),
    "DEAD-1": (
        [of(Killed, probes=[probe("retriable_victim")], runs=[run("failed")])],
        "the step without retries did not get far enough",
    ),
    "DEAD-2": (
        [
            of(
                NeverStarted,
                submitted=call(raised=Raised(type="ValueError", message="no")),
                runs=[run("failed")],
            )
        ],
        "submission itself raised",
    ),
    "DEAD-3": (
        [of(CoordinatorKilled, runs=[run("completed")], step_ran=True)],
        "only the client could be killed",
    ),
    "DEAD-5": (
        [
            of(
                UnreliableBackend,
                simulated=True,
                runs=[run("completed")],
                step_ran=True,
                unanswered=0,
            )
        ],
        "asked nothing while it could not answer",
    ),
    "DEAD-8": (
        [of(JobLost, simulated=True, step_ran=True, jobs=[job("source")])],
        "no job of that step's own that could be lost",
    ),
    "CACHE-3": ([of(FiredTwice, runs=[run("completed")], probes=[probe("source")])], "twice"),
    "RES-5": ([of(Resources, simulated=True)], "no job ran"),
    "STAT-1": ([of(Refreshed, failed=REFRESHED)], "no step ran long enough"),
    "STAT-2": ([of(Refreshed, failed=REFRESHED)], "no step ran long enough"),
    "STAT-5": (
        [
            of(
                Refreshed,
                running=REFRESHED,
                completed=Refresh(
                    status="completed", in_progress=False, gave=Told(run=None, steps={})
                ),
                failed=Refresh(status="failed", in_progress=False, gave=Told(run=None, steps={})),
            )
        ],
        "only the fake backend can be made to forget",
    ),
    "STOP-4": (
        [
            of(
                Stopped,
                simulated=True,
                stop=Done(),
                left_queued=[],
                runs=[run("stopped", pipeline="stopped")],
            ),
            of(StoppedEarly, simulated=True, stop=Done(), left_queued=[]),
        ],
        "no job was queued when a run was stopped",
    ),
    "DYN-6": (
        [of(DynamicRestarted, runs=[run("completed")], restarted=True, entries=[entry()])],
        "not begun again",
    ),
    "DYN-8": (
        [of(Dynamic, submitted=call(placeholder=None), runs=[run("completed")])],
        "no placeh",
    ),
    "DYN-10": ([of(DynamicResumed, simulated=True, jobs=[job("source")])], "no two jobs"),
    "DYN-11": ([of(Dynamic, simulated=True, jobs=[job("source")])], "no process had a token"),
    "ISO-2": ([of(IsolatedStatus, told=[])], "far enough to be asked about"),
    "ISO-5": (
        [of(IsolatedStatus, simulated=True, live=answers("failed"))],
        "no isolated step was alive",
    ),
}
"""What a rule must not be content with, and what it says is missing."""


@pytest.mark.parametrize("rule_id", HALF_SEEN)
def test_what_was_half_seen_is_not_seen(rule_id: str) -> None:
    evidence, words = HALF_SEEN[rule_id]
    with pytest.raises(NotSeen, match=words):
        RULES[rule_id].check(*evidence)


EARLY = [step("source", started=0.0, ended=5.0), step("meet", "failed", started=1.0, ended=2.0)]


def refused(kind: type[E], message: str) -> E:
    """Evidence of a scenario whose first client was refused."""
    evidence = of(kind, runs=[run("failed")] * 3)
    evidence.submissions[0].raised = Raised(type="ValueError", message=message)
    return evidence


WRONG: list[tuple[str, list[Evidence], str]] = [
    (
        "DAG-1",
        [of(Diamond, probes=[probe("source")], runs=[run("failed", *EARLY)])],
        "'meet' was begun before 'source', upstream of it, had ended, and failed",
    ),
    (
        "ENV-4",
        [of(Diamond, probes=[*ALONE, probe("meet_2", token_in_commands=["make"])][::-1])],
        "in the command line of make",
    ),
    ("DAG-6", [refused(Wide, "no blanks")], "a client raised ValueError: no blanks"),
    ("STOP-1", [stopped(when_to_be_over=STOPPING)], "should have ended it was 'stopping'"),
    ("STOP-1", [stopped(outlived=["stoppable"])], "steps went on: stoppable"),
    (
        "RETRY-2",
        [
            of(
                Killed,
                simulated=True,
                probes=[probe("victim")],
                jobs=[job("victim", restarts=1)],
            )
        ],
        "started 2 times",
    ),
    (
        "PROC-2",
        [of(StepProcess, reports={"busy": process_report("busy", imported_by=CLIENT)})],
        "had been imported by another process",
    ),
    (
        "RUNID-3",
        [
            of(
                DynamicRestarted,
                probes=ALONE,
                restarted=True,
                entries=[entry(id=None, raised="KeyError: 'RUN'")] * 2,
            )
        ],
        "raised KeyError",
    ),
]
"""What a rule would not have seen where it looked before."""


@pytest.mark.parametrize(
    ("rule_id", "evidence", "words"), WRONG, ids=[f"{rule}: {words}" for rule, _, words in WRONG]
)
def test_what_is_wrong_is_seen(rule_id: str, evidence: list[Evidence], words: str) -> None:
    with pytest.raises(Violation, match=words):
        RULES[rule_id].check(*evidence)


def test_a_stop_that_ends_the_run_holds() -> None:
    RULES["STOP-1"].check(stopped())


def test_steps_of_one_process_die_together() -> None:
    """Whichever of them gets so far as to kill it."""
    dead = run("failed", step("victim", "failed"), step("retriable_victim", "failed"))
    seen = of(Killed, runs=[dead], probes=[probe("retriable_victim")])
    with pytest.raises(NotSeen):
        RULES["DEAD-1"].check(seen)
    seen.submissions[0].pid = STEP
    RULES["DEAD-1"].check(seen)


def test_the_run_of_a_client_that_raised_is_the_one_that_it_submitted() -> None:
    seen = of(Wide, runs=[run("completed", id="another client's"), run("failed")])
    assert seen.submissions[0].run is None
    assert seen.run and seen.run.status == "failed"
