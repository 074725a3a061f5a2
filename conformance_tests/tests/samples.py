"""Hand-made outcomes, evidence and reports: what a session could have left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from zenml_conformance.context.evidence import (
    Call,
    Evidence,
    Exposure,
    Probe,
    Raised,
    RunRecord,
    StepRecord,
)
from zenml_conformance.context.evidence import Submission as ClientRun
from zenml_conformance.contract.rule import Capability, Level, Outcome, Status, Tier
from zenml_conformance.contract.rules import RULES
from zenml_conformance.fake_backend.jobs import Job, JobRecord, JobState
from zenml_conformance.judging.description import Description
from zenml_conformance.judging.terms import Terms
from zenml_conformance.judging.waivers import Waiver
from zenml_conformance.prove.proof import Catch, Proof
from zenml_conformance.report.model import Report
from zenml_conformance.session import report as build
from zenml_conformance.session.result import conclude

TODAY = date(2030, 5, 17)
SECRET = "s3cr3t-never-to-be-seen"  # noqa: S105 - it is one for tests
MUSTS = [rule.id for rule in RULES.values() if rule.level is Level.MUST]


def outcomes(changed: Mapping[str, Status] | None = None) -> dict[str, Outcome]:
    """Every rule holds, but some.

    Args:
        changed: What became of these.

    Returns:
        The outcomes.
    """
    made = {}
    for rule_id in RULES:
        status = (changed or {}).get(rule_id, Status.PASSED)
        shown = status in (Status.PASSED, Status.FAILED, Status.WAIVED)
        detail = "" if status is Status.PASSED else f"a reason of {rule_id}"
        made[rule_id] = Outcome(rule_id, status, detail, tier=Tier.SIMULATED if shown else None)
    return made


def waiver(rule: str, **changed: Any) -> Waiver:
    """A waiver that counts on `TODAY`."""
    fields = {"reason": "a reason", "owner": "an owner", "expires": date(2030, 5, 17)}
    return Waiver(rule=rule, **{**fields, **changed})


def description(**changed: Any) -> Description:
    """An orchestrator on the fake backend."""
    fields: dict[str, Any] = {
        "flavor": "acme",
        "orchestrator": "acme.batch.AcmeOrchestrator",
        "distribution": "acme-batch",
        "version": "1.2.3",
        "harness": "AcmeHarness",
        "connected": True,
        "capabilities": [Capability.STOP],
        "zenml": "0.98.0",
    }
    return Description(**{**fields, **changed})


def diamond() -> Evidence:
    """A client submits two jobs; the second one is never heard of again."""
    environment = {"ACME_TOKEN": SECRET}
    jobs = [
        Job(name="acme-source", command=("python", "--step_name", "source", SECRET)),
        Job(name="acme-sink", command=("run", SECRET), environment=environment, spec=environment),
    ]
    return Evidence(
        scenario="diamond",
        simulated=True,
        submissions=[
            ClientRun(
                label="diamond",
                pid=10,
                began=1000.0,
                ended=1003.0,
                exit_code=0,
                raised=Raised(type="AcmeError", message=SECRET),
                calls=[
                    Call(
                        began=1001.0,
                        returned_at=1001.5,
                        placeholder=None,
                        snapshot="snapshot",
                        steps={},
                        step_environments={"source": environment},
                    )
                ],
            )
        ],
        runs=[
            RunRecord(
                id="run",
                pipeline="diamond",
                snapshot=None,
                status="running",
                in_progress=True,
                orchestrator_run_id=None,
                steps=[StepRecord(name="source", version=2, status="completed")],
            )
        ],
        jobs=[
            JobRecord(
                id="job-1",
                job=jobs[0],
                state=JobState.SUCCEEDED,
                submitted_by="client",
                submitted_at=1001.0,
                started_at=1002.0,
                ended_at=1005.0,
                exit_code=0,
                pid=11,
            ),
            JobRecord(
                id="job-2",
                job=jobs[1],
                state=JobState.RUNNING,
                submitted_by="client",
                submitted_at=1001.25,
                started_at=1006.0,
                pid=12,
            ),
        ],
        last_words={"job-2": SECRET},
        probes=[
            Probe(
                step="source",
                run="run",
                pid=11,
                began=1003.0,
                ended=1004.0,
                main_thread=True,
                environment_at_start=environment,
                environment_at_run=environment,
            )
        ],
        exposures=[Exposure(what="a token", where="log", detail=SECRET)],
    )


def report(
    directory: Path,
    changed: Mapping[str, Status] | None = None,
    *,
    waivers: tuple[Waiver, ...] = (),
    before: Report | None = None,
    details: Mapping[str, str] | None = None,
    proofs: tuple[Proof, ...] = (),
    **described: Any,
) -> Report:
    """A report, made as a session makes it.

    Args:
        directory: Takes evidence.
        changed: What became of these rules.
        waivers: The session's waivers.
        before: Its baseline.
        details: What was seen of these rules.
        proofs: What was proved.
        **described: What is different about the orchestrator.

    Returns:
        The report.
    """
    terms = Terms(waivers={waiver.rule: waiver for waiver in waivers}, today=TODAY)
    made = {rule: terms.apply(outcome) for rule, outcome in outcomes(changed).items()}
    for rule, detail in (details or {}).items():
        was = made[rule]
        made[rule] = Outcome(was.rule, was.status, detail, was.blocked_by, was.tier)
    diamond().write(directory / "diamond.json")
    told = description(**described)
    result = conclude(made, terms, told.capabilities, before=before)
    return build.report(result, told, "pytest --orchestrator=acme:Flavor", [directory], proofs)


def proof(rule: str, catch: Catch, fault: str) -> Proof:
    """A fault that was put into a sound orchestrator.

    Args:
        rule: Its rule.
        catch: Whether it was noticed.
        fault: What was wrong.

    Returns:
        The proof.
    """
    return Proof(rule, "a_mutant", fault, catch, "what was seen", holds=True)
