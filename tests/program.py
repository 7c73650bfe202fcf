"""``everwarm serve`` as a user runs it, in a process of its own, in front of a fake provider."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from live import CHAT

PATIENCE = 20.0
"""Seconds after which a wait of a test has failed."""


class Program:
    """A gateway that answers at ``url``, with its settings in ``file``."""

    def __init__(self, data: Path, process: subprocess.Popen[str], log: Path) -> None:
        self.data = data
        self.process = process
        self.log = log
        self.url = ""
        self.told = ""  # what it has said on standard output so far
        self.asks = 0  # requests of ``ask``

    @property
    def file(self) -> Path:
        return settings_file(self.data)

    @property
    def said(self) -> str:
        """All of its log so far."""
        return self.log.read_text()

    def ask(self, text: str = "hi", key: str = "sk-a", **more: Any) -> httpx.Response:
        """One chat request, on a connection of its own: so any worker may answer it."""
        self.asks += 1
        body = {"model": "gpt-x", "messages": [{"role": "user", "content": text}], **more}
        headers = {"authorization": f"Bearer {key}", "connection": "close"}
        return httpx.post(self.url + CHAT, json=body, headers=headers, timeout=PATIENCE)

    def get(self, path: str) -> httpx.Response:
        """Likewise."""
        return httpx.get(self.url + path, headers={"connection": "close"}, timeout=PATIENCE)

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def reload(self, until: str = "taken up anew", times: int = 1) -> None:
        """SIGHUP; returns when its log has said so that many times."""
        before = self.said.count(until)
        self.tell(signal.SIGHUP)
        self.wait(lambda: self.said.count(until) >= before + times)

    def workers(self) -> list[int]:
        """The processes that answer, where there are several."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def wait(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        """Until it is so."""
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, f"it did not come; the log says:\n{self.said}"
            time.sleep(0.01)


def settings_file(data: Path) -> Path:
    return data.parent / f"{data.name}.toml"


@contextmanager
def program(data: Path, toml: str, *flags: str, patience: float = PATIENCE) -> Iterator[Program]:
    """Runs until the block ends; ended by SIGTERM then, and killed if it must be. ``patience``: until it listens."""
    settings_file(data).write_text(toml)
    log = data.parent / f"{data.name}.log"
    command = [sys.executable, "-m", "everwarm", "serve", "--port", "0", "--data", str(data), "--model", "none"]
    command += ["--config", str(settings_file(data)), *flags]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env)
        try:
            running = Program(data, process, log)
            listening = threading.Thread(target=_listen, args=(running, process.stdout))
            listening.start()
            running.wait(lambda: running.url or process.poll() is not None, patience)
            assert running.url, f"it did not start:\n{running.told}\n{running.said}"
            yield running
            if process.poll() is None:
                running.tell(signal.SIGTERM)
                process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            listening.join()


def _listen(running: Program, lines: IO[str]) -> None:
    """In a thread, until it says no more."""
    with lines:
        for line in lines:
            running.told += line
            if found := re.search(r"listening\s+(http://\S+)", line):
                running.url = found[1]
