"""What comes from outside arrives exactly, or is refused in a sentence."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from zenml_conformance.context.evidence import Evidence, Raised
from zenml_conformance.engine.child import ProcessSpec
from zenml_conformance.engine.session import Session
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import (
    DEPTH,
    YAML_BYTES,
    parse_json,
    parse_yaml,
    printable,
    read_tail,
    read_text,
)
from zenml_conformance.target.spec import TargetSpec


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("0", 0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.5e-3", 0.0015),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("[1, {a: null}]", [1, {"a": None}]),
        ("'1'", "1"),
        ("!!str 1", "1"),
        # Text, where YAML 1.1 makes something else of it.
        ("2024-05-01", "2024-05-01"),
        ("2026-02-30", "2026-02-30"),
        ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("12:30:45.5", "12:30:45.5"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("no", "no"),
        ("On", "On"),
        ("1e5", "1e5"),
        ("=", "="),
        ("<<", "<<"),
        (".", "."),
        ("Grüße 🎻", "Grüße 🎻"),
    ],
)
def test_a_value_arrives_as_it_is_written(text: str, value: Any) -> None:
    read = parse_yaml(text)
    assert read == value and type(read) is type(value)
    spec = TargetSpec(ref="local", config={"x": read, "deeper": {"y": [read]}})
    process = ProcessSpec(environment={}, cwd="", log="", session=Session(socket="", target=spec))
    for travelled in (
        ProcessSpec.model_validate_json(process.model_dump_json()),
        ProcessSpec.model_validate(json.loads(json.dumps(process.model_dump(mode="json")))),
    ):
        assert travelled.session.target == spec
        assert type(travelled.session.target.config["x"]) is type(value)


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "line 1"),
        ("a: 1\na: 2", "the key 'a' is there twice"),
        ("{a: {b: 1, b: 1}}", "the key 'b' is there twice"),
        ("1: 2", "the key 1 is no text"),
        ("null: 2", "the key None is no text"),
        ("{[1]: 2}", r"the key \[1\] is no text"),
        ("a: &a [*a]", "it has an alias"),
        (bomb(40), "it has an alias"),
        ("a: &a {b: 1}\nc: {<<: [*a, *a]}", "it has an alias"),
        ("[" * (DEPTH + 1) + "]" * (DEPTH + 1), "nested more than"),
        ("[" * 20000, "nested more than"),
        ("!!set {a}", "of the kind"),
        ("!!binary /w==", "of the kind"),
        ("!!timestamp 2024-05-01", "of the kind"),
        ("!!python/object/apply:os.getcwd []", "of the kind"),
        ("!mine 1", "of the kind"),
        ("!!int 12:30:45", "is no integer"),
        ("!!bool maybe", "is neither true nor false"),
        ("!!float x", "is no number"),
        ("!!str [1]", "expected a scalar"),
        ("!!map [1]", "it has no keys"),
        ("1" + "0" * 5000, "is no integer that Python reads"),
        ("1.5e999", "is too large"),
        ('"\\uD800"', "surrogate"),
        ("\udcff", "special characters"),
        ("a\x00b", "special characters"),
        ("a: 1\n---\nb: 2", "expected a single document"),
    ],
)
def test_what_would_not_arrive_is_refused_in_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as refusal:
        parse_yaml(text)
    words = str(refusal.value)
    assert "\n" not in words and len(words) < 300


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"a": "\\udcff"}', "half a surrogate pair"),
        ('{"a": NaN}', "NaN is no number"),
        ("[" * 200_000, "nested too deeply"),
        ("1" + "0" * 5000, "no JSON"),
    ],
)
def test_what_is_no_json_is_refused_in_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_json(text)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a: \xe4\n", "not UTF-8 .byte 0xe4 at offset 3."),
        ("a: 1".encode("utf-16"), "not UTF-8"),
        (b" " * (YAML_BYTES + 1), "longer than 256 KiB"),
    ],
)
def test_a_file_that_is_no_text_is_refused(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        read_text(path, YAML_BYTES)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_text(path) == "a: 1"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for name, complaint in {
        "nosuch": "No such file",
        "": "Is a directory|pipe or a device",
        "pipe": "pipe or a device",
        "circle": "symbolic links",
        "a\0b": "null byte",
        "x" * 300: "too long",
    }.items():
        with pytest.raises(InputError, match=complaint):
            read_text(tmp_path / name)
    assert read_tail(tmp_path / "pipe") == ""


def test_the_end_of_a_log_can_be_shown_whatever_is_in_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 5000 + b"\xff\xfe broken \x80\n\x1b[31mred\x00")
    assert read_tail(log, 21) == "\ufffd\ufffd broken \ufffd\n\\x1b[31mred\\x00"
    assert read_tail(tmp_path / "nosuch") == ""


def test_no_control_sequence_is_shown() -> None:
    text = "Grüße\n\t\x1b[31m\x07\x9b\u2028\u202e\udcff"
    assert printable(text) == "Grüße\n\t\\x1b[31m\\x07\\x9b\\u2028\\u202e\\udcff"


def test_what_the_judged_says_is_kept_even_if_it_is_no_text(tmp_path: Path) -> None:
    evidence = Evidence(scenario="x", simulated=True)
    evidence.refresh = Raised.of(RuntimeError("\udcff\x1b"))
    evidence.last_words = {"job": "\ud800"}
    evidence.write(tmp_path / "x.json")
    read = Evidence.read(tmp_path / "x.json")
    assert read.refresh == Raised(type="RuntimeError", message="\\udcff\\x1b")
    assert read.last_words == {"job": "?"}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
