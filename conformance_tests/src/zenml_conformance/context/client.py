"""A client process: submits pipelines as a user would, and watches the orchestrator do it."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zenml_conformance.context.evidence import Call, Raised, Submission, masked

RETURNED, CLIENT = "submission-returned", "client"
"""Marks: a method that submits is over, in whatever way; and which process the client is."""

DEPRECATED = "prepare_or_run_pipeline"
"""What ZenML calls when `submit_pipeline` is not overridden (`BaseOrchestrator.run`)."""


def run(label: str, pipeline: str, result: str, how: str = "once", **arguments: Any) -> None:
    """Run a pipeline and write down what happened: the whole life of a client process.

    Args:
        label: What the scenario calls this submission.
        pipeline: `module:name` of a pipeline, or of a function that makes one.
        result: Where the `Submission` is written, again and again as it grows.
        how: A function of this module that runs the pipeline (`once`, `twice`, `on_schedule`,
            `together`, `retry`).
        **arguments: Passed to that function.
    """
    submission = Submission(label=label, pid=os.getpid(), began=time.monotonic())
    save = functools.partial(submission.write, Path(result))
    try:
        watch(submission, save, Path(arguments.get("parameters", {}).get("probes", os.devnull)))
        body = pkgutil.resolve_name(pipeline)
        globals()[how](submission, body, **arguments)
    except BaseException as error:
        submission.raised = Raised.of(error)
        logging.getLogger(__name__).exception("%s raised", label)
    submission.ended = time.monotonic()
    save()


def once(
    submission: Submission,
    pipeline: Any,
    parameters: dict[str, Any],
    options: dict[str, Any] | None = None,
    name: str | None = None,
) -> None:
    """Call a pipeline.

    Args:
        submission: Takes the run's id.
        pipeline: The pipeline, or with a name: a function that makes it.
        parameters: Its arguments.
        options: For `with_options`.
        name: The pipeline's name.
    """
    if name is not None:
        pipeline = pipeline(name)
    run = with_image(pipeline).with_options(**options or {})(**parameters)
    submission.run = str(run.id) if run else None


def with_image(pipeline: Any) -> Any:
    """Have a pipeline's steps run in the image that the harness names, which nobody builds.

    Args:
        pipeline: The pipeline.

    Returns:
        A copy; the pipeline itself where images don't matter.
    """
    from zenml.config import DockerSettings
    from zenml.orchestrators import ContainerizedOrchestrator

    from zenml_conformance.engine import session
    from zenml_conformance.target.target import Target

    assert session.current is not None
    target = Target.load(session.current.target)
    image = target.harness.image()
    if image is None or not issubclass(target.orchestrator_class, ContainerizedOrchestrator):
        return pipeline
    ready = DockerSettings(
        parent_image=image, skip_build=True, allow_download_from_artifact_store=False
    )
    return pipeline.with_options(settings={"docker": ready})


def twice(submission: Submission, pipeline: Any, parameters: dict[str, Any]) -> None:
    """Call a pipeline, then fire the same snapshot again, as ZenML's server or a trigger would.

    Args:
        submission: Takes the first run's id.
        pipeline: The pipeline.
        parameters: Its arguments.
    """
    from zenml.client import Client
    from zenml.execution.pipeline.utils import submit_pipeline
    from zenml.pipelines.run_utils import create_placeholder_run

    once(submission, pipeline, parameters)
    assert submission.calls, "the first firing never reached submit_pipeline"
    client = Client()
    snapshot = client.zen_store.get_snapshot(_uuid(submission.calls[0].snapshot))
    placeholder = create_placeholder_run(snapshot=snapshot)
    submit_pipeline(snapshot=snapshot, stack=client.active_stack, placeholder_run=placeholder)


def on_schedule(
    submission: Submission, pipeline: Any, parameters: dict[str, Any], schedule: dict[str, Any]
) -> None:
    """Call a pipeline with a schedule.

    Args:
        submission: Not used: there is no run yet.
        pipeline: The pipeline.
        parameters: Its arguments.
        schedule: Fields of ZenML's `Schedule`.
    """
    from zenml.config.schedule import Schedule

    with_image(pipeline).with_options(schedule=Schedule(**schedule))(**parameters)


def retry(submission: Submission, pipeline: Any, parameters: dict[str, Any], run: str) -> None:
    """Go on with a run of a dynamic pipeline that has failed, as `zenml pipeline runs retry` does.

    Args:
        submission: Takes the run's id.
        pipeline: Not used: the run knows its own.
        parameters: Not used.
        run: ZenML's id of the run.
    """
    from zenml.cli.pipeline import retry_pipeline_run

    submission.run = run
    assert retry_pipeline_run.callback
    retry_pipeline_run.callback(run)


def together(
    submission: Submission, pipeline: Any, parameters: dict[str, Any], other: str, seconds: float
) -> None:
    """Submit two pipelines at once from two threads that share the orchestrator's instance.

    Compilation is not what is judged (and not safe in two threads), so the second thread begins
    when the first is about to submit.

    Args:
        submission: Takes the first run's id.
        pipeline: The first pipeline.
        parameters: The arguments of both.
        other: `module:name` of the second pipeline.
        seconds: How long the first to get there waits for the other.
    """
    from zenml.client import Client
    from zenml.orchestrators import BaseOrchestrator

    stack = Client().active_stack
    barrier = threading.Barrier(2, timeout=seconds)
    first_is_compiled = threading.Event()
    prepare, orchestrator_class = type(stack).submit_pipeline, type(stack.orchestrator)
    is_deprecated = orchestrator_class.submit_pipeline is BaseOrchestrator.submit_pipeline
    method = DEPRECATED if is_deprecated else "submit_pipeline"
    submit = getattr(orchestrator_class, method)

    def announce(*args: Any, **kwargs: Any) -> Any:
        first_is_compiled.set()
        return prepare(*args, **kwargs)

    def submit_together(*args: Any, **kwargs: Any) -> Any:
        # Here ZenML has prepared both runs, and neither has got anywhere. An orchestrator that
        # lets one run in at a time is not to wait for ever.
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait()
        return submit(*args, **kwargs)

    bodies = (pipeline, pkgutil.resolve_name(other))
    problems: list[BaseException] = []

    def call(body: Any) -> None:
        try:
            run = with_image(body)(**parameters)
            if body is pipeline and run:
                submission.run = str(run.id)
        except BaseException as error:
            problems.append(error)
        finally:
            first_is_compiled.set()

    type(stack).submit_pipeline = announce  # type: ignore[method-assign]
    setattr(orchestrator_class, method, submit_together)
    threads = [threading.Thread(target=call, args=(body,)) for body in bodies]
    threads[0].start()
    first_is_compiled.wait(timeout=30)
    threads[1].start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def watch(submission: Submission, save: Callable[[], None], probes: Path) -> None:
    """Record every call of the orchestrator's methods that submit, and tell steps when one is over.

    What they do is not changed.

    Args:
        submission: Takes the calls.
        save: Writes the submission down.
        probes: The directory of marks.
    """
    from zenml.orchestrators import BaseOrchestrator
    from zenml.stack import Stack

    from zenml_conformance.engine import session
    from zenml_conformance.target.target import Target

    def note() -> None:
        save()
        if probes.is_dir() and submission.calls[-1].returned_at is not None:
            (probes / f"{RETURNED}.mark").touch()

    if probes.is_dir():
        (probes / f"{CLIENT}-{os.getpid()}.mark").touch()
    assert session.current is not None
    if session.current.backend is not None:
        # ZenML refuses a local store for a remote orchestrator, because its jobs could not reach
        # it. Those of the fake backend can, whatever the orchestrator says of its own.
        Stack.requires_remote_server = property(lambda self: False)  # type: ignore[assignment,method-assign]
    orchestrator_class = Target.load(session.current.target).orchestrator_class
    watchers = {
        "submit_pipeline": _watched,
        "submit_dynamic_pipeline": _watched,
        DEPRECATED: _watched_iterator,
    }
    for name, watcher in watchers.items():
        submit: Any = getattr(orchestrator_class, name, None)
        # Wrapping what is not overridden would hide that: ZenML looks.
        if submit is not getattr(BaseOrchestrator, name, None):
            setattr(orchestrator_class, name, watcher(submit, submission, note))


def _watched(
    submit: Callable[..., Any], submission: Submission, save: Callable[[], None]
) -> Callable[..., Any]:
    """Wrap a method that submits and returns a result."""

    @functools.wraps(submit)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _recorded(submission, save, kwargs) as call:
            result = submit(self, *args, **kwargs)
            call.returned = f"{type(result).__module__}.{type(result).__name__}"
            call.metadata = _kinds(getattr(result, "metadata", None) or {})
            return result

    return watched


def _watched_iterator(
    submit: Callable[..., Any], submission: Submission, save: Callable[[], None]
) -> Callable[..., Any]:
    """Wrap the deprecated method: None, or an iterator of metadata that may do the work."""

    @functools.wraps(submit)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _recorded(submission, save, kwargs) as call:
            for metadata in submit(self, *args, **kwargs) or ():
                call.metadata.update(_kinds(metadata))
                yield metadata

    return watched


@contextlib.contextmanager
def _recorded(
    submission: Submission, save: Callable[[], None], kwargs: dict[str, Any]
) -> Iterator[Call]:
    """Record one call, from before it begins until it is over."""
    call, before = _open_call(kwargs), _caller_state(kwargs)
    submission.calls.append(call)
    save()
    warnings = _Warnings()
    logging.getLogger().addHandler(warnings)
    logging.getLogger("zenml").addHandler(warnings)
    try:
        yield call
    except BaseException as error:
        call.raised = Raised.of(error)
        raise
    finally:
        call.returned_at = time.monotonic()
        logging.getLogger().removeHandler(warnings)
        logging.getLogger("zenml").removeHandler(warnings)
        call.logged = warnings.messages
        after = _caller_state(kwargs)
        call.changed = [name for name in before if before[name] != after[name]]
        _look_at_store(call)
        save()


def _kinds(metadata: dict[Any, Any]) -> dict[str, str]:
    return {str(key): type(value).__name__ for key, value in metadata.items()}


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        because = f"\n{Raised.of(error)}" if error else ""
        self.messages.append(f"{record.getMessage()}{because}")


def _open_call(kwargs: dict[str, Any]) -> Call:
    snapshot, placeholder = _snapshot(kwargs), kwargs.get("placeholder_run")
    environment, is_deprecated = kwargs.get("environment"), "deployment" in kwargs
    environments = kwargs.get("step_environments", {})
    if is_deprecated:  # All steps have one, which is what ZenML passes for all of them.
        environments = dict.fromkeys(snapshot.step_configurations, environment)
    return Call(
        began=time.monotonic(),
        placeholder=str(placeholder.id) if placeholder else None,
        snapshot=str(snapshot.id),
        steps={
            name: list(step.spec.upstream_steps)
            for name, step in snapshot.step_configurations.items()
        },
        step_environments={name: masked(env) for name, env in environments.items()},
        environment=masked(environment) if environment and not is_deprecated else None,
        deprecated=is_deprecated,
    )


def _snapshot(kwargs: dict[str, Any]) -> Any:
    return kwargs["deployment"] if "deployment" in kwargs else kwargs["snapshot"]


def _caller_state(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {
        "os.environ": dict(os.environ),
        "the working directory": os.getcwd(),
        "the snapshot": _snapshot(kwargs).model_dump_json(),
        "environment": dict(kwargs.get("environment", {})),
        "base_environment": dict(kwargs.get("base_environment", {})),
        "step_environments": {k: dict(v) for k, v in kwargs.get("step_environments", {}).items()},
    }


def _look_at_store(call: Call) -> None:
    from zenml.client import Client

    if call.placeholder:
        run = Client().zen_store.get_run(_uuid(call.placeholder))
        call.run_id_at_return = run.orchestrator_run_id
        call.steps_ended_at_return = [
            name for name, step in run.steps.items() if step.status.is_finished
        ]


def _uuid(text: str) -> Any:
    from uuid import UUID

    return UUID(text)
