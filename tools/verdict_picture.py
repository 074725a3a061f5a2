"""Draw the README's picture of a verdict, from a real one.

    python tools/verdict_picture.py    write docs/images/verdict.svg

It has the suite judge the hand-written orchestrator of docs/examples, which breaks some rules, and
draws the first broken MUST and the verdict as the terminal shows them. The suite must be installed.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [
    "pytest",
    "--orchestrator=acme_batch:AcmeBatchFlavor",
    "--orchestrator-harness=acme_batch_harness:AcmeBatchHarness",
]
WIDTH = 100
STYLES = {
    r"^\$ .+": "bold",
    r"^[A-Z]+-\d+ \(MUST\): .+(\n\S.*)?": "bold red",
    r"^  (Seen|Why|Fix):": "bold",
    r"^broken:|^blocked by [A-Z]+-\d+": "red",
    r"^NON-CONFORMANT": "bold red",
}


def judged() -> str:
    """Run the suite; return what it prints.

    Returns:
        The output of a run that ends with a broken rule.

    Raises:
        RuntimeError: If it ends in another way.
    """
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [sys.executable, "-m", *COMMAND],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT / "docs/examples"), "COLUMNS": str(WIDTH)},
            capture_output=True,
            text=True,
            timeout=900,
        )
    if done.returncode != 1:
        raise RuntimeError(f"pytest exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def excerpt(output: str) -> str:
    """Cut a run's output down to the first broken MUST and the verdict."""
    broken = re.search(r"^[A-Z]+-\d+ \(MUST\): .+?(?=^__|^==)", output, re.DOTALL | re.MULTILINE)
    verdict = re.search(r"^=+ conformance =+\n.+?(?=^Evidence: )", output, re.DOTALL | re.MULTILINE)
    if not broken or not verdict:
        raise RuntimeError(f"there is no broken MUST or no verdict to draw in:\n{output}")
    command = f"$ {COMMAND[0]} {COMMAND[1]} \\\n      {COMMAND[2]}"
    return f"{command}\n\n{broken[0].rstrip()}\n\n{verdict[0].rstrip()}"


def draw(words: str) -> str:
    """Return words as a picture of a terminal.

    Args:
        words: What the terminal shows.

    Returns:
        An SVG document that loads nothing from elsewhere.
    """
    text = Text(words, no_wrap=True)
    for pattern, style in STYLES.items():
        text.highlight_regex(f"(?m){pattern}", style)
    console = Console(record=True, width=WIDTH + 1, file=io.StringIO(), force_terminal=True)
    console.print(text)
    svg = console.export_svg(title="a verdict", unique_id="verdict")
    return re.sub(r"\s*@font-face \{.*?\}(?=\n)", "", svg, flags=re.DOTALL)


def main() -> int:
    """Draw the picture; return the exit status."""
    target = ROOT / "docs" / "images" / "verdict.svg"
    target.write_text(draw(excerpt(judged())), encoding="utf-8", newline="\n")
    print(f"wrote {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
