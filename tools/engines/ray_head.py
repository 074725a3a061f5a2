"""The head of a Ray cluster, on loopback."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from engine import HOME, Daemon, Engine, EngineError, end, free_ports, run, socket_path, wait_for

PORTS = (
    "--port",
    "--dashboard-port",
    "--ray-client-server-port",
    "--node-manager-port",
    "--object-manager-port",
    "--runtime-env-agent-port",
    "--dashboard-agent-listen-port",
    "--dashboard-agent-grpc-port",
    "--metrics-export-port",
)
"""Those that Ray would otherwise take, or share with another Ray on this machine."""

RESOURCES = (
    "--num-cpus=4",
    "--num-gpus=2",
    f"--memory={8 * 10**9}",
    f"--object-store-memory={512 * 1024**2}",
    f"--resources={json.dumps({'accelerator_type:A100': 2})}",
)
"""What it is told that it has. Ray counts these, and checks none."""

SESSION = "session_2000-01-01_00-00-00_000000_0000000/sockets/dash_MetricsHead"
"""How the longest of its sockets is called."""

PROBE = """
import ray
ray.init(log_to_driver=False, logging_level="error")
print(ray.get(ray.remote(num_cpus=1)(lambda: 6 * 7).remote(), timeout=60))
"""


class Ray(Engine):
    """The head: everything that Ray starts on one node."""

    name = "ray"

    def __init__(self, home: Path = HOME) -> None:
        """Describe the head.

        Args:
            home: The directory of all engines.
        """
        super().__init__(home)
        self.head = Daemon(self.home, "head")
        # As all clients', or Ray refuses them.
        self.python = Path(sys.executable)

    @property
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""
        return (self.head,)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead to it: for `ray.init`, and for `ray job`."""
        ports = json.loads(self._ports.read_text(encoding="utf-8"))
        return {
            "RAY_ADDRESS": f"127.0.0.2:{ports['--port']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._token),
            "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{ports['--dashboard-port']}",
        }

    def up(self) -> None:
        """Start the head.

        Raises:
            EngineError: If it does not come up.
        """
        temporary = socket_path(self.home / "t" / SESSION).parents[2]
        self.home.mkdir(parents=True, exist_ok=True)
        if self.head.process() is None:
            self._clear()
            shutil.rmtree(temporary, ignore_errors=True)
            ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
            self._token.touch(mode=0o600)
            self._token.write_text(secrets.token_hex(32), encoding="ascii")
            self._ports.write_text(json.dumps(ports), encoding="utf-8")
            self.head.start(
                *(self.python.with_name("ray"), "start", "--head", "--block"),
                *("--node-ip-address=127.0.0.2", "--dashboard-host=127.0.0.1"),
                *(f"{option}={port}" for option, port in ports.items()),
                *("--min-worker-port=0", "--max-worker-port=0"),
                *RESOURCES,
                *("--disable-usage-stats", f"--temp-dir={temporary}"),
                environment={**self._mark, **self.environment()},
            )
        wait_for("Ray to answer", self._answers, [self.head], seconds=90)

    def check(self) -> str:
        """Run a task.

        Raises:
            EngineError: If it does not return what it should.
        """
        answer = run(self.python, "-c", PROBE, environment=self.environment(), seconds=120)
        if answer.split()[-1:] != ["42"]:
            raise EngineError(f"a task should have returned 42, and returned: {answer}")
        return "a task ran"

    def down(self) -> None:
        """Stop the head, its workers, and the jobs that were submitted to it.

        Raises:
            EngineError: If a process stays.
        """
        head = self.head.process()
        family = head.children(recursive=True) if head else []
        self.head.stop()
        end(family)
        self._clear()

    @property
    def _token(self) -> Path:
        return self.home / "token"

    @property
    def _ports(self) -> Path:
        return self.home / "ports.json"

    @property
    def _mark(self) -> dict[str, str]:
        """A variable that all of Ray's processes inherit."""
        return {"ZENML_KIT_RAY": str(self.home)}

    def _answers(self) -> None:
        address = self.environment()["RAY_ADDRESS"]
        run(
            *(self.python.with_name("ray"), "health-check", f"--address={address}"),
            environment=self.environment(),
            seconds=30,
        )

    def _clear(self) -> None:
        """End what is left of a head that was killed."""
        mark = self._mark.items()
        left = []
        for process in psutil.process_iter():
            try:
                if mark <= process.environ().items():
                    left.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        end(left)
