"""A generated README, followed to the letter by a user who has nothing yet."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engines import AWKWARD_TEXTS, EVERY_RULE, NAMES, PATTERNS, ROOT, Engines
from real_engine import ENGINES

NEEDS_ENGINE = "needs an engine: tests/test_conformance.py and test_zenml_server.py run pipelines"
NEEDS_CLUSTER = "needs a cluster: tests/test_kubeflow.py has an emulated KFP API"
EXAMPLES = (r"python examples/load_and_process\.py .*", r"python examples/digits\.py .*")
LEFT_OUT: list[tuple[str, str, str]] = [
    # Pattern, or * for all; what a line looks like; why it is not run.
    ("slurm", "squeue .*", NEEDS_ENGINE),
    ("kubernetes", "kubectl .*", NEEDS_ENGINE),
    ("kubernetes", "docker (build|push) .*", NEEDS_ENGINE),
    ("kubernetes", ".* -a REMOTE_ARTIFACT_STORE --set", "needs an artifact store of the reader's"),
    ("kubernetes", "LIVE_IMAGE=.* pytest --conformance-tier=live", NEEDS_ENGINE),
    ("kubeflow", "docker (build|push) .*", NEEDS_CLUSTER),
    ("kubeflow", "zenml service-account create .*", "needs a server"),
    ("kubeflow", "kubectl .*", NEEDS_CLUSTER),
    ("kubeflow", "KF_PIPELINES_ENDPOINT=.* pytest --conformance-tier=live", NEEDS_CLUSTER),
    *(
        (pattern, line, NEEDS_ENGINE)
        for pattern in ("docker", "aws_batch")
        for line in ("docker build .*", "LIVE_IMAGE=.* pytest --conformance-tier=live")
    ),
    ("aws_batch", "aws batch .*", "needs an account"),
    *((pattern, line, NEEDS_ENGINE) for pattern in ENGINES for line in EXAMPLES),
    *(
        (pattern, line, "the README says that `backend.py` has to be written before")
        for pattern in ("custom_coordinator", "custom_native_dag")
        for line in EXAMPLES
    ),
    (
        "*",
        "zenml pipeline runs stop .*",
        "RUN stands for a run: tests/core/test_stopping.py",
    ),
    (
        "*",
        "zenml pipeline runs refresh .*",
        "RUN stands for a run: tests/core/test_stopping.py, too",
    ),
    ("*", "uv (venv|pip) .*", "the same environment as pip's: tests/test_workflows.py resolves it"),
    ("*", "zenml login .*", "needs a server: tests/test_zenml_server.py works on one"),
    ("*", "pytest -n auto .*", "the same as `pytest`, on all cores"),
    *(
        (pattern, "pytest   .*", "the tests, which are run alone, and the suite")
        for pattern in PATTERNS
        if pattern != "in_process"
    ),
    *(
        (pattern, "pytest --orchestrator=.*", "takes minutes: tests/test_conformance.py does it")
        for pattern in PATTERNS
        if not pattern.startswith("custom_")  # Those are judged here.
    ),
    ("in_process", "pytest -o addopts= .*", "is part of `pytest`, which this pattern runs"),
    ("*", "copier update .*", "needs a newer template: tests/test_updates.py"),
    ("*", "cruft update .*", "needs a newer template: tests/test_updates.py"),
]

OF_PROJECTS = "quick,SET,STAT,DYN-1,ISO-1"
"""The rules that depend on what a project has of its own. All others are about the core, and the
suite's own tests judge that by all of them: in both topologies, on the same fake backend."""

NOTHING_BUT_THE_CORE = ("custom_coordinator", "custom_native_dag", "local")
"""Patterns in which the other rules are about nothing that is not judged elsewhere.

In the custom ones nothing is written yet; tests/test_conformance.py judges `local` on its own
backend by all rules, and on the fake one there is nothing of `local` to see.
"""


