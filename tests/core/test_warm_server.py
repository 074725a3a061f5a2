"""The process that jobs are forked from: how long it stays, who shares it, what it leaves behind.

It imports nothing here, which spares seconds. `test_forks.py` has one that has imported ZenML.
"""

from __future__ import annotations

import importlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from zenml_conformance import core
from zenml_conformance.core import warm_client, warm_server
from zenml_conformance.core.warm_client import address, open_private
from zenml_conformance.core.warm_start import server_environment

PATIENCE_SECONDS = 60

QUICK = "print('done')"
STAYS = "import time; time.sleep(600)"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package with a copy of the core that imports no ZenML ahead of jobs."""
    package = tmp_path_factory.mktemp("code") / "quick_package"
    shutil.copytree(Path(core.__file__).parent, package / "core")
    (package / "__init__.py").touch()
    (package / "core" / "preloaded.py").write_text('"""Nothing."""\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(package.parent)
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield package


class Jobs:
    """Starts jobs with the help of a server, whose socket is in a directory of the test."""

    def __init__(self, package: Path, folder: Path) -> None:
        """Start nothing yet."""
        self.module = importlib.import_module(f"{package.name}.core.warm_client")
        self.folder = folder
        self.sockets = folder / "warm"
        self.logs: dict[Any, Path] = {}

    def client(self, **changes: Any) -> Any:
        """Return the way to a server."""
        arguments = {
            "folder": self.sockets,
            "python": sys.executable,
            "environment": server_environment(os.environ),
            "directory": os.getcwd(),
            "seconds": 600.0,
        }
        return self.module.WarmClient.find(**{**arguments, **changes})

    def start(self, code: str, client: Any = None) -> Any:
        """Start a job that runs a line of Python."""
        request = {
            "command": [sys.executable, "-c", code],
            "environment": dict(os.environ),
            "directory": os.getcwd(),
        }
        path = self.folder / f"{uuid4()}.log"
        with path.open("w") as log:
            job = (client or self.client()).start(request, log.fileno())
        self.logs[job] = path
        return job

    def run(self, client: Any = None) -> str:
        """Run a job; return what it has printed."""
        job = self.start(QUICK, client)
        assert job.wait(PATIENCE_SECONDS) == 0
        return self.logs[job].read_text()

    def servers(self) -> list[psutil.Process]:
        """Return the servers whose socket is in the folder."""
        return [process for process in psutil.process_iter() if self._is_server(process)]

    def _is_server(self, process: psutil.Process) -> bool:
        try:
            # Supervisors, which are forks, lead a session; jobs are children of supervisors.
            is_fork = os.getsid(process.pid) == process.pid or self._is_here(process.parent())
            return self._is_here(process) and not is_fork
        except (psutil.Error, ProcessLookupError):
            return False

    def _is_here(self, process: psutil.Process | None) -> bool:
        return process is not None and any(str(self.sockets) in word for word in process.cmdline())


@pytest.fixture
def jobs(package: Path, tmp_path: Path) -> Iterator[Jobs]:
    """What starts jobs; nothing of it stays."""
    jobs = Jobs(package, tmp_path)
    yield jobs
    for job in jobs.logs:
        job.signal(signal.SIGKILL)
        job.wait(PATIENCE_SECONDS)
    shutil.rmtree(jobs.sockets, ignore_errors=True)
    wait_for("the end of the servers", lambda: not jobs.servers())


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: it has not come"
        time.sleep(0.02)


def test_jobs_share_a_server_that_has_nothing_of_theirs(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No secret of ZenML's, no open file but its own, and not their directory."""
    jobs.run()
    (server,) = jobs.servers()
    files = server.num_fds()
    monkeypatch.setenv("ZENML_STORE_API_TOKEN", "secret")
    assert jobs.run() == "done\n"
    assert jobs.servers() == [server]
    assert server.num_fds() == files
    assert server.cwd() == "/"
    assert not [name for name in server.environ() if name.startswith("ZENML_STORE_")]


# How long it stays.


