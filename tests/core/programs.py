"""Programs for jobs. Each does one thing that depends on the process that it runs in."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import IO

POOL: ProcessPoolExecutor | None = None
FILE: IO[str] | None = None
SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def show() -> None:
    """Print what a program can find out about its process."""
    main = sys.modules["__main__"]
    facts = {
        "arguments": [sys.argv, sys.orig_argv, sys.executable],
        "path": sys.path,
        "main": [main.__name__, main.__spec__ and main.__spec__.name, main.__file__],
        "directory": os.getcwd(),
        "environment": {n: v for n, v in os.environ.items() if "CONFIG_PATH" not in n},
        "leads": [os.getpid() == os.getsid(0), os.getpid() == os.getpgid(0)],
        "files": sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else [],
        "input": sys.stdin.read(),
        "streams": [
            (stream.encoding, stream.errors, stream.line_buffering)
            for stream in (sys.__stdout__, sys.__stderr__)
            if stream is not None
        ],
        "signals": {int(n): str(signal.getsignal(n)) for n in signal.valid_signals()},
        "wake": signal.set_wakeup_fd(-1),
        "threads": [thread.name for thread in threading.enumerate()],
        "umask": os.umask(0o22),
    }
    print(json.dumps(facts, sort_keys=True))


def pool() -> None:
    """Leave a process pool to the end of the program."""
    global POOL
    POOL = ProcessPoolExecutor(2)
    print(list(POOL.map(abs, range(-2, 0))))


def thread() -> None:
    """Start a thread, and don't wait for it."""

    def work() -> None:
        time.sleep(0.5)
        print("the thread has ended")

    threading.Thread(target=work).start()


def exits() -> None:
    """Register a function, after a thread whose end it must see."""
    thread()
    atexit.register(print, "the program has ended")


def unwritten(path: str) -> None:
    """Write to a file, and leave it to Python to close it."""
    global FILE
    FILE = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
    FILE.write("written")


def helper() -> None:
    """Start a process, and leave it alone."""
    subprocess.Popen([sys.executable, "-c", SLEEP])
    time.sleep(1.0)


def daemon() -> None:
    """Start a process in a session of its own, whose parent then ends."""
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}])"
    subprocess.run([sys.executable, "-c", code], start_new_session=True, check=True)
    time.sleep(1.0)


def fails() -> None:
    """Raise an exception."""
    raise ValueError("it fails")


def leaves() -> None:
    """Exit with a message instead of a number."""
    sys.exit("it leaves")


def store() -> None:
    """Say which store ZenML would use."""
    from zenml.config.global_config import GlobalConfiguration

    print(GlobalConfiguration().store_configuration.url)


def sleeps() -> None:
    """Say which process this is, and stay."""
    print(os.getpid(), flush=True)
    time.sleep(600)
