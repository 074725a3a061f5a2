"""See a run through, and fork the steps: `python -m makefile.forking_driver DIRECTORY RUN`.

ZenML is imported once for a run, and not once for each of its steps, which takes each some seconds
of a processor.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
from pathlib import Path

import zenml.entrypoints.entrypoint
import zenml.entrypoints.step_entrypoint_configuration
import zenml.execution.step.utils
import zenml.zen_stores.sql_zen_store

import faulty
from makefile import driver
from threaded import ends

PRELOADED = (zenml, ends, faulty)
"""What a step imports, and the end of a run; the orchestrator may be one of the faulty ones."""


def main() -> None:
    """Have `make` follow the Makefile, and start what it asks for."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0" + Path(sys.argv[1]).name)
    listener.listen()
    server = os.fork()
    if server == 0:
        run(next_step(listener))  # In the fork of a step alone.
        return
    driver.make()
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    driver.end()


def next_step(listener: socket.socket) -> Path:
    """Fork for each step that is asked for; return in those forks, with what each is to run."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # As the driver: steps are told themselves.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asking, _ = listener.accept()
        if os.fork() == 0:
            break
        asking.close()
    listener.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    file = Path(asking.makefile().readline().removesuffix("\n"))
    step = os.fork()
    if step != 0:
        _, status = os.waitpid(step, 0)
        code = os.waitstatus_to_exitcode(status)
        asking.sendall(str(code if code >= 0 else 128 - code).encode())
        os._exit(0)
    asking.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return file


def run(file: Path) -> None:
    """Be the process of a step."""
    what = json.loads(file.read_text())
    os.environ.update(what["environment"])
    _, module, *arguments = what["command"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
