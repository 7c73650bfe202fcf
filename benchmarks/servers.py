"""Servers to measure: started as a user starts them, on a free port, ended by their id."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Running(NamedTuple):
    """A server that answers."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time so far; 0 where the system does not say (only Linux does)."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return 0.0
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Resident memory; 0 where the system does not say."""
        status = Path(f"/proc/{self.pid}/status")
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def started(command: Sequence[str]) -> Iterator[Running]:
    """The server that ``command`` runs; it must print its address after ``listening``."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"listening\s+http://[^:]+:(\d+)", line):
                yield Running(int(found[1]), process.pid)
                return
        raise SystemExit(f"{' '.join(command)} ended with {process.wait()} before it listened")
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def everwarm(*flags: str) -> Iterator[Running]:
    """Our gateway, as a user starts it, with an empty memory."""
    with (
        tempfile.TemporaryDirectory() as folder,
        started(["everwarm", "serve", "--port", "0", "--data", folder, *flags]) as server,
    ):
        yield server


def load(server: Running, request: bytes, *, seconds: float, connections: int) -> dict[str, Any]:
    """One measurement, by a process of its own; with the server's CPU time per request where the system tells it."""
    before = server.cpu_seconds()
    command = [sys.executable, "-m", "benchmarks.load", "127.0.0.1", str(server.port), str(seconds), str(connections)]
    done = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=True, timeout=seconds + 60)
    figures: dict[str, Any] = json.loads(done.stdout)
    figures["server_us"] = 1e6 * (server.cpu_seconds() - before) / figures["requests"]
    return figures