def judge_less(settings: Path) -> None:
    """Have a project be judged by the rules that depend on it.

    Args:
        settings: Its `pyproject.toml`.
    """
    heading = "[tool.pytest.ini_options]\n"
    before, found, after = settings.read_text().partition(heading)
    assert found
    settings.write_text(f'{before}{heading}conformance_rules = "{OF_PROJECTS}"\n{after}')


def reasons(pattern: str, line: str) -> list[str]:
    """Say why a line is not run; empty if it is."""
    return [
        reason
        for where, left_out, reason in LEFT_OUT
        if where in ("*", pattern) and re.fullmatch(left_out, line)
    ]


def commands(readme: str) -> list[str]:
    """Return what a page has its reader type."""
    blocks = re.findall(r"^```console\n(.*?)^```$", readme, re.M | re.S)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def contents(*folders: Path) -> dict[Path, bytes]:
    """Return every file below folders."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}


def follow(project: Path, home: Path, lines: list[str]) -> str:
    """Type lines in a terminal; fail with what it shows at the first that fails, or return that."""
    kept = ("LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    environment = {
        **{k: v for k, v in os.environ.items() if k in kept or k.startswith(("PIP_", "http"))},
        "HOME": str(home),
        "PATH": os.pathsep.join([f"{sys.base_prefix}/bin", os.environ["PATH"]]),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(ROOT / ".cache" / "pip")),
        "ZENML_ANALYTICS_OPT_IN": "false",
    }
    done = subprocess.run(
        ["bash", "-evc", "\n".join(lines)],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one project after the other is made, always under the same name.

    Each README makes a virtual environment `.venv` and fills it. It stays for the next one, which
    then has only the project itself to install: that saves a minute for each pattern.
    """
    return tmp_path_factory.mktemp("desk")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_followed_to_the_letter(pattern: str, engines: Engines, desk: Path, tmp_path: Path) -> None:
    """All works in this order, and no test touches the stack that the user has chosen."""
    answers = {**NAMES["longest"], **AWKWARD_TEXTS}
    fresh = engines.cookiecutter(tmp_path, **answers, backend_pattern=pattern)
    project = desk / fresh.name
    if project.exists():
        shutil.move(project / ".venv", fresh)
        shutil.rmtree(project)
    shutil.move(fresh, project)
    # The template of these tests is a copy without the suite.
    settings = project / "pyproject.toml"
    here = (ROOT / "conformance_tests").as_uri()
    missing = (Path(engines.template) / "conformance_tests").as_uri()
    settings.write_text(settings.read_text().replace(missing, here))
    if is_judged_less := pattern in NOTHING_BUT_THE_CORE and EVERY_RULE not in os.environ:
        judge_less(settings)

    page, heading, rest = (project / "README.md").read_text().partition("## Judge\n")
    assert heading
    home = tmp_path / "home"
    home.mkdir()
    follow(project, home, [line for line in commands(page) if not reasons(pattern, line)])
    before = contents(project / ".zen", home / ".config")
    assert {path.name for path in before} >= {"config.yaml", "zenml.db"}

    tests = [line for line in commands(heading + rest) if not reasons(pattern, line)]
    assert tests
    shown = follow(project, home, [". .venv/bin/activate", *tests])
    if any("suite" in line for line in tests):
        verdict = "INCONCLUSIVE (SELECTED RULES ONLY)" if is_judged_less else "CONFORMANT"
        assert f"\n{verdict}: " in shown
    after = contents(project / ".zen", home / ".config")
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()


def test_what_is_left_out_is_there(engines: Engines, tmp_path: Path) -> None:
    """No entry of the list has outlived its line."""
    lines = {}
    for pattern in PATTERNS:
        project = engines.cookiecutter(tmp_path / pattern, backend_pattern=pattern)
        lines[pattern] = commands((project / "README.md").read_text())
    for where, left_out, _ in LEFT_OUT:
        candidates = [*itertools.chain(*lines.values())] if where == "*" else lines[where]
        assert any(re.fullmatch(left_out, line) for line in candidates), (where, left_out)
