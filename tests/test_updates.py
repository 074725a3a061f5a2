"""A project follows its template: with copier, with cruft, and when `zenml init` made it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import copier
import cruft
import pytest
import yaml

from engines import ANSWERS_FILE, TREE, Engines, git, tree

MINE = "\n# What the team has added.\n"
NEWS = "\nNews from the template.\n"
OLD_ZENML = '    "zenml>=0.96,<0.99",\n'
NEW_ZENML = '    "zenml>=0.97,<1",\n'
MY_DEPENDENCY = '    "acme-client>=3",\n'


def make_news(repository: Path) -> None:
    """Release a v2 of the template: changed files and a new one."""
    settings = repository / TREE / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    assert OLD_ZENML in text
    settings.write_text(text.replace(OLD_ZENML, NEW_ZENML), encoding="utf-8")
    with (repository / TREE / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(NEWS)
    (repository / TREE / "NEWS.md").write_text("{{ cookiecutter.flavor }}\n", encoding="utf-8")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Second")
    git(repository, "tag", "v2")


def edit_and_commit(project: Path) -> Path:
    """Put a new project under git, add code and a dependency; return the file with the code."""
    settings = project / "pyproject.toml"
    before, comment, after = settings.read_text(encoding="utf-8").partition("that changes them.\n")
    assert comment
    settings.write_text(before + comment + MY_DEPENDENCY + after, encoding="utf-8")
    config = project / "src" / project.name.replace("-", "_") / "config.py"
    with config.open("a", encoding="utf-8") as file:
        file.write(MINE)
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "First")
    return config


def has_news_and_edits(project: Path, config: Path) -> bool:
    """Tell whether an update has brought v2 and left the team's change alone."""
    assert (project / "NEWS.md").read_text(encoding="utf-8") == "mine\n"
    assert (project / "README.md").read_text(encoding="utf-8").endswith(NEWS)
    assert config.read_text(encoding="utf-8").endswith(MINE)
    settings = (project / "pyproject.toml").read_text(encoding="utf-8")
    assert NEW_ZENML in settings and MY_DEPENDENCY in settings
    assert OLD_ZENML not in settings and "<<<" not in settings
    return git(project, "diff", "--name-only", "--diff-filter=U") == ""


def test_copier_updates(
    repository: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`copier update` merges; answers are kept and no question is asked.

    The template may have been named relative to where copier was started.
    """
    monkeypatch.chdir(repository.parent)
    project = Engines(repository.name, home).copier(
        tmp_path, package_name="zenml-mine", flavor="mine", backend_pattern="in_process"
    )
    config = edit_and_commit(project)
    make_news(repository)
    monkeypatch.chdir(project)
    copier.run_update(project, defaults=True, overwrite=True, quiet=True)

    assert has_news_and_edits(project, config)
    answers = yaml.safe_load((project / ANSWERS_FILE).read_text(encoding="utf-8"))
    assert answers.pop("_commit") == "v2"
    assert answers.pop("_src_path") == str(repository)
    assert answers == {
        "package_name": "zenml-mine",
        "project_name": "ZenML Mine",
        "flavor": "mine",
        "author": "Your Name",
        "description": answers["description"],
        "license": "Apache-2.0",
        "backend_pattern": "in_process",
    }


def test_copier_updates_what_cookiecutter_made(
    repository: Path, home: Path, tmp_path: Path
) -> None:
    """Nothing is asked again; what cookiecutter does not keep, the template's hook has written."""
    git(repository, "commit", "--allow-empty", "--quiet", "--message", "Not released")
    address = f"git+file://{repository}"
    answers = {"package_name": "Zenml_Mine", "flavor": "mine", "backend_pattern": "ray"}
    answers["author"] = "Ça Va: #1 & 'Co'"
    project = Engines(address, home).cookiecutter(tmp_path, **answers)
    before = yaml.safe_load((project / ANSWERS_FILE).read_text(encoding="utf-8"))
    assert before.pop("_commit").startswith("v1-1-g")
    config = edit_and_commit(project)
    make_news(repository)
    copier.run_update(project, defaults=True, overwrite=True, quiet=True)

    assert has_news_and_edits(project, config)
    after = yaml.safe_load((project / ANSWERS_FILE).read_text(encoding="utf-8"))
    assert after.pop("_commit") == "v2"
    assert after == before
    assert before["author"] == answers["author"]
    commit = git(repository, "rev-parse", "v2").strip()
    assert f"{address}@{commit}#" in (project / "pyproject.toml").read_text(encoding="utf-8")


def test_cruft_updates(
    repository: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cruft create` makes what cookiecutter makes; `check` and `update` work on it."""
    answers = {
        "package_name": "zenml-mine",
        "flavor": "mine",
        "backend_pattern": "custom_native_dag",
    }
    plain = Engines(str(repository), home).cookiecutter(tmp_path / "plain", **answers)
    options: dict[str, Any] = {"config_file": home / "cookiecutter.yml", "no_input": True}
    project = cruft.create(str(repository), tmp_path, extra_context=answers, **options)
    made = tree(project)
    del made[".cruft.json -"]
    assert made == tree(plain)

    config = edit_and_commit(project)
    assert cruft.check(project)
    make_news(repository)
    assert not cruft.check(project)
    assert cruft.update(project, skip_apply_ask=True)
    assert has_news_and_edits(project, config)
    assert cruft.check(project)


def test_zenml_init_makes_a_project(repository: Path, home: Path, tmp_path: Path) -> None:
    """`zenml init --template` makes what copier makes, and a ZenML repository of it."""
    project = tmp_path / "zenml-acme-orchestrator"
    project.mkdir()
    address = f"git+file://{repository}"
    zenml = Path(sys.executable).with_name("zenml")
    subprocess.run(
        [
            *(str(zenml), "init", "--template", address),
            *("--template-tag", "v1", "--template-with-defaults"),
        ],
        cwd=project,
        env={**os.environ, "ZENML_CONFIG_PATH": str(tmp_path / "zenml")},
        input=b"\n",  # ZenML asks for an email address
        check=True,
        timeout=120,
    )
    assert (project / ".zen").is_dir()
    plain = Engines(address, home).copier(tmp_path / "plain")
    made = {name: entry for name, entry in tree(project).items() if not name.startswith(".zen/")}
    del made[".zen"]
    assert made == tree(plain)
    assert (project / ANSWERS_FILE).read_bytes() == (plain / ANSWERS_FILE).read_bytes()
