"""What a fork server imports, and so what a step finds in its process when its work begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from zenml.integrations.registry import integration_registry

from zenml_conformance.core.warm_start import PROGRAM, is_possible

# Imports it with everything watched that it asks of the interpreter.
WATCHED = """
import json, os, sys, threading

modules, variables = set(), set()

class Watch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        modules.add(name.partition(".")[0])

def read(environment, name, get=os._Environ.__getitem__):
    variables.add(os.fsdecode(name))
    return get(environment, name)

sys.meta_path.insert(0, Watch)
os._Environ.__getitem__ = read
import zenml_conformance.core.preloaded
os._Environ.__getitem__ = os._Environ.__getitem__.__defaults__[0]

from zenml_conformance.core import warm_start
from zenml.config.global_config import GlobalConfiguration

print(json.dumps({
    "modules": sorted(modules),
    "read": sorted(set(variables) - set(warm_start.read_at_start(dict.fromkeys(variables)))),
    "threads": [thread.name for thread in threading.enumerate()],
    "files": len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 4,
    "configuration": str(GlobalConfiguration.get_instance()),
}))
"""

# Libraries whose modules are called something else than they are.
CALLED = {"scikit-learn": "sklearn", "pillow": "PIL", "opencv-python": "cv2", "pytorch": "torch"}

USUAL = {"joblib", "numpy", "pandas", "scipy", "torch", "tensorflow", "polars", "matplotlib"}


@pytest.fixture(scope="module", params=["sql", "rest"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the import has done, with either kind of store."""
    environment = {**os.environ, "ZENML_STORE_TYPE": request.param}
    environment["ZENML_CONFIG_PATH"] = str(tmp_path_factory.mktemp("zenml") / "none")
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert not Path(environment["ZENML_CONFIG_PATH"]).exists()
    return json.loads(done.stdout.splitlines()[-1])


def test_no_library_of_a_user_is_imported(seen: Any) -> None:
    """It might keep random numbers, threads, or what it has read from the environment.

    An attempt counts, so the test does not depend on what is installed.
    """
    # ZenML's own dependencies; Paramiko, which one of them, docker-py, always looks for; and pytz,
    # which Babel looks for, if it is there for SQLAlchemy-Utils, another one.
    needed = {Requirement(text).name.lower() for text in requires("zenml") or ()}
    needed |= {"asyncio", "paramiko", "pytz"}
    libraries = set(USUAL)
    for integration in integration_registry.integrations.values():
        names = {Requirement(text).name.lower() for text in integration.get_requirements()}
        libraries |= {CALLED.get(name, name.replace("-", "_")) for name in names - needed}
    assert len(libraries) > 50
    assert libraries & {*seen["modules"]} == set()


def test_what_counts_as_read_later_is_not_read(seen: Any) -> None:
    """Jobs that are forked differ in these variables. This module itself asks for one of them."""
    assert set(seen["read"]) <= {"ZENML_STORE_TYPE"}


def test_nothing_is_left_that_a_fork_would_lose(seen: Any) -> None:
    """No thread, no open file (beside that which lists them), and no configuration of ZenML's."""
    assert seen["threads"] == ["MainThread"]
    assert seen["files"] <= 4
    assert seen["configuration"] == "None"


COMMAND = (sys.executable, "-m", PROGRAM, "zenml.entrypoints.entrypoint")
INHERITED = {"HOME": "/home/me", "ZENML_STORE_API_TOKEN": "old", "ZENML_STORE_URL": "https://a"}


@pytest.mark.parametrize(
    ("changes", "forked"),
    [
        ({}, True),
        ({"ZENML_STORE_API_TOKEN": "new", "ZENML_ACME_RUN_ID": "1"}, True),
        ({"CUDA_VISIBLE_DEVICES": "1", "OLDPWD": "/", "_": "/usr/bin/make"}, True),
        *[
            ({name: "1"}, False)
            for name in (
                *("HOME", "ANY_OTHER", "SKLEARN_ASSUME_FINITE", "HF_HOME", "TMPDIR", "MPLBACKEND"),
                *("PYTHONHASHSEED", "LD_PRELOAD", "ZENML_LOGGING_VERBOSITY"),
            )
        ],
        ({"HOME": None}, False),
    ],
)
def test_who_gets_a_new_interpreter(changes: dict[str, str | None], forked: bool) -> None:
    """A job with any variable that something may have read, or looked for in vain."""
    wanted = {**INHERITED, **changes}
    environment = {name: value for name, value in wanted.items() if value is not None}
    assert is_possible(COMMAND, environment, INHERITED) == forked


@pytest.mark.parametrize(
    "command", [("/bin/true",), (sys.executable, "-c", "1"), (sys.executable, "-m", "venv", "x")]
)
def test_other_programs_get_a_new_interpreter(command: tuple[str, ...]) -> None:
    """They may not want ZenML at all."""
    assert not is_possible(command, INHERITED, INHERITED)
