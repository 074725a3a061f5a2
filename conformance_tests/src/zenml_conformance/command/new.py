"""`new`: a project from the template."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import click

from zenml_conformance.command import Refusal
from zenml_conformance.distribution import NAME
from zenml_conformance.inputs import is_text
from zenml_conformance.template.source import Template, unpacked

PATTERN = "backend_pattern"
PACKAGE = "package_name"

INSTALL = f"pip install '{NAME}[new]', or run it as: uvx --from '{NAME}[new]' {NAME} new"


@click.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option("--pattern", metavar="NAME", help="Where steps run: local, slurm, kubernetes, ...")
@click.option("--defaults", is_flag=True, help="Ask nothing; take the defaults.")
@click.option(
    "--answer",
    "given",
    metavar="QUESTION=ANSWER",
    multiple=True,
    help="Answer a question, such as flavor=acme, which is then not asked; may be repeated.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where the project's directory is made, instead of here.",
)
def command(
    directory: Path | None,
    pattern: str | None,
    defaults: bool,
    given: tuple[str, ...],
    output_dir: Path,
) -> None:
    """Generate the project of an orchestrator.

    Asks the template's questions and writes the project into DIRECTORY, which is by default named
    after the package and must be new or empty. The template is the one that this suite was
    published with: nothing is downloaded.
    """
    _require_tools()
    target = output_dir / directory if directory else None
    if target:
        _refuse_used(target)
    with unpacked() as template, tempfile.TemporaryDirectory(prefix=f"{NAME}-") as scratch:
        answers = _answers(template, given, pattern)
        project = Path(scratch, "project")
        _render(template, answers, _named_after(target, template), defaults, project)
        name = _package_name(project)
        if target is None:
            target = output_dir / name
            _refuse_used(target)
        _move(project, target)
        _tell(template, name, target)


def _require_tools() -> None:
    """Refuse to begin without what asks and writes."""
    from importlib.util import find_spec

    if find_spec("copier") is None:
        raise Refusal(f"`new` asks and writes with copier, which is not installed here. {INSTALL}")
    if shutil.which("git") is None:
        raise Refusal("`new` needs git, which copier starts, and which is not on PATH. Install it.")


def _refuse_used(target: Path) -> None:
    """Refuse a place that has something in it; a repository without files is none."""
    if target.is_dir():
        found = sorted(path.name for path in target.iterdir() if path.name != ".git")
        if found:
            raise Refusal(
                f"{target} has something in it ({found[0]!r}), which would be mixed with the "
                "project's files. Name a directory that is new or empty."
            )
    elif target.exists() or target.is_symlink():
        raise Refusal(f"{target} is there, and no directory. Name one that is new or empty.")


def _answers(template: Template, given: tuple[str, ...], pattern: str | None) -> dict[str, str]:
    """Read what is answered on the command line.

    Args:
        template: The template.
        given: `question=answer`, as typed.
        pattern: An answer that has an option of its own.

    Returns:
        The answers, by question.

    Raises:
        Refusal: If there is no such question, or no such choice.
    """
    answers: dict[str, str] = {}
    for text in given:
        question, equals, answer = text.partition("=")
        if not equals or question not in template.asked:
            raise Refusal(
                f"--answer={text}: give QUESTION=ANSWER. The questions are "
                f"{', '.join(template.asked)}."
            )
        answers[question] = answer
    if pattern is not None:
        if answers.get(PATTERN, pattern) != pattern:
            raise Refusal(f"--pattern={pattern}: --answer={PATTERN}={answers[PATTERN]} differs.")
        answers[PATTERN] = pattern
    for question, answer in answers.items():
        choices = template.choices.get(question)
        if choices and answer not in choices:
            option = "--pattern" if question == PATTERN else f"--answer={question}"
            raise Refusal(f"{option}={answer}: choose one of {', '.join(choices)}.")
        if not is_text(answer):
            raise Refusal(f"--answer={question}={answer}: the answer is not UTF-8.")
    return answers


def _named_after(target: Path | None, template: Template) -> dict[str, str]:
    """Have the package be called like its directory, unless told otherwise, where that is legal."""
    rule = template.questions["_rules"][PACKAGE]
    name = target.resolve().name if target else ""
    legal = re.search(rule["pattern"], name) and name not in rule["reserved"]
    return {PACKAGE: name} if legal else {}


def _render(
    template: Template,
    answers: dict[str, str],
    user_defaults: dict[str, str],
    defaults: bool,
    project: Path,
) -> None:
    """Ask what is not answered, and write the project.

    Args:
        template: The template.
        answers: What is answered.
        user_defaults: What is proposed instead of the template's defaults.
        defaults: Whether to ask nothing.
        project: Where to write.

    Raises:
        Refusal: If an answer breaks its rule, or nobody is there to be asked.
        click.Abort: If the user gives up.
    """
    import copier
    from copier.errors import CopierError

    if not (defaults or answers.keys() >= template.asked.keys() or sys.stdin.isatty()):
        left = [name for name in template.asked if name not in answers]
        raise Refusal(
            f"there is no terminal to ask on for {', '.join(left)}. Give --defaults, or answer "
            "with --answer=QUESTION=ANSWER."
        )
    origin = template.origin
    hidden = {"origin": origin.source, "commit": origin.commit, "suite": origin.suite}
    data: dict[str, Any] = {**answers, **hidden}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # About the template, which is not the user's.
            copier.run_copy(
                str(template.directory),
                project,
                data,
                defaults=defaults,
                user_defaults=user_defaults,
                quiet=True,
            )
    except KeyboardInterrupt as error:
        raise click.Abort from error
    except (CopierError, ValueError) as error:
        message = re.sub(r"^Validation error for question '\w+': ", "", str(error))
        raise Refusal(message) from error


def _package_name(project: Path) -> str:
    """Read what a project is called."""
    settings = (project / "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^name = "(.+)"$', settings, re.MULTILINE)
    return match[1] if match else project.name


def _move(project: Path, target: Path) -> None:
    """Put what was written where it belongs; nothing is left there if that fails.

    Args:
        project: What was written.
        target: Where it belongs: nothing, or a directory without files.

    Raises:
        Refusal: If it can't be written there.
    """
    was_there = target.is_dir()
    try:
        shutil.copytree(project, target, dirs_exist_ok=was_there)
    except (OSError, shutil.Error) as error:
        for path in list(target.iterdir()) if was_there else [target]:
            if path.name != ".git":
                shutil.rmtree(path, ignore_errors=True)
                with contextlib.suppress(OSError):
                    path.unlink()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise Refusal(f"{target} can't be written: {reason}.") from error


def _tell(template: Template, name: str, target: Path) -> None:
    """Say what was made, what comes next, and what is missing.

    Args:
        template: The template.
        name: The package.
        target: Where it is.
    """
    import jinja2

    steps = jinja2.Template(template.questions["__next_steps"])
    click.echo(steps.render(cookiecutter={PACKAGE: name}))
    click.echo(f"\nThe project is in {json.dumps(str(target.resolve()), ensure_ascii=False)}.")
    if not template.origin.commit:
        click.echo(
            "\nThis copy of the template is of no published version, so that `copier update` will "
            "not know what is new. Make the project with a released version of the suite, or from "
            "the template's repository, if you want updates."
        )
    if not template.origin.suite:
        click.echo(
            f"\nThe group `dev` of its pyproject.toml names {NAME} without an address: pip takes "
            "it from the package index."
        )