def test_a_job_has_no_signal_blocked(jobs: Jobs) -> None:
    """Whatever blocks some before it starts others; a worker of Ray's is started like that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        job = jobs.start("import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))")
        assert job.wait(PATIENCE_SECONDS) == 0
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert jobs.logs[job].read_text() == "set()\n"


def test_a_job_ignores_no_signal(jobs: Jobs) -> None:
    """Whatever ignores some before it starts others: a shell does, for what runs in background."""
    numbers = (signal.SIGINT, signal.SIGQUIT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        job = jobs.start(
            "import signal; from signal import getsignal\n"
            "print(getsignal(signal.SIGINT) == signal.default_int_handler)\n"
            "print(getsignal(signal.SIGQUIT) == signal.SIG_DFL)\n"
        )
        assert job.wait(PATIENCE_SECONDS) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert jobs.logs[job].read_text() == "True\nTrue\n"


def test_a_server_ends_some_time_after_its_jobs(jobs: Jobs) -> None:
    """And leaves nothing. As long as a job is alive, so is the server that other jobs need."""
    client = jobs.client(seconds=0)
    job = jobs.start(STAYS, client)
    (server,) = jobs.servers()
    with pytest.raises(psutil.TimeoutExpired):
        server.wait(3 * warm_server.CHECK_SECONDS)
    jobs.run(client)
    assert jobs.servers() == [server]
    job.signal(signal.SIGTERM)
    wait_for("the end of the server", lambda: not jobs.servers())
    assert os.listdir(jobs.sockets) == []


def test_a_server_ends_with_a_process(jobs: Jobs) -> None:
    """As on a node of Ray's, where it ends with the node."""
    with subprocess.Popen(["sleep", "600"]) as process:
        jobs.run(jobs.client(ends_with=process.pid))
        assert jobs.servers()
        process.kill()
    wait_for("the end of the server", lambda: not jobs.servers())


def test_a_server_ends_when_its_socket_is_removed(jobs: Jobs) -> None:
    """As with a temporary store. Its jobs stay."""
    job = jobs.start(STAYS)
    shutil.rmtree(jobs.sockets)
    wait_for("the end of the server", lambda: not jobs.servers())
    assert job.wait(0.0) is None
    assert not job.is_lost


def test_a_server_that_was_killed_is_replaced(jobs: Jobs) -> None:
    """It could not remove its socket."""
    jobs.run()
    (server,) = jobs.servers()
    server.kill()
    server.wait(PATIENCE_SECONDS)
    assert jobs.run() == "done\n"
    assert jobs.servers() not in ([], [server])


def test_a_server_that_is_out_of_date_is_replaced(jobs: Jobs, package: Path) -> None:
    """A module that it has imported has changed: the next job does not see the old one."""
    jobs.run()
    (server,) = jobs.servers()
    (package / "core" / "preloaded.py").write_text('"""Nothing, in other words."""\n')
    assert jobs.run() == "done\n"
    wait_for("the end of the server", lambda: not server.is_running())
    assert len(jobs.servers()) == 1


def test_few_servers_are_kept(jobs: Jobs) -> None:
    """The oldest one ends when there are too many. Its jobs stay."""
    number = warm_client.KEPT + 1
    clients = [jobs.client(seconds=600 + index) for index in range(number)]
    job = jobs.start(STAYS, clients[0])
    (oldest,) = jobs.servers()
    for client in clients[1:]:
        jobs.run(client)
    oldest.wait(PATIENCE_SECONDS)
    sockets = {path.name for path in jobs.sockets.iterdir() if path.is_socket()}
    assert sockets == {client.path.name for client in clients[1:]}
    assert job.wait(0.0) is None
    assert not job.is_lost


def test_many_at_once_start_one_server(jobs: Jobs) -> None:
    """Of the clients that find none, one starts it, and the others wait."""
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(lambda _: jobs.run(), range(8))] == ["done\n"] * 8
    assert len(jobs.servers()) == 1


# Who shares it.


@contextmanager
def umask() -> Iterator[None]:
    """Have another one."""
    before = os.umask(0o27)
    yield
    os.umask(before)


