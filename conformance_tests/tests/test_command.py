"""The command `zenml-conformance`: its group, and the commands that need nothing around them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import zenml_conformance
from commands import environment
from zenml_conformance.command import COMMANDS, main
from zenml_conformance.contract.rules import RULES
from zenml_conformance.contract.selection import select

PROGRAM = Path(sys.executable).with_name("zenml-conformance")
MODULE = [sys.executable, "-m", "zenml_conformance"]


def run(*command: str | Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in an environment without anything of the user's."""
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(directory / "home"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("command", "name"), [([PROGRAM], "zenml-conformance"), (MODULE, "python -m zenml_conformance")]
)
def test_help_names_the_program_as_it_was_started(
    command: list[str | Path], name: str, tmp_path: Path
) -> None:
    done = run(*command, "--help", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: {name} [OPTIONS] COMMAND")
    for command_name, sentence in COMMANDS.items():
        assert f"{command_name} " in done.stdout and sentence in done.stdout
    wrong = run(*command, "explian", directory=tmp_path)
    assert wrong.returncode == 2
    assert f"Try '{name} --help'" in wrong.stderr and "Did you mean 'explain'?" in wrong.stderr


SLOW = ["zenml", "copier", "jinja2", "rich", "zenml_conformance.contract.rules"]
COMMAND = "zenml_conformance.command"


@pytest.mark.parametrize(
    ("code", "slow"),
    [
        # Completion asks for the help at each press of a key.
        (f"from {COMMAND} import main; main(['--help'])", [*SLOW, f"{COMMAND}.new"]),
        # Every pytest session of an environment has the plugin.
        ("import zenml_conformance.plugin", [*SLOW, "click", COMMAND]),
    ],
)
def test_what_is_slow_is_not_imported(code: str, slow: list[str], tmp_path: Path) -> None:
    program = f"import sys\n{code}\nprint([name for name in {slow} if name in sys.modules])"
    done = run(sys.executable, "-c", program, directory=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_that_begins_with_its_sentence(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    sentence = COMMANDS[name].rstrip(".")
    assert sentence in " ".join(said.split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"zenml-conformance {zenml_conformance.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, tmp_path: Path) -> None:
    """As docs/command.md has it."""
    variables = {"_ZENML_CONFORMANCE_COMPLETE": f"{shell}_source"}
    done = subprocess.run(
        [PROGRAM], env={**environment(tmp_path / "home"), **variables}, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    if shell == "bash" and "version" in done.stderr.lower():
        pytest.skip(done.stderr)
    assert "_ZENML_CONFORMANCE_COMPLETE" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["explain", "SUB-99"], "SUB-99"),
        (["explain", "SUB-1", "\x1b[31m"], "\\x1b[31m"),
        (["rules", "--area", "NOSUCH"], "--area=NOSUCH"),
        (["compare", "nosuch.json"], "nosuch.json"),
        (["judge", "reference", "--tier", "dead"], "'dead'"),
        (["forecast", ".", "--zenml", "one", "0.98.0"], "--zenml one"),
        (["forecast", ".", "--zenml", "0.98.0", "1.0"], "--zenml 1.0"),
        (["forecast", ".", "--zenml", "0.98", "0.98.0"], "--zenml 0.98 0.98.0"),
        (["forecast", ".", "--zenml", "0.97.0", "0.98.0"], ". is no project"),
        (["forecast", "nosuch", "--zenml", "0.97.0", "0.98.0"], "'nosuch'"),
        (["doctor", "nosuch"], "'nosuch'"),
        (["new", "--pattern", "nosuch"], "--pattern=nosuch"),
        (["new", "--answer", "nosuch=1"], "--answer=nosuch=1"),
        (["new", "--answer", "license=GPL"], "--answer=license=GPL"),
        (["new", "--pattern", "ray", "--answer", "backend_pattern=slurm"], "--pattern=ray"),
        (["new", "--defaults", "--answer", "flavor=class"], 'Got: "class"'),
        (["new", "--defaults", "--answer", "package_name=../a"], 'Got: "../a"'),
        (["new", "--defaults", "--answer", "author={{ 7 * 7 }}"], 'Got: "{{ 7 * 7 }}"'),
    ],
)
def test_what_can_not_be_used_is_one_error_with_its_value(
    arguments: list[str],
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and value in errors[0]
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_rules_of_an_area(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--area", "stop", "--area", "SUB-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ids = [line.split()[0] for line in lines if "-" in line.split(" ")[0]]
    assert set(ids) == select(["STOP", "SUB-1"])


def test_rules_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)
    assert [rule["id"] for rule in rules] == [*RULES]
    assert rules[0]["why"] == next(iter(RULES.values())).why


def test_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """In full, with the places in ZenML that the rule rests on, and a command that shows it."""
    assert main(["explain", "stop-1", "SRV-1"]) == 0
    said = capsys.readouterr().out
    words = " ".join(said.split())
    for rule in (RULES["STOP-1"], RULES["SRV-1"]):
        for text in (f"{rule.id}: {rule.title}", rule.why, rule.fix):
            assert text in words
    assert "zenml.utils.run_utils.stop_run: zenml/utils/run_utils.py:" in said
    assert "--conformance-rules=SRV-1 --conformance-store=server" in said


def test_judged_as_pytest_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The suite's options have short names; what stands behind `--` is pytest's."""
    replaced: list[str] = []
    monkeypatch.setattr("os.execv", lambda program, command: replaced.extend(command))
    given = ["--rules", "PKG-4", "--tier", "live", "--config", "a=1", "--report", "report"]
    assert main(["judge", "acme:Flavor", *given, "--", "-x", "tests"]) == 0
    assert replaced == [
        *(sys.executable, "-m", "pytest", "--orchestrator=acme:Flavor", "--conformance-tier=live"),
        *("--conformance-rules=PKG-4", "--orchestrator-config=a=1", "--conformance-report=report"),
        *("-x", "tests"),
    ]


@pytest.mark.parametrize(
    ("behind", "status", "output"),
    [(["--explain", "PKG-4"], 0, RULES["PKG-4"].title), (["--nonsense"], 4, "--nonsense")],
)
def test_the_end_is_that_of_pytest(
    behind: list[str], status: int, output: str, tmp_path: Path
) -> None:
    """In a process of its own, which takes each of the options; test_forecast.py really judges."""
    given = ["--rules", "PKG-4", "--tier", "live", "--config", "a=1", "--report", "report"]
    done = run(PROGRAM, "judge", "reference", *given, "--", *behind, directory=tmp_path)
    assert done.returncode == status
    assert output in " ".join((done.stdout + done.stderr).split())
