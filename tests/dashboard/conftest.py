"""The page in a real browser, against a small server that has only the page and one answer of ``/stats``."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest

FILES = {"/": ("index.html", "text/html"), "/app.js": ("app.js", "text/javascript"), "/style.css": ("style.css", "text/css")}
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --hide-scrollbars --lang=en-US --enable-logging=stderr --v=0""".split()


class Seen(NamedTuple):
    """What a browser made of the page."""

    dom: str
    console: list[str]  # the lines of its console


class Site(ThreadingHTTPServer):
    """Serves the three files as the gateway does, and ``stats``: a JSON value, or bytes, with ``status``."""

    daemon_threads = True
    stats: Any = b""
    status = 200
    asked: list[str | None]  # the Authorization of each reading

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path == "/stats":
            self.server.asked.append(self.headers["Authorization"])
            stats = self.server.stats
            raw = stats if isinstance(stats, bytes) else json.dumps(stats).encode()
            self._answer(self.server.status, "application/json", raw)
        elif self.path in FILES:
            name, kind = FILES[self.path]
            self._answer(200, f"{kind}; charset=utf-8", files("everwarm.dashboard").joinpath(name).read_bytes())
        else:
            self._answer(404 if self.path != "/favicon.ico" else 204, "text/plain", b"")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in (("Content-Security-Policy", POLICY), ("Content-Type", kind), ("X-Content-Type-Options", "nosniff")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here: the page is tested with {', '.join(BROWSERS)}, whichever is on PATH")
    return found


class Browser:
    """One headless run per page."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def run(self, url: str, *flags: str) -> subprocess.CompletedProcess[str]:
        """Ten seconds pass in the page, less in the room."""
        command = [self.program, *FLAGS, f"--user-data-dir={self.folder}", "--virtual-time-budget=10000", *flags, url]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    def see(self, url: str) -> Seen:
        done = self.run(url, "--dump-dom")
        return Seen(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])


@pytest.fixture
def browser(chromium: str, tmp_path: Path) -> Browser:
    return Browser(chromium, tmp_path / "profile")
