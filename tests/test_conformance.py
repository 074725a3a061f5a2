"""A generated orchestrator breaks no rule of the suite, whatever its pattern.

Patterns that have no engine are judged where their READMEs are followed (tests/test_readme.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import kubernetes_namespace
from emulated_kfp import EmulatedKfp, serving
from engines import EVERY_RULE, PATTERNS, ROOT, TREE, Engines, flavor_of
from grid_engine import GridEngine
from real_engine import ENGINES, leave_out, need_engine
from zenml_conformance.contract.rule import Tier
from zenml_conformance.report.model import read

LIVE = ("--conformance-tier=live", "--conformance-patience=120")
"""A job may wait for its start for long on a machine that is busy with other tests."""


OF_ENGINES = (
    "SUB-1,SUB-5,SUB-6,SUB-8,SUB-10,SUB-11,RUNID-1,RUNID-2,RUNID-4,DAG-1,DAG-2,DAG-4,DAG-5,ENV,APP,"
    "PROC,SRV-2,SRV-5,META,LOG,DEAD-1,DEAD-4,DEAD-6,RES,STAT-1,STAT-2,STAT-3,STAT-5,STOP-1,STOP-2,"
    "STOP-4,STOP-5,STOP-6,DYN-1,ISO-1"
)
"""The rules that depend on what starts a job, and that an engine can show.

All others are about the core, which is the same in every pattern: `local` is judged by them on its
own backend. So are those for which a backend has to refuse jobs, lose them or keep them in its
queue, which engines can't be made to do: they would be judged on the fake backend once more. The
suite's own tests judge all of them with a ZenML server as the store.
"""


FEW = "SUB-1,RUNID-1,DAG-1,DAG-2,ENV-1,ENV-3,ENV-4,DEAD-1,RES-2,STOP-2,DYN-1"

OF_ONE_ENGINE = {
    "docker": FEW,
    "aws_batch": FEW,
    "kubeflow": "DAG-3,MODE-4,ENV-1,STOP-1,ISO-1",
}
"""Fewer rules, for patterns whose steps are containers, as those of `kubernetes` are: those that
their own code is in."""

STEPS_IMAGE = "zenml-kit-steps:1"


@contextmanager
def surroundings(pattern: str, project: Path) -> Iterator[dict[str, str]]:
    """Provide what a judgement on an engine needs besides the engine.

    Args:
        pattern: The pattern.
        project: The project, for jobs that have to see it.

    Yields:
        Variables.
    """
    if pattern == "kubernetes":
        with kubernetes_namespace.namespace(project) as name:
            yield {"LIVE_IMAGE": STEPS_IMAGE, "LIVE_NAMESPACE": name}
        return
    if pattern != "kubeflow":
        yield {"LIVE_IMAGE": STEPS_IMAGE}
        return
    suite = ROOT / "conformance_tests"
    # The core of the suite is a link into the template.
    kfp = EmulatedKfp(
        volumes=[str(path) for path in (project, suite, ROOT / TREE, tempfile.gettempdir())],
        environment={"PYTHONPATH": os.pathsep.join([str(project / "src"), str(suite / "src")])},
    )
    with serving(kfp) as address:
        yield {"KF_PIPELINES_ENDPOINT": address, "LIVE_IMAGE": STEPS_IMAGE}


def judge(
    project: Path,
    *options: str,
    environment: dict[str, str] | None = None,
    within: Sequence[str] = (),
) -> str:
    """Judge a project's orchestrator; fail with the verdict unless all is green.

    Args:
        project: The project, which need not be installed.
        *options: More options for pytest.
        environment: Variables that the orchestrator's own backend needs.
        within: What the command line begins with.

    Returns:
        What pytest printed.
    """
    module, name = flavor_of(project)
    done = subprocess.run(
        [
            *(*within, sys.executable, "-m", "pytest", "-q", "-o", "addopts="),
            *(f"--orchestrator={module}:{name}", *options),
        ],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src"), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("pattern", [p for p in ENGINES if ENGINES[p] not in os.environ])
def test_without_its_engine(pattern: str, engines: Engines, tmp_path: Path) -> None:
    """On the fake backend, where the engine is not running."""
    project = engines.cookiecutter(tmp_path, backend_pattern=pattern)
    verdict = judge(project)
    assert "\nCONFORMANT: " in verdict
    assert "simulated tier" in verdict


def test_local_on_its_own_backend(engines: Engines, tmp_path: Path) -> None:
    """`local` with real processes on this machine."""
    project = engines.cookiecutter(tmp_path, backend_pattern="local")
    verdict = judge(project, *LIVE)
    assert "\nCONFORMANT: " in verdict
    assert "\nshown live: " in verdict


@pytest.mark.parametrize("pattern", ENGINES)
def test_on_its_engine(pattern: str, engines: Engines, tmp_path: Path) -> None:
    """On the real engine, and on ZenML servers; what it can't be made to show, on the fake backend.

    `local` is judged on files: each kind of store, each topology and each engine is judged once.
    """
    need_engine(pattern)
    project = engines.cookiecutter(tmp_path, backend_pattern=pattern)
    every_rule = EVERY_RULE in os.environ
    rules = OF_ONE_ENGINE.get(pattern, OF_ENGINES)
    with surroundings(pattern, project) as environment:
        verdict = judge(
            project,
            *LIVE,
            "--conformance-store=server",
            "--conformance-report=report",
            *(() if every_rule else (f"--conformance-rules={rules}",)),
            environment=environment,
        )
    assert not every_rule or "\nCONFORMANT: " in verdict
    shown = Counter(rule.tier for rule in read(project / "report" / "report.json").rules)
    assert shown[Tier.LIVE] > shown[Tier.SIMULATED]


def test_what_only_the_engine_knows(engines: Engines, tmp_path: Path) -> None:
    """A backend that confuses units submits jobs that look well; Slurm's own record does not."""
    need_engine("slurm")
    project = engines.cookiecutter(tmp_path, backend_pattern="slurm")
    (options,) = project.glob("src/*/sbatch_options.py")
    before, words, after = options.read_text().partition("job.memory // MEBIBYTE")
    assert words
    options.write_text(f"{before}job.memory // 10**6{after}")
    with pytest.raises(AssertionError, match="'memory_700mb' asked for memory='700MB'"):
        judge(project, *LIVE, "--conformance-rules=RES-2")


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p.startswith("custom_")])
def test_schedules(pattern: str, engines: Engines, tmp_path: Path) -> None:
    """A project that says that its backend has schedules keeps them, in either topology."""
    project = engines.cookiecutter(tmp_path, backend_pattern=pattern)
    (config,) = project.glob("src/*/config.py")
    before, is_schedulable, after = config.read_text().partition("def is_schedulable")
    assert "return False" in after
    config.write_text(before + is_schedulable + after.replace("return False", "return True", 1))
    (orchestrator,) = project.glob("src/*/orchestrator.py")
    orchestrator.write_text(
        orchestrator.read_text()
        .replace("jobs import JobBackend", "schedules import ScheduledRuns, SchedulingBackend")
        .replace("(DynamicPipelines)", "(ScheduledRuns, DynamicPipelines)")
        .replace("-> JobBackend", "-> SchedulingBackend")
    )
    verdict = judge(project, "--conformance-rules=SCHED,SUB-3,SUB-7")
    assert " skipped" not in verdict  # As it would be if the schedules had not been noticed.


