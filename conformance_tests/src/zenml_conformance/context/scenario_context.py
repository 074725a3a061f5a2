"""What scenarios work with: a store of their own, a fake backend, clients, and patience."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zenml_conformance import store
from zenml_conformance.context import exposures, zenml_store
from zenml_conformance.context.evidence import (
    Asked,
    Cost,
    Done,
    Evidence,
    Imported,
    Probe,
    Raised,
    Refresh,
    Standing,
    Submission,
    masked,
)
from zenml_conformance.context.processes import Client, Process, work_of
from zenml_conformance.context.zenml_server import ZenMLServer
from zenml_conformance.engine.child import ProcessSpec
from zenml_conformance.engine.session import FORCED_MODES, Session
from zenml_conformance.fake_backend.client import FakeBackend
from zenml_conformance.fake_backend.faults import Faults
from zenml_conformance.fake_backend.jobs import JobRecord
from zenml_conformance.harness import RecordedResources
from zenml_conformance.inputs import read_tail
from zenml_conformance.protocol import EngineClient
from zenml_conformance.target.capability import Capability
from zenml_conformance.target.patience import write_stretch
from zenml_conformance.target.target import Target

if TYPE_CHECKING:
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
"""How long the store may show no progress of a run that has no busy process on this machine."""

BUSY_SECONDS = 1.0
"""How much processor time within that counts as busy: a step that starts takes more, a process that
waits takes less."""


class ScenarioBroken(RuntimeError):
    """A scenario can't be run on: the message says at which point and why."""


