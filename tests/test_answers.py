"""Bad answers are refused by both engines with the same sentence, before anything is written."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from pathlib import Path

import pytest
from cookiecutter.exceptions import CookiecutterException, FailedHookException
from jinja2 import TemplateError, UndefinedError

from engines import SOURCE, Engines

BAD_TEXTS = [
    "",
    " leading",
    "trailing ",
    'a"b',
    "a`b",
    "a\\b",
    "a{b",
    "a}b",
    "<b>",
    "two\nlines",
    "newline at the end\n",
    "carriage\rreturn",
    "tab\tstop",
    "line\u2028separator",
    "nul\0byte",
    "surrogate\udcff",
    "{{ 7 * 7 }}",
    "{{ cookiecutter.package_name }}",
    "{% set x = 1 %}y",
    "x{# comment #}",
    "# jinja: set x = 1",
]
BAD_ANSWERS = {
    "package_name": [
        "",
        "single",
        "zenml",
        "class",
        "json",
        "print",
        "match",
        "py-compile",
        "zenml-conformance",
        "a--b",
        "-a-b",
        "a-b-",
        "9a-b",
        "a-9b",
        "A-b",
        "a_b",
        "a.b-c",
        "ä-b",
        "a-b\n",
        "a b-c",
        "a/b-c",
        "../a-b",
        "/a-b",
        "a\\b-c",
        "..",
        "a-" + "b" * 39,
        "a-" + "b" * 300,
        "zenml-acme-flavor",
        "zenml-example-pkg",
        "{{ 'a-b' }}",
    ],
    "flavor": [
        "",
        "Acme",
        "9a",
        "a-b",
        "a__b",
        "_a",
        "a_",
        "a b",
        "a/b",
        "ä",
        "a\n",
        "a.b",
        "b" * 21,
        "class",
        "none",
        "match",
        "kubernetes",
        "vm_aws",
        "base",
        "job",
        "my_acme_flavor",
        "{{ 'ok' }}",
        "{{ cookiecutter.__project_name }}",
    ],
    "project_name": [*BAD_TEXTS, "x" * 61],
    "author": [*BAD_TEXTS, "x" * 61],
    "description": [*BAD_TEXTS, "x" * 121],
}


@pytest.mark.parametrize(
    ("question", "answer"),
    [(question, answer) for question, answers in BAD_ANSWERS.items() for answer in answers],
    ids=ascii,
)
def test_both_engines_refuse(
    engines: Engines,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    question: str,
    answer: str,
) -> None:
    """The rule's message is shown, and no file or directory appears anywhere."""
    message = SOURCE["_rules"][question]["message"]

    with pytest.raises((FailedHookException, UndefinedError)) as ours:
        engines.cookiecutter(tmp_path / "a" / "b", **{question: answer})
    assert message in str(ours.value) + capfd.readouterr().err

    with pytest.raises(ValueError, match=re.escape(message)):
        engines.copier(tmp_path / "a" / "c", **{question: answer})

    assert [path for path in tmp_path.rglob("*") if path.name not in ("a", "b", "c")] == []


def test_refusal_names_the_answer(
    engines: Engines, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Both engines say what was given, in the same notation."""
    sentence = SOURCE["_rules"]["flavor"]["message"] + ' Got: "\\u00fc\'"'
    with pytest.raises(FailedHookException):
        engines.cookiecutter(tmp_path, flavor="ü'")
    assert f"ERROR: {sentence}\n" in capfd.readouterr().err
    with pytest.raises(ValueError, match=re.escape(sentence)):
        engines.copier(tmp_path, flavor="ü'")


@pytest.mark.parametrize("answer", ["{{ 7 *", "{{ nothing.of_the_kind }}", "{{ 1 / 0 }}"])
def test_jinja_that_fails_stops_cookiecutter(engines: Engines, tmp_path: Path, answer: str) -> None:
    """Cookiecutter renders answers before any rule is asked; then the words are its own."""
    with pytest.raises((CookiecutterException, TemplateError, ArithmeticError)):
        engines.cookiecutter(tmp_path / "a", description=answer)
    assert list(tmp_path.iterdir()) == []


def is_refused(question: str, answer: str) -> bool:
    """Apply the rule of a question."""
    rule = SOURCE["_rules"][question]
    return re.search(rule["pattern"], answer) is None or answer in rule.get("reserved", [])


def test_no_flavor_of_zenml_can_be_taken() -> None:
    """ZenML refuses to register a second flavor of the same name."""
    from zenml.enums import StackComponentType
    from zenml.stack.flavor_registry import FlavorRegistry

    registry = FlavorRegistry()
    classes = [*registry.builtin_flavors, *registry.integration_flavors]
    flavors = [flavor() for flavor in classes]
    taken = {flavor.name for flavor in flavors if flavor.type == StackComponentType.ORCHESTRATOR}
    assert len(taken) > 15
    assert {flavor for flavor in taken if not is_refused("flavor", flavor)} == set()


def test_no_keyword_can_be_a_flavor() -> None:
    """Neither a keyword as it is, nor one that a class name would make of it (None)."""
    keywords = {word.lower() for word in [*keyword.kwlist, *keyword.softkwlist]}
    assert {word for word in keywords if not is_refused("flavor", word)} == set()


def test_no_module_of_python_can_be_hidden() -> None:
    """The module is the package name with underscores."""
    modules = {*sys.stdlib_module_names, *dir(builtins), *keyword.kwlist, "zenml"}
    packages = {module.replace("_", "-") for module in modules}
    assert {name for name in packages if not is_refused("package_name", name)} == set()
