"""Generate a project and judge it on a version of ZenML, as the nightly workflow does.

    python tools/judge_on.py --zenml 0.96.0 --pattern in_process -- --conformance-rules=quick

What follows `--` goes to pytest. `python tools/zenml_versions.py --list` names versions. This needs
cookiecutter, and leaves nothing but the report.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATTERNS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["backend_pattern"]


def judge(zenml: str, pattern: str, arguments: list[str], scratch: Path) -> int:
    """Judge a new project, in a new virtual environment with one version of ZenML.

    Args:
        zenml: The version.
        pattern: The project's backend pattern.
        arguments: What pytest is given besides.
        scratch: An empty directory.

    Returns:
        What pytest exits with.

    Raises:
        CalledProcessError: If the project can't be made or installed.
    """
    home = scratch / "home"
    home.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ZENML_")},
        "HOME": str(home),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(ROOT / ".cache" / "pip")),
        "ZENML_ANALYTICS_OPT_IN": "false",
    }

    def run(*command: str, folder: Path = scratch) -> None:
        subprocess.run(command, cwd=folder, env=environment, check=True)

    answers = f"backend_pattern={pattern}"
    generate = (
        "-m",
        "cookiecutter",
        "--no-input",
        "--output-dir",
        str(scratch),
        str(ROOT),
        answers,
    )
    run(sys.executable, *generate)
    (project,) = scratch.glob("zenml-*")
    run(sys.executable, "-m", "venv", "venv")
    python = str(scratch / "venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    install = (python, "-m", "pip", "install", "--quiet", f"zenml[local]=={zenml}", "-e", ".")
    run(*install, "--group", "dev", folder=project)
    found = (python, "-c", "import sys, zenml; assert zenml.__version__ == sys.argv[1]", zenml)
    run(*found, folder=project)
    return subprocess.run(
        [python, "-m", "pytest", *arguments], cwd=project, env=environment
    ).returncode


def main() -> None:
    """Judge; exit as pytest does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--zenml", required=True, help="the version")
    parser.add_argument("--pattern", required=True, choices=PATTERNS)
    parser.add_argument("--report", type=Path, help="a directory for the suite's report")
    parser.add_argument("arguments", nargs="*", help="for pytest")
    options = parser.parse_args()
    arguments: list[str] = options.arguments
    if options.report:
        arguments = [f"--conformance-report={options.report.resolve()}", *arguments]
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(judge(options.zenml, options.pattern, arguments, Path(scratch)))


if __name__ == "__main__":
    main()