class ScenarioContext:
    """One scenario's bench."""

    def __init__(
        self, evidence: Evidence, directory: Path, template: Path, session: Session
    ) -> None:
        """Set up an empty bench: a copy of the template store, an empty backend.

        Args:
            evidence: Takes what is left of the scenario.
            directory: Where everything of it lives; must not exist.
            template: The template store.
            session: The session; its target says whether the fake backend is connected.
        """
        self._began = time.monotonic()
        self.directory = directory
        self.engine = EngineClient(session.socket)
        self.evidence = evidence
        self.clients: list[Client] = []
        for path in (directory, directory / "probes", directory / "cwd", directory / "backend"):
            path.mkdir(mode=0o700)
        store.clone(template, directory)
        self.server: ZenMLServer | None = None
        self._tokens: set[str] = set()
        if yours := session.users_server:
            token = yours.log_in()
            self._tokens = {token, yours.key}
            project = yours.add_project(directory.name, token)
            for configuration in ("zenml", store.CONFIGURATION):
                place = directory / configuration
                store.log_in(place, yours.url, token, active_project_id=project)
        if session.servers is not None:
            self.server = ZenMLServer(EngineClient(session.servers), directory, session)
            self.server.start()
            self.login = self.server.log_in()
            evidence.own_server = True
        self.environment = store.client_environment(
            directory, simulated=session.backend is not None
        )
        self.session = session
        self._stretch = session.target.stretch if session.backend is None else 1.0
        write_stretch(self.probes, self._stretch)
        self.backend: FakeBackend | None = None
        if session.backend is not None:
            self.engine.request(
                "open_backend",
                name=session.backend,
                directory=str(directory / "backend"),
                environment={
                    **store.machine_environment(),
                    "DISABLE_DATABASE_MIGRATION": "true",
                },
                faults={},
                session=session.model_dump(),
            )
            self.backend = FakeBackend(session.socket, session.backend)
            evidence.overdue_jobs = []

    def deadline(self, seconds: float) -> float:
        """Say until when to wait.

        Args:
            seconds: How long, if the backend starts jobs soon.

        Returns:
            The moment, on the monotonic clock; later if the backend may take its time.
        """
        return time.monotonic() + seconds * self._stretch

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for something that leaves no mark.

        Args:
            condition: Whether it has happened.
            seconds: How long to wait at most, if the backend starts jobs soon.

        Returns:
            Whether it has.
        """
        deadline = self.deadline(seconds)
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    @property
    def probes(self) -> str:
        """Directory of the probes, for the pipelines."""
        return str(self.directory / "probes")

    def faults(self, **faults: Any) -> None:
        """Tell the fake backend what to do wrong from now on. Does nothing without one.

        Args:
            **faults: Fields of `Faults`.
        """
        if self.backend:
            self.backend.set_faults(Faults(**faults))

    # -- clients ----------------------------------------------------------------------------

    def start(self, label: str, pipeline: Any, how: str = "once", **arguments: Any) -> Client:
        """Start a client process that runs a pipeline.

        Args:
            label: What to call this submission.
            pipeline: A pipeline, or a function that makes one.
            how: See `client.run`.
            **arguments: See `client.run`; `probes` is added to the pipeline's parameters.

        Returns:
            The client.
        """
        arguments.setdefault("parameters", {})["probes"] = self.probes
        result = self.directory / f"{label}.json"
        body = getattr(pipeline, "entrypoint", pipeline)
        place = f"{body.__module__}:{body.__name__}"
        payload = {"label": label, "pipeline": place, "result": str(result), "how": how}
        spec = self._spec(
            label,
            call="zenml_conformance.context.client:run",
            payload={**payload, **arguments},
            cwd=str(self._directory_of(label)),
        )
        self.clients.append(Client(self.engine, spec, result))
        return self.clients[-1]

    def log_in_as(self, user: str, client: str) -> None:
        """Have a client log in as another user than the other ones. Only with a server.

        Args:
            user: The user, who is new.
            client: What the client is going to be called.
        """
        assert self.server
        token = self.server.add_user(user)
        config = store.own_configuration(self.directory, client)["ZENML_CONFIG_PATH"]
        store.log_in(Path(config), self.server.url, token)

    def submit(self, label: str, pipeline: Any, how: str = "once", **arguments: Any) -> Submission:
        """Run a pipeline in a client process and wait until the client and all jobs are done.

        Args:
            label: What to call this submission.
            pipeline: A pipeline, or a function that makes one.
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
        deadline, idle_since = self.deadline(seconds), time.monotonic()
        while (code := client.wait(0.5)) is None:
            if not self._waits_for_nothing(client):
                idle_since = time.monotonic()
            now = time.monotonic()
            if now > deadline or now - idle_since > IDLE_SECONDS:
                break
        overdue = code is None
        if overdue:
            client.kill()
            code = client.wait(10)
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
        return client.has_returned

    def wait_for_return(self, client: Client, seconds: float = 60.0) -> bool:
        """Wait until a client's submission has returned, but not for the steps to end.

        Args:
            client: The client, whose first step leaves the sign `running` and goes on.
            seconds: How long to wait at most.

        Returns:
            Whether it has.
        """
        deadline, running_since = self.deadline(seconds), None
        while client.is_alive:
            if client.has_returned:
                return True
            now = time.monotonic()
            if running_since is None and self.marked("running"):
                running_since = now
                deadline = min(deadline, self.deadline(RETURN_SECONDS))
            if now > deadline:
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
        deadline = self.deadline(seconds)
        while time.monotonic() < deadline and client.is_alive:
            call = client.call
            if call and call.returned_at:
                run = zenml_store.find_run(call.placeholder)
                if run and run.run_metadata.keys() >= call.metadata.keys():
                    break
            time.sleep(0.05)
        return client.run

    def wait_for_mark(self, name: str, seconds: float = 30.0) -> bool:
        """Wait for a step's sign.

        Args:
            name: The sign.
            seconds: How long to wait at most.

        Returns:
            Whether it was seen.
        """
        deadline = self.deadline(seconds)
        while not self.marked(name):
            if time.monotonic() > deadline or not self._anybody_alive():
                return self.marked(name)
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

    @property
    def jobs(self) -> list[JobRecord]:
        """The jobs that the fake backend was asked to run, in the order of submission.

        None without one.
        """
        return self.backend.jobs()[0] if self.backend else []

    def jobs_of(self, step: str | None) -> list[JobRecord]:
        """List the jobs of a step, or those that run the code of a dynamic pipeline.

        Args:
            step: The step's invocation id; None: the pipeline's code.

        Returns:
            The jobs, in the order of their submission.
        """
        return [r for r in self.jobs if (r.runs(step) if step else r.runs_pipeline)]

    def has_ended(self, step: str) -> bool:
        """Say whether a step had jobs and has none any more.

        Args:
            step: The step's invocation id.

        Returns:
            Whether all its jobs have ended.
        """
        jobs = self.jobs_of(step)
        return bool(jobs) and all(record.state.is_ended for record in jobs)

    def coordinators(self) -> list[JobRecord]:
        """The jobs that submitted other jobs."""
        jobs = self.jobs
        submitters = {record.submitted_by for record in jobs}
        return [record for record in jobs if record.id in submitters]

    def import_flavor(self) -> Imported:
        """Import the flavor in a new interpreter, which has no other part of the orchestrator.

        Returns:
            What came with it.

        Raises:
            ScenarioBroken: If that interpreter did not get to its end.
        """
        result = self.directory / "imports.json"
        source = Target.load(self.session.target).source
        spec = self._spec(
            "imports",
            argv=("python", "-m", "zenml_conformance.context.imports", source, str(result)),
            cold=True,
            session=self.session.model_copy(update={"backend": None, "mutant": None}),
        )
        Process(self.engine, spec).wait(90)
        if not result.exists():
            words = read_tail(Path(spec.log))
            raise ScenarioBroken(f"the flavor could not be imported:\n{words}")
        return Imported.model_validate_json(result.read_text())

    def _spec(self, label: str, **what: Any) -> ProcessSpec:
        """Describe a process of this bench, with a configuration and a log of its own."""
        bench = {
            "environment": {
                **self.environment,
                **store.own_configuration(self.directory, label),
            },
            "cwd": str(self.directory / "cwd"),
            "log": str(self.directory / f"{label}.log"),
            "session": self.session,
        }
        return ProcessSpec(**{**bench, **what})

    def _anybody_alive(self) -> bool:
        if self.backend is None:
            return True  # Nobody can say.
        if any(client.is_alive for client in self.clients):
            return True
        return any(not record.state.is_ended for record in self.jobs)

    # -- the store --------------------------------------------------------------------------

    @property
    def orchestrator(self) -> BaseOrchestrator:
        """An instance of the orchestrator under test."""
        from zenml.client import Client as ZenMLClient

        return ZenMLClient().active_stack.orchestrator

    def read_records(self, client: Client, steps: Iterable[str]) -> None:
        """Read what the orchestrator's own backend has on record of steps' jobs, while they run.

        Args:
            client: The client that has submitted them.
            steps: The steps. Each waits for the sign that it has been read.
        """
        harness = Target.load(self.session.target).harness
        waiting, recorded = list(steps), dict[str, RecordedResources]()
        deadline, goes_on = self.deadline(CLIENT_SECONDS), True
        try:
            while waiting and goes_on and time.monotonic() < deadline:
                run = zenml_store.find_run(client.run)
                for step in [name for name in waiting if self.marked(f"{name}-running")]:
                    if run and (found := harness.recorded_resources(self.orchestrator, run, step)):
                        recorded[step] = found
                        waiting.remove(step)
                        self.mark(f"{step}-read")
                goes_on = run.in_progress if run else client.is_alive
                time.sleep(0.1)
            self.evidence.recorded = recorded
        except NotImplementedError:
            pass  # Nobody can.
        finally:
            for step in waiting:
                self.mark(f"{step}-read")

    def force_modes(self) -> None:
        """Have every execution mode declared in all processes that start from now on.

        Only with the fake backend.
        """
        (self.directory / FORCED_MODES).touch()

    def keep_step_logs(self) -> None:
        """Have ZenML keep what steps print from now on, as it does by default."""
        os.environ.pop("ZENML_DISABLE_STEP_LOGS_STORAGE", None)
        self._unset("ZENML_DISABLE_STEP_LOGS_STORAGE")

    def initialise_repository(self, *labels: str) -> None:
        """Have clients run below a directory with `.zen`, as `zenml init` leaves it.

        Args:
            *labels: Clients with a directory of their own. ZenML writes `.zen/config.yaml` in place
                whenever a client is made, and one that reads it in that moment fails
                (`zenml.utils.filesync_model.FileSyncModel`). None: all have the same, and so have
                jobs.
        """
        from zenml.client import Client as ZenMLClient
        from zenml.client import ClientConfiguration

        client = ZenMLClient()
        directories = [self._directory_of(label) for label in labels] or [self.directory]
        for file in map(_repository, directories):
            file.parent.mkdir(parents=True)
            ClientConfiguration.model_validate(  # It writes the file.
                {
                    "config_file": str(file),
                    "active_project_id": client.active_project.id,
                    "active_stack_id": client.active_stack_model.id,
                }
            )
        self._unset("ZENML_REPOSITORY_PATH")

    def repository_version(self) -> tuple[int, int]:
        """Tell what is in the `.zen` that all have from what it is once it is written."""
        status = _repository(self.directory).stat()
        return status.st_ino, status.st_mtime_ns

    def _directory_of(self, label: str) -> Path:
        """The working directory of a client."""
        return self.directory / "cwd" / label

    def _unset(self, name: str) -> None:
        """Take a variable of the suite's own out of what clients and jobs are started with."""
        self.environment.pop(name, None)
        if self.backend:
            self.engine.request("unset_variable", backend=self.session.backend, name=name)

    def settle(self, seconds: float = CLIENT_SECONDS) -> None:
        """Wait until nothing can happen any more, or for long enough.

        With the fake backend that moment is known: no job is live. Otherwise only ZenML's
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
        deadline, before = self.deadline(CLIENT_SECONDS), None
        quiet_until, work = self.deadline(SETTLE_SECONDS), work_of(self.directory)
        while time.monotonic() < deadline:
            runs = zenml_store.runs()
            if not any(run.in_progress for run in runs):
                return
            if (shown := zenml_store.progress(runs)) != before:
                quiet_until, before = self.deadline(SETTLE_SECONDS), shown
            elif time.monotonic() > quiet_until:
                before_that, work = work, work_of(self.directory)
                if sum(work[pid] - before_that.get(pid, 0.0) for pid in work) < BUSY_SECONDS:
                    break
                quiet_until = self.deadline(SETTLE_SECONDS)
            time.sleep(0.2)
        self.evidence.gave_up = (
            f"ZenML's store had shown no progress for {SETTLE_SECONDS * self._stretch:.0f} s "
            "(--conformance-patience stretches that)"
        )

    def refresh(self) -> None:
        """Refresh every unfinished run, and keep what the store showed before.

        A process of its own does it, as with `zenml pipeline runs refresh`.
        """
        unfinished = [str(run.id) for run in zenml_store.runs() if run.in_progress]
        if not unfinished:
            return
        self.evidence.runs_before_refresh = zenml_store.records()
        for run in unfinished:
            self.evidence.refresh = self.operate("refresh", run=run).raised

    def standing(self, run: str) -> Standing:
        """Say how a run is in ZenML's store.

        Args:
            run: ZenML's id of the run.

        Returns:
            Its status, and that of its steps.
        """
        found = zenml_store.find_run(run)
        assert found, f"run {run} is gone from the store"
        return Standing(
            status=found.status.value,
            in_progress=found.in_progress,
            steps=zenml_store.step_statuses(found),
        )

    def look(self, run: str) -> Refresh:
        """Have a process of its own ask for a run's status, and refresh the run.

        Args:
            run: ZenML's id of the run.

        Returns:
            What it was told, and how the run is afterwards.
        """
        done = self.operate("look", run=run)
        asked = Asked.model_validate(done.gave) if done.gave else Asked(asking_raised=done.raised)
        return Refresh(**dict(asked), **dict(self.standing(run)))

    def operate(self, action: str, **arguments: Any) -> Done:
        """Have something done by a process that knows nothing but the store.

        Where that is a ZenML server, by one that has nothing else of the client's either: no files
        of its own, another home, another working directory.

        Args:
            action: A function of `context.operator`.
            **arguments: Its arguments.

        Returns:
            What it gave or raised.
        """
        label = f"{action}-{len(list(self.directory.glob(f'{action}-*.log')))}"
        result = self.directory / f"{label}.json"
        payload = {"action": action, "result": str(result), **arguments}
        spec = self._spec(
            label,
            call="zenml_conformance.context.operations:operate",
            payload=payload,
            **(self._elsewhere(label) if self.session.on_server else {}),
        )
        operator = Process(self.engine, spec)
        patience = OPERATOR_SECONDS * self._stretch
        if operator.wait(patience) is None:
            operator.kill()
            words = f"no answer within {patience:.0f} s"
            return Done(raised=Raised(type="Timeout", message=words))
        if not result.exists():
            raise ScenarioBroken(read_tail(Path(spec.log)))
        return Done.read(result)

    def _elsewhere(self, label: str) -> dict[str, Any]:
        """What a process is started with that shares nothing with the client but the server."""
        place = self.directory / "elsewhere" / label
        place.mkdir(mode=0o700, parents=True)
        config = store.own_configuration(self.directory, label)["ZENML_CONFIG_PATH"]
        environment = {**store.user_environment(place), "ZENML_CONFIG_PATH": config}
        return {"environment": environment, "cwd": str(place)}

    # -- the end ----------------------------------------------------------------------------

    def collect(self) -> Evidence:
        """Gather what is left.

        Returns:
            The evidence.
        """
        try:
            self.evidence.runs = zenml_store.records()
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
                record.id: read_tail(Path(record.log))
                for record in self.evidence.jobs
                if record.exit_code and record.log
            }
            self.backend.close()
            cost = self.engine.request("cost", backend=self.session.backend)
            self.evidence.cost = Cost(seconds=time.monotonic() - self._began, **cost)
        for path in sorted(Path(self.probes).glob("*.json")):
            self.evidence.probes.append(Probe.read(path))
        if self.server:
            self._tokens |= self.server.tokens()
            self.server.stop()
        secrets = {**exposures.SECRETS, **dict.fromkeys(self._tokens, "ZenML's token")}
        if self.backend:
            jobs = [record.job for record in self.evidence.jobs]
            self.evidence.exposures = exposures.in_jobs(jobs, secrets)
        self.evidence.exposures += exposures.in_files(self.directory, secrets)
        return self.evidence


def _repository(directory: Path) -> Path:
    return directory / ".zen" / "config.yaml"
