"""Every command of the documentation is run: here, or in the test that is named for it, or not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]

RUN = ("command.md", r"zenml-conformance (rules|explain) .*|zenml-conformance rules")
"""These are run by `test_run_here`."""

IN_A_PROJECT = "tests/test_readme.py follows a project's README, which has the same"
AN_ENGINE = "needs an engine: tests/test_conformance.py runs the pattern on one"
A_CLUSTER = "needs a cluster or a registry"
OPTIONS = "conformance_tests/tests/test_options.py, and others by subject: the option"
RUNS = "RUN stands for a run: tests/core/test_stopping.py"

ELSEWHERE: list[tuple[str, str, str]] = [
    # Page, or * for all; what a command looks like; where it is run, or why it is not.
    ("*", r"cookiecutter --no-input .*", "tests/test_generated.py generates every pattern"),
    ("*", r"cd \S+|git init|zenml init|pip install -e .*|pytest", IN_A_PROJECT),
    ("*", r"zenml (orchestrator( flavor)?|stack) register .*", IN_A_PROJECT),
    ("*", r"zenml orchestrator update .*", "a field of a component: ZenML's own command"),
    ("*", r"python examples/\w+\.py", f"{IN_A_PROJECT}, or {AN_ENGINE}"),
    ("*", r"docker (build|push) .*|kubectl .*", A_CLUSTER),
    ("*", r"pytest --conformance-tier=live", AN_ENGINE),
    ("*", r"zenml pipeline runs (stop|refresh) RUN", RUNS),
    ("*", r"zenml login .*", "needs a server: tests/test_zenml_server.py works on one"),
    ("*", r"pip install path/of/this/repository/conformance_tests", "tests/test_suite_address.py"),
    ("*", r"pytest --orchestrator=(\.\.\.|…|your_package\S*)( .*)?", OPTIONS),
    ("*", r"make engines|set -a; \. \.engines/environment; set \+a", "tests/test_engines.py"),
    ("README.md", r"make (demo|test) .*", ".ci/run"),
    ("CONTRIBUTING.md", r"make .*|\.venv/bin/.*", ".ci/run, or a part of what it runs"),
    ("README.md", r"pip install .*\[new\]\"", "tests/test_new_from_wheel.py"),
    ("README.md", r"(copier copy|cookiecutter) .*", "tests/test_identity.py asks as little"),
    ("README.md", r"pytest --orchestrator=local .*", "conformance_tests/tests/test_zenml_local.py"),
    ("*", r"zenml-conformance new .*", "conformance_tests/tests/test_new.py"),
    ("command.md", r"(uvx|pipx) .*", "the same; both fetch the suite from an index"),
    ("command.md", r"zenml-conformance doctor .*", "conformance_tests/tests/test_doctor.py"),
    ("command.md", r"zenml-conformance judge .*", "conformance_tests/tests/test_command.py"),
    ("*", r"zenml-conformance compare .*", "conformance_tests/tests/test_compare.py"),
    ("command.md", r"zenml-conformance forecast .*", "conformance_tests/tests/test_forecast.py"),
    ("command.md", r".*_ZENML_CONFORMANCE_COMPLETE.*", "conformance_tests/tests/test_command.py"),
    ("engines.md", r"sudo make engines(-down)? .*", "tests/test_engines.py"),
    ("engines.md", r"sbatch .*", "tests/test_engines.py"),
    ("engines.md", r"\.venv/bin/python tools/engines .*", "tests/test_engines.py"),
    (
        "judge-an-orchestrator.md",
        r"pytest --orchestrator=acme_batch:AcmeBatchFlavor .*",
        "tests/test_verdicts.py",
    ),
    ("secrets.md", r"zenml secret create .*", "ZenML's own command, with a password of the reader"),
    ("schedules.md", r"zenml pipeline schedule .*", "needs a scheduler: tests/test_kubernetes.py"),
    ("slurm.md", r"\.venv/bin/python -m benchmarks .*", "a benchmark, which takes minutes"),
    ("kubernetes.md", r"\.venv/bin/python -m benchmarks .*", "a benchmark, which takes minutes"),
    (
        "update-a-project.md",
        r"(copier|cruft) update .*|git .*|made=.*|package=.*|modules=.*|ruff .*|mypy",
        "tests/test_updates.py, with tests/team.py",
    ),
    ("tutorial.md", r".*", "tests/test_tutorial.py follows the page"),
    ("write-a-backend.md", r"tsp .*", "tests/test_engines.py runs the example on Task Spooler"),
    ("zenml-orchestrators.md", r".*", "tests/test_zenml_orchestrators.py, as far as it goes here"),
    ("zenml-server.md", r"export .*|pip install .*", "tests/test_zenml_server.py"),
    ("zenml-server.md", r"pytest .*--conformance-store=.*", "tests/test_zenml_server.py"),
]


def commands(page: Path) -> list[str]:
    """Return what a page has its reader type, each on one line."""
    found = []
    for block in re.findall(r"^ *```console\n(.*?)^ *```$", page.read_text("utf-8"), re.M | re.S):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if line.lstrip().startswith("$ "):
                found.append(line.lstrip().removeprefix("$ "))
    return found


def entries(page: Path, command: str) -> list[tuple[str, str]]:
    """Return the entries that speak of a command, without what they say."""
    return [
        (where, pattern)
        for where, pattern in [RUN, *((where, pattern) for where, pattern, _ in ELSEWHERE)]
        if where in ("*", page.name) and re.fullmatch(pattern, command)
    ]


def in_words(command: str) -> str:
    """Return a command without its comment."""
    return command.partition("    #")[0].rstrip()


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_is_accounted_for(page: Path) -> None:
    """It is run here, or its entry says where it is run, or why not."""
    assert [command for command in commands(page) if not entries(page, command)] == []


def test_entries_are_true() -> None:
    """None has outlived its command, and the tests that they name are there."""
    used = {
        entry for page in DOCS for command in commands(page) for entry in entries(page, command)
    }
    assert [entry for *entry, _ in ELSEWHERE if tuple(entry) not in used] == []
    named = {name for *_, said in ELSEWHERE for name in re.findall(r"[\w/]*tests/\w+\.py", said)}
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_run_here(tmp_path: Path) -> None:
    """These commands need nothing but the suite."""
    page = ROOT / "docs" / RUN[0]
    lines = [in_words(line) for line in commands(page) if re.fullmatch(RUN[1], line)]
    assert len(lines) == 4
    for line in lines:
        arguments = line.split()[1:]
        done = subprocess.run(
            [sys.executable, "-m", "zenml_conformance", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 and "STOP-1" in done.stdout, done.stdout + done.stderr


def test_harness_on_the_page(tmp_path: Path) -> None:
    """What the guide to harnesses shows is a module, imports included."""
    text = (ROOT / "docs" / "judge-an-orchestrator.md").read_text("utf-8")
    text = text.partition("## Write a harness\n")[2]
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    methods = [block for block in blocks if block.startswith("def ")]
    module = [block for block in blocks if block not in methods]
    module += [
        "class More(AcmeBatchHarness):",
        *(re.sub(r"^(?=.)", "    ", method, flags=re.M) for method in methods),
        "assert More().config()['image'] == More().image() == 'acme/steps:1'",
        "assert More().components()['container_registry'].flavor == 'default'",
    ]
    (tmp_path / "harness.py").write_text("\n".join(module), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "harness.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
