"""The page in a real browser: what it shows, on which screens, and that it loads nothing."""

from __future__ import annotations

import functools
import html
import http.server
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from samples import report, waiver
from zenml_conformance.contract.rule import Status
from zenml_conformance.report import matrix, render

WIDTHS = {"phone": 390, "desktop": 1280}
SECONDS = 120

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

# A frame may be as narrow as a phone, which the browser's own window may not. The page in it is
# as it is published; the script is the frame's.
FRAME = """<!doctype html><html><body>
<iframe style="border: 0; width: {width}px; height: 900px" srcdoc="{page}"></iframe>
<script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  const edge = root.clientWidth + 1, note = document.documentElement.dataset;
  note.width = root.clientWidth;
  note.scrolls = root.scrollWidth > edge;
  note.overflow = [...page.body.querySelectorAll("*")]
    .filter(e => !e.closest(".scroll, nav, .sum, .track"))
    .filter(e => e.getBoundingClientRect().right > edge)
    .map(e => e.tagName + "." + e.className).join(" ");
  const rules = () => [...page.querySelectorAll("details.rule")]
    .filter(e => e.checkVisibility()).map(e => e.id).join(" ");
  note.shown = rules();
  note.bars = [...page.querySelectorAll("details[open] .track .bar")]
    .filter(e => e.getBoundingClientRect().width > 1).length;
  const search = page.getElementById("search");
  if (search) {{
    search.value = "success TOPOLOGY";
    search.dispatchEvent(new Event("input"));
    note.found = rules();
  }}
}};
</script></body></html>"""


class Browser:
    """Chromium, without a screen."""

    def __init__(self, directory: Path) -> None:
        """Find it, or skip the test; where CI is set, fail it."""
        if shutil.which("chromium") is None:
            message = "Chromium is not installed (apt-get install chromium)"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
        self.directory = directory

    def run(self, address: str, width: int, *options: str) -> str:
        """Open a page; return what the browser prints."""
        done = subprocess.run(
            [
                "chromium",
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
                f"--user-data-dir={self.directory / 'profile'}",
                f"--window-size={width},900",
                *options,
                address,
            ],
            env={**os.environ, "HOME": str(self.directory)},  # It writes there all the same.
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def measure(self, page: str, width: int) -> dict[str, str]:
        """Lay a page out; return what was measured there."""
        path = self.directory / "frame.html"
        path.write_text(FRAME.format(width=width, page=html.escape(page)))
        document = self.run(path.as_uri(), 1400, "--dump-dom")
        (root,) = re.findall(r"<html[^>]*>", document)
        return dict(re.findall(r'data-(\w+)="([^"]*)"', root))


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """A browser with a profile of its own."""
    return Browser(tmp_path)


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A page with long words in all places where an orchestrator's words go."""
    long = "a_very_long_name_" * 12
    return render.page(
        report(
            tmp_path,
            {"RES-1": Status.FAILED, "DAG-1": Status.FAILED, "ENV-1": Status.NOT_SEEN},
            details={"DAG-1": long, "ENV-1": long},
            waivers=(waiver("RES-1", reason=long, issue=f"https://issues.example/{long}"),),
            orchestrator=f"acme.{long}",
            flavor=long,
        )
    )


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_page_fits_the_screen(width: int, page: str, browser: Browser) -> None:
    measured = browser.measure(page, width)
    assert measured["width"] == str(width)
    assert measured["overflow"] == ""
    assert measured["scrolls"] == "false"
    assert int(measured["bars"]) == 7  # of the hand-made diamond


def test_areas_are_open_that_have_something_to_say(page: str, browser: Browser) -> None:
    shown = browser.measure(page, 1280)["shown"].split()
    assert {rule.partition("-")[0] for rule in shown} == {"dag", "env", "app", "res", "set"}


def test_rules_are_filtered(page: str, browser: Browser) -> None:
    chosen = page.replace('id="show-all" checked', 'id="show-all"')
    chosen = chosen.replace('id="show-failed"', 'id="show-failed" checked')
    assert browser.measure(chosen, 1280)["shown"] == "dag-1"


def test_rules_are_searched(page: str, browser: Browser) -> None:
    found = browser.measure(page, 1280)["found"].split()
    assert "dag-3" in found
    assert {rule.partition("-")[0] for rule in found} == {"dag"}


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_matrix_fits_the_screen(width: int, tmp_path: Path, browser: Browser) -> None:
    reports = [report(tmp_path, flavor=f"flavor_{number}") for number in range(8)]
    measured = browser.measure(matrix.page(matrix.of(reports)), width)
    assert (measured["overflow"], measured["scrolls"]) == ("", "false")


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes who asks for what."""

    def __init__(self, asked: list[str], *arguments: object) -> None:
        """Note it in a list."""
        self.asked = asked
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer nothing."""
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server: its address, and what it was asked for."""
    asked: list[str] = []
    handler = functools.partial(Handler, asked)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}", asked
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize("guarded", [True, False])
def test_the_policy_keeps_the_browser_from_asking(
    guarded: bool, page: str, browser: Browser, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    """Even if something got into the page that loads something. Without the policy it would."""
    address, asked = server
    spoiled = page.replace("</main>", f'<img src="{address}/image"></main>')
    path = tmp_path / "page.html"
    path.write_text(spoiled if guarded else POLICY.sub("", spoiled))
    browser.run(path.as_uri(), 1280, "--dump-dom")
    assert asked == ([] if guarded else ["/image"])


def test_a_picture_of_it_is_not_blank(page: str, browser: Browser, tmp_path: Path) -> None:
    path, picture = tmp_path / "page.html", tmp_path / "page.png"
    path.write_text(page)
    browser.run(path.as_uri(), 390, f"--screenshot={picture}")
    # A blank picture of this size has some kilobytes.
    assert picture.stat().st_size > 20_000
