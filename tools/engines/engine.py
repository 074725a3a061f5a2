"""What an engine is, and what all of them need: packages, daemons, and waits that end."""

from __future__ import annotations

import abc
import contextlib
import fcntl
import json
import os
import random
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

import psutil

HOME = Path(__file__).resolve().parents[2] / ".engines"
"""Everything that the engines write."""

POLL_SECONDS = 0.1
SOCKET_PATH_LIMIT = 107
"""Bytes that Linux leaves for the path of a unix socket."""

T = TypeVar("T")


class EngineError(Exception):
    """An engine is not what it should be. The message is for users."""


class Engine(abc.ABC):
    """A service that runs jobs, on this machine, for tests and for trying things out.

    Attributes:
        name: As it is called on the command line; also its directory's name.
        packages: What it needs of Debian.
        home: Its directory.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, home: Path = HOME) -> None:
        """Describe it; nothing is started.

        Args:
            home: The directory of all engines.
        """
        self.home = home / self.name

    @property
    @abc.abstractmethod
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""

    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the variables that lead to it."""

    @abc.abstractmethod
    def up(self) -> None:
        """Start what does not run. What runs stays.

        Raises:
            EngineError: If it can't be.
        """

    @abc.abstractmethod
    def check(self) -> str:
        """Use it, as its users would.

        Returns:
            What was seen, in a line.

        Raises:
            EngineError: If it does not work.
        """

    def down(self) -> None:
        """Stop it, and all that it runs.

        Raises:
            EngineError: If something stays.
        """
        for daemon in reversed(self.daemons):
            daemon.stop()

    def explain(self, error: EngineError) -> str:
        """Say what is wrong with it, and what those of its processes printed last that have ended.

        Args:
            error: What was noticed.
        """
        ended = [daemon for daemon in self.daemons if daemon.has_ended]
        causes = [
            f"\n  {daemon.fail(f'{daemon.name} has ended')}"
            for daemon in ended
            if str(daemon.log) not in str(error)
        ]
        return "".join([str(error), *causes])

    @property
    def is_up(self) -> bool:
        """Whether all its processes run; not whether they do what they should."""
        return all(daemon.process() for daemon in self.daemons)


