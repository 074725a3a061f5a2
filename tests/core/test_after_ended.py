"""Jobs of a system that knows no more of a dependency than that it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest

from zenml_conformance.core.after_ended import ExitCodes
from zenml_conformance.core.jobs import Job, JobState, NoRoomError, UnavailableError

Start = Callable[[Sequence[str]], "subprocess.Popen[str]"]

TOKEN = "the-token"  # noqa: S105
UNTIL_TOLD = """
import os, signal, sys

def told(number, frame):
    # As a step that reports that it was stopped: a second SIGTERM would interrupt it.
    signal.signal(number, lambda *_: os._exit(3))
    print("told", flush=True)
    input()
    sys.exit(4)

signal.signal(signal.SIGTERM, told)
print("started", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def exit_codes(tmp_path: Path) -> ExitCodes:
    """The exit codes, on a system like Grid Engine."""
    return ExitCodes(tmp_path / "jobs", signal.SIGUSR2)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts what a backend has submitted, as such systems do; kills what does not end."""
    started: list[subprocess.Popen[str]] = []

    def start(command: Sequence[str]) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )
        started.append(process)
        return process

    def kill() -> None:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    limit = threading.Timer(60, kill)
    limit.start()
    yield start
    limit.cancel()
    kill()
    for process in started:
        process.communicate()


def python(
    name: str,
    code: str,
    *depends_on: str,
    start_when: Literal["succeeded", "ended"] = "succeeded",
    environment: dict[str, str] | None = None,
) -> Job:
    """A job that runs some code."""
    return Job(
        name,
        (sys.executable, "-c", code),
        environment or {},
        depends_on=depends_on,
        start_when=start_when,
    )


def submitted(
    exit_codes: ExitCodes, job: Job, depends_on: Sequence[str] | None = None
) -> Sequence[str]:
    """What a backend submits."""
    with exit_codes.submission(job, depends_on) as command:
        return command


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of a job; return what it has printed."""
    output, errors = process.communicate()
    return output, errors


@pytest.mark.parametrize(
    ("code", "kept", "state"),
    [
        ("", 0, JobState.SUCCEEDED),
        ("import sys; sys.exit(45)", 45, JobState.FAILED),
        # Grid Engine would start the job once more.
        ("import sys; sys.exit(99)", 99, JobState.FAILED),
        ("import os; os.kill(os.getpid(), 9)", -9, JobState.FAILED),
    ],
)
def test_the_exit_code_is_kept(
    code: str, kept: int, state: JobState, exit_codes: ExitCodes, start: Start
) -> None:
    """For any process; the system itself learns no more than whether it is zero."""
    assert exit_codes.state("a") is JobState.UNKNOWN
    process = start(submitted(exit_codes, python("a", code)))
    finish(process)
    assert process.returncode == (1 if kept else 0)
    assert exit_codes.read("a") == kept
    assert exit_codes.state("a") is state


def test_a_command_that_does_not_exist_has_failed(exit_codes: ExitCodes, start: Start) -> None:
    """And the log of the job says so."""
    _, errors = finish(start(submitted(exit_codes, Job("a", ("/no/such/program",), {}))))
    assert "/no/such/program" in errors
    assert exit_codes.state("a") is JobState.FAILED


@pytest.mark.parametrize("start_when", ["succeeded", "ended"])
@pytest.mark.parametrize("before", ["", "raise SystemExit(1)", None])
def test_the_condition_is_checked(
    before: str | None,
    start_when: Literal["succeeded", "ended"],
    exit_codes: ExitCodes,
    start: Start,
) -> None:
    """Of all jobs before it, also of one that has never run; and passed on to those after it."""
    finish(start(submitted(exit_codes, python("good", ""))))
    if before is not None:
        finish(start(submitted(exit_codes, python("before", before))))
    job = python("job", "print('runs')", "good", "before", start_when=start_when)
    output, errors = finish(start(submitted(exit_codes, job)))
    after, _ = finish(start(submitted(exit_codes, python("after", "print('runs')", "job"))))
    runs = before == "" or start_when == "ended"
    assert (output, after) == (("runs\n", "runs\n") if runs else ("", ""))
    assert runs or "before has not succeeded" in errors
    assert exit_codes.state("job") is (JobState.SUCCEEDED if runs else JobState.FAILED)


def test_ids_may_differ_from_names(exit_codes: ExitCodes, start: Start) -> None:
    """As long as the backend can derive the name."""
    finish(start(submitted(exit_codes, python("before", ""))))
    job = python("job", "print('runs')", "7/before")
    names = [job_id.partition("/")[2] for job_id in job.depends_on]
    assert finish(start(submitted(exit_codes, job, names)))[0] == "runs\n"


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM])
def test_the_command_is_told_once_by_sigterm(
    number: signal.Signals, exit_codes: ExitCodes, start: Start
) -> None:
    """Whatever the system sends to the process group; the command has time to end."""
    exit_codes = ExitCodes(exit_codes.directory, number)
    process = start(submitted(exit_codes, python("a", UNTIL_TOLD)))
    assert process.stdout is not None and process.stdout.readline() == "started\n"
    if number is signal.SIGTERM:
        # The program notices when the command has reacted.
        os.kill(process.pid, signal.SIGSTOP)
    os.killpg(process.pid, number)
    assert process.stdout.readline() == "told\n"
    os.kill(process.pid, signal.SIGCONT)
    if number is not signal.SIGTERM:
        os.killpg(process.pid, number)  # A second `qdel`.
    finish_by_input(process)
    assert exit_codes.read("a") == 4


