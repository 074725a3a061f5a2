"""The user's own ZenML configuration is neither read nor touched, and jobs share none."""

from __future__ import annotations

import sys
from pathlib import Path

from commands import run_pytest
from zenml_conformance.context.evidence import Evidence
from zenml_conformance.engine.process import EngineProcess
from zenml_conformance.engine.session import Session
from zenml_conformance.fake_backend import FakeBackend, Job
from zenml_conformance.protocol import EngineClient
from zenml_conformance.store import machine_environment
from zenml_conformance.target.spec import TargetSpec

HOSTILE = {
    "ZENML_STORE_URL": "mysql://nobody:nothing@127.0.0.1:1/none",
    "ZENML_STORE_TYPE": "sql",
    "ZENML_ACTIVE_STACK_ID": "00000000-0000-0000-0000-000000000000",
    "ZENML_ACTIVE_PROJECT_ID": "00000000-0000-0000-0000-000000000000",
    "ZENML_PREVENT_CLIENT_SIDE_CACHING": "true",
    "ZENML_LOCAL_STORES_PATH": "/nonexistent",
    "ZENML_LOGGING_VERBOSITY": "nonsense",
}


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a directory, with its time and content.

    The cache of uv is uv's own: ZenML asks it for the packages of a run, where it is installed.
    """
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".cache/uv/" not in path.as_posix()
    }


def test_neither_read_nor_touched(tmp_path: Path) -> None:
    (tmp_path / ".zen").mkdir()
    (tmp_path / ".zen" / "config.yaml").write_text("active_stack_id: nonsense\n")
    home = tmp_path / "home"
    user = home / ".config" / "zenml"
    user.mkdir(parents=True)
    (user / "config.yaml").write_text("this is no configuration that ZenML could read: [\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.yaml").write_text("neither: is this\n")
    before = snapshot(home), snapshot(other), snapshot(tmp_path / ".zen")
    done = run_pytest(
        tmp_path,
        "--orchestrator=reference",
        "--conformance-rules=RUNID-1,RUNID-5",
        ZENML_CONFIG_PATH=str(other),
        **HOSTILE,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert (snapshot(home), snapshot(other), snapshot(tmp_path / ".zen")) == before
    (path,) = tmp_path.glob(".pytest_cache/d/conformance/*/scenarios/diamond.json")
    evidence = Evidence.read(path)
    values = {value for probe in evidence.probes for value in probe.environment_at_start.values()}
    assert evidence.probes
    assert not values.intersection([*HOSTILE.values(), str(other)])


def test_no_two_jobs_share_a_home(tmp_path: Path) -> None:
    """ZenML would write the same `config.yaml` in all of them, and who reads it meanwhile fails."""
    homes = tmp_path / "homes"
    write = Job(name="job", command=("sh", "-c", f"echo $HOME >> {homes}"), environment={})
    engine = EngineProcess([path for path in sys.path if path])
    try:
        session = Session(socket=engine.socket, target=TargetSpec(ref="reference"))
        EngineClient(engine.socket).request(
            "open_backend",
            name="backend",
            directory=str(tmp_path),
            environment=machine_environment(),
            faults={},
            session=session.model_dump(),
        )
        backend = FakeBackend(engine.socket, "backend")
        jobs = [backend.submit(write) for _ in range(2)]
        while running := [job for job in jobs if not backend.status(job).is_ended]:
            backend.wait_for_change(running, timeout=30)
    finally:
        engine.close()
    one, other = homes.read_text().splitlines()
    assert one != other