@dataclass(frozen=True)
class Daemon:
    """A process that outlives the one that starts it, and is found again by what that wrote down.

    Attributes:
        directory: Where it runs, and where its output and its process id are written.
        name: What these files are called.
    """

    directory: Path
    name: str

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.directory / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.directory / f"{self.name}.pid"

    def start(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        """Start it, unless it runs.

        Args:
            *command: Program and arguments. It must stay in the foreground.
            environment: Variables, besides those of this process.

        Raises:
            EngineError: If there is no such program.
        """
        if self.process():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("a") as output:
                process = subprocess.Popen(
                    [str(word) for word in command],
                    cwd=self.directory,
                    env={**os.environ, **(environment or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise EngineError(f"{self.name} does not start: {error}") from error
        record = {"pid": process.pid, "started": _started(process.pid)}
        self._record.write_text(json.dumps(record), encoding="utf-8")

    def process(self) -> psutil.Process | None:
        """Return the process, if it is the one that was started, and lives."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            process = psutil.Process(record["pid"])
            alive = process.status() != psutil.STATUS_ZOMBIE
            return process if alive and _started(process.pid) == record["started"] else None
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None

    @property
    def has_ended(self) -> bool:
        """Whether it was started, and runs no longer, and nobody has stopped it."""
        return self._record.exists() and self.process() is None

    def stop(self, seconds: float = 15.0) -> None:
        """Ask it to end; make it end.

        Args:
            seconds: How long it may take before it is killed.

        Raises:
            EngineError: If not even that ended it.
        """
        process = self.process()
        if process is not None:
            end([process], seconds=seconds)
        self._record.unlink(missing_ok=True)

    def fail(self, message: str, lines: int = 10) -> EngineError:
        """Return an error that shows what it printed last.

        Args:
            message: What is wrong.
            lines: How many lines to show.
        """
        try:
            printed = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            printed = []
        tail = "".join(f"\n    {line}" for line in printed[-lines:])
        return EngineError(f"{message}\n  The end of {self.log}:{tail or ' nothing'}")


def _started(pid: int) -> str:
    """Return what tells a process from any other that has had, or will have, the same id."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "never"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    # The program's name stands in parentheses, and may hold anything.
    return f"{boot} {status.rpartition(')')[2].split()[19]}"


def end(processes: Iterable[psutil.Process], seconds: float = 0.0) -> None:
    """End processes.

    Args:
        processes: Which ones. Those that have ended are fine.
        seconds: How long they may take, once asked. Zero: they are not asked.

    Raises:
        EngineError: If one survives.
    """
    left = list(processes)
    for ending, patience in (("terminate", seconds), ("kill", 10.0)):
        if patience == 0:
            continue
        deadline = time.monotonic() + patience
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, ending)()
        left = [process for process in left if not _ends(process, deadline)]
    if left:
        raise EngineError(f"these processes can't be killed: {[process.pid for process in left]}")


def _ends(process: psutil.Process, deadline: float) -> bool:
    """Wait for a process, whoever its parent is, and whenever that one notices."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(process.pid)
        try:
            if process.is_running():
                left = max(0.0, deadline - time.monotonic())
                return bool(select.select([handle], [], [], left)[0])
        finally:
            os.close(handle)
    return True


@contextlib.contextmanager
def locked(path: Path, other: str, seconds: float) -> Iterator[None]:
    """Hold a lock that other processes may hold.

    Args:
        path: The file that is locked.
        other: Who else holds it, for messages.
        seconds: How long to wait for that one.

    Raises:
        EngineError: If that one takes longer.
    """
    with path.open("w") as lock:

        def take() -> None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise EngineError("it is still at work") from error

        wait_for(other, take, [], seconds=seconds)
        yield


def wait_for(
    what: str, attempt: Callable[[], T], daemons: Sequence[Daemon], seconds: float = 60.0
) -> T:
    """Try until it works.

    Args:
        what: What is awaited, in a few words.
        attempt: Raises `EngineError` as long as it does not work.
        daemons: Those that it needs: once one has ended, there is nothing to wait for. The output
            of the first is shown.
        seconds: When to give up.

    Returns:
        What the attempt returns.

    Raises:
        EngineError: If it never worked.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except EngineError as error:
            for daemon in daemons:
                if daemon.process() is None:
                    raise daemon.fail(f"{daemon.name} has ended, waiting for {what}") from error
            if time.monotonic() > deadline:
                message = f"waited {seconds:.0f} s for {what}: {error}"
                raise (daemons[0].fail(message) if daemons else EngineError(message)) from error
        time.sleep(POLL_SECONDS)


def run(
    *command: str | Path,
    environment: dict[str, str] | None = None,
    directory: Path | None = None,
    seconds: float = 60.0,
) -> str:
    """Run a command to its end.

    Args:
        *command: Program and arguments.
        environment: Variables, besides those of this process.
        directory: Where it runs; default: where this process does.
        seconds: How long it may take.

    Returns:
        What it printed.

    Raises:
        EngineError: If it fails, or takes too long. The message has the end of its output.
    """
    words = [str(word) for word in command]
    shown = f"`{' '.join(words)}`"
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(environment or {})},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{shown} took longer than {seconds:.0f} s") from error
    except OSError as error:
        raise EngineError(f"{shown} can't be run: {error}") from error
    if done.returncode:
        tail = "".join(f"\n    {line}" for line in done.stdout.splitlines()[-10:])
        raise EngineError(f"{shown} ended with {done.returncode}:{tail or ' no output'}")
    return done.stdout


def install(packages: Sequence[str]) -> None:
    """Install those of Debian's packages that are missing.

    Args:
        packages: Their names.

    Raises:
        EngineError: If they can't be.
    """
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages]
    known = subprocess.run(query, capture_output=True, text=True).stdout.splitlines()
    missing = [name for name in packages if f"{name} installed" not in known]
    if not missing:
        return
    print(f"  installing {', '.join(missing)}", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", environment=quiet, seconds=300)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing,
        environment=quiet, seconds=900)  # fmt: skip


def debian() -> tuple[str, str]:
    """Return the mirror and the release that this machine's packages come from.

    Raises:
        EngineError: If apt names none.
    """
    targets = run("apt-get", "indextargets", "--format=$(IDENTIFIER) $(REPO_URI) $(CODENAME)")
    for line in targets.splitlines():
        kind, mirror, suite = line.split()
        if kind == "Packages" and "-" not in suite:
            return mirror, suite
    raise EngineError(f"apt names no Debian release that packages could come from:\n{targets}")


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody uses now.

    They lie below those that the system gives to clients, so that a daemon finds its port free
    when it is started again.

    Args:
        count: How many.
    """
    ports: list[int] = []
    for port in random.SystemRandom().sample(range(15000, 32000), k=1000):
        with socket.socket() as attempt, contextlib.suppress(OSError):
            attempt.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            break
    return ports


def socket_path(path: Path) -> Path:
    """Return the path of a unix socket, if it can be one.

    Args:
        path: Where it is to be.

    Raises:
        EngineError: If it is too long.
    """
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_LIMIT:
        raise EngineError(
            f"the unix socket {path} can't be made: its path has {length} bytes, and Linux allows "
            f"{SOCKET_PATH_LIMIT}. Put the checkout into a directory with a shorter path."
        )
    return path
