"""Pipelines that are code, and their isolated steps: what they do, and what is done to them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from zenml_conformance.lab import zenml_store
from zenml_conformance.lab.laboratory import Laboratory
from zenml_conformance.lab.processes import Client
from zenml_conformance.lab.scenarios.scenario import scenario
from zenml_conformance.rule import Capability

ARGUMENTS = [
    "two  words",
    """it's "quoted" `here`""",
    "$HOME $(true) ; exit 1 # * \\",
    "first\nsecond",
    "",
    "--run_id=none",
]
"""What a shell would change: the arguments of a program."""

HANG_SECONDS = 30.0
"""How long a run may go on when its isolated jobs have all ended: ZenML asks again after seconds
of its own."""

FATE_SECONDS = 60.0
"""How long jobs may take to come to what is planned for them."""

COMMANDS = ("good_command", "bad_command", "killed_command", "forgotten_command")


def _isolated(lab: Laboratory) -> bool:
    return lab.declares(Capability.ISOLATED_STEPS)


def _commands() -> bool:
    """Whether this ZenML has steps that run any program."""
    return importlib.util.find_spec("zenml.steps.command_step") is not None


def _submissions(lab: Laboratory) -> list[dict[str, Any]]:
    """What the pipeline's code noted of each isolated step once it had been submitted."""
    return [json.loads(path.read_text()) for path in Path(lab.probes).glob("isolated-*.note")]


def _wait_until_submitted(lab: Laboratory, *steps: str) -> bool:
    """Wait until the orchestrator is done with submitting isolated steps."""
    return lab.wait_until(
        lambda: {note["step"] for note in _submissions(lab)}.issuperset(steps), FATE_SECONDS
    )


def _note(lab: Laboratory) -> None:
    """Keep what the pipeline's code wrote down each time that it was begun."""
    folder = Path(lab.probes)
    facts = lab.evidence.facts
    facts["entries"] = [
        json.loads(path.read_text()) for path in sorted(folder.glob("entered-*.mark"))
    ]
    facts["submissions"] = sorted(_submissions(lab), key=lambda note: float(note["began"]))
    facts["told"] = sorted(path.stem.split(".") for path in folder.glob("*.told"))
    said = folder / "arguments.said"
    facts["said"] = json.loads(said.read_text()) if said.exists() else None


@scenario
def dynamic(lab: Laboratory) -> None:
    """A pipeline with a loop, a branch, and inline and isolated steps runs to its end."""
    from zenml.client import Client as ZenMLClient

    from zenml_conformance.lab.settings import values_of
    from zenml_conformance.target import Target

    settings_class = ZenMLClient().active_stack.orchestrator.settings_class
    target = Target.load(lab.session.target)
    values = values_of(settings_class, target) if settings_class and lab.backend else {}
    lab.evidence.facts["settings"] = values
    commands = _commands() and lab.backend is not None
    lab.submit(
        "dynamic",
        "dynamic:dynamic",
        parameters={
            "isolated": _isolated(lab),
            "arguments": ARGUMENTS if commands else [],
            "settings": {name: given["step"] for name, given in values.items()},
        },
        options={
            "settings": {"orchestrator": {n: given["pipeline"] for n, given in values.items()}},
            # So that what becomes of isolated steps does not change what the others show.
            "execution_mode": "continue_on_failure",
        },
    )
    lab.evidence.facts["commands"] = commands
    lab.evidence.facts["asked"] = ARGUMENTS
    _note(lab)


@scenario
def dynamic_rejected(lab: Laboratory) -> None:
    """The backend refuses the job that would run the pipeline's code."""
    lab.faults(accepts=0)
    lab.submit("dynamic-rejected", "dynamic:demanding")


