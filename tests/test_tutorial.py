"""The tutorial, followed to the letter: edits and commands in its order, and what they print."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines import EVERY_RULE, ROOT, Engines, flavor_of

PAGE = ROOT / "docs" / "tutorial.md"
EXAMPLE = ROOT / "examples" / "http_jobs"
PORT = "8123"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.M | re.S)
SECONDS = 300

LEFT_OUT = [
    ("python -m venv .*", "the environment of this test is one"),
    ("pip install .*", "the environment of this test has all of it"),
    ("pytest --conformance-tier=live", "takes the better part of an hour"),
    *(
        [("pytest .*=(SUB-1,SUB-5|STOP-2),.*", "takes minutes, so it is for `make live`")]
        if EVERY_RULE not in os.environ
        else []
    ),
]
"""Lines that are not run, and why."""


@dataclass(frozen=True)
class Block:
    """A block of the page."""

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page."""
    return [Block(*match.groups(default="")) for match in BLOCK.finditer(page)]


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a block, with the lines that it is said to print."""
    joined = block.text.replace("\\\n", " ")
    for part in re.split(r"^\$ ", joined, flags=re.M)[1:]:
        command, *shown = part.rstrip().splitlines()
        while shown and shown[0].startswith("> "):
            command += "\n" + shown.pop(0)[2:]
        yield command.strip(), shown


def is_left_out(command: str) -> bool:
    """Whether a command is not run."""
    return any(re.fullmatch(line, command) for line, _ in LEFT_OUT)


def check_shown(shown: list[str], printed: str) -> None:
    """Look for what a page shows in what was printed: in this order, `…` being anything."""
    texts = (line.strip().rstrip("…").rstrip() for line in shown)
    position = 0
    for text in filter(None, texts):
        pattern = r"[\s\S]*?".join(
            r"\s+".join(map(re.escape, piece.split())) for piece in text.split("…")
        )
        found = re.compile(pattern).search(printed, position)
        assert found, f"{text!r} is not in what was printed, or not in this place:\n{printed}"
        position = found.end()


def with_methods(source: str, snippet: str) -> str:
    """Put methods into the only class of a file: in the place of their stubs, or before helpers."""
    for method in ast.parse(snippet).body:
        assert isinstance(method, ast.FunctionDef)
        code = textwrap.indent(ast.get_source_segment(snippet, method) or "", "    ")
        (of_file,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
        there = {node.name: node for node in of_file.body if isinstance(node, ast.FunctionDef)}
        lines = source.splitlines()
        if old := there.get(method.name):
            lines[old.lineno - 1 : old.end_lineno] = code.splitlines()
        else:
            helpers = [node.lineno for name, node in there.items() if name.startswith("_")]
            if helpers and not method.name.startswith("_"):
                lines[helpers[0] - 1 : helpers[0] - 1] = [*code.splitlines(), ""]
            else:
                lines += ["", *code.splitlines()]
        source = "\n".join(lines) + "\n"
    return source


def edit(project: Path, block: Block) -> None:
    """Do to a file what a page says."""
    name, _, place = block.title.partition(", ")
    (path,) = [*project.glob(f"src/*/{name}"), *project.glob(name)]
    source = path.read_text(encoding="utf-8")
    if place == "methods":
        source = with_methods(source, block.text)
    else:
        # "the top": from there up to a line; "above …": just before it.
        marker = {
            "the top, up to the first method": "    def submit(",
            "the top, up to the first class": "class HttpJobsOrchestratorSettings(",
            "above `is_remote`": "    @property\n    def is_remote(",
            "below the comment in `dependencies`": "]\n\n[project.optional-dependencies]",
            "in `dev` of `dependency-groups`": "    # The conformance suite, from the place",
        }[place]
        before, found, after = source.partition(marker)
        assert found, (block.title, marker)
        if place.startswith("the top"):
            gap = "\n" if name == "backend.py" else "\n\n"
            source = f"{block.text}{gap}{found}{after}"
        else:
            gap = "\n" if path.suffix == ".py" else ""
            source = f"{before}{textwrap.indent(block.text, '    ')}{gap}{found}{after}"
    path.write_text(source, encoding="utf-8")


class Reader:
    """A user at a terminal, whose directory and variables stay from command to command."""

    def __init__(self, desk: Path, environment: dict[str, str]) -> None:
        """Sit down."""
        self.directory, self.environment = desk, environment
        self._kept = desk.parent / "kept"

    def type(self, command: str) -> tuple[int, str]:
        """Type a command; return its exit code and what it prints."""
        keep = f"{{ pwd; env -0; }} > {shlex.quote(str(self._kept))}"
        done = subprocess.run(
            ["bash", "-c", f"{command}\ncode=$?\n{keep}\nexit $code"],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        directory, _, variables = self._kept.read_text().partition("\n")
        self.directory = Path(directory)
        pairs = (text.partition("=") for text in variables.split("\0") if text)
        self.environment = {name: value for name, _, value in pairs}
        return done.returncode, done.stdout


@contextlib.contextmanager
def second_terminal(reader: Reader, block: Block) -> Iterator[None]:
    """Run the block of a second terminal, whose last command does not end, until the end."""
    lines = [command for command, _ in commands(block)]
    shown = [line for _, lines_shown in commands(block) for line in lines_shown]
    process = subprocess.Popen(
        ["bash", "-ec", "\n".join([*lines[:-1], f"exec {lines[-1]}"])],
        cwd=reader.directory,
        env=reader.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        check_shown(shown, process.stdout.readline())
        yield
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


@pytest.fixture
def page() -> str:
    """The page, with a port that is free, and the place of this repository."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    text = PAGE.read_text(encoding="utf-8").replace(PORT, port)
    return text.replace("path/of/this/repository", str(ROOT))


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader who has nothing yet but an environment."""
    home, desk = tmp_path / "home", tmp_path / "desk"
    for folder in (home, desk):
        folder.mkdir()
    kept = ("LANG", "LC_ALL", "TMPDIR")
    return Reader(
        desk,
        {
            **{name: value for name, value in os.environ.items() if name in kept},
            "HOME": str(home),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(desk / "zenml-http-jobs-orchestrator" / "src"),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "NO_PROXY": "127.0.0.1",
            "COLUMNS": "100",
        },
    )


def test_followed_to_the_letter(page: str, reader: Reader, tmp_path: Path) -> None:
    """It leads to the files of the example, and to what the page shows on the way."""
    project = reader.directory / "zenml-http-jobs-orchestrator"
    with contextlib.ExitStack() as terminals:
        for block in blocks(page):
            if block.title == "in a second terminal":
                terminals.enter_context(second_terminal(reader, block))
            elif block.language == "console":
                for command, shown in commands(block):
                    if is_left_out(command):
                        continue
                    code, printed = reader.type(command)
                    check_shown(shown, printed)
                    is_red = any("NON-CONFORMANT" in line for line in shown)
                    assert code == int(is_red), printed
                    if command.startswith("zenml-conformance new"):
                        flavor_of(project)  # As if it was installed.
            elif block.language in ("python", "toml"):
                edit(project, block)
    port = re.search(r"127\.0\.0\.1:(\d+)", page)
    assert port
    for name in ("backend.py", "config.py"):
        (path,) = project.glob(f"src/*/{name}")
        expected = (EXAMPLE / name).read_text(encoding="utf-8").replace(PORT, port[1])
        assert path.read_text(encoding="utf-8") == expected


def test_the_example_is_typed(engines: Engines, cache: Path, tmp_path: Path) -> None:
    """As strictly as the project that it is part of."""
    package = "zenml-http-jobs-orchestrator"
    project = engines.cookiecutter(
        tmp_path, package_name=package, backend_pattern="custom_coordinator"
    )
    for name in ("backend.py", "config.py"):
        shutil.copy(EXAMPLE / name, project / "src" / package.replace("-", "_"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(cache), "src"],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_what_is_left_out_is_there(page: str) -> None:
    """No entry of the list has outlived its line."""
    lines = [line for block in blocks(page) for line, _ in commands(block)]
    for left_out, _ in LEFT_OUT:
        assert any(re.fullmatch(left_out, line) for line in lines), left_out
