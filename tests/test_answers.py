"""Bad answers are refused by both engines with the same sentence, before anything is written."""

from __future__ import annotations

import builtins
import json
import keyword
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from cookiecutter.exceptions import CookiecutterException, FailedHookException
from jinja2 import TemplateError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engines import PATTERNS, SOURCE, Engines, tree

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
        "9a-b",
        "a-9b",
        "ä-b",
        "a-b\n",
        "a-b\tc",
        "a_9b",
        "Zenml",
        "Typing_Extensions",
        "scikit.learn",
        "Zenml Acme_Flavor",
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

    with pytest.raises(FailedHookException):
        engines.cookiecutter(tmp_path / "a" / "b", **{question: answer})
    assert message in capfd.readouterr().err

    with pytest.raises(ValueError, match=re.escape(message)):
        engines.copier(tmp_path / "a" / "c", **{question: answer})

    assert [path for path in tmp_path.rglob("*") if path.name not in ("a", "b", "c")] == []


@pytest.mark.parametrize(
    ("question", "answer"), [("flavor", "ü'"), ("package_name", "Ü_Orchestrator")]
)
def test_refusal_names_the_answer(
    engines: Engines,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    question: str,
    answer: str,
) -> None:
    """Both engines say what was given, in the same notation."""
    sentence = f"{SOURCE['_rules'][question]['message']} Got: {json.dumps(answer)}"
    with pytest.raises(FailedHookException):
        engines.cookiecutter(tmp_path, **{question: answer})
    assert f"ERROR: {sentence}\n" in capfd.readouterr().err
    with pytest.raises(ValueError, match=re.escape(sentence)):
        engines.copier(tmp_path, **{question: answer})


@pytest.mark.parametrize("answer", ["single", "../a-b", "a/b", "b" * 300])
def test_refusal_is_all_that_stands_on_stderr(
    template: Path, home: Path, tmp_path: Path, answer: str
) -> None:
    """On stdout, cookiecutter adds how its hook ended; but no dump of all that it knows."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cookiecutter", "--no-input", str(template)),
            *("--output-dir", str(tmp_path), f"package_name={answer}"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ERROR: package_name must be ")
    assert line.endswith(f' Got: "{answer}"')
    assert "Context:" not in done.stdout


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("My_Orchestrator", "my-orchestrator"),
        ("zenml_acme_orchestrator", "zenml-acme-orchestrator"),
        ("ZenML Acme", "zenml-acme"),
        ("zenml.acme", "zenml-acme"),
        ("_a__b - C.", "a-b-c"),
    ],
)
def test_names_are_spelled_as_indexes_do(
    engines: Engines, tmp_path: Path, typed: str, name: str
) -> None:
    """What people type is not refused for its spelling."""
    ours = engines.cookiecutter(tmp_path / "cookiecutter", package_name=typed)
    theirs = engines.copier(tmp_path / "copier", package_name=typed)
    assert tree(ours) == tree(theirs)
    assert ours.name == name
    assert (ours / "src" / name.replace("-", "_") / "flavor.py").is_file()
    assert f'name = "{name}"' in (ours / "pyproject.toml").read_text(encoding="utf-8")


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


def packages_behind(requirements: list[Requirement]) -> set[str]:
    """Return what pip would install for requirements, as far as it is installed here."""
    found: set[str] = set()
    asked: set[tuple[str, str]] = set()
    while requirements:
        requirement = requirements.pop()
        name = canonicalize_name(requirement.name)
        found.add(name)
        for extra in ("", *requirement.extras):
            if (name, extra) in asked:
                continue
            asked.add((name, extra))
            try:
                further = map(Requirement, metadata.requires(name) or [])
            except metadata.PackageNotFoundError:
                continue
            requirements += [
                r for r in further if r.marker is None or r.marker.evaluate({"extra": extra})
            ]
    return found


def test_no_package_that_is_needed_can_be_taken(engines: Engines, tmp_path: Path) -> None:
    """Else the project would be installed in its place, or hide its modules."""
    extras = {*(metadata.metadata("zenml").get_all("Provides-Extra") or [])} - {"dev"}
    requirements = [Requirement(f"zenml[{','.join(extras)}]"), Requirement("zenml-conformance")]
    for pattern in PATTERNS:
        project = engines.cookiecutter(tmp_path / pattern, backend_pattern=pattern)
        text = (project / "pyproject.toml").read_text(encoding="utf-8")
        lines = re.findall(r'^    "([a-z][^"@]*[<>=][^"@]*)",$', text, re.M)
        assert any(line.startswith("zenml>=") for line in lines)
        requirements += map(Requirement, lines)
    packages = packages_behind(requirements)
    modules = {
        canonicalize_name(module)
        for module, owners in metadata.packages_distributions().items()
        if {canonicalize_name(owner) for owner in owners} & packages
    }
    assert {"zenml", "typing-extensions", "azure-identity", "ruff"} < packages
    assert "markdown-it" in modules
    assert {name for name in packages | modules if not is_refused("package_name", name)} == set()
