"""A real browser for the tests of pages: headless, one run for each page."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--lang=en-US"),
    *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=7000"),
]
VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """What the browser made of the page: ``--dump-dom`` read back."""

    def __init__(self, dom: str, console: list[str]) -> None:
        super().__init__()
        self.dom = dom
        self.console = console  # lines
        self.tags: Counter[str] = Counter()
        self.text: dict[str, str] = {}  # id -> all text within
        self.hidden: set[str] = set()  # ids that have the attribute
        self.rows: dict[str, list[list[str]]] = {}  # id of a tbody -> rows of cells
        self._open: list[tuple[str, str]] = []  # (tag, id)
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        given = dict(attrs)
        name = given.get("id") or ""
        if name:
            self.text[name] = ""
        if "hidden" in given:
            self.hidden.add(name)
        body = next((i for t, i in reversed(self._open) if t == "tbody"), None)
        if body is not None and tag == "tr":
            self.rows.setdefault(body, []).append([])
        if body is not None and tag in ("td", "th"):
            self.rows[body][-1].append("")
        if tag not in VOID:
            self._open.append((tag, name))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, name in self._open:
            if name:
                self.text[name] += data
        body = next((i for t, i in reversed(self._open) if t == "tbody"), None)
        if body is not None and any(t in ("td", "th") for t, _ in self._open):
            self.rows[body][-1][-1] += data


class Browser:
    """A headless run for each page."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def see(self, address: str) -> Page:
        """The page after seven seconds of its own time."""
        done = self.run(address, "--dump-dom")
        return Page(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])

    def run(self, address: str, *flags: str) -> subprocess.CompletedProcess[str]:
        command = [self.program, *FLAGS, f"--user-data-dir={self.folder}", *flags, address]
        env = {**os.environ, "TZ": "UTC", "LANGUAGE": "en_US"}
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=env)


def found_browser(folder: Path) -> Browser:
    """The first browser on PATH; skips the test where there is none. ``folder``: for its profile."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on PATH (one of {', '.join(BROWSERS)}): pages are not tested here")
    return Browser(found, folder)
