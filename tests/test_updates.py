"""A project follows its template: with copier, with cruft, and when `zenml init` made it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import copier
import cruft
import pytest
import yaml

import team
import zenml_versions
from engines import (
    ANSWERS_FILE,
    EVERY_RULE,
    ROOT,
    TREE,
    Engines,
    copy_template,
    flavor_of,
    git,
    tree,
)

MINE = "\n# What the team has added.\n"
NEWS = "\nNews from the template.\n"
OLD_ZENML = f'# jinja: set zenml = "{zenml_versions.supported()}"\n'
NEW_ZENML = '# jinja: set zenml = ">=0.97,<1"\n'
OLD_DEPENDENCY = f'    "zenml{zenml_versions.supported()}",\n'
NEW_DEPENDENCY = '    "zenml>=0.97,<1",\n'
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
    assert NEW_DEPENDENCY in settings and MY_DEPENDENCY in settings
    assert OLD_DEPENDENCY not in settings and "<<<" not in settings
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


# From before `core/`, as docs/update-a-project.md has it.

BEFORE_CORE = "b64b29d1c92c8baf92d258819655fab8974883c9"
PAGE = ROOT / "docs" / "update-a-project.md"
UPDATE = {"copier": "copier update --defaults", "cruft": "cruft update --skip-apply-ask"}


def commit_all(repository: Path, message: str) -> None:
    """Commit everything that git does not ignore."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", message)


def history_since(commit: str, repository: Path, *more: str) -> Path:
    """Make a repository with the template as it was in a commit, tagged v1, and as it is, v2.

    Args:
        commit: The commit, or a tag.
        repository: Where.
        more: What the template had then besides.
    """
    parts = ("cookiecutter.json", "copier.yml", ".gitattributes", "hooks", TREE, *more)
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, *parts], capture_output=True
    )
    if archive.returncode:
        pytest.fail(
            f"The commit {commit} can't be read here. A shallow clone lacks it: "
            "`git fetch --unshallow` gets it.\n" + archive.stderr.decode()
        )
    repository.mkdir()
    subprocess.run(["tar", "-x", "-C", str(repository)], input=archive.stdout, check=True)
    git(repository, "init", "--quiet")
    commit_all(repository, "First")
    git(repository, "tag", "v1")
    git(repository, "rm", "-r", "--quiet", ".")
    shutil.copytree(copy_template(repository.parent / "new"), repository, dirs_exist_ok=True)
    commit_all(repository, "Second")
    git(repository, "tag", "v2")
    return repository


