"""Isolated steps, as a process sees them that has submitted nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml_conformance.context.evidence import Answer, Answers, unseen
from zenml_conformance.scenarios.scenario import scenario
from zenml_conformance.scenarios.shared.decorators import pipeline
from zenml_conformance.scenarios.shared.dynamic import (
    FATE_SECONDS,
    HANG_SECONDS,
    ISOLATED,
    DynamicEvidence,
    command,
    enter,
    has_commands,
    quitter,
    wait_until_submitted,
)
from zenml_conformance.scenarios.shared.probes import wait_for_mark
from zenml_conformance.scenarios.shared.steps import sleeper, source
from zenml_conformance.target.capability import Capability

if TYPE_CHECKING:
    from zenml_conformance.context.processes import Client
    from zenml_conformance.context.scenario_context import ScenarioContext

COMMANDS = ("good_command", "bad_command", "killed_command", "forgotten_command")

STATUS, STOP, CLEANUP = "get_isolated_step_status", "stop_isolated_step", "cleanup_isolated_step"


class IsolatedStatus(DynamicEvidence):
    """What is left of the scenario: what was answered in each phase.

    Attributes:
        live: Of steps that were queued or ran.
        ended: Of steps whose jobs had ended.
        stopped: To being told to stop steps, each twice.
        after_stop: Of the steps that were stopped.
        cleaned_up: To being told to clean up, each twice.
    """

    live: Answers = unseen("no isolated step ran long enough to be asked about")
    ended: Answers = unseen("no isolated step ended while it could be asked about")
    stopped: Answers = unseen("no isolated step ran long enough to be stopped")
    after_stop: Answers = unseen("no isolated step ran long enough to be stopped")
    cleaned_up: Answers = unseen("no isolated step got far enough to be cleaned up after")

    @property
    def answers(self) -> list[Answer]:
        """All of them."""
        phases = ("live", "ended", "stopped", "after_stop", "cleaned_up")
        return [
            answer
            for phase in phases
            if self.shows(phase)
            for answer in getattr(self, phase).answers
        ]


@pipeline(dynamic=True, enable_cache=False)
def phases(probes: str, held: bool, commands: bool) -> None:
    """Isolated steps that wait to be asked about, and for what is done to them."""
    enter(probes)
    wait_for_mark(probes, "go", 30.0)
    futures = [
        sleeper.with_options(**ISOLATED).submit(probes, 60.0, id="reporter"),
        quitter.with_options(**ISOLATED).submit(probes),
    ]
    if held:
        futures.append(source.with_options(**ISOLATED).submit(probes, id="queued"))
        futures.append(source.with_options(**ISOLATED).submit(probes, id="hollow"))
    if commands:
        futures.append(command("good_command", "true").submit())
        futures.append(command("bad_command", "false").submit())
        for name in ("killed_command", "forgotten_command", "stopped_command"):
            futures.append(command(name, "python", "-c", "import time; time.sleep(600)").submit())
    for future in futures:
        future.wait()


@scenario(IsolatedStatus)
def run(context: ScenarioContext, seen: IsolatedStatus) -> None:
    """A process that has submitted nothing is asked about isolated steps in every phase."""
    commands, backend = has_commands() and bool(context.backend), context.backend
    client = context.start(
        "phases", phases, parameters={"held": bool(backend), "commands": commands}
    )
    context.wait_for_mark("entered-0", FATE_SECONDS)
    # Until those are gone who would act on what they see, nothing comes to an end.
    context.faults(hold=("", "queued", "hollow"))
    context.mark("go")
    ran = context.wait_for_mark("running") and context.wait_for_mark("quitter-running")
    run = client.run
    if not (ran and run):
        _give_up(context, client)
        return
    if backend is None:
        seen.live = _ask(context, run, (STATUS, "reporter"))
        context.mark("quit")
        context.mark("release")
        context.finish(client, FATE_SECONDS)
        context.settle()
        seen.note(context)
        return
    fates = ["reporter", "quitter", "hollow", *(COMMANDS if commands else ())]
    stopped = "stopped_command" if commands else "reporter"
    wait_until_submitted(context, "queued", stopped, *fates)
    client.kill()
    for record in context.jobs_of(None):
        backend.kill(record.id)
    context.finish(client)
    context.faults(hold=("queued",), hollow=("hollow",))
    context.wait_until(
        lambda: all(_has(context, name, "running") for name in (stopped, "reporter")), FATE_SECONDS
    )
    seen.live = _ask(context, run, *((STATUS, name) for name in ("queued", "reporter", stopped)))
    context.mark("quit")
    if commands:
        context.mark("release")
        for record in context.jobs_of("killed_command"):
            backend.kill(record.id)
        for record in context.jobs_of("forgotten_command"):
            backend.lose(record.id)
    ended = [name for name in fates if name != stopped]
    context.wait_until(lambda: all(map(context.has_ended, ended)), FATE_SECONDS)
    seen.ended = _ask(context, run, *((STATUS, name) for name in ended))
    if context.declares(Capability.STOP_ISOLATED_STEPS):
        twice = [(STOP, name) for name in (stopped, "queued", "quitter")] * 2
        seen.stopped = _ask(context, run, *twice)
        backend.drain(HANG_SECONDS)
        seen.after_stop = _ask(context, run, (STATUS, stopped), (STATUS, "queued"))
    context.mark("release")
    twice = [(CLEANUP, name) for name in ("queued", stopped, *ended)] * 2
    seen.cleaned_up = _ask(context, run, *twice)
    seen.note(context)
    backend.close()
    context.settle()


def _ask(context: ScenarioContext, run: str, *calls: tuple[str, str]) -> Answers:
    """Have calls made by a process that has submitted nothing, and note how the jobs are."""
    done = context.operate("isolated", run=run, calls=list(calls))
    return Answers(
        answers=done.gave or [],
        raised=done.raised,
        states={step: record.state.value for _, step in calls for record in context.jobs_of(step)},
    )


def _has(context: ScenarioContext, step: str, state: str) -> bool:
    return any(record.state.value == state for record in context.jobs_of(step))


def _give_up(context: ScenarioContext, client: Client) -> None:
    context.faults()
    context.mark("quit")
    context.mark("release")
    context.finish(client, HANG_SECONDS)
    context.settle(HANG_SECONDS)
