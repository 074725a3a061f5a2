"""The files that the engines read: in step with each other, and usable everywhere."""

from __future__ import annotations

import ast
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

import sync_copier
from engines import ROOT, SOURCE, TREE, copy_template

COPIER: dict[str, Any] = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
QUESTIONS = [name for name in SOURCE if not name.startswith("_")]


def test_copier_yml_is_in_step() -> None:
    """Nobody has edited the one without the other."""
    assert sync_copier.main(["--check"]) == 0


def test_check_notices_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` fails on a stale or missing copier.yml, and a run without it mends that."""
    monkeypatch.setattr(sync_copier, "ROOT", copy_template(tmp_path / "template"))
    target = tmp_path / "template" / "copier.yml"
    target.write_text(target.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert sync_copier.main(["--check"]) == 1
    assert "python tools/sync_copier.py" in capsys.readouterr().out
    target.unlink()
    assert sync_copier.main(["--check"]) == 1
    assert sync_copier.main([]) == 0
    assert sync_copier.main(["--check"]) == 0


def test_questions_agree() -> None:
    """Both engines ask the same, in the same order: the package first, the backend last."""
    asked = [
        name
        for name, question in COPIER.items()
        if not name.startswith("_") and question.get("when", True)
    ]
    assert asked == QUESTIONS
    assert (asked[0], asked[-1]) == ("package_name", "backend_pattern")


@pytest.mark.parametrize("question", QUESTIONS)
def test_question_is_complete(question: str) -> None:
    """Each has a prompt; each choice has a label, each text a rule."""
    prompt = SOURCE["__prompts__"][question]
    default = SOURCE[question]
    if isinstance(default, list):
        assert set(prompt) == {"__prompt__", *default}
        assert set(COPIER[question]["choices"].values()) == set(default)
    else:
        assert COPIER[question]["help"] == prompt
        assert SOURCE["_rules"][question]["message"] in COPIER[question]["validator"]
    # Cookiecutter prints prompts as markup, in which brackets vanish.
    assert "[" not in str(prompt)


def test_copier_needs_no_trust() -> None:
    """Nothing that runs code on the user's machine: copier would ask for `--trust`."""
    assert not COPIER.keys() & {"_tasks", "_migrations", "_jinja_extensions"}


def template_paths() -> list[Path]:
    """Return every file of the template, relative to the repository."""
    found = [path for name in ("hooks", "templates", TREE) for path in (ROOT / name).rglob("*")]
    return [path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts]


def test_paths_are_legal_on_windows() -> None:
    """Git on Windows refuses to check out anything else."""
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
    for path in template_paths():
        assert not re.search(r'[<>:"|?*\\]', str(path)), path
        assert not any(reserved.fullmatch(part) for part in path.parts), path
        assert not any(part.endswith((" ", ".")) for part in path.parts), path
        assert len(str(path)) < 180, path


def test_files_are_plain_text() -> None:
    """The engines treat links, binary files and executables differently."""
    for path in template_paths():
        status = (ROOT / path).lstat()
        assert not stat.S_ISLNK(status.st_mode), path
        if stat.S_ISREG(status.st_mode):
            content = (ROOT / path).read_bytes()
            assert b"\0" not in content and b"\r" not in content, path
            assert not status.st_mode & stat.S_IXUSR, path


def test_conditions_are_on_file_names_only() -> None:
    """Cookiecutter takes an empty directory name for the project itself, or worse."""
    conditions = ("{%", " and ")
    parts = {part for path in template_paths() for part in path.parts[:-1]}
    assert not [part for part in parts if any(condition in part for condition in conditions)]


def test_a_pattern_is_a_folder() -> None:
    """Each choice has one, and no file in it is forgotten."""
    folders = ROOT / "templates" / "backends"
    assert {path.name for path in folders.iterdir()} == set(SOURCE["backend_pattern"])
    stubs = {
        found[1]
        for path in (ROOT / TREE).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and (found := re.match(r'\{% set file = "([^"]+)" %\}', path.read_text(encoding="utf-8")))
    }
    assert {"backend.py", "config.py", "orchestrator.py"} < stubs
    included = {"readme", "dependencies.toml", "mypy.toml", "pytest.toml"}
    for path in folders.glob("*/**/*"):
        name = path.relative_to(folders).parts[1:]
        if path.is_file() and name[0] not in included and "__pycache__" not in name:
            assert "/".join(name) in stubs, path


def test_files_of_patterns_are_python() -> None:
    """Editors, linters and type checkers see what they are."""
    for path in (ROOT / "templates").rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
