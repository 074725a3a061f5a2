"""What becomes of an orchestrator's configuration when ZenML registers and loads it."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from pydantic import ValidationError

from zenml_conformance.context.evidence import Raised, RoundTrip
from zenml_conformance.engine import session
from zenml_conformance.target.target import Target

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestratorConfig

OUTSIDE = frozenset(
    {
        *("socket.connect", "socket.bind", "socket.getaddrinfo", "sqlite3.connect"),
        *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
        *("os.mkdir", "os.remove", "os.rename", "os.rmdir"),
    }
)
"""Audit events of what leaves a process, or a trace on the disk."""


def round_trip(target: Target) -> RoundTrip:
    """Register the orchestrator with as many values as it takes, and load it again.

    Args:
        target: The orchestrator under test.

    Returns:
        What became of them.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType
    from zenml.stack import StackComponent

    config_class = target.flavor.config_class
    given = _filled(config_class, target.config)
    outside: list[str] = []
    try:
        before = config_class(**given)
        model = Client().create_stack_component(
            name=f"{session.stack()}-round-trip",
            flavor=target.flavor.name,
            component_type=StackComponentType.ORCHESTRATOR,
            configuration=given,
        )
        Client().zen_store.get_stack_component(model.id)
        with watching_init(target.orchestrator_class, outside):
            after = StackComponent.from_model(model).config
    except Exception as error:
        return RoundTrip(raised=str(Raised.of(error)), init=outside)
    changed = {
        name: (repr(getattr(before, name)), repr(getattr(after, name)))
        for name in config_class.model_fields
        if getattr(before, name) != getattr(after, name)
    }
    return RoundTrip(changed=changed, init=outside)


def _filled(config_class: type[BaseOrchestratorConfig], given: dict[str, Any]) -> dict[str, Any]:
    """Add a value for each field that takes a text or a whole number, if all go together."""
    filled = dict(given)
    for number, name in enumerate(config_class.model_fields):
        for value in (f"conformance-{number}", 4000 + number):
            if name in filled:
                break
            with suppress(ValidationError, ValueError, TypeError):
                if getattr(config_class(**{**filled, name: value}), name) is not None:
                    filled[name] = value
    return filled


@contextmanager
def watching_init(watched: type, events: list[str]) -> Iterator[None]:
    """Note what a class's `__init__` does to the world outside.

    Args:
        watched: The class.
        events: Takes what is seen.

    Yields:
        Nothing; instances that are made meanwhile are watched.
    """
    original = watched.__init__  # type: ignore[misc]
    inside: list[bool] = []

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if inside and (event in OUTSIDE or (event == "open" and _is_for_writing(*arguments))):
            events.append(f"{event}({', '.join(str(a)[:80] for a in arguments[:2])})")

    @functools.wraps(original)
    def init(instance: Any, *args: Any, **kwargs: Any) -> None:
        inside.append(True)
        try:
            original(instance, *args, **kwargs)
        finally:
            inside.clear()

    sys.addaudithook(audit)  # It stays as long as the process, which is why it looks at `inside`.
    watched.__init__ = init  # type: ignore[misc]
    try:
        yield
    finally:
        watched.__init__ = original  # type: ignore[misc]


def _is_for_writing(path: Any, mode: str | None, flags: int) -> bool:
    is_bytecode = "__pycache__" in str(path)
    return bool(flags & (os.O_WRONLY | os.O_RDWR)) and not is_bytecode


def distribution_of(module: str) -> str | None:
    """Find the installed distribution that a module comes with.

    Args:
        module: The module.

    Returns:
        The distribution's name; None when it was not installed, but is only on the path.
    """
    package = module.partition(".")[0]
    if names := importlib.metadata.packages_distributions().get(package):
        return names[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    for distribution in importlib.metadata.distributions():  # Those that are editable.
        origin = distribution.read_text("direct_url.json")
        if file and origin and json.loads(origin).get("dir_info", {}).get("editable"):
            directory = Path(unquote(urlparse(json.loads(origin)["url"]).path))
            if Path(file).is_relative_to(directory):
                name: str = distribution.metadata["Name"]
                return name
    return None
