"""Starts the engine, prepares the template store, asks for scenarios, hands out their evidence.

The pytest process never imports ZenML: it only reads what is left of the scenarios.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from zenml_conformance import store
from zenml_conformance.description import Description
from zenml_conformance.engine.protocol import EngineClient, EngineError
from zenml_conformance.lab.evidence import Evidence
from zenml_conformance.target_spec import TargetError, TargetSpec

START_SECONDS = 120.0
"""How long the engine may take to start, which is to import ZenML, on a busy machine."""

SCENARIO_SECONDS = 300.0
"""How long a scenario may take, its wait for the scenarios before it included."""


class Conductor:
    """A session's way to the engine, in the process that started it or in another."""

    def __init__(self, directory: Path, socket: str, target: TargetSpec) -> None:
        """Point at a running engine.

        Args:
            directory: Where the session keeps everything.
            socket: The engine's socket.
            target: The orchestrator under test.
        """
        self.directory = directory
        self.target = target
        self.engine = EngineClient(socket)
        self._process: subprocess.Popen[bytes] | None = None
        self._evidence: dict[str, Evidence] = {}

    @staticmethod
    def start(directory: Path, target: TargetSpec, search_path: list[str]) -> Conductor:
        """Start an engine.

        Args:
            directory: Where the session keeps everything; created, private.
            target: The orchestrator under test.
            search_path: Where Python finds modules.

        Returns:
            The conductor that owns the engine.

        Raises:
            EngineError: If the engine does not start; the message has its last words.
        """
        directory.mkdir(mode=0o700, parents=True)
        home = directory / "home"
        home.mkdir(mode=0o700)
        # A socket's path may have some hundred characters only, and a checkout's may have more.
        socket_directory = tempfile.mkdtemp(prefix="zenml-conformance-")
        socket = str(Path(socket_directory, "engine"))
        parallel = max(2, len(os.sched_getaffinity(0)) + 1)
        log = directory / "engine.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "zenml_conformance.engine.server",
                    socket,
                    target.model_dump_json(),
                    str(parallel),
                ],
                env={
                    **store.machine_environment(home),
                    "PYTHONPATH": os.pathsep.join(search_path),
                },
                # The engine ends when its standard input does: when this process is gone.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
            )
        conductor = Conductor(directory, socket, target)
        conductor._process = process
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        if not ready or process.stdout.readline() != b"ready\n":
            conductor.close()
            raise EngineError(f"the conformance engine did not start:\n{log.read_text()[-2000:]}")
        return conductor

    @property
    def _session(self) -> dict[str, Any]:
        return {
            "socket": self.engine.socket_path,
            "target": self.target.model_dump(),
            "backend": None,
        }

    def describe(self) -> Description:
        """Load the orchestrator under test and say what it is.

        Returns:
            Its description.

        Raises:
            TargetError: If it, its configuration or its harness can't be used.
        """
        result = self.directory / "description.json"
        code = self._run("zenml_conformance.description:describe", result=str(result))
        if not result.exists():
            raise TargetError(
                f"--orchestrator={self.target.ref} could not be loaded (exit code {code}):\n"
                + (self.directory / "description.log").read_text()[-2000:]
            )
        answer = json.loads(result.read_text())
        if "error" in answer:
            raise TargetError(answer["error"])
        return Description.model_validate(answer)

    def prepare(self) -> None:
        """Make the template store, with the orchestrator under test registered in it.

        Raises:
            TargetError: If ZenML refuses to register it.
        """
        template = self.directory / "template"
        template.mkdir(mode=0o700)
        environment = store.client_environment(template)
        del environment["DISABLE_DATABASE_MIGRATION"]
        code = self._run("zenml_conformance.store:make_template", environment=environment)
        if code != 0:
            log = (self.directory / "store.log").read_text().strip()
            raise TargetError(
                f"--orchestrator={self.target.ref}: ZenML refused to register the flavor, the "
                f"component or a stack with it.\n{log[-3000:]}"
            )

    def _run(
        self, call: str, environment: dict[str, str] | None = None, **payload: Any
    ) -> int | None:
        name = call.partition(":")[0].rpartition(".")[2]
        spec = {
            "call": call,
            "payload": payload,
            "environment": environment or store.machine_environment(self.directory / "home"),
            "cwd": str(self.directory / "cwd"),
            "log": str(self.directory / f"{name}.log"),
            "session": self._session,
        }
        pid = self.engine.request("start", patience=START_SECONDS, spec=spec)
        answer = self.engine.request(
            "await", patience=START_SECONDS + 10, pid=pid, timeout=START_SECONDS
        )
        code: int | None = answer["code"]
        return code

    def plan(self, scenarios: list[str]) -> None:
        """Ask for scenarios; each runs once, however many processes ask.

        Args:
            scenarios: Their names, the most wanted first.
        """
        scenario_directory = self.directory / "scenarios"
        scenario_directory.mkdir(mode=0o700, exist_ok=True)
        spec = {
            "call": "zenml_conformance.lab.scenarios:play",
            "payload": {
                "directory": str(scenario_directory),
                "template": str(self.directory / "template"),
                "session": self._session,
            },
            "environment": store.machine_environment(self.directory / "home"),
            "cwd": str(self.directory / "cwd"),
            "log": str(self.directory / "scenario.log"),
            "session": self._session,
        }
        self.engine.request("plan", names=scenarios, spec=spec)

    def evidence(self, scenario: str) -> Evidence:
        """Wait for a scenario's evidence.

        Args:
            scenario: Its name.

        Returns:
            The evidence; broken when the scenario's process left none.
        """
        if scenario not in self._evidence:
            self.plan([scenario])
            answer = self.engine.request(
                "await_scenario",
                patience=SCENARIO_SECONDS + 10,
                name=scenario,
                timeout=SCENARIO_SECONDS,
            )
            path = self.directory / "scenarios" / f"{scenario}.json"
            if path.exists():
                self._evidence[scenario] = Evidence.model_validate_json(path.read_text())
            else:
                log = path.with_suffix(".log")
                words = log.read_text()[-2000:] if log.exists() else ""
                self._evidence[scenario] = Evidence(
                    scenario=scenario,
                    simulated=False,
                    broken=f"its process ended with {answer['code']} and left nothing\n{words}",
                )
        return self._evidence[scenario]

    def close(self) -> None:
        """End the engine, if this process started it."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(Path(self.engine.socket_path).parent, ignore_errors=True)
