"""A shell that stays open: login nodes do not like a connection for each command."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_END = b"\n-- end of the answer --\n"
_MARK = _END.decode().replace("\n", "\\n")

# What scripts print they may not want to have on the command line of a process.
_PRELUDE = "case $(command -V printf) in *builtin*) ;; *) echo No printf >&2; exit 1;; esac\n"


class Answer(NamedTuple):
    """What became of a script.

    Attributes:
        status: Its exit status.
        output: What it has printed.
        errors: What it has printed as errors.
    """

    status: int
    output: str
    errors: str


class Shell:
    """A POSIX shell that reads scripts from a pipe, and in which `printf` starts no process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            command: What starts the shell.
            environment: Its environment.

        Raises:
            FileNotFoundError: If there is no such command.
        """
        self._owner = os.getpid()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # What it runs is to end with it.
        )
        self._close = weakref.finalize(self, _end, process)
        streams = (process.stdin, process.stdout, process.stderr)
        self._input, self._output, self._errors = (
            stream.fileno() for stream in streams if stream is not None
        )
        self._unsent = _PRELUDE.encode()

    @property
    def is_open(self) -> bool:
        """Whether it can be used. Not in a process that was forked: answers would mix."""
        return self._close.alive and self._owner == os.getpid()

    def run(self, script: str, timeout: float) -> Answer:
        """Run a script.

        Args:
            script: The script. It must not read its input: the next one comes from there.
            timeout: Seconds.

        Returns:
            What became of it.

        Raises:
            TimeoutError: If it takes longer. The message is what it has printed as errors.
            ConnectionError: If the shell has ended. The message is what it has printed as errors.
        """
        script = f"{script}\nprintf '{_MARK}%s{_MARK}' $?; printf '{_MARK}' >&2\n"
        self._unsent += script.encode(errors="surrogateescape")
        try:
            output, errors = self._converse(time.monotonic() + timeout)
        except BaseException:
            self._close()  # What is still to come belongs to nothing.
            raise
        text, status, _ = _text(output).rsplit(_END.decode(), 2)
        return Answer(int(status), text, _text(errors).removesuffix(_END.decode()))

    def _converse(self, deadline: float) -> tuple[bytes, bytes]:
        """Send what is unsent, and read what is printed until the end of the answer."""
        printed = {self._output: b"", self._errors: b""}
        with selectors.DefaultSelector() as selector:
            for stream in printed:
                selector.register(stream, selectors.EVENT_READ)
            selector.register(self._input, selectors.EVENT_WRITE)
            while not all(text.endswith(_END) for text in printed.values()):
                if printed.keys().isdisjoint(selector.get_map()):
                    raise ConnectionError(_text(printed[self._errors]))
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError(_text(printed[self._errors]))
                for key, _ in ready:
                    if key.fd == self._input:
                        going_on = self._send()
                    else:
                        chunk = os.read(key.fd, 2**16)
                        printed[key.fd] += chunk
                        going_on = bool(chunk)
                    if not going_on:
                        selector.unregister(key.fd)
        return printed[self._output], printed[self._errors]

    def _send(self) -> bool:
        try:
            # What a pipe that is ready takes without making us wait.
            sent = os.write(self._input, self._unsent[: select.PIPE_BUF])
        except BrokenPipeError:
            sent = len(self._unsent)  # It has ended, and its last words are to be read.
        self._unsent = self._unsent[sent:]
        return bool(self._unsent)


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _text(printed: bytes) -> str:
    return printed.decode(errors="surrogateescape")
