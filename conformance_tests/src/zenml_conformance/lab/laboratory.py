"""What scenarios work with: a store of their own, a reference backend, clients, and patience."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zenml_conformance import store
from zenml_conformance.engine.child import ProcessSpec
from zenml_conformance.engine.protocol import EngineClient
from zenml_conformance.engine.session import FORCED_MODES, Session
from zenml_conformance.lab.evidence import (
    Cost,
    Done,
    Evidence,
    Exposure,
    Probe,
    Raised,
    RunRecord,
    StepRecord,
    Submission,
    masked,
)
from zenml_conformance.reference.backend import ReferenceBackend
from zenml_conformance.reference.jobs import Faults, JobRecord
from zenml_conformance.rule import Capability
from zenml_conformance.target import Target

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse
    from zenml.orchestrators import BaseOrchestrator

OPERATOR_SECONDS = 40.0
"""How long a refresh, a stop or the like may take."""

RETURN_SECONDS = 4.0
"""How long submission may go on when a step is running already."""

CLIENT_SECONDS = 180.0
"""How long a client may take; one that takes longer is killed, and the rules are told."""

IDLE_SECONDS = 12.0
"""How long a client may go on when it has no job left to wait for."""

SETTLE_SECONDS = 25.0
"""How long the store may show no progress of a run whose processes can't be seen."""


class ScenarioBroken(RuntimeError):
    """A scenario can't be played on: the message says at which point and why."""


class Client:
    """A client process that was started and may still be running."""

    def __init__(self, pid: int, result: Path) -> None:
        """Remember a client.

        Args:
            pid: Its process.
            result: Where it writes its `Submission`.
        """
        self.pid = pid
        self.result = result

    @property
    def submission(self) -> Submission | None:
        """What it has written down so far."""
        if not self.result.exists():
            return None
        return Submission.model_validate_json(self.result.read_text())


