"""What pipelines that are code do in several scenarios, and what they note of themselves."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from zenml_conformance.context.evidence import Evidence, Raised, masked, unseen
from zenml_conformance.context.not_seen import NotSeen
from zenml_conformance.scenarios.shared.decorators import step
from zenml_conformance.scenarios.shared.probes import (
    leave_probe,
    mark,
    pid_namespace,
    wait_for_mark,
)

if TYPE_CHECKING:
    from zenml_conformance.context.scenario_context import ScenarioContext
    from zenml_conformance.fake_backend.jobs import JobRecord

ISOLATED: dict[str, Any] = {"runtime": "isolated"}
"""Options of a step that has a job of its own."""

HANG_SECONDS = 30.0
"""How long a run may go on when its isolated jobs have all ended: ZenML asks again after seconds
of its own."""

FATE_SECONDS = 60.0
"""How long jobs may take to come to what is planned for them."""

NOT_BEGUN = "no pipeline was run whose code could note anything"


class Entry(BaseModel):
    """The beginning of the pipeline's code.

    Attributes:
        id: What `get_orchestrator_run_id` gave.
        raised: What it raised instead.
        pid: The process.
        pid_namespace: In which the id is that of one process only.
        environment: What the process had, masked.
    """

    id: str | None
    raised: str | None
    pid: int
    pid_namespace: int
    environment: dict[str, str]


class IsolatedSubmission(BaseModel):
    """A call of the method that submits an isolated step.

    Attributes:
        step: The step.
        environment: What ZenML handed over for it, masked.
        began: When it was called.
        returned_at: When it was over.
        raised: What it raised.
    """

    step: str
    environment: dict[str, str]
    began: float
    returned_at: float
    raised: str | None


class DynamicEvidence(Evidence):
    """What is left of a pipeline that is code.

    Attributes:
        entries: Each time that its code was begun.
        isolated: Each submission of an isolated step, in order.
        told: Steps, and what its own process was told of them.
    """

    entries: list[Entry] = unseen(NOT_BEGUN)
    isolated: list[IsolatedSubmission] = unseen(NOT_BEGUN)
    told: list[tuple[str, str]] = unseen(NOT_BEGUN)

    def note(self, context: ScenarioContext) -> None:
        """Keep what the pipeline's code has written down so far.

        Args:
            context: The scenario's bench.
        """
        folder = Path(context.probes)
        entered = sorted(folder.glob("entered-*.mark"))
        self.entries = [Entry.model_validate_json(path.read_text()) for path in entered]
        self.isolated = sorted(submissions(context), key=lambda submission: submission.began)
        told = sorted(path.stem.split(".") for path in folder.glob("*.told"))
        self.told = [(step, said) for step, said in told]

    def submission_of(self, step: str) -> IsolatedSubmission:
        """Give the first submission of an isolated step.

        Args:
            step: The step.

        Returns:
            The call.

        Raises:
            NotSeen: If there was none.
        """
        for submission in self.isolated:
            if submission.step == step:
                return submission
        raise NotSeen(f"ZenML never asked for the isolated step {step!r} to be submitted")

    def job_of(self, step: str) -> JobRecord:
        """Give the first job of an isolated step.

        Args:
            step: The step.

        Returns:
            The job.

        Raises:
            NotSeen: If there was none.
        """
        for record in self.jobs_of(step):
            return record
        raise NotSeen(f"no job was submitted for the isolated step {step!r}")


def submissions(context: ScenarioContext) -> list[IsolatedSubmission]:
    """Read what the pipeline's code has noted of each isolated step that was submitted.

    Args:
        context: The scenario's bench.

    Returns:
        The calls, in no order.
    """
    notes = Path(context.probes).glob("isolated-*.note")
    return [IsolatedSubmission.model_validate_json(path.read_text()) for path in notes]


def wait_until_submitted(context: ScenarioContext, *steps: str) -> bool:
    """Wait until the orchestrator is done with submitting isolated steps.

    Args:
        context: The scenario's bench.
        *steps: The steps.

    Returns:
        Whether it is.
    """
    return context.wait_until(
        lambda: {submission.step for submission in submissions(context)}.issuperset(steps),
        FATE_SECONDS,
    )


def has_commands() -> bool:
    """Say whether this ZenML has steps that run any program."""
    return importlib.util.find_spec("zenml.steps.command_step") is not None


def command(name: str, *words: str, **options: Any) -> Any:
    """Make a step that runs a program.

    Args:
        name: The step's name. The program is told, too: its job names no step.
        *words: The program and its arguments.
        **options: Of the step.

    Returns:
        The step.
    """
    from zenml.steps import CommandStep

    return CommandStep(command=[*words, f"conformance-{name}"], name=name).with_options(
        **ISOLATED, **options
    )


def enter(probes: str) -> int:
    """Note that the pipeline's code runs, where, and with which id; watch it submit its steps.

    Args:
        probes: Directory of the scenario's probes.

    Returns:
        How often it had begun before.
    """
    from zenml.client import Client

    _parse_one_at_a_time()
    orchestrator = Client().active_stack.orchestrator
    run_id = raised = None
    try:
        run_id = orchestrator.get_orchestrator_run_id()
    except Exception as error:
        raised = str(Raised.of(error))
    before = len(list(Path(probes).glob("entered-*.mark")))
    entry = {
        "id": run_id,
        "raised": raised,
        "pid": os.getpid(),
        "pid_namespace": pid_namespace(),
        "environment": masked(os.environ),
    }
    path = Path(probes, f"entered-{before}")
    path.write_text(json.dumps(entry))
    path.rename(path.with_suffix(".mark"))
    _watch_submissions(type(orchestrator), probes)
    _watch_questions(type(orchestrator), probes, before)
    return before


def _parse_one_at_a_time() -> None:
    """Keep a mistake of Python's out of the evidence.

    ZenML parses the source of each step in the thread that submits it. Before 3.11.8 and 3.12.2,
    `ast.parse` now and then raises while another thread parses as well
    (https://github.com/python/cpython/issues/106905).
    """
    from zenml.utils import source_code_utils

    parse, lock = source_code_utils.get_source_code, threading.Lock()

    @functools.wraps(parse)
    def locked(value: Any) -> str:
        with lock:
            return parse(value)

    if getattr(parse, "__wrapped__", None) is None:
        source_code_utils.get_source_code = locked


def _watch_submissions(orchestrator_class: Any, probes: str) -> None:
    """Note every submission of an isolated step, without changing what it does."""
    from zenml.client import Client
    from zenml.orchestrators import BaseOrchestrator

    if not Client().active_stack.orchestrator.can_run_isolated_steps:
        return

    name = "submit_isolated_step"
    if getattr(orchestrator_class, name) is getattr(BaseOrchestrator, name):
        name = "submit_isolated_step_with_allocation"
    submit = getattr(orchestrator_class, name)

    @functools.wraps(submit)
    def watched(self: Any, step_run_info: Any, environment: Any, *args: Any, **kwargs: Any) -> Any:
        began, raised = time.monotonic(), None
        given = masked(environment)  # The orchestrator may change what it was given.
        try:
            return submit(self, step_run_info, environment, *args, **kwargs)
        except BaseException as error:
            raised = str(Raised.of(error))
            raise
        finally:
            note = {
                "step": step_run_info.pipeline_step_name,
                "environment": given,
                "began": began,
                "returned_at": time.monotonic(),
                "raised": raised,
            }
            path = Path(probes, f"isolated-{uuid.uuid4().hex}")
            path.write_text(json.dumps(note))
            path.rename(path.with_suffix(".note"))

    if getattr(submit, "__wrapped__", None) is None:
        setattr(orchestrator_class, name, watched)


def _watch_questions(orchestrator_class: Any, probes: str, before: int) -> None:
    """Note what this process is told about isolated steps, and when it has acted on an answer.

    It has when it asks again, or cleans up: what it believes of the step is in the store by then.
    """
    ask = orchestrator_class.get_isolated_step_status
    clean_up = orchestrator_class.cleanup_isolated_step
    asked: set[str] = set()

    def note_that_it_acted(step_run: Any) -> None:
        mark(probes, f"acted-{before}-{step_run.name}")

    @functools.wraps(ask)
    def watched_ask(self: Any, step_run: Any) -> Any:
        if step_run.name in asked:
            note_that_it_acted(step_run)
        try:
            status = ask(self, step_run)
            said = getattr(status, "value", status)
            Path(probes, f"{step_run.name}.{said}.told").touch()
            return status
        finally:
            asked.add(step_run.name)

    @functools.wraps(clean_up)
    def watched_clean_up(self: Any, step_run: Any) -> Any:
        note_that_it_acted(step_run)
        return clean_up(self, step_run)

    if getattr(ask, "__wrapped__", None) is None:
        orchestrator_class.get_isolated_step_status = watched_ask
        orchestrator_class.cleanup_isolated_step = watched_clean_up


@step
def quitter(probes: str) -> int:
    """End well, and report nothing."""
    leave_probe(probes, began=time.monotonic())
    mark(probes, "quitter-running")
    wait_for_mark(probes, "quit", 30.0)
    os._exit(0)
