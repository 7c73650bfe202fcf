"""The page in a real browser, against a small server that has only the page and an answer of ``/stats``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
}
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--lang=en-US"),
    *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=7000"),
]
VOID = {"meta", "link", "input", "br", "img"}


class Site(ThreadingHTTPServer):
    """Serves the three files as the gateway does, and ``/stats`` as the test wants it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stats: Any = b""  # a JSON value, or bytes as they are
        self.status = 200
        self.gone: range = range(0)  # which readings of /stats, from 0, get a closed connection
        self.driver = ""  # a script of the test that runs in the page, after the page's own
        self.inline = ""  # markup of the test at the end of the page
        self.asked: list[str | None] = []  # the Authorization of each reading

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        if self.path == "/stats":
            site.asked.append(self.headers["Authorization"])
            if len(site.asked) - 1 not in site.gone:
                raw = site.stats if isinstance(site.stats, bytes) else json.dumps(site.stats).encode()
                self.answer(site.status, "application/json", raw)
        elif self.path in FILES:
            name, kind = FILES[self.path]
            raw = files("everwarm.dashboard").joinpath(name).read_bytes()
            more = f'<script src="/driver.js" defer></script>{site.inline}' if self.path == "/" else ""
            self.answer(200, f"{kind}; charset=utf-8", raw + more.encode())
        else:
            self.answer(200, "text/javascript", site.driver.encode())

    def answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


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

    def see(self, site: Site) -> Page:
        """The page after seven seconds of its own time: three or four readings."""
        done = self.run(site, "--dump-dom")
        return Page(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])

    def run(self, site: Site, *flags: str) -> subprocess.CompletedProcess[str]:
        command = [self.program, *FLAGS, f"--user-data-dir={self.folder}", *flags, site.origin + "/"]
        env = {**os.environ, "TZ": "UTC", "LANGUAGE": "en_US"}
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=env)


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on PATH (one of {', '.join(BROWSERS)}): the dashboard is not tested here")
    return Browser(found, tmp_path_factory.mktemp("profile"))
