"""The demonstration: from this template to a judged orchestrator, as a new user would do it.

    make demo

Uses nothing but Python's standard library, and leaves nothing outside `.demo`. What a step has
done once (an environment, a registration) it does not do again.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
PROJECT = DEMO / "zenml-acme-orchestrator"
BIN = DEMO / "venv" / "bin"
STEPS = 7


class Failed(Exception):
    """A command of the demonstration ended badly. Its output has been shown."""


class Demonstration:
    """Runs commands one after the other, and says what it does."""

    def __init__(self) -> None:
        """Make the directories, and the environment of a new user: an empty home, no ZenML."""
        for folder in ("home", "logs", "reports"):
            (DEMO / folder).mkdir(parents=True, exist_ok=True)
        self.number = 0
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ZENML_", "PY"))}
        self.environment = {
            **inherited,
            "HOME": str(DEMO / "home"),
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(ROOT / ".cache" / "pip")),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_CONFIG_PATH": str(DEMO / "zenml"),
        }

    def step(self, title: str) -> None:
        """Announce what comes next.

        Args:
            title: A few words.
        """
        self.number += 1
        print(f"\n[{self.number}/{STEPS}] {title}", flush=True)

    def run(
        self, *command: str, folder: Path = PROJECT, show: int = 0, fails_when_done: bool = False
    ) -> None:
        """Run a command, its output in a log.

        Args:
            *command: Program and arguments.
            folder: Where to run it.
            show: How many of the last lines of its output to show; -1: all, as they come.
            fails_when_done: It fails, harmlessly, when it has been run before.

        Raises:
            Failed: If it fails.
        """
        print(f"  $ {shlex.join(command)}", flush=True)
        began = time.monotonic()
        log = DEMO / "logs" / f"{self.number}-{Path(command[0]).name}.log"
        lines = []
        with (
            subprocess.Popen(
                command,
                cwd=folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
            log.open("a") as output,
        ):
            for line in process.stdout or ():
                output.write(line)
                lines.append(line.rstrip())
                if show < 0:
                    print("  " + line, end="", flush=True)
        failed = process.returncode != 0 and not fails_when_done
        tail = [line for line in lines if line.strip()][-(40 if failed else max(show, 0)) :]
        if tail and (failed or show > 0):
            print("\n".join(f"    {line}" for line in tail))
        if failed:
            raise Failed(f"`{shlex.join(command)}` ended with {process.returncode}; see {log}")
        print(f"  ({time.monotonic() - began:.1f} s)", flush=True)


def demonstrate() -> None:
    """Generate, install, register, run, judge."""
    demo = Demonstration()

    demo.step("A virtual environment with cookiecutter")
    if not (BIN / "cookiecutter").exists():
        demo.run(sys.executable, "-m", "venv", "--clear", str(BIN.parent), folder=DEMO)
        demo.run(str(BIN / "pip"), "install", "-q", "pip>=25.1", "cookiecutter>=2.6", folder=DEMO)

    demo.step("Generate a project")
    # Generated beside and then moved over, so that an environment that points to it stays good.
    fresh = DEMO / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    demo.run("cookiecutter", "--no-input", str(ROOT), "--output-dir", str(fresh), folder=DEMO)
    shutil.rmtree(PROJECT, ignore_errors=True)
    (fresh / PROJECT.name).rename(PROJECT)

    demo.step("Install it, with what its tests and examples need")
    stamp = BIN.parent / "installed"
    wanted = _newest(ROOT / "conformance_tests" / "src", PROJECT / "pyproject.toml")
    if not stamp.exists() or stamp.read_text() != wanted:
        demo.run("pip", "install", "-q", "--editable", ".[examples]", "--group", "dev")
        demo.run("pip", "install", "-q", "--force-reinstall", "--no-deps", _suite())
        stamp.write_text(wanted)

    demo.step("Register its flavor, an orchestrator and a stack")
    flavor = "zenml_acme_orchestrator.flavor.AcmeOrchestratorFlavor"
    done = (DEMO / "zenml").exists()
    demo.run("zenml", "orchestrator", "flavor", "register", flavor, fails_when_done=done)
    demo.run("zenml", "orchestrator", "register", "acme", "--flavor", "acme", fails_when_done=done)
    demo.run(
        *("zenml", "stack", "register", "acme", "-o", "acme", "-a", "default"),
        fails_when_done=done,
    )
    demo.run("zenml", "stack", "set", "acme", show=1)

    demo.step("Run the first example: load and process")
    demo.run("python", "examples/load_and_process.py", show=4)

    demo.step("Run the second: four models on handwritten digits, in parallel")
    demo.run("python", "examples/digits.py", show=6)

    demo.step("Judge the orchestrator")
    report = DEMO / "reports" / "conformance.xml"
    demo.run("pytest", "-q", f"--junitxml={report}", show=-1)

    print(f"\nThe project: {PROJECT}\nThe report:  {report}\nThe logs:    {DEMO / 'logs'}")


def _suite() -> str:
    return str(ROOT / "conformance_tests")


def _newest(folder: Path, *files: Path) -> str:
    """Tell whether what was installed is still what is there."""
    times = [path.stat().st_mtime_ns for path in folder.rglob("*.py")]
    return f"{max(times)} " + " ".join(path.read_text() for path in files)


def main() -> int:
    """Run the demonstration.

    Returns:
        The exit code.
    """
    try:
        demonstrate()
    except Failed as failure:
        print(f"\nThe demonstration ended early: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
