"""Starts what a session judges with: an engine, and the orchestrator under test in it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from zenml_conformance.contract.rule import Tier
from zenml_conformance.engine import zenml_servers
from zenml_conformance.engine.process import EngineProcess
from zenml_conformance.engine.users_server import UsersServer
from zenml_conformance.errors import OptionError
from zenml_conformance.inputs import is_text
from zenml_conformance.judging.description import Description
from zenml_conformance.judging.runner import Runner
from zenml_conformance.session.options import KEY_VARIABLE, Options
from zenml_conformance.store import IDLE
from zenml_conformance.target.spec import TargetSpec


def launch(config: pytest.Config, options: Options) -> tuple[Runner, Description]:
    """Start an engine and load the orchestrator under test. Both end with the session.

    Args:
        config: pytest's.
        options: What was asked for.

    Returns:
        The way to the engine, and what the orchestrator is.

    Raises:
        TargetError: If the orchestrator can't be used.
        EngineError: If the engine does not start.
        OptionError: If the ZenML server that was named can't be used.
    """
    spec = TargetSpec(
        ref=options.orchestrator,
        config=options.config,
        harness=options.harness,
        live=options.tier is Tier.LIVE,
        patience=options.patience,
    )
    search_path = [path for path in sys.path if path] + [str(config.invocation_params.dir)]
    engine = EngineProcess(search_path)
    config.add_cleanup(engine.close)
    directory = _kept_directory(config)
    if directory is None:
        directory = engine.temporary / "session"
        directory.mkdir(mode=0o700)
    runner = Runner(directory, engine.socket, spec)
    if options.store == "server":
        servers = EngineProcess(search_path, preload=zenml_servers.MODULES)
        config.add_cleanup(servers.close)
        runner.servers = servers.socket
    if options.server_url:
        key = os.environ[KEY_VARIABLE]
        runner.users_server = UsersServer.reach(options.server_url, key, engine.temporary)
    description = runner.describe()
    if runner.users_server:
        _remove_in_the_end(config, runner.users_server, description.flavor)
    runner.connected = description.connected
    runner.capabilities = description.capabilities
    if description.connectable:
        runner.call_stand_in()
    return runner, description


def _remove_in_the_end(config: pytest.Config, server: UsersServer, flavor: str) -> None:
    """Leave a server as it was found, whatever becomes of the session."""
    names = {flavor, IDLE}
    before = server.flavors(names)

    def remove() -> None:
        try:
            server.remove(server.flavors(names) - before)
        except OptionError as error:
            left = f"What is called {server.name}… (projects, stacks, components) is left there."
            print(f"{error}\n{left}", file=sys.stderr)

    config.add_cleanup(remove)


def _kept_directory(config: pytest.Config) -> Path | None:
    """Make a directory that outlives the session, beside those of sessions that are still running.

    Args:
        config: pytest's.

    Returns:
        The directory; None: nothing is to be kept (`-p no:cacheprovider`), or nothing can be, as
        where pytest's cache can't be written.
    """
    cache = getattr(config, "cache", None)
    if cache is None:
        return None
    try:
        parent: Path = cache.mkdir("conformance")
        for path in parent.iterdir():
            if path.name.isdecimal() and not Path("/proc", path.name).exists():
                shutil.rmtree(path, ignore_errors=True)
        directory = parent / str(os.getpid())
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
    except OSError:
        return None
    return directory if is_text(str(directory)) else None
