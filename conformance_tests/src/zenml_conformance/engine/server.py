"""The engine's loop: requests in, processes out.

Everything happens in one thread, because a process with threads must not fork.
"""

from __future__ import annotations

import collections
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import configure_mappers
from zenml.environment import Environment
from zenml.integrations.registry import integration_registry

from zenml_conformance.engine.child import ProcessSpec, become
from zenml_conformance.engine.session import Session
from zenml_conformance.engine.warm_up import share_statements, warm_up
from zenml_conformance.reference.jobs import Faults, Job, JobRecord, JobState, JobTable, Rejected

KILL_AFTER_SECONDS = 5.0
"""Between the reference backend's SIGTERM and its SIGKILL."""

PRELOAD = (
    "alembic.autogenerate",
    "zenml.artifact_stores.local_artifact_store",
    "zenml.client",
    "zenml.entrypoints.entrypoint",
    "zenml.entrypoints.step_entrypoint_configuration",
    "zenml.execution.pipeline.utils",
    "zenml.execution.utils",
    "zenml.execution.step.utils",
    "zenml.log_stores",
    "zenml.log_stores.artifact.artifact_log_exporter",
    "zenml.materializers",
    "zenml.orchestrators.local.local_orchestrator",
    "zenml.orchestrators.step_launcher",
    "zenml.orchestrators.step_runner",
    "zenml.pipelines",
    "zenml.steps",
    "zenml.steps.decorated_step",
    "zenml.zen_stores.migrations.alembic",
    "zenml.zen_stores.secrets_stores.sql_secrets_store",
    "sqlite3.dbapi2",
    "zenml.alerter",
    "zenml.annotators",
    "zenml.data_validators",
    "zenml.deployers.server.runtime",
    "zenml.experiment_trackers",
    "zenml.feature_stores",
    "zenml.model_deployers",
    "zenml.model_registries",
    "zenml.sandboxes",
    "zenml.step_operators",
    "zenml.zen_stores.migrations.backup.sqlalchemy",
    "zenml.execution.pipeline.dynamic.runner",
    "zenml.pipelines.dynamic.entrypoint_configuration",
    "zenml.step_operators.step_operator_entrypoint_configuration",
    "zenml.image_builders.local_image_builder",
    "zenml.pipelines.run_utils",
    "zenml.utils.run_utils",
    "zenml.zen_stores.sql_zen_store",
    "zenml_conformance.lab.client",
    "zenml_conformance.lab.operator",
    "zenml_conformance.lab.scenarios",
    "zenml_conformance.target",
)
"""What clients, steps and observers import sooner or later. Modules that a ZenML version does not
have are left to the processes that need them. Nothing of the orchestrator under test: what its
modules do when they are imported, each process must do itself; so with the pipelines, which note
the environment that they were imported in."""


SABOTAGES = "zenml_conformance.prove.sabotages"
"""What the processes of a sabotaged scenario import besides."""


class Backend(BaseModel):
    """A scenario's reference backend: where its jobs live."""

    model_config = {"arbitrary_types_allowed": True}

    table: JobTable
    directory: str
    environment: dict[str, str]
    session: Session
    notes: dict[str, Any] = {}


class Waiter:
    """A request whose answer is not known yet."""

    def __init__(
        self, connection: socket.socket, answer: Callable[[bool], Any | None], deadline: float
    ) -> None:
        """Hold a connection open.

        Args:
            connection: Where the answer goes.
            answer: Called with "is the deadline over?"; None: still unknown.
            deadline: On the monotonic clock.
        """
        self.connection = connection
        self.answer = answer
        self.deadline = deadline


class Later(Exception):
    """Raised by an operation whose answer comes later."""

    def __init__(self, answer: Callable[[bool], Any | None], timeout: float) -> None:
        """Describe the answer.

        Args:
            answer: See `Waiter`.
            timeout: Seconds until it must be given.
        """
        self.answer = answer
        self.timeout = timeout