class Laboratory:
    """One scenario's bench."""

    def __init__(self, name: str, directory: Path, template: Path, session: Session) -> None:
        """Set up an empty bench: a copy of the template store, an empty backend.

        Args:
            name: The scenario.
            directory: Where everything of it lives; must not exist.
            template: The template store.
            session: The session; its target says whether the reference backend is connected.
        """
        self._began = time.monotonic()
        self.name = name
        self.directory = directory
        self.engine = EngineClient(session.socket)
        self.evidence = Evidence(scenario=name, simulated=session.backend is not None)
        self.clients: list[Client] = []
        for path in (directory, directory / "probes", directory / "cwd", directory / "backend"):
            path.mkdir(mode=0o700)
        store.clone(template, directory)
        self.environment = store.client_environment(
            directory, simulated=session.backend is not None
        )
        self.session = session
        self.backend: ReferenceBackend | None = None
        if session.backend is not None:
            home = directory / "backend" / "home"
            home.mkdir(mode=0o700)
            self.engine.request(
                "open_backend",
                name=session.backend,
                directory=str(directory / "backend"),
                environment={
                    **store.machine_environment(home),
                    "DISABLE_DATABASE_MIGRATION": "true",
                },
                faults={},
                session=session.model_dump(),
            )
            self.backend = ReferenceBackend(session.socket, session.backend)

    @property
    def probes(self) -> str:
        """Directory of the probes, for the pipelines."""
        return str(self.directory / "probes")

    def faults(self, **faults: Any) -> None:
        """Tell the reference backend what to do wrong from now on. Does nothing without one.

        Args:
            **faults: Fields of `Faults`.
        """
        if self.backend:
            self.backend.set_faults(Faults(**faults))

    # -- clients ----------------------------------------------------------------------------

    def start(self, label: str, pipeline: str, how: str = "once", **arguments: Any) -> Client:
        """Start a client process that runs a pipeline.

        Args:
            label: What to call this submission.
            pipeline: `module:name` in `zenml_conformance.lab.pipelines`.
            how: See `client.run`.
            **arguments: See `client.run`; `probes` is added to the pipeline's parameters.

        Returns:
            The client.
        """
        arguments.setdefault("parameters", {})["probes"] = self.probes
        result = self.directory / f"{label}.json"
        pid = self._start(
            "zenml_conformance.lab.client:run",
            label,
            {"label": label, "pipeline": pipeline, "result": str(result), "how": how, **arguments},
        )
        self.clients.append(Client(pid, result))
        return self.clients[-1]

    def submit(self, label: str, pipeline: str, how: str = "once", **arguments: Any) -> Submission:
        """Run a pipeline in a client process and wait until the client and all jobs are done.

        Args:
            label: What to call this submission.
            pipeline: `module:name` in `zenml_conformance.lab.pipelines`.
            how: See `client.run`.
            **arguments: See `client.run`.

        Returns:
            What the client wrote down.
        """
        submission = self.finish(self.start(label, pipeline, how, **arguments))
        self.settle()
        return submission

    def finish(self, client: Client, seconds: float = CLIENT_SECONDS) -> Submission:
        """Wait for a client's end; kill it when it takes too long.

        Args:
            client: The client.
            seconds: How long to wait.

        Returns:
            What it wrote down.
        """
        deadline, idle_since = time.monotonic() + seconds, time.monotonic()
        while (code := self._await(client.pid, 0.5)) is None:
            if not self._waits_for_nothing(client):
                idle_since = time.monotonic()
            now = time.monotonic()
            if now > deadline or now - idle_since > IDLE_SECONDS:
                break
        overdue = code is None
        if overdue:
            self.kill(client)
            code = self._await(client.pid, 10)
        submission = client.submission or Submission(
            label=client.result.stem, pid=client.pid, began=time.monotonic()
        )
        submission.exit_code, submission.overdue = code, overdue
        self.evidence.submissions.append(submission)
        return submission

    def _waits_for_nothing(self, client: Client) -> bool:
        """Whether a client has submitted everything and no job is left that could end."""
        if self.backend is None or self.backend.drain(0):
            return False
        submission = client.submission
        return bool(submission and submission.calls and submission.calls[-1].returned_at)

    def wait_for_return(self, client: Client, seconds: float = 60.0) -> bool:
        """Wait until a client's submission has returned, but not for the steps to end.

        Args:
            client: The client, whose first step leaves the sign `running` and goes on.
            seconds: How long to wait at most.

        Returns:
            Whether it has.
        """
        began, running_since = time.monotonic(), None
        while self._await(client.pid, 0) is None:
            submission, now = client.submission, time.monotonic()
            if submission and submission.calls and submission.calls[-1].returned_at:
                return True
            if running_since is None and self.marked("running"):
                running_since = now
            if now - began > seconds or now - (running_since or now) > RETURN_SECONDS:
                break
            time.sleep(0.01)
        return False

    def wait_for_submission(self, client: Client, seconds: float = 60.0) -> str | None:
        """Wait until ZenML's store has what a client's submission returned.

        Args:
            client: The client.
            seconds: How long to wait at most.

        Returns:
            ZenML's id of the run; None if it did not come to that.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._await(client.pid, 0) is None:
            submission = client.submission
            call = submission.calls[-1] if submission and submission.calls else None
            if call and call.returned_at:
                run = next((r for r in self.records() if r.id == call.placeholder), None)
                if run and run.metadata.keys() >= call.metadata.keys():
                    break
            time.sleep(0.05)
        return self.run_of(client)

    def run_of(self, client: Client) -> str | None:
        """Say which run a client has submitted, while it may still wait for it.

        Args:
            client: The client.

        Returns:
            ZenML's id of the run; None if submission has not begun.
        """
        submission = client.submission
        return submission.calls[-1].placeholder if submission and submission.calls else None

    def kill(self, client: Client) -> None:
        """Kill a client and its children.

        Args:
            client: The client.
        """
        self.engine.request("signal", pid=client.pid, number=int(signal.SIGKILL))

    def is_alive(self, client: Client) -> bool:
        """Say whether a client is still running.

        Args:
            client: The client.

        Returns:
            Whether it is.
        """
        return self._await(client.pid, 0) is None

    def wait_for_mark(self, name: str, seconds: float = 30.0) -> bool:
        """Wait for a step's sign.

        Args:
            name: The sign.
            seconds: How long to wait at most.

        Returns:
            Whether it was seen.
        """
        path, deadline = Path(self.probes, f"{name}.mark"), time.monotonic() + seconds
        while not path.exists():
            if time.monotonic() > deadline or not self._anybody_alive():
                return path.exists()
            time.sleep(0.02)
        return True

    def marked(self, name: str) -> bool:
        """Say whether a step has left a sign.

        Args:
            name: The sign.

        Returns:
            Whether it is there.
        """
        return Path(self.probes, f"{name}.mark").exists()

    def marks(self, pattern: str) -> list[str]:
        """List the signs that steps have left.

        Args:
            pattern: What their names look like, as in a shell.

        Returns:
            Their names.
        """
        return sorted(path.stem for path in Path(self.probes).glob(f"{pattern}.mark"))

    def mark(self, name: str) -> None:
        """Give the steps a sign.

        Args:
            name: The sign.
        """
        Path(self.probes, f"{name}.mark").touch()

    def declares(self, capability: Capability) -> bool:
        """Say whether the orchestrator declares a capability.

        Args:
            capability: The capability.

        Returns:
            Whether it does.
        """
        target = Target.load(self.session.target)
        return capability in target.capabilities(target.validate())

    def jobs_of(self, step: str | None) -> list[JobRecord]:
        """List the jobs of a step, or those that run the code of a dynamic pipeline.

        Args:
            step: The step's invocation id; None: the pipeline's code.

        Returns:
            The jobs, in the order of their submission; none without the reference backend.
        """
        if not self.backend:
            return []
        records, _ = self.backend.jobs()
        return [r for r in records if (r.runs(step) if step else r.runs_pipeline)]

    def coordinators(self) -> list[JobRecord]:
        """The jobs that submitted other jobs."""
        if not self.backend:
            return []
        records, _ = self.backend.jobs()
        submitters = {record.submitted_by for record in records}
        return [record for record in records if record.id in submitters]

    def import_flavor(self) -> dict[str, Any]:
        """Import the flavor in a new interpreter, which has no other part of the orchestrator.

        Returns:
            See `lab.imports.imported`.

        Raises:
            ScenarioBroken: If that interpreter did not get to its end.
        """
        result, log = self.directory / "imports.json", self.directory / "imports.log"
        source = Target.load(self.session.target).source
        spec = ProcessSpec(
            argv=("python", "-m", "zenml_conformance.lab.imports", source, str(result)),
            environment=self.environment,
            cwd=str(self.directory / "cwd"),
            log=str(log),
            cold=True,
            session=self.session.model_copy(update={"backend": None, "sabotage": None}),
        )
        self._await(self.engine.request("start", spec=spec.model_dump(mode="json")), 90)
        if not result.exists():
            raise ScenarioBroken(f"the flavor could not be imported:\n{log.read_text()[-2000:]}")
        facts: dict[str, Any] = json.loads(result.read_text())
        return facts

    def _start(self, call: str, label: str, payload: dict[str, Any]) -> int:
        spec = ProcessSpec(
            call=call,
            payload=payload,
            environment={
                **self.environment,
                **store.own_configuration(self.directory, label),
            },
            cwd=str(self.directory / "cwd"),
            log=str(self.directory / f"{label}.log"),
            session=self.session,
        )
        pid: int = self.engine.request("start", spec=spec.model_dump(mode="json"))
        return pid

    def _await(self, pid: int, seconds: float) -> int | None:
        answer = self.engine.request("await", patience=seconds + 10, pid=pid, timeout=seconds)
        code: int | None = answer["code"]
        return code

    def _anybody_alive(self) -> bool:
        if any(self._await(client.pid, 0) is None for client in self.clients):
            return True
        if self.backend is None:
            return True  # Nobody can say.
        records, _ = self.backend.jobs()
        return any(not record.state.is_ended for record in records)

    # -- the store --------------------------------------------------------------------------

    @property
    def orchestrator(self) -> BaseOrchestrator:
        """An instance of the orchestrator under test."""
        from zenml.client import Client as ZenMLClient

        return ZenMLClient().active_stack.orchestrator

    def force_modes(self) -> None:
        """Have every execution mode declared in all processes that start from now on.

        Only with the reference backend.
        """
        (self.directory / FORCED_MODES).touch()

    def keep_step_logs(self) -> None:
        """Have ZenML keep what steps print from now on, as it does by default."""
        name = "ZENML_DISABLE_STEP_LOGS_STORAGE"
        for environment in (self.environment, os.environ):
            environment.pop(name, None)
        if self.backend:
            self.engine.request("unset_variable", backend=self.session.backend, name=name)

    def read_step_log(self, step: str) -> dict[str, str | None]:
        """Read what a step of the first run has printed from ZenML's log store, as a user does.

        Args:
            step: Its invocation id.

        Returns:
            `text`, or in its place what was `raised`.
        """
        from zenml.client import Client as ZenMLClient

        try:
            collected = self._runs()[0].steps[step].log_collection
            logs = next((logs for logs in collected or () if logs.source == "step"), None)
            if logs is None:
                return {"text": None, "raised": "its record has no log"}
            entries = ZenMLClient().active_stack.log_store.fetch(logs, limit=1000)
        except Exception as error:
            return {"text": None, "raised": f"{type(error).__name__}: {error}"}
        return {"text": "\n".join(str(e.message) for e in entries.items), "raised": None}

    def settle(self, seconds: float = CLIENT_SECONDS) -> None:
        """Wait until nothing can happen any more, or for long enough.

        With the reference backend that moment is known: no job is live. Otherwise only ZenML's
        store can be watched.

        Args:
            seconds: How long jobs may go on; they are killed then.
        """
        if self.backend:
            self.evidence.overdue_jobs += self.backend.drain(seconds)
            if self.evidence.overdue_jobs:
                self.backend.close()
                self.backend.drain(10)
            return
        deadline, quiet_since, before = time.monotonic() + CLIENT_SECONDS, time.monotonic(), None
        while (now := time.monotonic()) < deadline and now - quiet_since < SETTLE_SECONDS:
            runs = self._runs()
            if not any(run.in_progress for run in runs):
                return
            if (shown := self._progress(runs)) != before:
                quiet_since, before = now, shown
            time.sleep(0.2)

    def refresh(self) -> None:
        """Refresh every unfinished run, and keep what the store showed before.

        A process of its own does it, as with `zenml pipeline runs refresh`.
        """
        before = self.records()
        unfinished = [run.id for run in before if run.in_progress]
        if not unfinished:
            return
        self.evidence.runs_before_refresh = before
        for run_id in unfinished:
            self.evidence.refresh = self.operate("refresh", run=run_id).raised

    def operate(self, action: str, **arguments: Any) -> Done:
        """Have something done by a process that knows nothing but the store.

        Args:
            action: A function of `lab.operator`.
            **arguments: Its arguments.

        Returns:
            What it gave or raised.
        """
        label = f"{action}-{len(list(self.directory.glob(f'{action}-*.log')))}"
        result = self.directory / f"{label}.json"
        payload = {"action": action, "result": str(result), **arguments}
        pid = self._start("zenml_conformance.lab.operator:operate", label, payload)
        if self._await(pid, OPERATOR_SECONDS) is None:
            self.engine.request("signal", pid=pid, number=int(signal.SIGKILL))
            words = f"no answer within {OPERATOR_SECONDS:.0f} s"
            return Done(raised=Raised(type="Timeout", message=words))
        if not result.exists():
            raise ScenarioBroken((self.directory / f"{label}.log").read_text()[-2000:])
        return Done.model_validate_json(result.read_text())

    @staticmethod
    def _progress(runs: list[PipelineRunResponse]) -> list[Any]:
        """What changes in the store while a run gets on."""
        from zenml.client import Client as ZenMLClient

        steps = ZenMLClient().list_run_steps(size=200, exclude_retried=False).items
        return [
            *((run.id, run.status, str(run.run_metadata)) for run in runs),
            *((step.id, step.status) for step in steps),
        ]

    def _runs(self) -> list[PipelineRunResponse]:
        from zenml.client import Client as ZenMLClient

        runs = ZenMLClient().list_pipeline_runs(size=100, sort_by="asc:created", hydrate=True)
        return list(runs.items)

    def records(self) -> list[RunRecord]:
        """Read every run of the store."""
        return [_run_record(run) for run in self._runs()]

    def is_under_way(self) -> bool:
        """Say whether a run is in progress, as far as ZenML can read its own store."""
        try:
            return any(run.in_progress for run in self.records())
        except ValidationError:
            return True

    def schedule_rows(self) -> int:
        """Count the schedules in ZenML's store."""
        from zenml.client import Client as ZenMLClient

        return int(ZenMLClient().list_schedules().total)

    # -- the end ----------------------------------------------------------------------------

    def collect(self) -> Evidence:
        """Gather what is left.

        Returns:
            The evidence.
        """
        try:
            self.evidence.runs = self.records()
        except ValidationError as error:  # A value that ZenML stores, and then refuses to read.
            self.evidence.unreadable = str(error)
        if self.backend:
            self.evidence.jobs, self.evidence.refused = self.backend.jobs()
            self.evidence.schedules = self.backend.schedules()
            accepted = [record.job for record in self.evidence.jobs]
            scheduled = [record.job for record in self.evidence.schedules]
            for job in accepted + scheduled + self.evidence.refused:
                job.environment.update(masked(job.environment))
            self.evidence.last_words = {
                record.id: Path(record.log).read_text(errors="replace")[-2000:]
                for record in self.evidence.jobs
                if record.exit_code and record.log
            }
            self.backend.close()
            cost = self.engine.request("cost", backend=self.session.backend)
            self.evidence.cost = Cost(seconds=time.monotonic() - self._began, **cost)
        for path in sorted(Path(self.probes).glob("*.json")):
            self.evidence.probes.append(Probe.model_validate_json(path.read_text()))
        self.evidence.exposures = self._exposures()
        return self.evidence

    def _exposures(self) -> list[Exposure]:
        """Look for the secret where others could read it."""
        from zenml_conformance.lab.pipelines.probes import SENTINEL

        found = []
        for record in self.evidence.jobs:
            for where, text in {
                "command line": " ".join(record.job.command),
                "job name": record.job.name,
                "labels": json.dumps(record.job.labels),
                "image": record.job.image or "",
                "description of the job": json.dumps(record.job.spec, default=str),
            }.items():
                if SENTINEL in text:
                    found.append(Exposure(where=where, detail=f"job {record.job.name!r}"))
        own = {self.directory / "probes", self.directory / "zenml"}
        for folder, folders, files in os.walk(self.directory):
            folders[:] = [name for name in folders if Path(folder, name) not in own]
            for path in (Path(folder, name) for name in files):
                if path.suffix == ".json" and path.parent == self.directory:
                    continue  # The suite's own notes.
                mode, content = path.stat().st_mode, path.read_bytes()
                is_log = path.suffix in (".log", ".txt", ".out")
                if SENTINEL.encode() in content and (
                    is_log or mode & (stat.S_IRGRP | stat.S_IROTH)
                ):
                    kind = "log" if is_log else "file that others can read"
                    found.append(Exposure(where=kind, detail=path.name))
        return found


