"""Reads what comes from outside: files, values on the command line, what judged processes left.

Whatever is in them, either the exact value arrives or an `InputError` refuses it; its message is a
clause that callers put behind the name of the option or the file.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from pathlib import Path
from typing import Any, ClassVar

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from zenml_conformance.errors import InputError

FILE_BYTES = 64 << 20
"""No report and no evidence is longer."""

YAML_BYTES = 256 << 10
"""No configuration and no list of waivers is longer; PyYAML takes seconds for a megabyte."""

DEPTH = 64
"""How deeply values may be nested; pydantic gives up at 255."""

SHOWN = 100
"""How many characters of a value are repeated in a message."""


# -- text -----------------------------------------------------------------------------------


def read_text(path: Path, limit: int = FILE_BYTES) -> str:
    """Read a file.

    Args:
        path: The file; no directory and no pipe, for which one might wait for ever.
        limit: How many bytes it may have.

    Returns:
        Its text, without a byte order mark.

    Raises:
        InputError: If it can't be read, is too long, or is not UTF-8.
    """
    content = _read_bytes(path, 0, limit + 1)
    if len(content) > limit:
        raise InputError(f"the file is longer than {limit >> 10} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = content[error.start]
        raise InputError(
            f"the file is not UTF-8 (byte 0x{byte:02x} at offset {error.start}); save it as UTF-8"
        ) from error


def read_tail(path: Path, limit: int = 2000) -> str:
    """Read the end of a log, whatever is in it.

    Args:
        path: The log.
        limit: How many bytes to read.

    Returns:
        Its last lines, fit to be shown; empty if there is none.
    """
    try:
        content = _read_bytes(path, -limit, limit)
    except InputError:
        return ""
    return printable(content.decode("utf-8", errors="replace")).strip()


def _read_bytes(path: Path, start: int, count: int) -> bytes:
    """Read a part of a regular file.

    Args:
        path: The file.
        start: Where to begin; negative: that many bytes before the end.
        count: How many bytes to read at most.

    Returns:
        The part.

    Raises:
        InputError: If it can't be read.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError("the file can't be read: it is a pipe or a device")
            file.seek(max(0, status.st_size + start) if start < 0 else start)
            return file.read(count)
    except OSError as error:
        raise InputError(f"the file can't be read: {error.strerror}") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the file can't be read: {error}") from error  # NUL in its name.


def is_text(value: str) -> bool:
    """Say whether a word consists of characters.

    Args:
        value: From the command line or the environment, where Python keeps each byte that is not
            UTF-8 as half a surrogate pair.

    Returns:
        Whether it can be written as UTF-8.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Make a text fit to be shown, on whatever: no control sequence of a terminal is left in it.

    Args:
        text: The text.

    Returns:
        The same, with escapes for all that can't be seen but spaces and ends of lines.
    """
    return "".join(
        c if c in "\n\t" or c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def shown(value: object) -> str:
    """Repeat a value in a message.

    Args:
        value: The value.

    Returns:
        Its `repr`, cut off where it gets long.
    """
    text = printable(repr(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


# -- JSON -----------------------------------------------------------------------------------


def parse_json(text: str) -> Any:
    """Read JSON.

    Args:
        text: JSON.

    Returns:
        Its value.

    Raises:
        InputError: If it is none, or could be read in two ways.
    """

    def refuse(constant: str) -> None:
        raise InputError(f"it is no JSON: {constant} is no number")

    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=refuse)
    except RecursionError as error:
        raise InputError("it is no JSON that can be read: it is nested too deeply") from error
    except InputError:
        raise
    except ValueError as error:  # Integers with thousands of digits, too.
        raise InputError(f"it is no JSON: {error}") from error
    if not is_text(json.dumps(value, ensure_ascii=False)):
        raise InputError("it is no JSON that can be used: half a surrogate pair is no character")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"it is no JSON that can be read: the key {shown(key)} is there twice")
        found[key] = value
    return found


# -- YAML -----------------------------------------------------------------------------------


def parse_yaml(text: str) -> Any:
    """Read YAML whose values JSON knows, too: they cross processes, and get into ZenML's store.

    As in YAML 1.2, what is not clearly something else is text: `no`, `12:30:45`, `2024-05-01` and
    `010` arrive as they are written.

    Args:
        text: YAML.

    Returns:
        Its value.

    Raises:
        InputError: If it is none, or has values that would not arrive as they are.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it constructs nothing but JSON's values
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        words = " ".join(filter(None, [error.context, error.problem]))
        raise InputError(f"it is no YAML that can be used: {words}{place}") from error
    except yaml.YAMLError as error:
        raise InputError(
            f"it is no YAML that can be used: {' '.join(str(error).split())}"
        ) from error


class _Loader(yaml.SafeLoader):
    """Knows the values of JSON, `.inf`, `.nan`, and no aliases, which can stand for gigabytes."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as in the base class
    yaml_constructors: ClassVar[dict[str | None, Any]] = {}

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "it has an alias (`*`): write the value out", mark)
        if self.depth == DEPTH:
            raise ComposerError(None, None, f"it is nested more than {DEPTH} levels deep", mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _refusal(node: yaml.Node, problem: str) -> ConstructorError:
    return ConstructorError(None, None, problem, node.start_mark)


def _tag(name: str) -> str:
    return f"tag:yaml.org,2002:{name}"


def _text(loader: _Loader, node: Any) -> str:
    value = str(loader.construct_scalar(node))
    if not is_text(value):
        raise _refusal(node, "half a surrogate pair is no character")
    return value


def _null(loader: _Loader, node: Any) -> None:
    return None


def _bool(loader: _Loader, node: Any) -> bool:
    value = _text(loader, node).lower()
    if value not in ("true", "false"):
        raise _refusal(node, f"{shown(value)} is neither true nor false")
    return value == "true"


def _int(loader: _Loader, node: Any) -> int:
    try:
        return int(_text(loader, node))
    except ValueError as error:  # Too many digits, or an explicit tag.
        raise _refusal(node, f"{shown(node.value)} is no integer that Python reads") from error


def _float(loader: _Loader, node: Any) -> float:
    text = _text(loader, node)
    try:
        value = float(text.replace(".", "", 1) if _NOT_FINITE.match(text) else text)
    except ValueError as error:
        raise _refusal(node, f"{shown(text)} is no number") from error
    if math.isinf(value) and not _NOT_FINITE.match(text):
        raise _refusal(node, f"{shown(text)} is too large for a number")
    return value


def _list(loader: _Loader, node: Any) -> list[Any]:
    return list(loader.construct_sequence(node, deep=True))


def _dict(loader: _Loader, node: Any) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _refusal(node, "it has no keys with values")
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise _refusal(key_node, f"the key {shown(key)} is no text: put it in quotes")
        if key in found:
            raise _refusal(key_node, f"the key {shown(key)} is there twice")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _unknown(loader: _Loader, node: yaml.Node) -> None:
    raise _refusal(node, f"values of the kind {shown(node.tag)} can't be passed on")


_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")

for _name, _pattern, _first in (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    ("null", r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)\Z", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z"
        rf"|{_NOT_FINITE.pattern}",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(_tag(_name), re.compile(_pattern), list(_first))
for _name, _construct in (
    ("null", _null),
    ("bool", _bool),
    ("int", _int),
    ("float", _float),
    ("str", _text),
    ("seq", _list),
    ("map", _dict),
):
    _Loader.add_constructor(_tag(_name), _construct)
_Loader.add_constructor(None, _unknown)
