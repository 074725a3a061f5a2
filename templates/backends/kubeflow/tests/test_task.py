"""How a task of a run ends, which Kubeflow draws its conclusions from."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from example_pkg import task
from example_pkg.core.jobs import FINALIZER, STEP


def run(
    monkeypatch: pytest.MonkeyPatch, role: str, outcome: BaseException | None = None
) -> list[str]:
    """Be a task whose program ends so; return the arguments that it has got."""
    got: list[str] = []

    def program() -> None:
        got.extend(sys.argv)
        if outcome:
            raise outcome

    module = ModuleType("a_program")
    module.__dict__["main"] = program
    monkeypatch.setitem(sys.modules, "a_program", module)
    snapshot = "00000000-0000-4000-8000-000000000000"
    monkeypatch.setattr(sys, "argv", ["task", role, "a_program", "--snapshot_id", snapshot])
    task.main()
    return got


def test_a_failed_step_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its log says why it is green."""
    run(monkeypatch, STEP, RuntimeError("no convergence"))
    printed = capsys.readouterr().err
    assert "RuntimeError: no convergence" in printed
    assert "as ZenML knows" in printed
    assert run(monkeypatch, STEP)[:2] == ["a_program", "--snapshot_id"]


def test_a_step_that_is_told_to_end_has_not_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor has one that is interrupted."""
    for end in (SystemExit(143), KeyboardInterrupt()):
        with pytest.raises(type(end)):
            run(monkeypatch, STEP, end)


@pytest.mark.parametrize("failed", [True, False])
def test_the_finalizer_ends_as_the_run_has(monkeypatch: pytest.MonkeyPatch, failed: bool) -> None:
    """So that Kubeflow shows it."""
    status = SimpleNamespace(is_failed=failed, value="failed")
    found = SimpleNamespace(name="a-run", status=status)
    monkeypatch.setattr(task, "find_run", lambda snapshot_id, run_id: found)
    monkeypatch.setattr(task, "read_run_id", lambda: "an-id")
    if failed:
        with pytest.raises(SystemExit, match="a-run is failed"):
            run(monkeypatch, FINALIZER)
    else:
        run(monkeypatch, FINALIZER)
