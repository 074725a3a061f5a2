"""Start and stop real engines on this machine, for tests and for trying things out.

    python tools/engines up              all of them; what is healthy is left alone
    python tools/engines up slurm        one
    python tools/engines status
    python tools/engines down

As root, on Debian. All that they write lies in `.engines`; `.engines/environment` has the
variables that lead to them. docs/engines.md says more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence

from emulated_aws import EmulatedAws
from engine import HOME, Engine, EngineError, install, locked
from kubernetes_cluster import Kubernetes
from podman_service import Podman
from ray_head import Ray
from slurm_cluster import Slurm
from zenml_server import ZenMLServer

ENGINES: tuple[Engine, ...] = (
    *(Slurm(HOME), Podman(HOME), EmulatedAws(HOME), Ray(HOME)),
    *(ZenMLServer(HOME), Kubernetes(HOME)),
)

OTHERS_SECONDS = 7200.0
"""How long to wait for somebody else who starts or stops engines: Kubernetes takes minutes to
build, and many of them on a busy machine."""


def refuse_elsewhere() -> None:
    """Refuse to do anything where it can't work.

    Raises:
        EngineError: If this is not Debian, or the user is not root.
    """
    system = platform.freedesktop_os_release() if sys.platform == "linux" else {}
    if system.get("ID") != "debian":
        name = system.get("PRETTY_NAME", sys.platform)
        raise EngineError(
            f"this is {name}: the engines are made of Debian's packages (tried: Debian 12). "
            "Use a Debian machine or container."
        )
    if os.geteuid() != 0:
        raise EngineError(
            "this needs root: it installs packages, and starts daemons that run jobs for others. "
            "Run it as root, or with sudo."
        )


def alone() -> contextlib.AbstractContextManager[None]:
    """Wait until nobody else starts or stops engines of this checkout.

    Raises:
        EngineError: If somebody does for too long.
    """
    HOME.mkdir(exist_ok=True)
    other = "another `tools/engines up` or `down` in this checkout"
    return locked(HOME / "lock", other, OTHERS_SECONDS)


def up(engine: Engine) -> None:
    """Make an engine healthy.

    Args:
        engine: Which one.

    Raises:
        EngineError: If it can't be.
    """
    if engine.is_up:
        with contextlib.suppress(EngineError):
            print(f"{engine.name}: was up ({engine.check()})", flush=True)
            return
    began = time.monotonic()
    print(f"{engine.name}: starting", flush=True)
    install(engine.packages)
    try:
        engine.up()
        seen = engine.check()
    except EngineError as error:
        print(f"  {engine.explain(error)}\n  once more, from nothing", flush=True)
        engine.down()
        engine.up()
        seen = engine.check()
    print(f"  up after {time.monotonic() - began:.1f} s ({seen})", flush=True)


def down(engine: Engine) -> None:
    """Stop an engine.

    Args:
        engine: Which one.

    Raises:
        EngineError: If something stays.
    """
    engine.down()
    print(f"{engine.name}: stopped", flush=True)


def status(engine: Engine) -> None:
    """Say how an engine is.

    Args:
        engine: Which one.

    Raises:
        EngineError: If it is not healthy.
    """
    if not engine.is_up:
        gone = [daemon.name for daemon in engine.daemons if daemon.process() is None]
        raise EngineError(f"not up: {', '.join(gone)}")
    print(f"{engine.name}: up ({engine.check()})", flush=True)


def write_environment() -> None:
    """Write the variables that lead to the engines that are up."""
    lines = [
        f"{name}={shlex.quote(value)}\n"
        for engine in ENGINES
        if engine.is_up
        for name, value in engine.environment().items()
    ]
    # Others may be reading it.
    partial = HOME / "environment.partial"
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(HOME / "environment")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: The command line; default: that of this process.

    Returns:
        1 if an engine is not as wanted, else 0.
    """
    names = [engine.name for engine in ENGINES]
    parser = argparse.ArgumentParser(
        prog="tools/engines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("engine", nargs="*", metavar="NAME", help=f"{', '.join(names)}; all")
    options = parser.parse_args(arguments)
    if unknown := set(options.engine) - set(names):
        parser.error(f"no engine is called {', '.join(sorted(unknown))}; there are {names}")
    wanted = [engine for engine in ENGINES if not options.engine or engine.name in options.engine]
    act = {"up": up, "down": down, "status": status}[options.command]
    failed = False
    try:
        refuse_elsewhere()
        with contextlib.nullcontext() if act is status else alone():
            for engine in wanted:
                try:
                    act(engine)
                except EngineError as error:
                    print(f"{engine.name}: {engine.explain(error)}", file=sys.stderr, flush=True)
                    failed = True
            if act is not status:
                write_environment()
    except EngineError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
