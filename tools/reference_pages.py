"""Write the pages of the reference that follow from code.

    python tools/reference_pages.py            write them
    python tools/reference_pages.py --check    exit with 1 if they are not what would be written

- docs/questions.md, from cookiecutter.json;
- docs/options.md, from what the suite's plugin adds to pytest. The suite must be installed;
- docs/backend-interface.md, from the docstrings of core/jobs.py, which is parsed and not imported.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from generated_files import stale
from zenml_conformance.session import options

ROOT = Path(__file__).resolve().parents[1]
JOBS = (
    ROOT
    / "{{cookiecutter.package_name}}"
    / "src"
    / "{{cookiecutter.__module}}"
    / "core"
    / "jobs.py"
)

MORE = {
    "--orchestrator-harness": "judge-an-orchestrator.md#write-a-harness",
    "--conformance-tier": "read-a-verdict.md#what-was-judged-and-how",
    "--conformance-store": "zenml-server.md#judge-on-a-server",
    "--conformance-rules": "read-a-verdict.md#select-rules",
    "--conformance-waivers": "waive-a-rule.md",
    "--conformance-baseline": "report.md#against-a-baseline",
    "--conformance-report": "report.md",
    "--conformance-prove": "prove-that-it-bites.md",
}
"""The pages that say more about an option."""


# The template's questions.


def questions() -> str:
    """Return the text of docs/questions.md."""
    asked: dict[str, Any] = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    parts = [
        "# The template's questions\n",
        "This page is written by `tools/reference_pages.py` from `cookiecutter.json`.\n"
        "Cookiecutter and Copier ask these questions in this order, and refuse the same answers.\n",
    ]
    for name, default in asked.items():
        if name.startswith("_"):
            continue
        parts.append(f"## {name}\n")
        prompt = asked["__prompts__"][name]
        if isinstance(default, list):
            parts.append(f"{prompt['__prompt__'].rstrip('?')}. The first is the default.\n")
            rows = [f"| `{choice}` | {prompt[choice]} |" for choice in default]
            parts.append("\n".join(["| Answer | Meaning |", "|---|---|", *rows, ""]))
            continue
        derived = str(default).startswith("{{")
        parts.append(f"{prompt}.\n")
        parts.append(f"Default: {'derived from `package_name`' if derived else f'`{default}`'}\n")
        rule = asked["_rules"][name]
        parts.append(f"Rule: {rule['message']}\n")
        if name == "package_name":
            parts.append("The names that it may not have are listed in `cookiecutter.json`.\n")
    return "\n".join(parts)


# The suite's options.


class Options:
    """Takes the place of pytest's parser, and keeps what is added to it."""

    def __init__(self) -> None:
        """Begin with none."""
        self.added: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.settings: dict[str, str] = {}

    def getgroup(self, *names: str) -> Options:
        """Return the one group."""
        del names
        return self

    def addoption(self, *names: str, **settings: Any) -> None:
        """Keep an option of the command line."""
        self.added.append((names, settings))

    def addini(self, name: str, *rest: Any, **settings: Any) -> None:
        """Keep the type of a setting."""
        del rest
        self.settings[name] = settings["type"]


def suite_options() -> str:
    """Return the text of docs/options.md."""
    kept = Options()
    options.register(cast(pytest.Parser, kept))
    types = {"linelist": "a list of lines", "bool": "true or false", "string": "text"}
    parts = [
        "# The suite's options\n",
        "This page is written by `tools/reference_pages.py` from the suite's pytest plugin. Each\n"
        "option but the last two is also a setting in pytest's configuration; the command line\n"
        "wins. `zenml-conformance judge` has [short names](command.md#judge) for some of them.\n",
    ]
    for names, settings in kept.added:
        value = settings.get("metavar", "").replace("|", " or ")
        shown = ", ".join(f"`{name}{f'={value}' if value else ''}`" for name in names)
        text = settings["help"].rstrip(".")
        link = next((f" [More]({MORE[name]})." for name in names if name in MORE), "")
        parts.append(f"## {shown}\n\n{text[:1].upper()}{text[1:]}.{link}\n")
        if kind := kept.settings.get(settings.get("dest", "")):
            parts.append(f"As a setting: `{settings['dest']}`, {types[kind]}.\n")
    return "\n".join(parts)


# The interface to a backend.


def markdown(docstring: str) -> str:
    """Return a docstring in Google's form as Markdown."""
    lines: list[str] = []
    for line in docstring.splitlines():
        if head := re.fullmatch(r"(Args|Returns|Raises|Attributes):", line):
            lines += [f"*{head[1].replace('Args', 'Arguments')}*", ""]
        elif entry := re.fullmatch(r"    (\w+): (.+)", line):
            lines.append(f"- `{entry[1]}`: {entry[2]}")
        elif line.startswith("        "):
            lines.append(f"  {line.strip()}")
        else:
            lines.append(line.strip())
    return "\n".join(lines)


def attributes(of: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield a class's attributes that have a docstring or a value, with the docstring."""
    for node, following in zip(of.body, [*of.body[1:], None], strict=True):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]  # type: ignore[assignment]
        if not isinstance(target, ast.Name):
            continue
        said = following.value if isinstance(following, ast.Expr) else None
        text = said.value if isinstance(said, ast.Constant) else ""
        yield target.id, " ".join(str(text).split())


def methods(of: ast.ClassDef) -> Iterator[str]:
    """Yield a section for each method of a class."""
    for node in of.body:
        if not isinstance(node, ast.FunctionDef) or node.name == "__init__":
            continue
        names = [argument.arg for argument in node.args.args[1:]]
        required = "abstractmethod" in map(ast.unparse, node.decorator_list)
        yield f"### {node.name}({', '.join(names)})\n"
        yield f"{'Required' if required else 'Optional'}.\n"
        yield markdown(ast.get_docstring(node) or "") + "\n"


def backend_interface() -> str:
    """Return the text of docs/backend-interface.md."""
    tree = ast.parse(JOBS.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def said(name: str) -> str:
        return markdown(ast.get_docstring(classes[name]) or "") + "\n"

    states = [
        f"- `{name}`: {text}" if text else f"- `{name}`"
        for name, text in attributes(classes["JobState"])
    ]
    switches = [f"- `{name}`: {text}" for name, text in attributes(classes["JobBackend"]) if text]
    parts = [
        "# The interface to a backend\n",
        "This page is written by `tools/reference_pages.py` from the docstrings of\n"
        "`core/jobs.py`, the same file in every generated project.\n"
        "[Write a backend](write-a-backend.md) shows how it is used.\n",
        markdown(inspect.cleandoc(ast.get_docstring(tree) or "")) + "\n",
        "## JobBackend\n",
        said("JobBackend"),
        *methods(classes["JobBackend"]),
        "### Class attributes\n",
        "\n".join([*switches, ""]),
        "## Job\n",
        said("Job"),
        "## JobState\n",
        said("JobState"),
        "\n".join([*states, ""]),
        "## Exceptions\n",
        "\n".join(
            f"- `{name}`: {' '.join((ast.get_docstring(node) or '').split())}"
            for name, node in classes.items()
            if name.endswith("Error")
        ),
    ]
    return "\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "questions.md": questions,
    "options.md": suite_options,
    "backend-interface.md": backend_interface,
}


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the reference's pages from code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    wanted = parser.parse_args(arguments)
    pages = {ROOT / "docs" / name: text() for name, text in PAGES.items()}
    behind = stale(pages, write=not wanted.check)
    if behind and wanted.check:
        print(f"{' and '.join(behind)} are behind the code: run python tools/reference_pages.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
