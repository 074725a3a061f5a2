"""Both engines make the same project of the same answers, byte for byte and mode for mode."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engines import ANSWERS_FILE, AWKWARD_TEXTS, LICENSES, NAMES, PATTERNS, TREE, Engines, tree

PLACEHOLDERS = re.compile(
    rb"cookiecutter\.|# jinja:|example_pkg|Acme|acme_flavor|\{%|%\}|(?<!\$)\{\{"
)


@pytest.mark.parametrize("license_", LICENSES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_engines_agree(engines: Engines, tmp_path: Path, pattern: str, license_: str) -> None:
    """Every combination of choices gives the same tree, awkward texts included."""
    answers = {**AWKWARD_TEXTS, "backend_pattern": pattern, "license": license_}
    ours = engines.cookiecutter(tmp_path / "cookiecutter", **answers)
    theirs = engines.copier(tmp_path / "copier", **answers)

    assert tree(ours) == tree(theirs)
    # The core is copied as it is, whatever the project.
    (core,) = ours.glob("src/*/core")
    assert tree(core) == tree(next(Path(engines.template).glob(f"{TREE}/src/*/core")))
    # This template is a folder without history, and named in one way.
    assert (ours / ANSWERS_FILE).read_bytes() == (theirs / ANSWERS_FILE).read_bytes()
    assert (ours / "LICENSE").exists() == (license_ != "Proprietary")
    # The texts arrive as they were given, also where they look like a placeholder.
    for name in ("pyproject.toml", "README.md"):
        assert AWKWARD_TEXTS["description"] in (ours / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_placeholder_survives(
    engines: Engines, tmp_path: Path, pattern: str, names: str
) -> None:
    """Names of any length replace every placeholder, in contents and in paths."""
    answers = {"package_name": "zenml-other-thing", **NAMES[names], "backend_pattern": pattern}
    ours = tree(engines.cookiecutter(tmp_path / "cookiecutter", **answers))
    theirs = tree(engines.copier(tmp_path / "copier", **answers))

    assert ours == theirs
    left = {
        path: found[0]
        for path, content in ours.items()
        if (found := PLACEHOLDERS.search(path.encode() + b"\n" + (content or b"")))
    }
    assert left == {}


def test_defaults_agree(engines: Engines, tmp_path: Path) -> None:
    """Without any answer, both engines choose the same."""
    ours = engines.cookiecutter(tmp_path / "cookiecutter")
    theirs = engines.copier(tmp_path / "copier")
    assert tree(ours) == tree(theirs)


@pytest.mark.parametrize(
    ("package_name", "flavor", "class_"),
    [
        ("zenml-acme-orchestrator", "acme", "Acme"),
        ("zenml-acme-batch", "acme_batch", "AcmeBatch"),
        ("a-b", "a_b", "AB"),
        ("zenml-x-orchestrator", "x", "X"),
        ("zenml-orchestrator", "orchestrator", "Orchestrator"),
        ("zenml-kubernetes-orchestrator", "custom_kubernetes", "CustomKubernetes"),
        ("zenml-vm-kubernetes-orchestrator", "custom_vm_kubernetes", "CustomVmKubernetes"),
        ("zenml-class-orchestrator", "custom_class", "CustomClass"),
        ("zenml-base-orchestrator", "custom_base", "CustomBase"),
        ("a-" + "b" * 17 + "-c" + "d" * 18, "a_" + "b" * 17, "A" + "B" + "b" * 16),
        ("p" * 19 + "-" + "q" * 20, "p" * 19, "P" + "p" * 18),
    ],
)
def test_derived_names_are_legal(
    engines: Engines, tmp_path: Path, package_name: str, flavor: str, class_: str
) -> None:
    """Whatever legal package name is given, the flavor derived from it passes its own rule."""
    ours = engines.cookiecutter(tmp_path / "cookiecutter", package_name=package_name)
    theirs = engines.copier(tmp_path / "copier", package_name=package_name)

    assert tree(ours) == tree(theirs)
    module = package_name.replace("-", "_")
    options = (ours / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"--orchestrator={module}.flavor:{class_}OrchestratorFlavor"' in options
    assert f'name = "{flavor}"' in (ours / "src" / module / "flavor.py").read_text(encoding="utf-8")
