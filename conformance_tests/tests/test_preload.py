"""What the engine does once in place of all its processes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from zenml.environment import Environment, get_run_environment_dict

from zenml_conformance.engine import preload, session


def test_an_environment_without_pip_and_uv_has_no_list_of_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def fail() -> list[str]:
        asked.append(1)
        raise RuntimeError("Neither uv nor pip was found in your environment.")

    monkeypatch.setattr(Environment, "get_python_packages", staticmethod(fail))
    preload._remember_packages()
    for _ in range(2):
        assert "python_packages" not in get_run_environment_dict()
    assert len(asked) == 1


def test_the_list_of_packages_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = iter([["zenml==1"]])
    monkeypatch.setattr(Environment, "get_python_packages", staticmethod(lambda: next(lists)))
    preload._remember_packages()
    for _ in range(2):
        assert get_run_environment_dict()["python_packages"] == "zenml==1"


def test_the_scenarios_are_not_imported_before_an_environment_is_there() -> None:
    """Their steps note the environment that they were imported in."""
    modules = [*preload.MODULES, session.INJECT.partition(":")[0]]
    code = f"import sys, {', '.join(m for m in modules if m.startswith('zenml_conformance'))}\n"
    code += "print('zenml_conformance.scenarios.shared.probes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
