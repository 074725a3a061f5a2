"""Whether ZenML's store can be reached, and its active stack read.

ZenML is not asked: it makes a configuration where there is none, migrates its store, and repairs
an active stack that is gone. Its files are read instead, and its server is asked by HTTP.
"""

from __future__ import annotations

import json
import os
import sqlite3
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click
import yaml

from zenml_conformance.command.finding import Finding, State
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import read_text

SECONDS = 10
"""How long a server may take to answer."""

_STORE, _STACK = "ZenML's store", "Active stack"
_NEEDED = "stacks, flavors and runs are kept there: nothing can be registered or run"


@dataclass(frozen=True)
class Configuration:
    """What ZenML would read.

    Attributes:
        directory: Where its configuration is.
        store: The address of its store; None: it would make a local one.
        stack: The active stack's id; None: none was ever chosen.
    """

    directory: Path
    store: str | None
    stack: str | None

    @staticmethod
    def read(directory: Path) -> Configuration:
        """Read ZenML's configuration.

        Args:
            directory: Where ZenML would be started: it looks for a repository there, and above.

        Returns:
            The configuration.

        Raises:
            InputError: If a file of it can't be read.
        """
        variable = os.environ.get("ZENML_CONFIG_PATH")
        home = Path(variable).resolve() if variable else Path(click.get_app_dir("zenml"))
        chosen = _mapping(home / "config.yaml")
        store = chosen.get("store")
        url = store.get("url") if isinstance(store, dict) else None
        stack = (
            os.environ.get("ZENML_ACTIVE_STACK_ID")
            or _repository(directory).get("active_stack_id")
            or chosen.get("active_stack_id")
        )
        return Configuration(
            directory=home,
            store=os.environ.get("ZENML_STORE_URL") or (str(url) if url else None),
            stack=str(stack) if stack else None,
        )


def findings(directory: Path) -> list[Finding]:
    """Check the store and the active stack.

    Args:
        directory: Where ZenML would be started.

    Returns:
        What was found.
    """
    try:
        configuration = Configuration.read(directory)
    except InputError as error:
        why = "ZenML does not start with it"
        todo = "correct the file; if it is moved away, ZenML makes a new one, without your login"
        return [Finding("ZenML's files", State.BAD, str(error), why, todo)]
    if configuration.store is None:
        found = f"none yet: {configuration.directory} has no configuration of one"
        why = "ZenML makes a local one when it is first used"
        todo = "if you have a server: zenml login URL"
        return [Finding(_STORE, State.NOTE, found, why, todo)]
    scheme = configuration.store.partition("://")[0]
    if scheme == "sqlite":
        return _of_file(Path(configuration.store.removeprefix("sqlite:///")), configuration)
    if scheme in ("http", "https"):
        return _of_server(configuration.store.rstrip("/"), configuration)
    found = f"{scheme}://{urlsplit(configuration.store).hostname}: not looked at"
    why = "it is a database, which ZenML itself has to be asked about"
    return [Finding(_STORE, State.NOTE, found, why, "zenml status")]


def _mapping(path: Path) -> dict[str, Any]:
    """Read a file of ZenML's; nothing if there is none."""
    if not path.exists():
        return {}
    try:
        content = yaml.safe_load(read_text(path))
    except (InputError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} can't be read: {reason}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} can't be read: it has no keys with values")
    return content


def _repository(directory: Path) -> dict[str, Any]:
    """Read the configuration of the repository that ZenML would find."""
    name = os.environ.get("ZENML_REPOSITORY_DIRECTORY_NAME", ".zen")
    given = os.environ.get("ZENML_REPOSITORY_PATH")
    places = [Path(given)] if given else [directory, *directory.parents]
    for place in places:
        if (place / name).is_dir():
            return _mapping(place / name / "config.yaml")
    return {}


def _of_file(path: Path, configuration: Configuration) -> list[Finding]:
    if not path.exists():
        why, todo = "ZenML makes it when it is first used", "nothing"
        return [Finding(_STORE, State.NOTE, f"{path} is not there", why, todo)]
    # `immutable`: SQLite makes no files beside it, and takes no lock.
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(address, uri=True)
        try:
            rows = dict(connection.execute("SELECT id, name FROM stack").fetchall())
        finally:
            connection.close()
    except sqlite3.Error as error:
        todo = "restore it from a backup; if it is moved away, ZenML makes one with nothing in it"
        return [Finding(_STORE, State.BAD, f"{path} can't be read: {error}", _NEEDED, todo)]
    store = Finding(_STORE, State.GOOD, str(path))
    names = {uuid.UUID(str(key)): str(name) for key, name in rows.items()}
    return [store, *_of_stack(configuration.stack, names)]


def _of_stack(stack: str | None, names: Mapping[uuid.UUID, str]) -> list[Finding]:
    if stack is None:
        return []
    try:
        name = names.get(uuid.UUID(stack))
    except ValueError:
        name = None
    if name:
        return [Finding(_STACK, State.GOOD, name)]
    why = "pipelines run on it; ZenML falls back to another one"
    todo = "zenml stack list, then zenml stack set NAME"
    return [Finding(_STACK, State.BAD, f"{stack} is not in the store", why, todo)]


def _of_server(url: str, configuration: Configuration) -> list[Finding]:
    # Without a password, which is no business of the terminal's.
    shown = urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]).geturl()
    try:
        version = _ask(f"{shown}/api/v1/info").get("version")
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        todo = "see whether it is up and can be reached from here, or use another: zenml login URL"
        return [Finding(_STORE, State.BAD, f"{shown} can't be reached: {reason}", _NEEDED, todo)]
    store = Finding(_STORE, State.GOOD, f"{shown}, ZenML {version}")
    login = "ZenML's login"
    todo = f"zenml login {shown}"
    try:
        token, has_key = _credentials(configuration, url)
    except InputError as error:
        return [store, Finding(login, State.BAD, str(error), _NEEDED, todo)]
    if token is None and has_key:
        return [store, Finding(login, State.GOOD, "an API key, which was not tried")]
    if token is None:
        return [store, Finding(login, State.BAD, "there is none for this server", _NEEDED, todo)]
    if configuration.stack is None:
        return [store]
    try:
        name = _ask(f"{shown}/api/v1/stacks/{quote(configuration.stack)}", token).get("name")
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            found = f"the server refuses it ({error.code}): it may have expired"
            return [store, Finding(login, State.BAD, found, _NEEDED, todo)]
        return [store, *_of_stack(configuration.stack, {})]
    except OSError as error:
        return [store, Finding(_STACK, State.BAD, str(error), _NEEDED, "try again")]
    return [store, Finding(_STACK, State.GOOD, str(name))]


def _credentials(configuration: Configuration, url: str) -> tuple[str | None, bool]:
    """Return the token for a server, and whether there is an API key, which gets one."""
    given = os.environ.get("ZENML_STORE_API_TOKEN")
    if given or os.environ.get("ZENML_STORE_API_KEY"):
        return given, True
    stored = _mapping(configuration.directory / "credentials.yaml").get(url)
    if not isinstance(stored, dict):
        return None, False
    token = stored.get("api_token")
    access = token.get("access_token") if isinstance(token, dict) else None
    return (str(access) if access else None), bool(stored.get("api_key"))


def _ask(url: str, token: str | None = None) -> dict[str, Any]:
    """Ask a server.

    Raises:
        OSError: If it does not answer, or not with what ZenML's server would.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http or https
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        try:
            content = json.load(answer)
        except ValueError as error:
            raise OSError("what answers is no ZenML server") from error
    if not isinstance(content, dict):
        raise OSError("what answers is no ZenML server")
    return content
