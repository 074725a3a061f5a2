"""Render the template with cookiecutter or copier, in this process."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import copier
import pytest
from cookiecutter.main import cookiecutter
from plumbum import local

ROOT = Path(__file__).resolve().parents[1]
SOURCE: dict[str, Any] = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
TREE = "{{cookiecutter.package_name}}"
ANSWERS_FILE = ".copier-answers.yml"

PATTERNS: list[str] = SOURCE["backend_pattern"]
LICENSES: list[str] = SOURCE["license"]

EVERY_RULE = "KIT_EVERY_RULE"
"""The variable with which `make live` asks for every rule in every judgement."""

NAMES: dict[str, dict[str, str]] = {
    "default": {},
    # The classes sort before and after all others, and lines are as short and as long as they get.
    "shortest": {"package_name": "a-b", "flavor": "z"},
    "longest": {
        "package_name": "zenml-" + "m" * 21 + "-orchestrator",
        "flavor": "a" + "b" * 19,
    },
}

# Legal in TOML, Markdown and a license, as long as can be, and full of what looks like something
# else: quotes, comments, links, variables, placeholders of the template.
AWKWARD_TEXTS = {
    "project_name": "Zürich's Batch & Co: 'β' #1 | Acme, 100 % of $X ".ljust(60, "+"),
    "author": "Ça Va O'Neil, 李 & Söhne (Acme), Inc. $(x) %PATH% [a] *b* _ ".ljust(60, "+"),
    "description": "It's 100% Acme's — # example_pkg; acme_flavor: a/b $ [x](y) 日本 ".ljust(
        120, "+"
    ),
}


def git(repository: Path, *arguments: str) -> str:
    """Run git in a repository; return what it prints."""
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def set_environment(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Set variables for this process, its children, and copier's children.

    Those get the environment that plumbum saw when it was imported.
    """
    for name, value in environment.items():
        patch.setenv(name, value)
        patch.setitem(cast("dict[str, str]", local.env), name, value)


def copy_template(target: Path) -> Path:
    """Copy what makes up the template: the questions, the hooks, the tree and the patterns."""
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in ("hooks", "templates", TREE):
        shutil.copytree(ROOT / name, target / name, ignore=ignore)
    for name in ("cookiecutter.json", "copier.yml", ".gitattributes"):
        shutil.copy(ROOT / name, target / name)
    return target


@dataclass(frozen=True)
class Engines:
    """Both engines on one template.

    Attributes:
        template: Path or address, as a user would give it.
        home: Where cookiecutter keeps its clones and replays.
        abbreviations: What the user's configuration of cookiecutter makes of an address.
        accept_hooks: Whether cookiecutter may run the template's hooks.
    """

    template: str
    home: Path
    abbreviations: dict[str, str] = field(default_factory=dict)
    accept_hooks: bool = True

    def cookiecutter(self, target: Path, **answers: str) -> Path:
        """Generate a project below `target` with cookiecutter; return its directory."""
        config = self.home / "cookiecutter.yml"
        settings = {
            "cookiecutters_dir": str(self.home / "cookiecutters"),
            "replay_dir": str(self.home / "replay"),
            "abbreviations": self.abbreviations,
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        project = cookiecutter(
            self.template,
            no_input=True,
            extra_context=answers,
            output_dir=str(target),
            config_file=str(config),
            accept_hooks=self.accept_hooks,
        )
        return Path(str(project))

    def copier(self, target: Path, **answers: str) -> Path:
        """Generate a project below `target` with copier; return its directory."""
        project = target / str(answers.get("package_name", SOURCE["package_name"]))
        copier.run_copy(self.template, project, data=answers, defaults=True, quiet=True)
        return project


def flavor_of(project: Path) -> tuple[str, str]:
    """Name the module and the class of a project's flavor; have its package look installed.

    What `pip` leaves is how ZenML tells a package from a user's own file, and how images get it.
    """
    (flavor,) = project.glob("src/*/flavor.py")
    module = flavor.parent.name
    (name,) = [
        line.split()[1].partition("(")[0]
        for line in flavor.read_text().splitlines()
        if line.startswith("class ")
    ]
    metadata = project / "src" / f"{module}-0.1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    name_and_version = f"Name: {module.replace('_', '-')}\nVersion: 0.1.0\n"
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\n{name_and_version}")
    (metadata / "top_level.txt").write_text(module)
    return f"{module}.flavor", name


def tree(project: Path) -> dict[str, bytes | None]:
    """Return each path of a project with its content and an executable file's `x`.

    Directories map to None. The answers file is left out: copier keeps the answers as given.
    """
    entries: dict[str, bytes | None] = {}
    for path in sorted(project.rglob("*")):
        name = path.relative_to(project).as_posix()
        if path.is_dir():
            entries[name] = None
        elif name != ANSWERS_FILE:
            mode = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
            entries[f"{name} {mode}"] = path.read_bytes()
    return entries
