"""Have links of pages to files outside `docs/` lead to the repository, on the site.

A hook of MkDocs, named in `mkdocs.yml`. On a forge, such links are relative, and work as they are.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

OUTSIDE = re.compile(r"\[([^\]]+)\]\((\.\./[^)\s#]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite a page's links, before MkDocs checks them.

    Args:
        markdown: The page.
        page: What MkDocs knows about it.
        config: `mkdocs.yml`. Its `repo_url` is the repository's address; without one, such a link
            is only its text.
        files: All files of the site.

    Returns:
        The page with these links rewritten. That they lead to files is checked by
        `tests/test_docs.py`.
    """
    del files
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_uri))

    def rewritten(link: re.Match[str]) -> str:
        text, path, anchor = link.groups()
        target = posixpath.normpath(posixpath.join(folder, path))
        if target.startswith("docs/") or not config.repo_url:
            return link[0] if target.startswith("docs/") else text
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/HEAD/{target}{anchor or ''})"

    return OUTSIDE.sub(rewritten, markdown)
