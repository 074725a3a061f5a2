"""A generated project on a real ZenML server, as a team uses it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

import kubernetes_namespace
from engines import Engines, flavor_of
from real_engine import ENGINES, leave_out, need_engine

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
            "ZENML_STORE_API_KEY": key(),
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


@pytest.fixture
def url() -> str:
    """The server's address."""
    if URL not in os.environ:
        leave_out(f"there is no ZenML server, or {URL} does not say so (make engines)")
    return os.environ[URL]


def key() -> str:
    """The API key of the server's service account."""
    return Path(os.environ[KEY_FILE]).read_text(encoding="ascii")


def names(url: str) -> dict[str, set[str]]:
    """What the server has, but for what another test registers meanwhile."""
    form = {"password": key()}
    login = requests.post(f"{url}/api/v1/login", data=form, timeout=60).json()
    headers = {"Authorization": f"Bearer {login['access_token']}"}

    def all_of(kind: str, **of: Any) -> set[str]:
        answer = requests.get(
            f"{url}/api/v1/{kind}", params={"size": 1000, **of}, headers=headers, timeout=60
        )
        return {item["name"] for item in answer.json()["items"]}

    kinds = ("projects", "stacks", "components", "flavors")
    return {kind: {n for n in all_of(kind) if not n.startswith("acme")} for kind in kinds}


def test_the_suite_judges_on_it_and_leaves_nothing(url: str, tmp_path: Path) -> None:
    """Two workers, and rules that register another component, another flavor, another stack."""
    before = names(url)
    assert before["projects"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--orchestrator=reference"),
            f"--conformance-store={url}",
            "--conformance-rules=RUNID-1,STOP-1,RES-4,SET-1,SRV-1",
            "--conformance-report=report",
        ],
        cwd=tmp_path,
        env={**os.environ, "ZENML_STORE_API_KEY": key()},
        capture_output=True,
        text=True,
        timeout=400,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "on a ZenML server" in printed
    assert "4 passed, 1 skipped" in printed
    assert names(url) == before
    published = "".join(path.read_text() for path in (tmp_path / "report").iterdir())
    assert f"--conformance-store={url}" in published
    assert key() not in published + printed


def test_a_key_that_opens_nothing_is_refused(url: str, tmp_path: Path) -> None:
    """Before anything is judged, in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--orchestrator=reference", f"--conformance-store={url}"],
        cwd=tmp_path,
        env={**os.environ, "ZENML_STORE_API_KEY": "ZENKEY_of_nobody"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--conformance-store={url}: the login with the API key" in done.stderr
    assert "401" in done.stderr


@contextlib.contextmanager
def configured(pattern: str, project: Path) -> Iterator[list[str]]:
    """Yield the configuration that an orchestrator is registered with on this machine.

    Where steps run in containers, their image lacks the project alone.
    """
    module = project / "src" / flavor_of(project)[0].partition(".")[0]
    if pattern == "docker":
        volumes = json.dumps([f"{module}:/app/{module.name}:ro"])
        yield ["--image=zenml-kit-steps:1", f"--volumes={volumes}"]
    elif pattern == "kubernetes":
        with kubernetes_namespace.namespace(project) as name:
            yield kubernetes_namespace.on_this_machine(name, module)
    elif pattern == "aws_batch":
        yield on_emulated_aws(project, module.name)
    else:
        yield []


def on_emulated_aws(project: Path, module: str) -> list[str]:
    """Give the same for Batch: containers see what is missing, and the stores of all homes here."""
    site = Path(boto3.__file__).parents[1]
    stores = project.parents[1]
    shown = {str(stores): stores, f"/app/{module}": project / "src" / module}
    needed = ("boto3", "botocore", "jmespath", "s3transfer")
    shown |= {f"/app/{name}": site / name for name in needed}
    paths = enumerate(shown.items())
    volumes = [{"name": f"v{n}", "host": {"sourcePath": str(path)}} for n, (_, path) in paths]
    mounts = [
        {"sourceVolume": f"v{n}", "containerPath": target, "readOnly": target.startswith("/app/")}
        for n, target in enumerate(shown)
    ]
    properties = {"volumes": volumes, "mountPoints": mounts}
    role = "arn:aws:iam::123456789012:role/zenml"
    return [
        *("--queue=zenml", "--image=zenml-kit-steps:1", f"--execution_role={role}"),
        *("--poll_seconds=1", f"--container_properties={json.dumps(properties)}"),
    ]


@pytest.mark.parametrize("pattern", ["local", *(p for p in ENGINES if p != "kubeflow")])
def test_a_team_s_day(pattern: str, url: str, engines: Engines, tmp_path: Path) -> None:
    """Registered on the server, a project runs its examples and a dynamic pipeline on its engine.

    What is slow is stopped by somebody with another home and another directory.
    """
    need_engine(pattern)
    # The server stays, with all that is registered there.
    name = f"acme{pattern[:6]}{os.getpid()}"
    package = f"zenml-{name}-orchestrator"
    project = engines.cookiecutter(tmp_path, package_name=package, backend_pattern=pattern)
    (project / "pipelines.py").write_text(PIPELINES)
    (tmp_path / "stop.py").write_text(STOP)
    desk, elsewhere = Desk(project, tmp_path / "home"), Desk(tmp_path, tmp_path / "elsewhere")
    for home in (desk.home, elsewhere.home):
        home.mkdir()
    elsewhere.environment["PYTHONPATH"] = str(project / "src")
    source = ".".join(flavor_of(project))
    desk.run("zenml", "init")
    # As long as a user has not chosen, a server with more than one project gives them none.
    desk.run("zenml", "project", "register", f"{name}-other")
    for user in (desk, elsewhere):
        user.run("zenml", "project", "set", "default")
    desk.run("zenml", "orchestrator", "flavor", "register", source)
    with configured(pattern, project) as config:
        desk.run("zenml", "orchestrator", "register", name, "--flavor", name, *config)
        desk.run("zenml", "stack", "register", name, "-o", name, "-a", "default", "--set")
        # The image has no scikit-learn, which the second example needs.
        for example in ["load_and_process", *([] if config else ["digits"])]:
            assert "completed" in desk.run("python", f"examples/{example}.py")
        assert desk.run("python", "pipelines.py", "dynamic").split()[-1] == "completed"

        slow = desk.start("python", "pipelines.py", "slow")
        try:
            assert elsewhere.run("python", "stop.py", name).split()[-2:] == ["stopped", "stopped"]
            slow.communicate(timeout=60)
        finally:
            slow.kill()
            slow.communicate()
