"""`zenml-conformance forecast`: two versions of ZenML, one orchestrator.

Environments take minutes and an index, so the one that runs these tests stands for both, and what
is judged in it is real. That the commands which make environments work was tried by hand.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from samples import report
from zenml_conformance.command import Refusal, forecast, main
from zenml_conformance.command.environments import make_environment
from zenml_conformance.command.project import Project
from zenml_conformance.contract.rule import Status
from zenml_conformance.report import matrix
from zenml_conformance.report.model import Environment, Report, read

OLD, NEW = "0.97.0", "0.98.0"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose own pytest options would stop pytest here."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[tool.pytest.ini_options]\naddopts = "--cov=nothing '
        '--orchestrator-config synchronous=true --orchestrator reference -n 7"\n'
    )
    return directory


def with_zenml(made: Report, version: str) -> Report:
    environment = made.environment.model_dump() | {"zenml": version}
    return made.model_copy(update={"environment": Environment(**environment)})


def test_judged_in_both(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Nothing changes, and nothing is left in the project."""
    made = []

    def this_one(version: str, wanted: list[str], directory: Path) -> Path:
        made.append((version, wanted))
        return Path(sys.executable)

    monkeypatch.setattr(forecast, "make_environment", this_one)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense")
    kept = tmp_path / "kept"
    given = ["--zenml", OLD, NEW, "--rules", "PKG-4", "--report", str(kept)]
    assert main(["forecast", str(project), *given]) == 0
    assert made == [(OLD, [str(project)]), (NEW, [str(project)])]
    said = capfd.readouterr()
    assert f"0 of 1 rules change from ZenML {OLD} to {NEW}, 0 of them for the worse." in said.out
    assert f"ZenML {NEW}: judging" in said.err
    assert [rule.id for rule in read(kept / NEW / "report.json").rules] == ["PKG-4"]
    assert [path.name for path in project.iterdir()] == ["pyproject.toml"]

    assert main(["forecast", str(project), *given, "--rules", "NOSUCH"]) == 2
    said = capfd.readouterr()
    assert "can't be judged. pytest says:\n" in said.err and "NOSUCH" in said.err


def test_what_changes_is_shown(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Through the matrix that `compare` draws; a rule that gets better is no failure."""
    reports = {
        OLD: with_zenml(report(tmp_path, {"RES-1": Status.FAILED}), OLD),
        NEW: with_zenml(report(tmp_path, {"STOP-1": Status.FAILED}), NEW),
    }
    monkeypatch.setattr(forecast, "make_environment", lambda *_: Path(sys.executable))
    monkeypatch.setattr(forecast, "judge_in", lambda *given: reports[given[-1].name])
    assert main(["forecast", str(project), "--zenml", OLD, NEW]) == 1
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines()]
    assert ["RES-1", "MUST", "broken", "holds"] in rows
    assert ["STOP-1", "MUST", "holds", "broken"] in rows
    assert not any(row[:1] == ["SUB-1"] for row in rows)
    assert "a reason of STOP-1" in said and "a reason of RES-1" not in said
    assert "2 of " in said and "1 of them for the worse" in said
    table = matrix.of([*reports.values()])
    assert [name.rpartition(", ")[2] for name in table.names] == [f"ZenML {OLD}", f"ZenML {NEW}"]

    del reports[OLD]
    reports[OLD] = with_zenml(report(tmp_path, {"RES-1": Status.FAILED}), OLD)
    reports[NEW] = with_zenml(report(tmp_path), NEW)
    assert main(["forecast", str(project), "--zenml", OLD, NEW]) == 0


@pytest.mark.parametrize("uv", [True, False])
@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            "ERROR: Could not find a version that satisfies the requirement zenml[local]==0.97.99\n"
            "ERROR: No matching distribution found for zenml[local]==0.97.99",
            "--zenml 0.97.99: there is no such version in the package index.",
        ),
        (
            "  No solution found when resolving dependencies:\n  Because there is no version "
            "of zenml[local]==0.97.99 and you require it, ...",
            "--zenml 0.97.99: there is no such version in the package index.",
        ),
        ("line\n" * 99 + "ERROR: ResolutionImpossible", "says:\nline\n"),
    ],
)
def test_what_can_not_be_installed(
    uv: bool, output: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands are of the tool that is there; what they say is told in short."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        failed = "install" in command
        return subprocess.CompletedProcess(command, int(failed), output if failed else "")

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if uv else None)
    with pytest.raises(Refusal) as refusal:
        make_environment("0.97.99", [str(tmp_path / "project")], tmp_path / "environment")
    assert message in refusal.value.message
    assert len(refusal.value.message.splitlines()) < 20
    create, install = commands
    assert (create[0] == "/bin/uv") == (install[0] == "/bin/uv") == uv
    assert {"zenml[local]==0.97.99", str(tmp_path / "project")} <= set(install)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("nonsense", "is no TOML"),
        ("[tool.pytest.ini_options]\naddopts = '-q'\n", "does not name an orchestrator"),
        ('[tool.pytest.ini_options]\naddopts = "\'"\n', "addopts: No closing quotation"),
    ],
)
def test_a_project_that_names_nothing(settings: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(settings)
    with pytest.raises(Refusal) as refusal:
        Project.read(tmp_path).judging_options(None)
    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("orchestrator = 'a:B'", "a:B"),
        ("addopts = ['-q', '--orchestrator=a:B', '--conformance-strict']", "a:B"),
        ("addopts = '--prove --orchestrator a:B -x'", "a:B"),
        ("addopts = 7", None),
    ],
)
def test_what_a_project_names(settings: str, expected: str | None, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{settings}\n")
    project = Project.read(tmp_path)
    assert project.orchestrator == expected
    if expected:
        assert project.judging_options(None)[-1] == f"--orchestrator={expected}"
        assert "-x" not in project.judging_options(None)
