"""The suite works from an installed wheel, which has everything that it needs."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from commands import environment, run_pytest

DISTRIBUTION = Path(__file__).parents[1]


def test_installed_from_a_wheel(tmp_path: Path) -> None:
    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            cwd=DISTRIBUTION,
            env=environment(tmp_path / "home"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", str(python)),
        *("install", "--quiet", "--no-deps", "--no-index", str(wheel)),
    )
    # Everything else comes from the environment of this test; its editable installs do not,
    # for Python reads no .pth files there.
    (site_packages,) = (tmp_path / "venv" / "lib").glob("*/site-packages")
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    done = run_pytest(
        tmp_path,
        *("--orchestrator=reference", "--conformance-rules=PKG-4", "--trace-config"),
        "--conformance-report=report",
        python=python,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert str(site_packages / "zenml_conformance" / "plugin.py") in done.stdout
    assert (tmp_path / "report" / "report.html").exists()
    assert (site_packages / "zenml_conformance" / "report" / "report.schema.json").exists()