def test_custom_backend_says_that_it_is_empty(engines: Engines, tmp_path: Path) -> None:
    """A backend that nobody has filled in is red on the live tier, and says what to write."""
    project = engines.cookiecutter(tmp_path, backend_pattern="custom_coordinator")
    with pytest.raises(AssertionError, match="`submit` is not written yet"):
        judge(project, "--conformance-tier=live", "--conformance-rules=SUB-1")


EXAMPLE_RULES = ("--conformance-rules=RUNID-1,DAG-1,DAG-2,ENV-1,ENV-3,DEAD-1,STOP-2,DYN-1",)
"""Not all of the live tier: a job of a real queue imports ZenML for itself, which costs seconds."""


def example(engines: Engines, folder: Path, name: str, pattern: str, flavor: str) -> Path:
    """Put the backend of an example into a new project, which stays in order.

    Args:
        engines: The engines.
        folder: Where to put the project.
        name: The example.
        pattern: The pattern of the project.
        flavor: What its orchestrator is called.

    Returns:
        The project.
    """
    package = f"zenml-{flavor}-orchestrator"
    project = engines.cookiecutter(folder, package_name=package, backend_pattern=pattern)
    backend = ROOT / "examples" / name / "backend.py"
    shutil.copy(backend, project / "src" / package.replace("-", "_"))
    for command in (
        ("ruff", "check", "src"),
        ("ruff", "format", "--check", "src"),
        ("mypy", "src"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=project, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def spooler(tmp_path: Path) -> dict[str, str]:
    """A queue of Task Spooler's own, with four slots; the variables that lead to it."""
    if shutil.which("tsp") is None:
        leave_out("Task Spooler is not installed (apt-get install task-spooler)")
    return {"TS_SOCKET": str(tmp_path / "queue"), "TS_SLOTS": "4", "TMPDIR": str(tmp_path)}


def test_task_spooler(engines: Engines, spooler: dict[str, str], tmp_path: Path) -> None:
    """The example of a coordinator runs as it is on the real Task Spooler."""
    project = example(engines, tmp_path, "task_spooler", "custom_coordinator", "spool")
    try:
        judge(project, *LIVE, *EXAMPLE_RULES, environment=spooler)
    finally:
        for queue in ("", "-control"):
            socket = spooler["TS_SOCKET"] + queue
            subprocess.run(["tsp", "-K"], env={**os.environ, "TS_SOCKET": socket}, check=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[GridEngine]:
    """A Grid Engine cluster of this test's own, with four slots."""
    if not GridEngine.is_installed():
        leave_out(
            "Grid Engine is not installed, or the user is not root (apt-get install "
            "gridengine-master gridengine-exec gridengine-client iproute2)"
        )
    cluster = GridEngine(tmp_path / "cluster")
    try:
        cluster.up(slots=4)
        yield cluster
    finally:
        cluster.down()


def test_grid_engine(engines: Engines, cluster: GridEngine, tmp_path: Path) -> None:
    """The example of a native DAG runs on a real Grid Engine, which knows only "has ended"."""
    project = example(engines, tmp_path, "grid_engine", "custom_native_dag", "grid")
    (backend,) = project.glob("src/*/backend.py")
    # Jobs get their home directory from the system's list of users, and not this test's.
    before, directory, after = backend.read_text().partition('Path.home() / "zenml_jobs"')
    assert directory
    backend.write_text(f"{before}Path({str(tmp_path / 'jobs')!r}){after}")
    judge(project, *LIVE, *EXAMPLE_RULES, environment=cluster.environment, within=cluster.within)
    assert not list((tmp_path / "jobs").glob("*.sh"))  # ZenML's token was in them.
