"""What people do with a run from another process: refresh it, stop it, change its schedule.

Such a process has ZenML's store and nothing else: no instance that has submitted anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from zenml_conformance.context.evidence import Answer, Asked, Done, Raised, Told

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse
    from zenml.orchestrators import BaseOrchestrator


def operate(action: str, result: str, **arguments: Any) -> None:
    """Do something and write down what came of it: the whole life of an operator's process.

    Args:
        action: A function of this module.
        result: Where a `Done` is written.
        **arguments: The function's arguments.
    """
    done = _tried(globals()[action], **arguments)
    done.write(Path(result))


def _tried(action: Callable[..., Any], *arguments: Any, **named: Any) -> Done:
    try:
        return Done(gave=action(*arguments, **named))
    except BaseException as error:
        logging.getLogger(__name__).exception("%s raised", action.__name__)
        return Done(raised=Raised.of(error))


def refresh(run: str) -> None:
    """Refresh a run with its steps, as `zenml pipeline runs refresh` does.

    Args:
        run: ZenML's id of the run.
    """
    from zenml.utils.run_utils import refresh_run_status

    refresh_run_status(_run(run), include_step_updates=True)


def look(run: str) -> Asked:
    """Ask a fresh instance of the orchestrator for a run's status, then refresh the run.

    Args:
        run: ZenML's id of the run.

    Returns:
        What it said, and what was raised.
    """
    asked = _tried(_ask, run)
    refreshed = _tried(refresh, run)
    return Asked(gave=asked.gave, asking_raised=asked.raised, refreshing_raised=refreshed.raised)


def _ask(run: str) -> Told:
    status, steps = _orchestrator().fetch_status(_run(run), include_steps=True)
    return Told(
        run=_word(status),
        steps={str(name): _word(said) for name, said in (steps or {}).items()},
    )


def stop(run: str, graceful: bool) -> None:
    """Stop a run, as `zenml pipeline runs stop` does.

    Args:
        run: ZenML's id of the run.
        graceful: Whether what runs may end.
    """
    from zenml.utils.run_utils import stop_run

    stop_run(_run(run), graceful=graceful)


def stop_again(run: str, graceful: bool) -> None:
    """Stop a run that was stopped before, past ZenML's own refusal to do so.

    Args:
        run: ZenML's id of the run.
        graceful: Whether what runs may end.
    """
    _orchestrator()._stop_run(_run(run), graceful=graceful)


def isolated(run: str, calls: list[tuple[str, str]]) -> list[Answer]:
    """Call methods about isolated steps, each on a fresh instance of the orchestrator.

    Args:
        run: ZenML's id of the run.
        calls: Method and step, in order.

    Returns:
        The answer to each.
    """
    answers = []
    for method, name in calls:
        step = _run(run).steps[name]
        answer = Answer(method=method, step=name, status=step.status.value)
        try:
            answer.gave = _word(getattr(_orchestrator(), method)(step))
        except Exception as error:
            answer.raised = str(Raised.of(error))
        answers.append(answer)
    return answers


def update_schedule(name: str, cron: str) -> None:
    """Change a schedule, as `zenml pipeline schedule update` does.

    Args:
        name: The schedule's name.
        cron: The new cron expression.
    """
    from zenml.client import Client

    Client().update_schedule(name, cron_expression=cron)


def delete_schedule(name: str) -> None:
    """Delete a schedule, as `zenml pipeline schedule delete` does.

    Args:
        name: The schedule's name.
    """
    from zenml.client import Client

    Client().delete_schedule(name)


def _run(run: str) -> PipelineRunResponse:
    from zenml.client import Client

    return Client().zen_store.get_run(UUID(run))


def _orchestrator() -> BaseOrchestrator:
    """An instance of its own, as `zenml.utils.run_utils` makes one."""
    from typing import cast

    from zenml.client import Client
    from zenml.enums import StackComponentType
    from zenml.orchestrators import BaseOrchestrator
    from zenml.stack import StackComponent

    model = Client().active_stack_model.components[StackComponentType.ORCHESTRATOR][0]
    return cast(BaseOrchestrator, StackComponent.from_model(model))


def _word(status: Any) -> str | None:
    return None if status is None else str(getattr(status, "value", status))
