"""Servers to measure: started as a user starts them, on a free port of this machine, ended by their id."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from rich.console import Console

WIDE = 118  # columns of a table that is written to a file


class Running(NamedTuple):
    """A server that answers."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time so far, with that of its own children; 0 where the system does not say (only Linux
        does)."""
        stats = _stats()
        wanted, total = {self.pid}, 0.0
        while wanted:
            total += sum(stats[pid].ticks for pid in wanted if pid in stats)
            wanted = {pid for pid, stat in stats.items() if stat.parent in wanted}
        return total / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Resident memory of the process; 0 where the system does not say."""
        return self._memory_mib("VmRSS")

    def peak_mib(self) -> float:
        """The most of it that there ever was; 0 where the system does not say."""
        return self._memory_mib("VmHWM")

    def _memory_mib(self, figure: str) -> float:
        status = Path(f"/proc/{self.pid}/status")
        found = re.search(rf"{figure}:\s+(\d+) kB", status.read_text()) if status.exists() else None
        return int(found[1]) / 1024 if found else 0.0


class _Stat(NamedTuple):
    parent: int
    ticks: int


def _stats() -> dict[int, _Stat]:
    """Parent and time of each process of this machine."""
    out = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        out[int(file.parent.name)] = _Stat(int(fields[1]), int(fields[11]) + int(fields[12]))
    return out


def bare(app: Any) -> uvicorn.Config:
    """uvicorn as a floor runs with it: nothing of ours, and nothing that costs time."""
    return uvicorn.Config(
        app,
        http="httptools",
        loop="auto",
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
    )


class NotStartedError(Exception):
    """A server ended, or fell silent, before it answered. Says what it said last."""


@contextmanager
def launched(
    command: Sequence[str | Path], env: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process, ended when the block ends. What it says goes to ``log``, or its standard output is a pipe."""
    with ExitStack() as stack:
        out = stack.enter_context(log.open("w")) if log else subprocess.PIPE
        process = subprocess.Popen(command, stdout=out, stderr=out if log else None, text=True, env=env)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def started(command: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """The server that ``python -m command`` runs; it must print its address after ``listening``."""
    with launched([sys.executable, "-m", *command], env) as process:
        yield Running(announced(process), process.pid)


def announced(process: subprocess.Popen[str]) -> int:
    """The port that a server prints after ``listening``. Raises ``NotStartedError``."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"listening\s+http://[^:]+:(\d+)", line):
            return int(found[1])
    raise NotStartedError(f"it ended with {process.wait()} before it listened")


@contextmanager
def everwarm(*flags: str, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Our gateway, as a user starts it, with an empty memory. ``settings``: more of them, as environment variables."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["everwarm", "serve", "--port", "0", "--data", folder, *flags]
        with started(command, environ(**(settings or {}))) as server:
            yield server


def environ(**more: str) -> dict[str, str]:
    """That of the benchmarks, without what only they know: for our own program."""
    return {**{name: value for name, value in os.environ.items() if name != "EVERWARM_SHARED_DATA"}, **more}


def load(
    server: Running, request: bytes, *, seconds: float, connections: int, requests: int | None = None
) -> dict[str, Any]:
    """One measurement, by a process of its own; with the server's CPU time per request where the system tells it.
    ``requests``: how many it sends at most. Raises ``CalledProcessError`` if an answer was no 200."""
    before = server.cpu_seconds()
    command = [sys.executable, "-m", "benchmarks.load", "127.0.0.1", str(server.port), str(seconds), str(connections)]
    if requests is not None:
        command.append(str(requests))
    done = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=True, timeout=seconds + 60)
    figures: dict[str, Any] = json.loads(done.stdout)
    figures["server_us"] = 1e6 * (server.cpu_seconds() - before) / figures["requests"]
    return figures


def console() -> Console:
    """Where tables are printed; wide enough for them where it is no terminal."""
    found = Console()
    return found if found.is_terminal else Console(width=WIDE)