def _run_record(run: PipelineRunResponse) -> RunRecord:
    from zenml.client import Client as ZenMLClient

    steps = ZenMLClient().list_run_steps(
        pipeline_run_id=run.id, exclude_retried=False, size=200, hydrate=True
    )
    return RunRecord(
        id=str(run.id),
        pipeline=run.pipeline.name if run.pipeline else "",
        snapshot=str(run.snapshot.id) if run.snapshot else None,
        status=run.status.value,
        in_progress=run.in_progress,
        orchestrator_run_id=run.orchestrator_run_id,
        metadata={key: str(value) for key, value in run.run_metadata.items()},
        steps=[
            StepRecord(
                name=step.name,
                version=step.version,
                status=step.status.value,
                reason=_reason(step),
                outputs=_outputs(step),
            )
            for step in steps.items
        ],
    )


def _reason(step: Any) -> str | None:
    info = step.exception_info
    return (info.message or info.traceback or None) if info else None


def _outputs(step: Any) -> dict[str, str | None]:
    outputs: dict[str, str | None] = {}
    for name, artifacts in step.outputs.items():
        try:
            for artifact in artifacts:
                artifact.load()
            outputs[name] = None
        except Exception as error:
            outputs[name] = f"{type(error).__name__}: {error}"
    return outputs
