"""The page in a real browser, against a small server that has only the page and an answer of ``/stats``."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

import pytest

from browsing import Browser, Page, found_browser

FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
}
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


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


class Visitor:
    """Sees a site: three or four readings of ``/stats``."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def see(self, site: Site) -> Page:
        return self.browser.see(site.origin + "/")


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
def browser(tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    return Visitor(found_browser(tmp_path_factory.mktemp("profile")))
