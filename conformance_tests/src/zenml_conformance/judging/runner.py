"""Prepares a template store, asks for scenarios, and hands out their evidence.

The pytest process never imports ZenML: it only reads what is left of the scenarios.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

from zenml_conformance import inputs, store
from zenml_conformance.context.evidence import Evidence
from zenml_conformance.engine.process import START_SECONDS
from zenml_conformance.engine.users_server import UsersServer
from zenml_conformance.judging.description import Description
from zenml_conformance.protocol import EngineClient, EngineError
from zenml_conformance.scenarios.scenario import load
from zenml_conformance.target.capability import Capability
from zenml_conformance.target.spec import TargetError, TargetSpec

SCENARIO_SECONDS = 900.0
"""How long a scenario may take, its wait for the scenarios before it included; longer with a
backend that takes long to start a job."""

_TEMPLATE_STORE = "zenml_conformance.judging.template_store"


SHARED = ("template", "servers", "users_server", "connected", "capabilities", "deadline")
"""What the runners of one orchestrator have in common."""


class OutOfTime(Exception):
    """Raised in place of evidence that the session's budget leaves no time for."""


class Runner:
    """One orchestrator's way to an engine, in the process that started it or in another."""

    def __init__(self, directory: Path, socket: str, target: TargetSpec) -> None:
        """Point at a running engine.

        Args:
            directory: Keeps everything about this orchestrator; must exist.
            socket: The engine's socket.
            target: The orchestrator under test.
        """
        self.directory = directory
        self.template = directory / "template"
        self.target = target
        self.engine = EngineClient(socket)
        self.connected = True
        """Whether the fake backend takes the place of the orchestrator's own."""
        self.capabilities = list(Capability)
        """What the orchestrator declares."""
        self.servers: str | None = None
        """Socket of the engine that runs ZenML servers; None: there is none, and no server."""
        self.users_server: UsersServer | None = None
        """The user's server, where that is the store."""
        self.stand_in: Runner | None = None
        """The same orchestrator on the fake backend, for what its own can't show."""
        self.deadline: float | None = None
        """When to wait no longer for any evidence, on the monotonic clock; None: never."""
        self.mutant: str | None = None
        """The fault that is put into the orchestrator before scenarios are run."""
        self._evidence: dict[str, Evidence] = {}

    def call_stand_in(self) -> None:
        """Have the same orchestrator run on the fake backend, too, when it is asked for.

        For an orchestrator that keeps its own backend, and need not.
        """
        directory = self.directory / "reference"
        directory.mkdir(mode=0o700, exist_ok=True)
        target = self.target.model_copy(update={"live": False})
        self.stand_in = self._beside(directory, target)
        self.stand_in.connected = True

    def with_mutant(self, mutant: str) -> Runner:
        """Point at the same orchestrator with a fault in it.

        Args:
            mutant: The fault's name.

        Returns:
            Its runner, to plan scenarios with; they start from the same template store.
        """
        directory = self.directory / "prove" / mutant
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        faulty = self._beside(directory, self.target)
        faulty.mutant = mutant
        return faulty

    def _beside(self, directory: Path, target: TargetSpec) -> Runner:
        """Another, which starts from the same template store."""
        other = Runner(directory, self.engine.socket_path, target)
        for name in SHARED:
            setattr(other, name, getattr(self, name))
        return other

    @property
    def is_temporary(self) -> bool:
        """Whether nothing of it outlives the session."""
        return self.directory.is_relative_to(Path(self.engine.socket_path).parent)

    @property
    def _session(self) -> dict[str, Any]:
        return {
            "socket": self.engine.socket_path,
            "target": self.target.model_dump(),
            "servers": self.servers,
            "users_server": self.users_server and self.users_server.model_dump(),
            "mutant": self.mutant,
        }

    def describe(self) -> Description:
        """Load the orchestrator under test and say what it is.

        Returns:
            Its description.

        Raises:
            TargetError: If it, its configuration or its harness can't be used.
        """
        result = self.directory / "description.json"
        code = self._run("zenml_conformance.judging.description:describe", result=str(result))
        if not result.exists():
            how = f"within {START_SECONDS:.0f} s" if code is None else f"(exit code {code})"
            words = inputs.read_tail(self.directory / "description.log")
            said = f". The end of what it printed:\n{words}" if words else ", and printed nothing."
            raise TargetError(f"--orchestrator={self.target.ref} could not be loaded {how}{said}")
        answer = inputs.parse_json(inputs.read_text(result))
        if "error" in answer:
            raise TargetError(answer["error"])
        return Description.model_validate(answer)

    def create_store(self, directory: Path, warm_up: bool = True) -> None:
        """Make a new store, with nothing in it but what ZenML puts there, and warm the engines up.

        Args:
            directory: Takes it; must not exist.
            warm_up: Whether pipelines are going to be run, so that this saves more than it takes.

        Raises:
            EngineError: If ZenML can't make one, or can't run a pipeline with it.
        """
        directory.mkdir(mode=0o700)
        environment = store.client_environment(directory, simulated=True)
        del environment["DISABLE_DATABASE_MIGRATION"]
        if self._run(f"{_TEMPLATE_STORE}:create", environment=environment) != 0:
            log = inputs.read_tail(self.directory / "template_store.log")
            raise EngineError(f"ZenML could not make a store:\n{log}")
        if not warm_up:
            return
        engines = [self.engine, *([EngineClient(self.servers)] if self.servers else [])]
        with ThreadPoolExecutor(len(engines)) as threads:
            for _ in threads.map(self.warm_up, engines, repeat(directory)):
                pass

    def warm_up(self, engine: EngineClient, new: Path) -> None:
        """Have an engine run pipelines itself, so that its forks need not begin cold.

        Args:
            engine: The engine.
            new: Directory of a new store, to do so in a copy of it.
        """
        with tempfile.TemporaryDirectory(dir=self.directory) as name:
            copy = Path(name)
            store.clone(new, copy)
            environment = store.client_environment(copy, simulated=True)
            engine.request("warm_up", patience=START_SECONDS, environment=environment)

    def prepare(self, base: Path) -> None:
        """Make the template store, with the orchestrator under test registered in it.

        Args:
            base: Directory of a store that `create_store` made, to start from a copy of it.

        Raises:
            TargetError: If ZenML refuses to register it.
        """
        self.template.mkdir(mode=0o700)
        environment = store.client_environment(self.template, simulated=True)
        store.clone(base, self.template)
        if yours := self.users_server:
            # Those of the store that was copied are unknown there.
            nothing = {"active_project_id": None, "active_stack_id": None}
            store.log_in(self.template / "zenml", yours.url, yours.log_in(), **nothing)
        if self._run(f"{_TEMPLATE_STORE}:register_target", environment=environment) != 0:
            log = inputs.read_tail(self.directory / "template_store.log")
            raise TargetError(
                f"--orchestrator={self.target.ref}: ZenML refused to register the flavor, the "
                f"component or a stack with it.\n{log}"
            )

    def _run(
        self, call: str, environment: dict[str, str] | None = None, **payload: Any
    ) -> int | None:
        name = call.partition(":")[0].rpartition(".")[2]
        spec = self._spec(call, name, payload, self.directory / f"{name}.log", environment)
        pid = self.engine.request("start", patience=START_SECONDS, spec=spec)
        answer = self.engine.request(
            "await", patience=START_SECONDS + 10, pid=pid, timeout=START_SECONDS
        )
        code: int | None = answer["code"]
        return code

    def _spec(
        self,
        call: str,
        name: str,
        payload: dict[str, Any],
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        scratch = {} if self.target.live else {"TMPDIR": self.engine.temporary_files}
        return {
            "call": call,
            "payload": payload,
            "environment": {**(environment or store.user_environment(None)), **scratch},
            "cwd": str(self.directory / "cwd" / name),
            "log": str(log),
            "session": self._session,
        }

    @property
    def scenarios(self) -> Path:
        """Where the scenarios leave their evidence."""
        return self.directory / "scenarios"

    def _key(self, scenario: str) -> str:
        return str(self.scenarios / scenario)

    def plan(self, scenarios: list[str]) -> None:
        """Ask for scenarios; each runs once, however many processes ask.

        Args:
            scenarios: Their names, the most wanted first.
        """
        self.scenarios.mkdir(mode=0o700, exist_ok=True)
        specs = {
            self._key(name): self._spec(
                "zenml_conformance.scenarios.main:run",
                name,
                {
                    "name": name,
                    "directory": str(self.scenarios),
                    "template": str(self.template),
                },
                self.scenarios / f"{name}.log",
            )
            for name in scenarios
        }
        self.engine.request("plan", scenarios=specs)

    def evidence(self, scenario: str) -> Evidence:
        """Wait for a scenario's evidence.

        Args:
            scenario: Its name.

        Returns:
            The evidence; broken when the scenario's process left none.

        Raises:
            OutOfTime: If the deadline comes before the evidence.
        """
        if scenario not in self._evidence:
            self.plan([scenario])
            seconds = limit = SCENARIO_SECONDS * max(1.0, self.target.stretch)
            if self.deadline is not None:
                seconds = min(seconds, max(0.0, self.deadline - time.monotonic()))
            answer = self.engine.request(
                "await_scenario",
                patience=seconds + 10,
                key=self._key(scenario),
                timeout=seconds,
            )
            path, kind = self.scenarios / f"{scenario}.json", load(scenario).evidence
            if path.exists():
                self._evidence[scenario] = kind.read(path)
            elif answer["code"] is None and seconds < limit:
                raise OutOfTime(f"the time was up before scenario {scenario!r} was run")
            else:
                words = inputs.read_tail(path.with_suffix(".log"))
                self._evidence[scenario] = kind(
                    scenario=scenario,
                    simulated=False,
                    broken=f"its process ended with {answer['code']} and left nothing\n{words}",
                )
        return self._evidence[scenario]
