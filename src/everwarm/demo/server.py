"""A gateway of the demo's own: a child process on a free port, with a temporary data folder and the user's models."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic, sleep
from urllib.parse import urlsplit

from everwarm.demo.client import Client
from everwarm.errors import OperatorError

START_SECONDS = 900.0
"""Longest wait for the first start, which fetches and converts the model."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Server:
    """One child. Its output is read as it comes: the address is in it, and the reason if it fails."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.url: str | None = None
        self.lines: deque[str] = deque(maxlen=12)
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            if line.strip():
                self.lines.append(line.rstrip())
            found = _ADDRESS.search(line)
            if found and self.url is None:
                self.url = found[0]

    def ready(self, say: Callable[[str], object]) -> str:
        """Its address, once it is healthy. ``say`` gets its newest line of output until it listens."""
        end = monotonic() + START_SECONDS
        while monotonic() < end:
            if self.status is not None:
                self._reader.join(5)
                raise OperatorError(f"`everwarm serve` ended with status {self.status}. {self._said()}")
            if self.url and _healthy(self.url):
                return self.url
            if self.url is None:
                say(self.lines[-1].strip() if self.lines else "starting")
            sleep(0.1)
        raise OperatorError(f"`everwarm serve` was not ready after {START_SECONDS:.0f} seconds. {self._said()}")

    def _said(self) -> str:
        return "It said:\n  " + "\n  ".join(self.lines) if self.lines else "It said nothing."

    @property
    def status(self) -> int | None:
        """Exit status; negative for a signal, None while it runs."""
        return self._process.poll()

    def end(self, patience: float = 15.0) -> None:
        """End the child, by force if it does not listen within ``patience`` seconds, and take in its last output."""
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        if self._process.stdout:
            self._process.stdout.close()


def _healthy(url: str) -> bool:
    try:
        return Client(url).get("/healthz", timeout=5)[0] == 200
    except OperatorError:
        return False


class Gateway:
    """A data folder, and one child at a time that serves it, always at the same address."""

    def __init__(self, home: Path, model: str | None) -> None:
        self.url = ""
        self._home = home
        self._model = model
        self._server: Server | None = None

    def start(self, say: Callable[[str], object]) -> None:
        """Start a child, and wait until it is healthy. ``say`` gets its newest line of output until then."""
        port = urlsplit(self.url).port or 0  # at first a free one
        self._server = Server(command(self._home, self._model, port), environment(os.environ))
        self.url = self._server.ready(say)

    def restart(self, say: Callable[[str], object]) -> None:
        """End the child and start another, which has nothing but what the first one left in the data folder."""
        self.end()
        self.start(say)

    def end(self) -> None:
        """End the child, if there is one."""
        if self._server is not None:
            self._server.end()


@contextmanager
def serving(data: Path, model: str | None, say: Callable[[str], object]) -> Iterator[Gateway]:
    """A gateway that remembers nothing yet. Ended, with all that it stored, on the way out."""
    with TemporaryDirectory(prefix="everwarm-demo-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        _share_models(data, home)
        (home / "everwarm.toml").write_text("# the built-in settings\n", "utf-8")
        gateway = Gateway(home, model)
        try:
            gateway.start(say)
            yield gateway
        finally:
            gateway.end()


def command(home: Path, model: str | None, port: int = 0) -> list[str]:
    """What starts the child. Its own configuration file, so that the user's does not change what is shown."""
    start = [sys.executable, "-m", "everwarm", "serve", "--host", "127.0.0.1", "--port", str(port)]
    start += ["--data", str(home), "--config", str(home / "everwarm.toml")]
    return start + (["--model", model] if model else [])


def environment(ours: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """Our environment without Everwarm's settings, and with output that arrives line by line."""
    kept = {name: value for name, value in ours.items() if not name.startswith("EVERWARM_")}
    return kept | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "160"}


def _share_models(data: Path, home: Path) -> None:
    """Point the child to the user's models, so that a model is converted once and not for every demo.

    With the secret that seals them: a child with another one would convert them anew, and seal the user's with that.
    """
    secret, models = data / "secret.key", data / "models"
    if not secret.is_file():
        return
    try:
        (home / secret.name).symlink_to(secret.resolve())
        models.mkdir(mode=0o700, exist_ok=True)
        (home / "models").symlink_to(models.resolve(), target_is_directory=True)
    except OSError:
        return  # no links here (Windows without the right to make them): the child converts its own copy
