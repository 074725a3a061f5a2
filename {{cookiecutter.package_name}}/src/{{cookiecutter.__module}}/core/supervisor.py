"""The parent of a job: starts it, passes signals on, and leaves nothing of it behind.

Each job has a supervisor of its own, so a job is not affected by what happens to another one, to
the process that it was forked from, or to the client that asked for it. A supervisor is forked
from a process that has imported ZenML (`warm_server.py`), or is a new one:

    python -m PACKAGE.core.supervisor DESCRIPTOR

The process at the other end of the connection (`supervised.py`) sends a job, and receives lines of
JSON: that the job was accepted, the number of its process, and its exit code. Each byte that
follows the job is the number of a signal for it.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from select import select
from typing import Any, NoReturn

CONFIGURATION = "ZENML_CONFIG_PATH"
"""ZenML's variable: the directory of the configuration."""

OWN_CONFIGURATION = "ZENML_JOB_CONFIG_PATH"
"""The same, where a supervisor has made the directory for the job, and removes it."""

RECEIVE_SECONDS = 30.0
"""How long the other end may take to send its job."""

LEFTOVER_SECONDS = 10.0
"""How long what a job has left behind may take to end, once it is killed."""

IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that every process of Python's ignores."""

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Request:
    """A job, as the other end describes it.

    Attributes:
        command: The program and its arguments.
        environment: The whole environment.
        directory: The working directory.
        grace_seconds: How long the job may go on after SIGTERM.
        outlives_connection: Whether the job goes on when the other end is gone.
        owns_children: Whether everything that the job has started ends with it, and not only what
            is still in its process group.
    """

    command: list[str]
    environment: dict[str, str]
    directory: str
    grace_seconds: float = 10.0
    outlives_connection: bool = False
    owns_children: bool = True


def supervise(connection: socket.socket, run: Callable[[Request], None]) -> None:
    """Supervise one job. Returns in the process of the job, when its program has returned.

    Args:
        connection: Leads to the process that wants the job.
        run: Runs the program of the job, in the job's process.
    """
    with suppress(OSError):  # It leads a session already.
        os.setsid()
    # A signal handler that does nothing, and a pipe that is written to whenever a child ends.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        request, output = _receive(connection)
        if request.owns_children:
            _adopt_orphans()
        # Made here since a job that is killed does not tidy up.
        directory = tempfile.mkdtemp(prefix="zenml-job-")
        request.environment.update(dict.fromkeys((CONFIGURATION, OWN_CONFIGURATION), directory))
        _send(connection, {"accepted": True})
        job = os.fork()
    except BaseException as error:
        print(f"A job was not started: {error!r}", file=sys.stderr, flush=True)
        os._exit(1)
    if job:
        os.close(output)
        _see_through(job, request, connection, woken, directory)
    os.close(woken)
    os.close(wake)
    connection.close()
    _become_job(request, output)
    run(request)


def execute(request: Request) -> NoReturn:
    """Replace this process by the program of a job.

    Args:
        request: The job.
    """
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(request.command[0], request.command, request.environment)  # noqa: S606


def _see_through(
    job: int, request: Request, connection: socket.socket, woken: int, directory: str
) -> NoReturn:
    """Be the parent of a job until there is nothing left of it."""
    try:
        with suppress(OSError):
            _send(connection, {"pid": job})
        code = _pass_signals_on(job, request, connection, woken)
        # Its number, and that of its group, are its own until it is waited for.
        _signal_group(job, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(job, 0)
        if request.owns_children:
            _end_children(woken)
        shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):
            _send(connection, {"code": code})
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _pass_signals_on(job: int, request: Request, connection: socket.socket, woken: int) -> int:
    """Do as the other end says, until the job has ended; return its exit code."""
    kill_at: float | None = None
    heard: list[socket.socket | int] = [woken, connection]
    while (code := _exit_code(job)) is None:
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        ready, _, _ = select(heard, [], [], timeout)
        if woken in ready:
            os.read(woken, 4096)
        if connection in ready:
            try:
                data = connection.recv(1)
            except OSError:
                data = b""
            if not data:
                heard.remove(connection)
            if data or not request.outlives_connection:
                number = data[0] if data else signal.SIGKILL
                _signal_group(job, number)
                if number == signal.SIGTERM and kill_at is None:
                    kill_at = time.monotonic() + request.grace_seconds
        if kill_at is not None and kill_at <= time.monotonic():
            _signal_group(job, signal.SIGKILL)
            kill_at = None
    return code


def _exit_code(job: int) -> int | None:
    """Return the exit code of a child that has ended, if possible without waiting for it yet."""
    if not hasattr(os, "waitid"):  # macOS, before Python 3.13.
        ended, status = os.waitpid(job, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None
    result = os.waitid(os.P_PID, job, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def _signal_group(leader: int, number: int) -> None:
    with suppress(OSError):  # Not every number is that of a signal.
        try:
            os.killpg(leader, number)
        except ProcessLookupError:
            os.kill(leader, number)  # It has not made a group of its own yet.


def _adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, where the system can do that."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_children(woken: int) -> None:
    """End what the job has left behind, in whatever session that is."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        if not children.exists():
            return
        for child in children.read_text().split():
            _signal_group(int(child), signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        if select([woken], [], [], 0.1)[0]:
            os.read(woken, 4096)


def _become_job(request: Request, output: int) -> None:
    """Be as a process that was just started."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Some programs block or ignore signals before they start others, which can't know of that.
    for number in signal.valid_signals() - {*IGNORED_BY_PYTHON}:
        if signal.getsignal(number) == signal.SIG_IGN:
            by_default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, by_default)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    os.chdir(request.directory)


def _receive(connection: socket.socket) -> tuple[Request, int]:
    """Receive a job, and the file that its output goes to.

    Raises:
        Exception: Whatever is wrong with it.
    """
    connection.settimeout(RECEIVE_SECONDS)
    data, descriptors, _, _ = socket.recv_fds(connection, 8, 1)
    (output,) = descriptors
    data += _read(connection, 8 - len(data))
    (length,) = struct.unpack("!Q", data)
    message: dict[str, Any] = json.loads(_read(connection, length))
    connection.settimeout(None)
    known = {field.name for field in fields(Request)}
    return Request(**{name: message[name] for name in known & message.keys()}), output


def _read(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = connection.recv(min(length - len(data), 2**20))
        if not part:
            raise ConnectionError("the connection was closed")
        data += part
    return bytes(data)


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def main() -> None:
    """Supervise the job that comes in through a socket that this process has inherited."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    if os.fork() == 0:  # So that nobody has to wait for this process.
        supervise(connection, execute)


if __name__ == "__main__":
    main()