@scenario
def dynamic_resumed(lab: Laboratory) -> None:
    """A pipeline's own code fails, and somebody goes on with the run later."""
    failed = lab.submit("failed", "dynamic:resumed", parameters={"isolated": _isolated(lab)})
    facts = lab.evidence.facts
    facts["after_failure"] = [run.model_dump() for run in zenml_store.records()]
    _note(lab)
    facts["entries_before"] = len(facts["entries"])
    facts["jobs_before"] = len(lab.jobs_of(None))
    if run := failed.run or next((call.placeholder for call in failed.calls), None):
        lab.submit("resumed", "dynamic:resumed", how="retry", run=run)
    _note(lab)


@scenario
def dynamic_killed(lab: Laboratory) -> None:
    """Whoever runs the pipeline's code is killed, and the client; nobody starts it again."""
    client = lab.start("dynamic-killed", "dynamic:killed")
    facts = lab.evidence.facts
    facts["step_ran"] = lab.wait_for_mark("running", FATE_SECONDS)
    jobs = lab.jobs_of(None)
    facts["killed"] = ["client", *(record.job.name for record in jobs)]
    client.kill()
    for record in jobs:
        assert lab.backend
        lab.backend.kill(record.id)
    lab.finish(client)
    lab.mark("release")
    lab.settle()
    lab.refresh()


@scenario
def dynamic_restarted(lab: Laboratory) -> None:
    """The backend runs the pipeline's code again, elsewhere, while an isolated step goes on."""
    isolated = _isolated(lab)
    client = lab.start("dynamic-restarted", "dynamic:restarted", parameters={"isolated": isolated})
    facts = lab.evidence.facts
    facts["restarted"] = False
    began = lab.wait_for_mark("attached-0", FATE_SECONDS) and lab.wait_for_mark("running")
    if began and (not isolated or _wait_until_submitted(lab, "sleeper")):
        for record in lab.jobs_of(None):
            assert lab.backend
            lab.backend.requeue(record.id)
            facts["restarted"] = True
        if facts["restarted"]:
            lab.wait_for_mark("attached-1", seconds=FATE_SECONDS)
        if facts["restarted"] and isolated:
            # What the new process believes of the step must be in the store while it runs.
            lab.wait_for_mark("acted-1-sleeper", seconds=HANG_SECONDS)
    lab.mark("release")
    lab.finish(client, FATE_SECONDS)
    lab.settle(FATE_SECONDS)
    _note(lab)


def _look(lab: Laboratory, run: str, phase: str, *calls: tuple[str, str]) -> None:
    """Have calls made by a process that has submitted nothing, and note how the jobs are."""
    done = lab.operate("isolated", run=run, calls=list(calls))
    lab.evidence.facts["phases"][phase] = {
        "answers": done.gave,
        "raised": done.raised.model_dump() if done.raised else None,
        "states": {step: record.state.value for _, step in calls for record in lab.jobs_of(step)},
    }


STATUS, STOP, CLEANUP = "get_isolated_step_status", "stop_isolated_step", "cleanup_isolated_step"


