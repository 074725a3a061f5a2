"""A scenario's evidence, as a timeline: who did what when, and nothing that is secret."""

from __future__ import annotations

from zenml_conformance.context.evidence import Evidence, Probe, Submission
from zenml_conformance.contract.rule import Tier
from zenml_conformance.fake_backend.jobs import JobRecord, JobState
from zenml_conformance.report.model import Bar, Lane, RunRow, ScenarioReport


def draw(evidence: Evidence, description: str, rules: list[str]) -> ScenarioReport:
    """Draw what happened.

    Args:
        evidence: The scenario's evidence.
        description: What happens in the scenario, as a sentence.
        rules: The rules that look at it.

    Returns:
        Its timeline, and the runs that it left. Texts are names, states and times: what a process
        had in its environment, printed or raised stays in the evidence.
    """
    clock = _Clock(evidence)
    probes = list(evidence.probes)
    lanes = [_client(submission, clock) for submission in evidence.submissions]
    for record in evidence.jobs if evidence.shows("jobs") else ():
        mine = [probe for probe in probes if probe.pid == record.pid and probe.pid]
        probes = [probe for probe in probes if probe not in mine]
        lanes.append(_job(record, mine, clock))
    lanes += [
        Lane(label=probe.step, note="step", ended_well=None, bars=[_step(probe, clock)])
        for probe in probes
    ]
    return ScenarioReport(
        name=evidence.scenario,
        tier=Tier.SIMULATED if evidence.simulated else Tier.LIVE,
        description=description,
        broken=evidence.broken is not None,
        seconds=clock.seconds,
        lanes=lanes,
        runs=[
            RunRow(
                pipeline=run.pipeline,
                status=run.status,
                in_progress=run.in_progress,
                steps=[
                    f"{step.name} {step.status}"
                    + (f" ({step.version})" if step.version > 1 else "")
                    for step in sorted(run.steps, key=lambda step: (step.name, step.version))
                ],
            )
            for run in evidence.runs
        ],
        rules=rules,
    )


class _Clock:
    """From the machine's monotonic clock to seconds after the scenario's begin."""

    def __init__(self, evidence: Evidence) -> None:
        times: list[float | None] = []
        for submission in evidence.submissions:
            times += [submission.began, submission.ended]
            times += [time for call in submission.calls for time in (call.began, call.returned_at)]
        for job in evidence.jobs if evidence.shows("jobs") else ():
            times += [job.submitted_at, job.started_at, job.ended_at]
        for probe in evidence.probes:
            times += [probe.began, probe.ended]
        known = [time for time in times if time is not None]
        self._begin = min(known, default=0.0)
        self.seconds = round(max(known, default=0.0) - self._begin, 3)

    def at(self, time: float) -> float:
        return round(time - self._begin, 3)

    def bar(self, kind: str, begin: float, end: float | None, text: str) -> Bar:
        return Bar.model_validate(
            {
                "kind": kind,
                "begin": self.at(begin),
                "end": None if end is None else self.at(end),
                "text": text,
            }
        )


def _client(submission: Submission, clock: _Clock) -> Lane:
    if submission.overdue:
        note = "client, killed because it did not end"
    elif submission.raised:
        note = f"client, raised {submission.raised.type}"
    else:
        note = "client"
    bars = [clock.bar("client", submission.began, submission.ended, "the client's life")]
    for call in submission.calls:
        text = f"submit_pipeline, raised {call.raised.type}" if call.raised else "submit_pipeline"
        bars.append(clock.bar("call", call.began, call.returned_at, text))
    return Lane(
        label=submission.label,
        note=note,
        ended_well=submission.exit_code == 0 and not submission.raised,
        bars=bars,
    )


def _job(record: JobRecord, probes: list[Probe], clock: _Clock) -> Lane:
    bars = [
        clock.bar(
            "queued",
            record.submitted_at,
            record.started_at or record.ended_at,
            f"{record.id} waits",
        )
    ]
    if record.started_at is not None:
        bars.append(
            clock.bar(
                "running", record.started_at, record.ended_at, f"{record.id} {record.state.value}"
            )
        )
    bars += [_step(probe, clock) for probe in probes]
    code = f", exit code {record.exit_code}" if record.exit_code else ""
    return Lane(
        label=record.job.step or record.job.name,
        note=f"{record.id}, {record.state.value}{code}",
        ended_well=record.state is JobState.SUCCEEDED if record.state.is_ended else None,
        bars=bars,
    )


def _step(probe: Probe, clock: _Clock) -> Bar:
    return clock.bar("step", probe.began, probe.ended, f"code of step {probe.step}")
