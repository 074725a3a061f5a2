"""Faults of a step's process. `make` starts it: the fake backend can't show what others start."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import ClassVar

from faulty.fault import MAKEFILE, breaks_foreign
from faulty.launchers import LATER
from makefile.orchestrator import MakefileOrchestrator


class Launched(MakefileOrchestrator):
    """Steps are run by one of the wrong ways of `launchers`."""

    way: ClassVar[str]

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        option, *module = command
        super().write(file, [option, "faulty.launchers", self.way, *module], environment)


@breaks_foreign(MAKEFILE, "PROC-1")
class SameSeed(Launched):
    """Steps inherit the state of a random generator."""

    way = "seeded"


@breaks_foreign(MAKEFILE, "PROC-2")
class VariablesAfterImports(Launched):
    """A step's variables are set when ZenML has been imported."""

    way = "late"

    def write(self, file: Path, command: list[str], environment: dict[str, str]) -> None:
        later = file.with_suffix(".later")
        later.touch(mode=0o600)
        later.write_text(json.dumps(environment))
        super().write(file, command, {LATER: str(later)})


@breaks_foreign(MAKEFILE, "PROC-3")
class EndsAtOnce(Launched):
    """A step's process ends without waiting for threads, and without exit hooks."""

    way = "cut_short"


@breaks_foreign(MAKEFILE, "PROC-4")
class TrustsExitCodes(MakefileOrchestrator):
    """Steps whose processes end with 0 are left as they are."""

    driver = "faulty.trusting_driver"


@breaks_foreign(MAKEFILE, "PROC-5")
class RunsStepsInDaemons(Launched):
    """A step runs in a daemon of `multiprocessing`, which may have no children."""

    way = "daemon"


@breaks_foreign(MAKEFILE, "PROC-5", "PROC-6")
class IgnoresChildren(Launched):
    """SIGCHLD is ignored, so that the ends of processes go unnoticed."""

    way = "childless"


@breaks_foreign(MAKEFILE, "PROC-6")
class IgnoresHangups(MakefileOrchestrator):
    """SIGHUP is ignored in everything that a step starts."""

    def recipe(self, file: Path) -> str:
        return f"trap '' HUP; {super().recipe(file)}"


@breaks_foreign(MAKEFILE, "PROC-7")
class LeavesPipesOpen(Launched):
    """Steps inherit a pipe."""

    way = "with_pipe"


@breaks_foreign(MAKEFILE, "PROC-8")
class EndlessInput(MakefileOrchestrator):
    """Standard input never ends."""

    def recipe(self, file: Path) -> str:
        fifo = shlex.quote(f"{file}.fifo")
        return f"mkfifo {fifo}; exec 0<>{fifo}; {super().recipe(file)}"


@breaks_foreign(MAKEFILE, "PROC-9")
class PrivateFiles(MakefileOrchestrator):
    """Files that steps make can be read by their user alone."""

    def recipe(self, file: Path) -> str:
        return f"umask 077; {super().recipe(file)}"


@breaks_foreign(MAKEFILE, "PROC-9")
class FewFiles(MakefileOrchestrator):
    """Steps may open few files."""

    def recipe(self, file: Path) -> str:
        return f"ulimit -S -n 128; {super().recipe(file)}"