@scenario
def isolated_status(lab: Laboratory) -> None:
    """A process that has submitted nothing is asked about isolated steps in every phase."""
    facts = lab.evidence.facts
    facts["told"] = []
    facts["phases"], commands, backend = {}, _commands() and bool(lab.backend), lab.backend
    client = lab.start(
        "phases", "dynamic:phases", parameters={"held": bool(backend), "commands": commands}
    )
    lab.wait_for_mark("entered-0", FATE_SECONDS)
    # Until those are gone who would act on what they see, nothing comes to an end.
    lab.faults(hold=("", "queued", "hollow"))
    lab.mark("go")
    ran = lab.wait_for_mark("running") and lab.wait_for_mark("quitter-running")
    run = client.run
    if not (ran and run):
        _give_up(lab, client)
        return
    if backend is None:
        _look(lab, run, "live", (STATUS, "reporter"))
        lab.mark("quit")
        lab.mark("release")
        lab.finish(client, FATE_SECONDS)
        lab.settle()
        _note(lab)
        return
    fates = ["reporter", "quitter", "hollow", *(COMMANDS if commands else ())]
    stopped = "stopped_command" if commands else "reporter"
    _wait_until_submitted(lab, "queued", stopped, *fates)
    client.kill()
    for record in lab.jobs_of(None):
        backend.kill(record.id)
    lab.finish(client)
    lab.faults(hold=("queued",), hollow=("hollow",))
    lab.wait_until(
        lambda: all(_has(lab, name, "running") for name in (stopped, "reporter")), FATE_SECONDS
    )
    _look(lab, run, "live", *((STATUS, name) for name in ("queued", "reporter", stopped)))
    lab.mark("quit")
    if commands:
        lab.mark("release")
        for record in lab.jobs_of("killed_command"):
            backend.kill(record.id)
        for record in lab.jobs_of("forgotten_command"):
            backend.lose(record.id)
    ended = [name for name in fates if name != stopped]
    lab.wait_until(lambda: all(_has_ended(lab, name) for name in ended), FATE_SECONDS)
    _look(lab, run, "ended", *((STATUS, name) for name in ended))
    if lab.declares(Capability.STOP_ISOLATED_STEPS):
        twice = [(STOP, name) for name in (stopped, "queued", "quitter")] * 2
        _look(lab, run, "stopped", *twice)
        facts["left"] = backend.drain(HANG_SECONDS)
        _look(lab, run, "after the stop", (STATUS, stopped), (STATUS, "queued"))
    lab.mark("release")
    _look(lab, run, "cleaned up", *[(CLEANUP, name) for name in ("queued", stopped, *ended)] * 2)
    _note(lab)
    backend.close()
    lab.settle()


def _has(lab: Laboratory, step: str, state: str) -> bool:
    return any(record.state.value == state for record in lab.jobs_of(step))


def _has_ended(lab: Laboratory, step: str) -> bool:
    jobs = lab.jobs_of(step)
    return bool(jobs) and all(record.state.is_ended for record in jobs)


def _give_up(lab: Laboratory, client: Client) -> None:
    lab.faults()
    lab.mark("quit")
    lab.mark("release")
    lab.finish(client, HANG_SECONDS)
    lab.settle(HANG_SECONDS)


@scenario
def isolated_lost(lab: Laboratory) -> None:
    """Jobs of isolated steps end without a report, are killed or forgotten; the run goes on."""
    lab.faults(hollow=("hollow",))
    backend = lab.backend
    client = lab.start(
        "isolated-lost",
        "dynamic:lost",
        parameters={"hollow": bool(backend)},
        options={"execution_mode": "continue_on_failure"},
    )
    if backend is None:
        lab.finish(client, FATE_SECONDS + HANG_SECONDS)
        lab.settle()
        return
    if lab.wait_for_mark("running", FATE_SECONDS):
        for record in lab.jobs_of("forgotten"):
            backend.lose(record.id)
    lab.wait_until(
        lambda: (
            all(_has_ended(lab, n) for n in ("quitter", "victim", "hollow", "forgotten"))
            or not client.is_alive
        ),
        FATE_SECONDS,
    )
    submission = lab.finish(client, HANG_SECONDS)
    lab.settle(1.0 if submission.overdue else HANG_SECONDS)
    lab.evidence.facts["jobs"] = {
        name: [record.state.value for record in lab.jobs_of(name)]
        for name in ("quitter", "victim", "hollow", "forgotten")
    }


@scenario
def isolated_fail_fast(lab: Laboratory) -> None:
    """A step fails beside a long isolated one, which must be ended."""
    client = lab.start(
        "isolated-fail-fast", "dynamic:fail_fast", options={"execution_mode": "fail_fast"}
    )
    lab.finish(client, FATE_SECONDS)
    lab.settle(FATE_SECONDS)
    lab.evidence.facts["ran"] = lab.marked("running")
    lab.evidence.facts["ended_by_itself"] = lab.marked("slept")