def test_other_signals_do_no_harm(exit_codes: ExitCodes, start: Start) -> None:
    """Grid Engine sends SIGUSR1 before it suspends a job; the program outlives its command."""
    process = start(submitted(exit_codes, python("a", UNTIL_TOLD)))
    assert process.stdout is not None and process.stdout.readline() == "started\n"
    os.kill(process.pid, signal.SIGTERM)
    os.killpg(process.pid, signal.SIGUSR1)
    os.killpg(process.pid, signal.SIGUSR2)
    assert process.stdout.readline() == "told\n"
    finish_by_input(process)
    assert exit_codes.read("a") == 4


def finish_by_input(process: subprocess.Popen[str]) -> None:
    """Let a command that was told end."""
    process.communicate("\n")


def test_sigkill_ends_the_command(exit_codes: ExitCodes, start: Start) -> None:
    """No exit code is left, so nothing that needs the job starts."""
    process = start(submitted(exit_codes, python("a", UNTIL_TOLD)))
    assert process.stdout is not None and process.stdout.readline() == "started\n"
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)  # Ends only when the command has closed its output.
    assert exit_codes.state("a") is JobState.UNKNOWN


def test_the_command_is_a_fresh_process(exit_codes: ExitCodes, start: Start) -> None:
    """No signal is blocked, SIGTERM and SIGINT have their default, and input is the job's."""
    code = (
        "import signal, sys; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),"
        " signal.getsignal(signal.SIGTERM).name, signal.getsignal(signal.SIGINT).__name__,"
        " signal.getsignal(signal.SIGCHLD).name, sys.stdin.read())"
    )
    process = start(submitted(exit_codes, python("a", code)))
    output, _ = process.communicate("input")
    assert output == "[] SIG_DFL default_int_handler SIG_DFL input\n"


def test_the_token_is_seen_by_the_command_alone(exit_codes: ExitCodes, start: Start) -> None:
    """Not on a command line, and in no file any more when the command has started."""
    code = f"import os; print(os.environ['TOKEN']); {UNTIL_TOLD}"
    command = submitted(exit_codes, python("a", code, environment={"TOKEN": TOKEN}))
    (script,) = exit_codes.directory.iterdir()
    assert script.stat().st_mode & 0o777 == 0o600
    assert exit_codes.directory.stat().st_mode & 0o777 == 0o700
    assert TOKEN in script.read_text()
    process = start(command)
    assert process.stdout is not None and process.stdout.readline() == f"{TOKEN}\n"
    lines = subprocess.check_output(["ps", "-ww", "-eo", "args"], text=True, timeout=60)
    assert "after_ended" in lines and TOKEN not in lines
    assert not list(exit_codes.directory.iterdir())
    os.killpg(process.pid, signal.SIGUSR2)
    finish_by_input(process)
    (kept,) = exit_codes.directory.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_job_starts_once(exit_codes: ExitCodes, start: Start) -> None:
    """Also where the system makes a second attempt, or where the job was cancelled before."""
    command = submitted(exit_codes, python("a", "print('runs')"))
    assert finish(start(command))[0] == "runs\n"
    assert finish(start(command))[0] == ""
    command = submitted(exit_codes, python("b", "print('runs')"))
    exit_codes.discard_script("b")
    assert finish(start(command))[0] == ""
    exit_codes.discard_script("b")


@pytest.mark.parametrize("error", [RuntimeError, NoRoomError, UnavailableError])
def test_no_script_of_a_refused_job_is_left(
    error: type[RuntimeError], exit_codes: ExitCodes, start: Start
) -> None:
    """That of a job that the system may have taken stays, and the job can be submitted again."""
    commands = []
    with pytest.raises(error), exit_codes.submission(python("a", "print('runs')")) as command:
        commands.append(command)
        raise error
    may_run = error is UnavailableError
    assert finish(start(commands[0]))[0] == ("runs\n" if may_run else "")
    with pytest.raises(error), exit_codes.submission(python("b", "print('runs')")):
        raise error
    again = submitted(exit_codes, python("b", "print('runs')"))
    assert finish(start(again))[0] == "runs\n"


def test_the_program_does_without_zenml(exit_codes: ExitCodes) -> None:
    """To import it costs more than the program does."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "zenml_conformance.core.after_ended"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "after_ended" in done.stderr
    assert "pydantic" not in done.stderr
