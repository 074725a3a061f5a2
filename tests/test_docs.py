"""Pages lead where they say."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import site_links

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)")


def anchors(page: Path) -> set[str]:
    """Return what a link to a page may name: its anchors, and its headings as forges do."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links(page: Path) -> None:
    """Every link to a file of this repository leads to one, and to a place that it has."""
    broken = []
    for target in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        name, _, anchor = target.partition("#")
        if "://" in name:
            continue
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize(
    ("address", "led_to"),
    [
        (
            "https://forge.example/kit/",
            "[`core`](https://forge.example/kit/blob/HEAD/a/core.py#L1)",
        ),
        (None, "`core`"),
    ],
)
def test_links_on_the_site(address: str | None, led_to: str) -> None:
    """What the site does not have is linked to in the repository, if its address is known."""
    page = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))
    text = "[a](b.md#c), [`core`](../a/core.py#L1), [d](../docs/e.md), [f](https://g.example/../h)"
    seen = site_links.on_page_markdown(
        text, cast(Any, page), cast(Any, SimpleNamespace(repo_url=address)), cast(Any, None)
    )
    assert seen == text.replace("[`core`](../a/core.py#L1)", led_to)
