"""What mutants work with: the seam, the orchestrator's methods, and what it sees of the store."""

from __future__ import annotations

import contextvars
import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zenml_conformance.fake_backend.jobs import Job
from zenml_conformance.target.target import overrides

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.client import FakeBackend
    from zenml_conformance.target.target import Target

STOPS = ("_stop_run_forcefully", "_stop_run", "stop_run")
"""What an orchestrator may override to stop runs; any of them will do."""

ISOLATED = ("submit_isolated_step", "submit_isolated_step_with_allocation")
"""The same for isolated steps."""

Around = Callable[..., Any]
"""Called in place of something, which is its first argument."""

_in_step: contextvars.ContextVar[bool] = contextvars.ContextVar("in_step", default=False)


def wrap(owner: Any, name: str, around: Around) -> None:
    """Put something around a function.

    Args:
        owner: A class, or one object.
        name: The method.
        around: Called with the method, bound to its object, and the arguments.
    """
    original = getattr(owner, name)
    if not isinstance(owner, type):
        setattr(owner, name, functools.partial(around, original))
        return

    # Without `functools.wraps`: the suite's own watchers would take it for one of theirs.
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        return around(functools.partial(original, self), *args, **kwargs)

    setattr(owner, name, wrapped)


class FaultInjector:
    """One process in which the orchestrator under test works, before it has begun.

    Attributes:
        target: The orchestrator under test.
        backend: The fake backend, if the orchestrator is about to be given it; what is
            changed on this object, the orchestrator gets to see.
        observer: Whether this is a process of the suite's own, which must see the store as it is.
    """

    def __init__(self, target: Target, backend: FakeBackend | None, observer: bool) -> None:
        """Look around.

        Args:
            target: The orchestrator under test.
            backend: The fake backend.
            observer: Whether this is a process of the suite's own.
        """
        self.target = target
        self.backend = backend
        self.observer = observer

    @property
    def orchestrator(self) -> Any:
        """The orchestrator's class."""
        return self.target.orchestrator_class

    # -- the orchestrator's methods ---------------------------------------------------------

    def around(self, method: str, around: Around) -> None:
        """Put something around a method of the orchestrator.

        Args:
            method: Its name.
            around: Called with the method, bound to its object, and the arguments.
        """
        wrap(self.orchestrator, method, around)

    def around_any(self, methods: tuple[str, ...], around: Around) -> None:
        """Put something around the first of some methods that the orchestrator overrides.

        Args:
            methods: Their names, such as `STOPS` or `ISOLATED`.
            around: Called with the method, bound to its object, and the arguments.
        """
        for name in methods:
            if overrides(self.orchestrator, name):
                self.around(name, around)
                return

    # -- the seam ---------------------------------------------------------------------------

    def around_backend(self, method: str, around: Around) -> None:
        """Put something around a method of the backend, as far as the orchestrator calls it.

        Args:
            method: Its name.
            around: Called with the method and the arguments.
        """
        if self.backend:
            wrap(self.backend, method, around)

    def change_jobs(self, change: Callable[[Job], Job]) -> None:
        """Change each job on its way to the backend.

        Args:
            change: From what the orchestrator submits to what the backend gets.
        """
        for method in ("submit", "schedule"):
            self.around_backend(
                method, lambda original, job, *arguments: original(change(job), *arguments)
            )

    def change_environments(self, change: Callable[[str, dict[str, str]], dict[str, str]]) -> None:
        """Change the environment in which each step runs: of its job, or in the client.

        Args:
            change: From a step and its environment to another environment.
        """

        def submit(original: Around, *, step_environments: Any, **others: Any) -> Any:
            changed = {name: change(name, dict(kept)) for name, kept in step_environments.items()}
            return original(step_environments=changed, **others)

        if not self.backend:
            self.around("submit_pipeline", submit)
        self.change_jobs(
            lambda job: (
                job.model_copy(update={"environment": change(job.step, dict(job.environment))})
                if job.step
                else job
            )
        )

    # -- what the orchestrator tells ZenML --------------------------------------------------

    def change_run_ids(self, change: Callable[[str], str]) -> None:
        """Change the orchestrator run id that ZenML is told for each step.

        Args:
            change: From an id to another. It may be asked to change what it has given.
        """
        from zenml.execution.context import ExecutionContext
        from zenml.orchestrators.step_launcher import StepLauncher

        def launcher(original: Around, *args: Any, orchestrator_run_id: str, **others: Any) -> None:
            original(*args, orchestrator_run_id=change(orchestrator_run_id), **others)
            if context := ExecutionContext.get():
                context.pipeline_run = None  # ZenML would go by it, and not by the id.

        self.around("get_orchestrator_run_id", lambda original: change(original()))
        # An orchestrator whose steps run in the client knows the id, and does not ask itself.
        wrap(StepLauncher, "__init__", launcher)

    # -- what the orchestrator sees of the store, and what the store hears of it ------------

    def change_snapshots(self, change: Callable[[Any], None]) -> None:
        """Change what the orchestrator sees of each pipeline: at submission, and ever after.

        The steps' own processes see what is there.

        Args:
            change: Changes a snapshot, which is a copy.
        """
        from zenml.zen_stores.sql_zen_store import SqlZenStore

        def changed(snapshot: Any) -> Any:
            copy = snapshot.model_copy(deep=True)
            change(copy)
            return copy

        def submit(
            original: Around, *, snapshot: Any, step_environments: Any, **others: Any
        ) -> Any:
            seen = changed(snapshot)
            kept = {n: e for n, e in step_environments.items() if n in seen.step_configurations}
            return original(snapshot=seen, step_environments=kept, **others)

        def get(original: Around, *args: Any, **kwargs: Any) -> Any:
            snapshot = original(*args, **kwargs)
            return changed(snapshot) if self.is_orchestrating and snapshot.metadata else snapshot

        self.around("submit_pipeline", submit)
        self._watch_steps()
        wrap(SqlZenStore, "get_snapshot", get)

    def lose_reports(self) -> None:
        """Have ends that a step did not report itself reach the store no more."""
        from zenml.client import Client
        from zenml.enums import ExecutionStatus
        from zenml.exceptions import IllegalOperationError
        from zenml.zen_stores.sql_zen_store import SqlZenStore

        ends = (ExecutionStatus.FAILED, ExecutionStatus.STOPPED)

        def is_lost(report: Any) -> bool:
            return self.is_orchestrating and report.status in ends

        def update_step(original: Around, step_run_id: Any, step_run_update: Any) -> Any:
            if is_lost(step_run_update):
                return Client().zen_store.get_run_step(step_run_id)
            return original(step_run_id, step_run_update)

        def update_run(original: Around, run_id: Any, run_update: Any) -> Any:
            if is_lost(run_update):
                return Client().zen_store.get_run(run_id)
            return original(run_id, run_update)

        def create_step(original: Around, step_run: Any) -> Any:
            if is_lost(step_run):
                raise IllegalOperationError("the record of a step that never ran is lost")
            return original(step_run)

        self._watch_steps()
        wrap(SqlZenStore, "update_run_step", update_step)
        wrap(SqlZenStore, "update_run", update_run)
        wrap(SqlZenStore, "create_run_step", create_step)

    @property
    def is_orchestrating(self) -> bool:
        """Whether it is the orchestrator that is at work here and now: no step, no observer."""
        return not (self.observer or _in_step.get() or self.is_job_of_a_step)

    @property
    def is_job_of_a_step(self) -> bool:
        """Whether this process was started to run a step; known once the orchestrator is."""
        return any(word.split("=")[0] in ("--step_name", "--step_run_id") for word in sys.argv)

    def _watch_steps(self) -> None:
        """Note from now on when a step is being run, in whichever process."""
        from zenml.orchestrators.step_launcher import StepLauncher

        def launch(original: Around) -> Any:
            token = _in_step.set(True)
            try:
                return original()
            finally:
                _in_step.reset(token)

        wrap(StepLauncher, "launch", launch)