@contextmanager
def limit() -> Iterator[None]:
    """Be allowed fewer open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def variable() -> Iterator[None]:
    """Have one that some library may read when it is imported."""
    os.environ["ANY_OTHER"] = "1"
    yield
    del os.environ["ANY_OTHER"]


@pytest.mark.parametrize("change", [umask, limit, variable])
def test_who_starts_otherwise_has_another_server(
    jobs: Jobs, change: Callable[[], AbstractContextManager[None]]
) -> None:
    """A process that was started here would have it from its beginning."""
    before = jobs.client().path
    with change():
        during = jobs.client().path
    assert jobs.client().path == before != during


@pytest.mark.parametrize(
    "change",
    [{"python": "/usr/bin/another"}, {"directory": "/"}, {"seconds": 1.0}],
)
def test_another_interpreter_directory_or_time_is_another_server(
    jobs: Jobs, change: dict[str, Any]
) -> None:
    """Python looks for modules in its working directory, too."""
    assert jobs.client().path != jobs.client(**change).path


# What it takes to reach it.


def test_the_path_of_a_socket_may_be_long(package: Path, tmp_path: Path) -> None:
    """That of a unix socket has 107 bytes at most; directories have longer ones."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    jobs = Jobs(package, folder)
    jobs.run()
    assert len(jobs.servers()) == 1
    shutil.rmtree(folder)
    wait_for("the end of the server", lambda: not jobs.servers())


@pytest.mark.parametrize("kind", ["readable", "link", "file"])
def test_a_directory_that_others_may_use_is_refused(
    jobs: Jobs, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no server then, and the job runs all the same."""
    (tmp_path / "target").mkdir(mode=0o700)
    if kind == "readable":
        jobs.sockets.mkdir(mode=0o755)
    elif kind == "link":
        jobs.sockets.symlink_to(tmp_path / "target")
    else:
        jobs.sockets.touch(mode=0o600)
    with pytest.raises(OSError):
        open_private(jobs.sockets)
    assert jobs.run() == "done\n"
    assert jobs.servers() == []
    assert "there is no server" in caplog.text
    if kind == "file":
        jobs.sockets.unlink()


@pytest.mark.parametrize("sent", [b"", b"\0\0"])
def test_a_client_that_goes_away_harms_nothing(jobs: Jobs, sent: bytes) -> None:
    """Neither the server nor other jobs, whatever it has sent, and whether it was accepted yet."""
    job = jobs.start(STAYS)
    (server,) = jobs.servers()
    folder = open_private(jobs.sockets)
    for is_busy in (False, True):
        if is_busy:
            server.suspend()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address(folder, jobs.client().path))
            connection.sendall(sent)
        server.resume()
    os.close(folder)
    assert jobs.run() == "done\n"
    assert jobs.servers() == [server]
    assert job.wait(0.0) is None
    assert not job.is_lost


def test_an_interrupted_submission_starts_nothing(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by Ctrl-C, while the server imports ZenML."""
    jobs.run()
    (server,) = jobs.servers()
    supervised = importlib.import_module(f"{jobs.module.__package__}.supervised")
    server.suspend()
    read_line = supervised.SupervisedProcess._read_line
    monkeypatch.setattr(supervised.SupervisedProcess, "_read_line", interrupted)
    mark = jobs.folder / "mark"
    with pytest.raises(KeyboardInterrupt) as caught:
        jobs.start(f"open({str(mark)!r}, 'w')")
    monkeypatch.setattr(supervised.SupervisedProcess, "_read_line", read_line)
    server.resume()
    jobs.run()
    assert caught.tb is not None  # It keeps the connection, as in a notebook.
    assert not mark.exists()


def interrupted(self: Any) -> None:
    """Be interrupted."""
    raise KeyboardInterrupt


@contextmanager
def broken(module: Path, text: str) -> Iterator[None]:
    """Have a module hold something else for a while."""
    before = module.read_text()
    module.write_text(text)
    try:
        yield
    finally:
        module.write_text(before)


def test_a_server_that_can_not_start_is_not_missed(
    jobs: Jobs, package: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The message names the log."""
    with broken(package / "core" / "warm_server.py", "raise ImportError('it is broken')"):
        assert jobs.run() == "done\n"
    (log,) = jobs.sockets.glob("*.log")
    assert str(log) in caplog.text
    assert "it is broken" in log.read_text()


def test_a_server_that_ends_early_is_not_missed(jobs: Jobs, package: Path) -> None:
    """It has been handed a job that it has not accepted."""
    with broken(package / "core" / "preloaded.py", "raise SystemExit"):
        assert jobs.run() == "done\n"
    wait_for("the end of the servers", lambda: not jobs.servers())


def test_only_processes_of_the_same_user_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each end asks the system who the other one is."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert warm_client.is_own(ours)
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert not warm_client.is_own(ours)
