"""What the tests of patterns on real engines share: a generated backend, and jobs for it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from engines import Engines

ENGINES = {
    "slurm": "SLURM_CONF",
    "docker": "DOCKER_HOST",
    "ray": "RAY_ADDRESS",
    "kubernetes": "KUBECONFIG",
    "aws_batch": "AWS_ENDPOINT_URL",
    "kubeflow": "DOCKER_HOST",
}
"""Patterns whose engine can run on this machine, and the variable that leads to it.

What `kubeflow` has is an emulated KFP API, which runs its tasks on the engine of containers.
"""

NASTY = """it's "quoted"\n\r\n$HOME `id` \\ ☃ """ + "x" * 4096
ENVIRONMENT = {"NASTY": NASTY, "EMPTY": "", "LARGE": "y" * 100_000}

SHOW = "import os; print(ascii({n: os.environ.get(n) for n in ('NASTY', 'EMPTY', 'LARGE')}))"
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
LISTEN = "import signal; signal.signal(15, lambda *_: exit('told')); " + SLEEP
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); " + SLEEP


def leave_out(message: str) -> NoReturn:
    """Skip a test for the want of something; in CI, fail it.

    Args:
        message: What is missing.
    """
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def need_engine(pattern: str) -> None:
    """Leave a test out where a pattern's engine is not running; in CI, fail it.

    Args:
        pattern: The pattern; one that has no engine needs none.
    """
    variable = ENGINES.get(pattern)
    if variable and variable not in os.environ:
        leave_out(
            f"{pattern}: its engine is not running, or {variable} does not say so (make engines)"
        )


def needs(variable: str) -> pytest.MarkDecorator:
    """Mark tests that are skipped where no variable leads to an engine; not in CI, where they fail.

    Args:
        variable: The variable.
    """
    is_missing = variable not in os.environ and "CI" not in os.environ
    return pytest.mark.skipif(is_missing, reason=f"{variable} is not set")


@contextlib.contextmanager
def generated(
    engines: Engines, directory: Path, pattern: str, name: str, variable: str
) -> Iterator[Path]:
    """Have a project that can be imported.

    Args:
        engines: What generates it.
        directory: Where.
        pattern: Its pattern.
        name: The word in the names of its packages and classes. No other test in the process may
            have it: modules stay imported.
        variable: What leads to its engine.

    Yields:
        Its directory.
    """
    assert variable in os.environ, f"its engine is not running, or {variable} does not say so"
    package_name = f"zenml-{name}-orchestrator"
    project = engines.cookiecutter(directory, package_name=package_name, backend_pattern=pattern)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "src"))
        yield project


def wait_for(what: str, happened: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so.

    Args:
        what: What is awaited.
        happened: Whether it is.
        seconds: How long to wait at most.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what} does not come"
        time.sleep(0.1)


class GeneratedBackend:
    """A backend of a generated project's, and what tests ask of it.

    Attributes:
        name: The word in the names of the project's packages and classes.
        patience: How long a job may take, in seconds.
        defaults: What jobs have unless a test says otherwise.
    """

    name: str
    patience = 90.0

    def __init__(self, **config: Any) -> None:
        """Make a backend.

        Args:
            **config: The configuration of the component.
        """
        classes, word = self.module("config"), self.name.title()
        configuration = getattr(classes, f"{word}OrchestratorConfig")(**config)
        self.backend = self.make(getattr(self.module("backend"), f"{word}Backend"), configuration)
        self._settings = getattr(classes, f"{word}OrchestratorSettings")
        self.defaults: dict[str, Any] = {"environment": ENVIRONMENT}
        self.submitted: list[str] = []

    def make(self, backend_class: Any, config: Any) -> Any:
        """Make the backend."""
        return backend_class(config)

    def module(self, name: str) -> Any:
        """Import a module of the project."""
        return importlib.import_module(f"zenml_{self.name}_orchestrator.{name}")

    def job(self, code: str, **fields: Any) -> Any:
        """Describe a job that runs a line of Python."""
        settings = self._settings(**fields.pop("settings", {}))
        known = {
            "name": f"a-job-{time.time_ns()}",
            "command": (sys.executable, "-c", code),
            **self.defaults,
        }
        return self.module("core.jobs").Job(**{**known, "settings": settings, **fields})

    def submit(self, code: str, **fields: Any) -> str:
        """Submit such a job, as the orchestrator does."""
        job, core = self.job(code, **fields), self.module("core.monitoring")
        core.check_job(self.backend, job)
        self.submitted.append(str(core.submit_job(self.backend, job)))
        return self.submitted[-1]

    def recorded(self, job_id: str) -> tuple[float | None, int | None, int | None]:
        """Wait until the backend reads what the engine has on record of a job that runs.

        Args:
            job_id: The job.

        Returns:
            Processors, bytes and GPUs.
        """
        found: list[Any] = []

        def on_record() -> bool:
            found[:] = [self.backend.recorded_resources(job_id)]
            return found[0] is not None

        wait_for(f"a record of job {job_id}", on_record, self.patience)
        return found[0].cpu, found[0].memory, found[0].gpus

    def cancel_all(self) -> None:
        """End what a test leaves."""
        for job_id in self.submitted:
            self.backend.cancel(job_id)

    def end(self, job_id: str) -> str:
        """Wait for the end of a job; return its state."""
        wait_for(
            f"the end of job {job_id}",
            lambda: self.backend.status(job_id).is_ended,
            self.patience,
        )
        return str(self.backend.status(job_id).value)

    def printed(self, job_id: str) -> str:
        """Read what a job has printed so far."""
        path = Path(self.backend.log_location(job_id))
        return path.read_text() if path.exists() else ""

    def wait_for_output(self, job_id: str) -> None:
        """Wait until a job has printed something."""
        wait_for(f"output of job {job_id}", lambda: bool(self.printed(job_id)), self.patience)
