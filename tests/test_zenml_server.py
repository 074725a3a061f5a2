"""A generated project on a real ZenML server, as a team uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engines import Engines, flavor_of
from real_engine import leave_out

URL, KEY_FILE = "ZENML_KIT_SERVER_URL", "ZENML_KIT_SERVER_KEY_FILE"
"""Where `make engines` says where its server is."""

PIPELINES = """
import sys
import time

from zenml import pipeline, step
from zenml.client import Client


@step
def give() -> int:
    return 1


@step
def add(value: int) -> int:
    return value + 1


@step
def wait() -> None:
    time.sleep(600)


@pipeline(dynamic=True, enable_cache=False)
def dynamic() -> None:
    total = give()
    for _ in range(2):
        total = add(total)


@pipeline(enable_cache=False)
def slow() -> None:
    wait()


if __name__ == "__main__":
    run = {"dynamic": dynamic, "slow": slow}[sys.argv[1]]()
    print(Client().get_pipeline_run(run.id).status)
"""

STOP = """
import sys
import time

from zenml.client import Client
from zenml.utils.run_utils import refresh_run_status, stop_run

client, deadline = Client(), time.monotonic() + 120


def last():
    runs = client.list_pipeline_runs(pipeline="slow", stack=sys.argv[1], hydrate=True).items
    return runs[0] if runs else None


while not (run := last()) or "running" not in [step.status for step in run.steps.values()]:
    assert time.monotonic() < deadline, f"no step runs: {run}"
    time.sleep(0.5)
assert refresh_run_status(run, include_step_updates=True).status == "running"
stop_run(last())
print(last().status, *(step.status for step in last().steps.values()))
"""


class Desk:
    """A user of the server, with a project that is not installed."""

    def __init__(self, project: Path, home: Path) -> None:
        """Log in.

        Args:
            project: The project.
            home: The user's home directory, which is empty.
        """
        self.project = project
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ZENML_")},
            "HOME": str(home),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(project / "src"),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_STORE_URL": os.environ[URL],
            "ZENML_STORE_API_KEY": Path(os.environ[KEY_FILE]).read_text(encoding="ascii"),
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Type a command, and do not wait."""
        return subprocess.Popen(
            command,
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str) -> str:
        """Type a command; fail with what it prints, or return that."""
        process = self.start(*command)
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, printed
        return printed


def test_a_team_s_day(engines: Engines, tmp_path: Path) -> None:
    """Registered on the server, `local` runs the examples and a dynamic pipeline there.

    What is slow is stopped by somebody with another home and another directory.
    """
    if URL not in os.environ:
        leave_out(f"there is no ZenML server, or {URL} does not say so (make engines)")
    name = f"acme{os.getpid()}"  # The server stays, with all that is registered there.
    package = f"zenml-{name}-orchestrator"
    project = engines.cookiecutter(tmp_path, package_name=package, backend_pattern="local")
    (project / "pipelines.py").write_text(PIPELINES)
    (tmp_path / "stop.py").write_text(STOP)
    desk, elsewhere = Desk(project, tmp_path / "home"), Desk(tmp_path, tmp_path / "elsewhere")
    for home in (desk.home, elsewhere.home):
        home.mkdir()
    elsewhere.environment["PYTHONPATH"] = str(project / "src")
    source = ".".join(flavor_of(project))
    desk.run("zenml", "init")
    desk.run("zenml", "orchestrator", "flavor", "register", source)
    desk.run("zenml", "orchestrator", "register", name, "--flavor", name)
    desk.run("zenml", "stack", "register", name, "-o", name, "-a", "default", "--set")
    for example in ("load_and_process", "digits"):
        assert "completed" in desk.run("python", f"examples/{example}.py")
    assert desk.run("python", "pipelines.py", "dynamic").split()[-1] == "completed"

    slow = desk.start("python", "pipelines.py", "slow")
    try:
        assert elsewhere.run("python", "stop.py", name).split()[-2:] == ["stopped", "stopped"]
        slow.communicate(timeout=60)
    finally:
        slow.kill()
        slow.communicate()
