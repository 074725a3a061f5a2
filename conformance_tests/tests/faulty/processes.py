"""Faults of a step's process. `make` starts it: the fake backend can't show what others start."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import ClassVar

from zenml.config.global_config import GlobalConfiguration

from faulty.fault import MAKEFILE, breaks_foreign
from faulty.launchers import LATER
from makefile.orchestrator import MakefileOrchestrator


class Launched(MakefileOrchestrator):
    """Steps are run by one of the wrong ways of `launchers`."""

    way: ClassVar[str]

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        option, *module = command
        super().write(file, [option, "faulty.launchers", self.way, *module], environment)


@breaks_foreign(MAKEFILE, "PROC-1", "PROC-4", "PROC-6", "PROC-9")
class SameSeed(Launched):
    """Steps inherit random numbers, a limit and an ignored signal; exit codes are trusted."""

    way = "seeded"
    driver = "faulty.trusting_driver"

    def recipe(self, file: Path) -> str:
        return f"ulimit -S -n 128; trap '' HUP; {super().recipe(file)}"


@breaks_foreign(MAKEFILE, "PROC-2", "PROC-7")
class VariablesAfterImports(Launched):
    """A step's variables are set when ZenML has been imported; a pipe of others is open."""

    way = "late"

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        later = file.with_suffix(".later")
        later.touch(mode=0o600)
        later.write_text(json.dumps(environment))
        super().write(file, command, {LATER: str(later)})


@breaks_foreign(MAKEFILE, "PROC-3", "PROC-8")
class EndsAtOnce(Launched):
    """A process ends without its threads and exit hooks; what it reads never ends."""

    way = "cut_short"

    def recipe(self, file: Path) -> str:
        fifo = shlex.quote(f"{file}.fifo")
        return f"mkfifo {fifo}; exec 0<>{fifo}; {super().recipe(file)}"


@breaks_foreign(MAKEFILE, "PROC-8")
class ReadsLogsAsText(MakefileOrchestrator):
    """What steps have printed is shown in the client, as if all of it were text."""

    def recipe(self, file: Path) -> str:
        return f"exec >{shlex.quote(f'{file}.log')}; {super().recipe(file)}"

    def wait_for(self, driver: subprocess.Popen[bytes]) -> None:
        super().wait_for(driver)
        for log in Path(GlobalConfiguration().local_stores_path, "makefiles").glob("*/*.log"):
            log.read_text(encoding="utf-8")


@breaks_foreign(MAKEFILE, "PROC-5", "PROC-7")
class RunsStepsInDaemons(Launched):
    """A step runs in a daemon of `multiprocessing`, which may have no children, and has a pipe."""

    way = "daemon"


@breaks_foreign(MAKEFILE, "PROC-5", "PROC-6")
class IgnoresChildren(Launched):
    """SIGCHLD is ignored, so that the ends of processes go unnoticed."""

    way = "childless"