@pytest.fixture(scope="module")
def history(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the template as it was before `core/`, and as it is."""
    return history_since(BEFORE_CORE, tmp_path_factory.mktemp("history") / "repository")


def commands(heading: str) -> list[str]:
    """Return what the page has its reader type below a heading."""
    page = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", page, re.M | re.S)
    blocks = re.findall(r"^```console\n(.*?)^```$", section, re.M | re.S)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def follow(project: Path, *lines: str, **environment: str) -> str:
    """Type lines in a terminal, as if the project were installed; fail at the first that fails."""
    programs = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-euc", "\n".join(lines)],
        cwd=project,
        env={
            **os.environ,
            "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(project / "src"), os.environ.get("PYTHONPATH", "")]),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def new_project(template: Path, tool: str, answers: dict[str, str], target: Path) -> Path:
    """Make a project of v1, and put it under git."""
    if tool == "copier":
        project = target / answers["package_name"]
        copier.run_copy(str(template), project, answers, vcs_ref="v1", defaults=True, quiet=True)
    else:
        target.mkdir()
        project = cruft.create(
            str(template), target, extra_context=answers, checkout="v1", no_input=True
        )
    git(project, "init", "--quiet")
    commit_all(project, "What the template gives")
    return project


def project_of_team(template: Path, tool: str, answers: dict[str, str], target: Path) -> Path:
    """Make a project of v1, and let a team work on it."""
    project = new_project(template, tool, answers, target)
    team.work(project, answers["backend_pattern"])
    commit_all(project, "Our work")
    return project


def lines_of(text: str) -> set[str]:
    """Return what stands in a text, but for blank lines, and imports, which change."""
    return {line for line in text.splitlines() if line.strip() and " import " not in line}


def work_of_team(project: Path) -> set[str]:
    """Return the lines that a team has added to what the template gave it."""
    patch = git(project, "diff", "--unified=0", ":/What the template gives", "HEAD")
    return lines_of("\n".join(re.findall(r"^\+(?!\+\+ )(.*)", patch, re.M)))


@pytest.mark.parametrize(
    ("pattern", "conflicts"),
    [
        ("custom_coordinator", {"backend.py": ["imports", *["a method of ours"] * 2]}),
        ("slurm", {"backend.py": ["imports"]}),
        ("local", {"backend.py": ["a method of the template's"]}),
    ],
)
def test_from_before_core(
    pattern: str,
    conflicts: dict[str, list[str]],
    history: Path,
    home: Path,
    cache: Path,
    tmp_path: Path,
) -> None:
    """A team that follows the page has few conflicts, loses nothing, and is green in the end."""
    answers = {"package_name": "zenml-mine", "flavor": "mine", "backend_pattern": pattern}
    fresh = Engines(str(history), home).cookiecutter(tmp_path / "fresh", **answers)
    core = team.SRC / "core"
    updated = []
    for tool in ("copier", "cruft"):
        project = project_of_team(history, tool, answers, tmp_path / tool)
        edited = follow(project, *commands("2. Take out your edits of the template's files"))
        assert "flavor.py" in edited and "test_jobs.py" in edited
        work = work_of_team(project)
        follow(project, *(line for line in commands("Update") if line.startswith(tool)))
        marked = git(project, "diff", "--name-only", "--diff-filter=U").split()
        resolved = {Path(name).name: team.resolve(project / name, work) for name in marked}
        assert resolved == conflicts
        assert tree(project / core) == tree(fresh / core)
        follow(project, *(line for line in commands("4. Import from `core`") if line != "mypy"))
        files = git(project, "ls-files", "*.py", "*.md", "*.toml").split()
        assert work <= {line for file in files for line in lines_of((project / file).read_text())}
        team.put_back(project, pattern)
        updated.append({**tree(project / "src"), **tree(project / "tests")})
    assert updated[0] == updated[1]

    not_here = ("copier", "cruft", "pip", "pytest")
    check = [line for line in commands("Update") if not line.startswith(not_here)]
    selected = "of_ours or test_flavor or test_sbatch_options or test_machine"
    check.append(f"pytest -q -o addopts= -p no:cacheprovider -k '{selected}'")
    follow(project, *check, MYPY_CACHE_DIR=str(cache))


# From the last release, by a team that has edited whatever it owns.

BEFORE_THE_FIRST_TAG = "2b34937"
"""What stands for the last release until there is one: a commit with `core/`."""

FEW = "DAG-1,STOP-1"
"""The rules by which an updated project is judged; tests/test_conformance.py judges by more."""


def last_release() -> str:
    """Return the newest tag behind this checkout, or what stands for it."""
    described = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--tags", "--match", "v*", "--abbrev=0", "HEAD^"],
        capture_output=True,
        text=True,
    )
    return described.stdout.strip() or BEFORE_THE_FIRST_TAG


@pytest.fixture(scope="module")
def released(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the template as it was in the last release, and as it is."""
    repository = tmp_path_factory.mktemp("released") / "repository"
    return history_since(last_release(), repository, "templates")


def released_patterns() -> list[str]:
    """Return the patterns that a project of the last release may have; few, if not all rules."""
    if EVERY_RULE not in os.environ:
        return ["local"]
    command = ["git", "-C", str(ROOT), "show", f"{last_release()}:cookiecutter.json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return [*found["backend_pattern"]]


@pytest.mark.parametrize("pattern", released_patterns())
def test_from_the_last_release(pattern: str, released: Path, home: Path, tmp_path: Path) -> None:
    """Edits in every file of the team's and an update: no conflict, nothing lost, and green."""
    answers = {"package_name": "zenml-mine", "flavor": "mine", "backend_pattern": pattern}
    fresh = Engines(str(released), home).cookiecutter(tmp_path / "fresh", **answers)
    updated = []
    for tool in UPDATE:
        project = new_project(released, tool, answers, tmp_path / tool)
        added = team.edit_everything(project)
        commit_all(project, "Our work")
        follow(project, UPDATE[tool])
        assert git(project, "diff", "--name-only", "--diff-filter=U") == ""
        assert not [*project.rglob("*.rej")]
        for name, text in added.items():
            assert text in (project / name).read_text(encoding="utf-8"), name
        assert tree(project / team.SRC / "core") == tree(fresh / team.SRC / "core")
        assert (project / ".github/workflows/news.yml").exists()
        updated.append({**tree(project / "src"), **tree(project / "tests")})
    assert updated[0] == updated[1]
    flavor_of(project)
    few = "" if EVERY_RULE in os.environ else f"--conformance-rules={FEW}"
    follow(project, "ruff check .", f"pytest -q -p no:cacheprovider {few}")