class Engine:
    """Answers requests, forks processes, reaps them."""

    def __init__(self, socket_path: str, parallel_scenarios: int) -> None:
        """Listen.

        Args:
            socket_path: Where to listen.
            parallel_scenarios: How many scenarios run at a time.
        """
        self.parallel_scenarios = parallel_scenarios
        self.backends: dict[str, Backend] = {}
        self.jobs_by_pid: dict[int, tuple[str, str]] = {}
        self.exit_codes: dict[int, int | None] = {}
        self.owners: dict[int, str | None] = {}
        self.processes: collections.Counter[str | None] = collections.Counter()
        self.cpu_seconds: dict[str | None, float] = collections.defaultdict(float)
        self.kills: list[tuple[float, int]] = []
        self.waiters: list[Waiter] = []
        self.scenarios: dict[str, int] = {}
        self.scenario_queue: collections.deque[str] = collections.deque()
        self.scenario_specs: dict[str, ProcessSpec] = {}
        self.running = True
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(socket_path)
        self.listener.listen(128)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        self.wake_reader, self.wake_writer = os.pipe()
        os.set_blocking(self.wake_writer, False)
        self.selector.register(self.wake_reader, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)

    def _stop(self, *_: object) -> None:
        self.running = False

    def serve(self) -> None:
        """Serve until told to close, then kill what is left."""
        try:
            while self.running:
                for key, _ in self.selector.select(self._next_deadline()):
                    if key.fileobj is self.listener:
                        self._accept()
                    elif key.fileobj is sys.stdin:
                        self.running = False  # Whoever started the engine is gone.
                    else:
                        os.read(self.wake_reader, 4096)
                self._reap()
                self._kill_overdue()
                self._start_scenarios()
                self._answer_waiters()
        finally:
            for pid, code in self.exit_codes.items():
                if code is None:
                    self._signal(pid, signal.SIGKILL)

    # -- requests ---------------------------------------------------------------------------

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        # A caller sends its line at once; one that does not must not hold up all others.
        connection.settimeout(10)
        try:
            line = b""
            while not line.endswith(b"\n"):
                chunk = connection.recv(1 << 16)
                if not chunk:
                    raise ValueError("the caller hung up")
                line += chunk
            credentials = connection.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
            )
            caller = struct.unpack("3i", credentials)[0]
            request = json.loads(line)
            operation = getattr(self, "op_" + request.pop("op"))
            reply = {"result": operation(caller=caller, **request)}
        except Later as later:
            deadline = time.monotonic() + later.timeout
            self.waiters.append(Waiter(connection, later.answer, deadline))
            return
        except Exception as error:
            reply = {"error": f"{error}" if isinstance(error, Rejected) else repr(error)}
        self._reply(connection, reply)

    @staticmethod
    def _reply(connection: socket.socket, reply: dict[str, Any]) -> None:
        try:
            connection.sendall(json.dumps(reply).encode())
        except OSError:
            pass  # The caller was killed while it waited: scenarios do that.
        finally:
            connection.close()

    def _answer_waiters(self) -> None:
        now = time.monotonic()
        for waiter in list(self.waiters):
            result = waiter.answer(now >= waiter.deadline)
            if result is not None:
                self.waiters.remove(waiter)
                self._reply(waiter.connection, {"result": result})

    def _next_deadline(self) -> float | None:
        deadlines = [w.deadline for w in self.waiters] + [when for when, _ in self.kills]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    # -- processes --------------------------------------------------------------------------

    def _fork(self, spec: ProcessSpec) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            become(spec)
        self.exit_codes[pid] = None
        self.owners[pid] = spec.session.backend
        self.processes[spec.session.backend] += 1
        return pid

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self.exit_codes[pid] = code
            self.cpu_seconds[self.owners.pop(pid, None)] += usage.ru_utime + usage.ru_stime
            if pid in self.jobs_by_pid:
                name, job_id = self.jobs_by_pid[pid]
                backend = self.backends[name]
                record = backend.table.records[job_id]
                if record.state is JobState.RUNNING:
                    backend.table.process_ended(job_id, code)
                record.exit_code = code
                self._start_jobs(name)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for when, pid in list(self.kills):
            if self.exit_codes.get(pid) is not None:
                self.kills.remove((when, pid))
            elif when <= now:
                self.kills.remove((when, pid))
                self._signal(pid, signal.SIGKILL)

    def _signal(self, pid: int, number: int) -> None:
        if self.exit_codes.get(pid, 0) is None:
            # Each process leads a session of its own; SIGKILL takes its children along.
            try:
                if number == signal.SIGKILL:
                    os.killpg(pid, number)
                else:
                    os.kill(pid, number)
            except ProcessLookupError:
                pass

    def op_warm_up(self, caller: int, environment: dict[str, str]) -> bool:
        """Run pipelines in this very process, so that those forked from it need not begin cold."""
        warm_up(environment)
        gc.collect()
        gc.freeze()
        return True

    # -- operations: processes --------------------------------------------------------------

    def op_start(self, caller: int, spec: dict[str, Any]) -> int:
        """Start a process; its pid is the handle for the other operations."""
        return self._fork(ProcessSpec.model_validate(spec))

    def op_await(self, caller: int, pid: int, timeout: float) -> Any:
        """Wait for a process's end: `{"code": …}`, None when it has not ended in time."""

        def answer(late: bool) -> Any | None:
            code = self.exit_codes[pid]
            return {"code": code} if code is not None or late else None

        raise Later(answer, timeout)

    def op_signal(self, caller: int, pid: int, number: int) -> bool:
        """Send a signal to a process that this engine started."""
        self._signal(pid, number)
        return True

    def op_cost(self, caller: int, backend: str) -> dict[str, Any]:
        """Say what the processes of a scenario have cost so far, those that have ended."""
        return {"processes": self.processes[backend], "cpu_seconds": self.cpu_seconds[backend]}

    # -- operations: the reference backend --------------------------------------------------

    def op_open_backend(
        self,
        caller: int,
        name: str,
        directory: str,
        environment: dict[str, str],
        faults: dict[str, Any],
        session: dict[str, Any],
    ) -> bool:
        """Create an empty backend."""
        self.backends[name] = Backend(
            table=JobTable(Faults.model_validate(faults)),
            directory=directory,
            environment=environment,
            session=Session.model_validate(session),
        )
        return True

    def op_set_faults(self, caller: int, backend: str, faults: dict[str, Any]) -> bool:
        """Change what a backend does wrong from now on."""
        self.backends[backend].table.faults = Faults.model_validate(faults)
        self._start_jobs(backend)  # What was held may be free now.
        return True

    def op_unset_variable(self, caller: int, backend: str, name: str) -> bool:
        """Take a variable out of what a backend's machine gives to every job."""
        self.backends[backend].environment.pop(name, None)
        return True

    def op_submit(self, caller: int, backend: str, job: dict[str, Any]) -> str:
        """Accept a job."""
        submitter = self.jobs_by_pid.get(caller, (backend, "client"))[1]
        record = self.backends[backend].table.submit(Job.model_validate(job), submitter)
        self._start_jobs(backend)
        return record.id

    def _start_jobs(self, name: str) -> None:
        backend = self.backends[name]
        faults = backend.table.faults
        while ready := backend.table.startable():
            for record in ready:
                if faults.hollows(record.job):
                    backend.table.end(record.id, JobState.SUCCEEDED, 0)
                    continue
                self._start_job(backend, record, name)

    def _start_job(self, backend: Backend, record: JobRecord, name: str) -> None:
        log = str(Path(backend.directory, f"{record.id}.log"))
        pid = self._fork(
            ProcessSpec(
                argv=record.job.command,
                environment={**backend.environment, **record.job.environment},
                cwd=str(Path(backend.directory, record.id)),
                log=log,
                cold=record.job.step in backend.table.faults.cold_steps,
                contained=record.job.image is not None,
                session=backend.session,
            )
        )
        self.jobs_by_pid[pid] = (name, record.id)
        backend.table.start(record.id, pid, log)

    def op_status(self, caller: int, backend: str, job_id: str) -> str:
        """Say where a job is."""
        return self.backends[backend].table.status(job_id, asker=caller).value

    def op_schedule(self, caller: int, backend: str, job: dict[str, Any], cron: str) -> str:
        """Accept a schedule."""
        return self.backends[backend].table.schedule(Job.model_validate(job), cron).id

    def op_unschedule(self, caller: int, backend: str, schedule_id: str) -> bool:
        """Delete a schedule."""
        self.backends[backend].table.unschedule(schedule_id)
        return True

    def op_schedules(self, caller: int, backend: str) -> list[dict[str, Any]]:
        """List every schedule that a backend was ever asked to keep."""
        schedules = self.backends[backend].table.schedules
        return [record.model_dump(mode="json") for record in schedules.values()]

    def op_fire(self, caller: int, backend: str, schedule_id: str) -> str:
        """Submit a schedule's job."""
        table = self.backends[backend].table
        schedule = table.schedules[schedule_id]
        if schedule.deleted:
            raise Rejected(f"schedule {schedule_id!r} is deleted")
        record = table.submit(schedule.job, schedule_id, schedule_id)
        self._start_jobs(backend)
        return record.id

    def op_restart(self, caller: int, backend: str, job_id: str) -> bool:
        """Run a job again that has ended."""
        table = self.backends[backend].table
        if not table.records[job_id].state.is_ended:
            raise Rejected(f"job {job_id!r} has not ended")
        table.queue_again(job_id)
        self._start_jobs(backend)
        return True

    def op_requeue(self, caller: int, backend: str, job_id: str) -> bool:
        """Kill a running job, to be run again."""
        record = self.backends[backend].table.records[job_id]
        if record.state is not JobState.RUNNING:
            raise Rejected(f"job {job_id!r} is not running")
        record.requeued = True
        return self.op_kill(caller, backend, job_id)

    def op_lose(self, caller: int, backend: str, job_id: str) -> bool:
        """Kill a job and forget it."""
        record = self.backends[backend].table.records[job_id]
        record.lost = True
        return self.op_kill(caller, backend, job_id)

    def op_kill(self, caller: int, backend: str, job_id: str) -> bool:
        """Send SIGKILL to a job's process and its children."""
        table = self.backends[backend].table
        record = table.records[job_id]
        if record.pid is not None:
            self._signal(record.pid, signal.SIGKILL)
        elif not record.state.is_ended:
            table.end(job_id, JobState.FAILED)
            self._start_jobs(backend)
        return True

    def op_note(self, caller: int, backend: str, key: str, value: Any) -> bool:
        """Keep a value."""
        self.backends[backend].notes[key] = value
        return True

    def op_notes(self, caller: int, backend: str) -> dict[str, Any]:
        """Give all values."""
        return self.backends[backend].notes

    def op_cancel(self, caller: int, backend: str, job_id: str) -> bool:
        """End a job: SIGTERM, some seconds, SIGKILL."""
        table = self.backends[backend].table
        record = table.records.get(job_id)
        if record is None or record.state.is_ended:
            return False
        if record.pid is None:
            table.end(job_id, JobState.CANCELLED)
            self._start_jobs(backend)
        else:
            record.cancelled = True
            self._signal(record.pid, signal.SIGTERM)
            self.kills.append((time.monotonic() + KILL_AFTER_SECONDS, record.pid))
        return True

    def op_wait_for_change(
        self, caller: int, backend: str, known: dict[str, str], timeout: float
    ) -> Any:
        """Wait until one of some jobs is in another state than the caller knows."""
        table = self.backends[backend].table

        def answer(late: bool) -> Any | None:
            states = {job_id: table.look(job_id).value for job_id in known}
            return states if late or states != known else None

        raise Later(answer, timeout)

    def op_drain(self, caller: int, backend: str, timeout: float) -> Any:
        """Wait until no job is live; the ids of those that still are when time is up."""
        table = self.backends[backend].table

        def answer(late: bool) -> Any | None:
            live = [record.id for record in table.live]
            return {"live": live} if late or not live else None

        raise Later(answer, timeout)

    def op_close_backend(self, caller: int, backend: str) -> bool:
        """Kill what is still running and forget nothing."""
        for record in self.backends[backend].table.live:
            if record.pid is None:
                self.backends[backend].table.end(record.id, JobState.CANCELLED)
            else:
                self._signal(record.pid, signal.SIGKILL)
        return True

    def op_jobs(self, caller: int, backend: str) -> dict[str, Any]:
        """List every job that a backend was ever asked to run."""
        table = self.backends[backend].table
        return {
            "records": [record.model_dump(mode="json") for record in table.records.values()],
            "refused": [job.model_dump(mode="json") for job in table.refused],
        }

    # -- operations: scenarios --------------------------------------------------------------

    def op_plan(self, caller: int, scenarios: dict[str, dict[str, Any]]) -> bool:
        """Queue the processes of scenarios; the same key runs once, whoever asks."""
        for key, spec in scenarios.items():
            if key not in self.scenario_specs:
                self.scenario_specs[key] = ProcessSpec.model_validate(spec)
                self.scenario_queue.append(key)
                if self.scenario_specs[key].session.sabotage:
                    importlib.import_module(SABOTAGES)
        return True

    def _start_scenarios(self) -> None:
        live = sum(self.exit_codes[pid] is None for pid in self.scenarios.values())
        while self.scenario_queue and live < self.parallel_scenarios:
            key = self.scenario_queue.popleft()
            self.scenarios[key] = self._fork(self.scenario_specs[key])
            live += 1

    def op_await_scenario(self, caller: int, key: str, timeout: float) -> Any:
        """Wait until a planned scenario's process has ended."""

        def answer(late: bool) -> Any | None:
            pid = self.scenarios.get(key)
            code = None if pid is None else self.exit_codes[pid]
            return {"code": code} if code is not None or late else None

        raise Later(answer, timeout)


def remember_packages() -> None:
    """List the installed packages once.

    ZenML has pip do it in every client and every step, to record them with the run; all the
    processes of an engine share one environment.
    """
    packages = Environment.get_python_packages()
    Environment.get_python_packages = staticmethod(  # type: ignore[method-assign]
        lambda: list(packages)
    )


def main() -> None:
    """Run an engine: `python -m zenml_conformance.engine.server SOCKET PARALLEL-SCENARIOS`."""
    socket_path, parallel = sys.argv[1:]
    engine = Engine(socket_path, int(parallel))
    print("ready", flush=True)
    os.dup2(2, 1)  # Nobody reads on; what is printed while warming up belongs into the log.
    for name in PRELOAD:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    # Every step's process does these before it runs a step; they open no store.
    integration_registry.activate_integrations()
    configure_mappers()
    remember_packages()
    share_statements()
    if threading.active_count() != 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        raise RuntimeError(f"importing ZenML started threads, and forks would lose them: {names}")
    gc.collect()
    gc.freeze()
    engine.serve()


if __name__ == "__main__":
    main()
