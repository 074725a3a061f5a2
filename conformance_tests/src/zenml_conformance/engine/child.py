"""What a forked process does with itself before it runs what it was forked for."""

from __future__ import annotations

import atexit
import importlib
import io
import os
import resource
import runpy
import signal
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, Field
from zenml import logger as zenml_logger
from zenml.utils import source_utils

from zenml_conformance.engine import app_directory, session
from zenml_conformance.engine.session import Session
from zenml_conformance.target.spec import EXACT


class ProcessSpec(BaseModel):
    """A process to start: either a command, or a function of the suite.

    Attributes:
        argv: The command; `python -m module …` is run in the fork itself, all else is executed.
        call: `module:function` to call with `payload` instead of a command.
        payload: JSON-serialisable keyword arguments of `call`.
        environment: The whole environment. Nothing is inherited.
        cwd: Working directory.
        log: File that takes standard output and error.
        cold: Start a new interpreter even where a fork would do.
        contained: It stands for a container, and has the directory `/app` of an image.
        session: What the process may know of the suite's session.
    """

    model_config = EXACT

    argv: tuple[str, ...] = ()
    call: str | None = None
    payload: dict[str, Any] = Field(default_factory=dict)
    environment: dict[str, str]
    cwd: str
    log: str
    cold: bool = False
    contained: bool = False
    session: Session


def become(spec: ProcessSpec) -> NoReturn:
    """Turn a fresh fork of the engine into the process that was asked for.

    Args:
        spec: The process.
    """
    code = 1
    try:
        _enter(spec)
        module = _python_module(spec.argv)
        if spec.call:
            code = _exit_code(lambda: _call(spec))
        elif module is None:
            os.execvpe(spec.argv[0], spec.argv, spec.environment)  # noqa: S606 - argv is data
        elif spec.cold:
            _exec_cold(spec)
        else:
            code = _exit_code(lambda: _run_module(spec, module))
    except BaseException:
        traceback.print_exc()
    finally:
        # The end of a normal interpreter, less the slow tearing down of modules.
        try:
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def run_cold() -> NoReturn:
    """Go on as a cold process: a new interpreter that was given a spec on file descriptor 3.

    The command line of a cold job is its own (`ps` shows what the orchestrator asked for only
    as far as Python's `-c` allows), and its environment holds nothing but what it was given.
    """
    with os.fdopen(3, "rb") as handle:
        spec = ProcessSpec.model_validate_json(handle.read())
    _settle_app(spec)
    module = _python_module(spec.argv)
    assert module is not None
    sys.exit(_exit_code(lambda: _run_module(spec, module)))


def _enter(spec: ProcessSpec) -> None:
    """Leave everything of the engine behind: session, signals, files, environment."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.makedirs(spec.cwd, exist_ok=True)
    os.chdir(spec.cwd)
    descriptor = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.closerange(3, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096))
    sys.stdout, sys.stderr = _text_stream(1), _text_stream(2)
    _collect_output()
    os.environ.clear()
    os.environ.update(spec.environment)
    # The one variable that ZenML reads while it is imported, and the engine has imported it.
    source_utils.set_custom_source_root(spec.environment.get("ZENML_CUSTOM_SOURCE_ROOT"))
    _settle_app(spec)


def _settle_app(spec: ProcessSpec) -> None:
    if spec.contained:
        app_directory.provide(Path(spec.cwd, "app"))
    else:
        app_directory.forbid()


def _collect_output() -> None:
    """Have ZenML collect what is printed: on its import, the streams were those of the engine."""
    for flag in ("_stdout_wrapped", "_stderr_wrapped"):
        setattr(zenml_logger, flag, False)
    if hasattr(zenml_logger, "wrap_stdout_stderr"):
        zenml_logger.wrap_stdout_stderr()


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    """Open a standard stream as the interpreter would, but never fail on a character."""
    binary = io.FileIO(descriptor, "w", closefd=False)
    writer = io.BufferedWriter(binary)
    return io.TextIOWrapper(writer, encoding="utf-8", errors="replace", line_buffering=True)


def _python_module(argv: tuple[str, ...]) -> str | None:
    """The module of a `python -m module …` command."""
    if len(argv) > 2 and os.path.basename(argv[0]).startswith("python") and argv[1] == "-m":
        return argv[2]
    return None


def _exec_cold(spec: ProcessSpec) -> NoReturn:
    """Replace the fork by a new interpreter, with the spec in a pipe."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        with os.fdopen(writer, "wb") as handle:
            handle.write(spec.model_dump_json().encode())
        os._exit(0)
    os.close(writer)
    if reader != 3:
        os.dup2(reader, 3)
    os.set_inheritable(3, True)
    source = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        "from zenml_conformance.engine.child import run_cold; run_cold()"
    )
    argv = [sys.executable, "-c", source]
    os.execve(sys.executable, argv, spec.environment)  # noqa: S606 - no shell is wanted


def _run_module(spec: ProcessSpec, module: str) -> None:
    """Run a module as `python -m` would."""
    session.join(spec.session)
    sys.argv = [module, *spec.argv[3:]]
    with warnings.catch_warnings():
        # The engine has imported the module before: that is the point of the fork.
        warnings.simplefilter("ignore", RuntimeWarning)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _call(spec: ProcessSpec) -> None:
    """Call one of the suite's own functions."""
    assert spec.call
    session.join(spec.session)
    module, _, function = spec.call.partition(":")
    getattr(importlib.import_module(module), function)(**spec.payload)


def _exit_code(function: Any) -> int:
    """Run a function and turn its end into an exit code, as the interpreter does."""
    try:
        function()
    except SystemExit as end:
        if end.code is None:
            return 0
        if isinstance(end.code, int):
            return end.code
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
