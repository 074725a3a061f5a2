"""Dependencies for systems whose jobs can wait until others have ended, but not for their success.

A backend for such a system (Grid Engine: `qsub -hold_jid`) submits what `ExitCodes.submission`
gives it in place of the job's own command: a private script, which sets the environment and becomes
this program,

    python -m PACKAGE.core.after_ended DIRECTORY NAME SIGNAL NEEDED... -- COMMAND...

It starts the command if all of the needed jobs have succeeded, has it ended when the system says
so, and keeps its exit code where later jobs find it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .scripts import private_script, script_path

if TYPE_CHECKING:
    # It imports ZenML, which takes longer than all that the program of a job does.
    from .jobs import Job, JobState

NOT_STARTED = 125
"""The exit code of a job whose command was not started because a needed job has not succeeded."""

NOT_FOUND = 127
"""The exit code of a job whose command could not be started."""


class ExitCodes:
    """The exit codes of jobs, each in a file, which outlives what the system remembers of the job.

    Jobs are known by their names (`Job.name`). A backend whose ids are others makes the name a part
    of each id, so that any process can derive it from there.
    """

    def __init__(self, directory: Path, stop_signal: signal.Signals) -> None:
        """Point at the files.

        Args:
            directory: Where the files are, and the scripts of jobs that have not started; created
                for its owner alone if it does not exist. Machines that run jobs must see it under
                the same path.
            stop_signal: What the system sends to the process group of a job some time before
                SIGKILL. If it is not SIGTERM, the command gets SIGTERM instead.
        """
        self.directory = directory.absolute()
        self.stop_signal = stop_signal

    @contextmanager
    def submission(
        self, job: Job, depends_on: Sequence[str] | None = None
    ) -> Iterator[tuple[str, str]]:
        """Enclose the submission of a job; give the command to submit, without an environment.

        Should the system refuse the job, or have no room for it, no script is left. After an outage
        (`UnavailableError`) it stays, since the system may have taken the job.

        Args:
            job: The job.
            depends_on: The names of the jobs that come first, if `Job.depends_on` holds other ids.

        Raises:
            ValueError: If a shell can't set a variable of the environment because of its name.
        """
        from .jobs import NoRoomError, UnavailableError

        needed = job.depends_on if depends_on is None else depends_on
        program = (
            *("python" if job.image else sys.executable, "-m", __name__),
            *(str(self.directory), job.name, self.stop_signal.name),
            *(needed if job.start_when == "succeeded" else ()),
        )
        wrapped = replace(job, command=(*program, "--", *job.command))
        script = private_script(wrapped, self.directory)
        try:
            yield "sh", str(script)
        except BaseException as error:
            is_refused = isinstance(error, NoRoomError) or not isinstance(error, UnavailableError)
            if is_refused:
                self.discard_script(job.name)
            raise

    def state(self, name: str) -> JobState:
        """Say how a job has ended that the system does not know any more.

        Returns:
            `UNKNOWN` if it was killed or cancelled, or has never started.
        """
        from .jobs import JobState

        code = self.read(name)
        if code is None:
            return JobState.UNKNOWN
        return JobState.SUCCEEDED if code == 0 else JobState.FAILED

    def discard_script(self, name: str) -> None:
        """Remove the script of a job that was cancelled: if it has not started, it never will."""
        script_path(self.directory, name).unlink(missing_ok=True)

    def read(self, name: str) -> int | None:
        """Return the exit code of a job, negative after a signal; None if there is none."""
        try:
            return int(self._file(name).read_text())
        except FileNotFoundError:
            return None

    def write(self, name: str, code: int) -> None:
        """Keep the exit code of a job."""
        partial = self._file(name).with_suffix(".partial")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(str(code))
        partial.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self.directory / f"{name}.exit"


def main() -> None:
    """Be the program of a job."""
    directory, name, stop_signal, *words = sys.argv[1:]
    needed, command = words[: words.index("--")], words[words.index("--") + 1 :]
    exit_codes = ExitCodes(Path(directory), signal.Signals[stop_signal])
    if missing := [job for job in needed if exit_codes.read(job) != 0]:
        print(f"Not started: {', '.join(missing)} has not succeeded.", file=sys.stderr)
        code = NOT_STARTED
    else:
        code = run(command, exit_codes.stop_signal)
    exit_codes.write(name, code)
    # Some codes have a meaning of their own: Grid Engine starts a job that ends with 99 once more.
    sys.exit(0 if code == 0 else 1)


def run(command: Sequence[str], stop_signal: signal.Signals) -> int:
    """Run the command of a job; return its exit code, negative after a signal.

    The command stays in the job's process group, so that SIGKILL reaches it and all it has started.
    """

    def become_command() -> None:
        # Sent to the whole group, these would end the command before it hears of SIGTERM. Grid
        # Engine sends SIGUSR1, too, before it suspends a job.
        for number in {stop_signal, signal.SIGUSR1, signal.SIGUSR2} - {signal.SIGTERM}:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    watched = {signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, stop_signal}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # What is ignored can't be waited for.
    try:
        process = subprocess.Popen(command, preexec_fn=become_command)
    except OSError as error:
        print(f"Not started: {error}", file=sys.stderr)
        return NOT_FOUND
    # The command has got SIGTERM from the system itself, and a second one would interrupt it while
    # it ends.
    is_told = stop_signal == signal.SIGTERM
    while (code := process.poll()) is None:
        if signal.sigwait(watched) == stop_signal and not is_told:
            is_told = True
            process.terminate()
    return code


if __name__ == "__main__":
    main()
