"""A gateway in a process of its own, started as a user starts it: its memory and its files can be seen from outside.

Linux tells both; elsewhere ``resident`` and ``files`` are not to be had.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

PROC = Path("/proc/self/fd")
needs_proc = pytest.mark.skipif(not PROC.is_dir(), reason="only Linux tells what another process holds")


class Apart(NamedTuple):
    """A running gateway."""

    url: str
    pid: int

    @property
    def resident(self) -> int:
        """Bytes of memory that it has now."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """Bytes of memory that it had at most, since its start or since ``forget_peak``."""
        return self._status("VmHWM")

    def forget_peak(self) -> int:
        """Measure the peak from now on; what the memory is now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self.resident

    @property
    def files(self) -> int:
        """How many files and sockets it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def _status(self, name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return 1024 * int(found[1])


@contextmanager
def apart(folder: Path, toml: str) -> Iterator[Apart]:
    """Runs until the block ends, and must end well then."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "everwarm.toml"
    settings.write_text(f'model = "none"\n{toml}')
    flags = ["--port", "0", "--data", str(folder / "data"), "--config", str(settings)]
    command = [sys.executable, "-m", "everwarm", "serve", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = next((m for line in process.stdout if (m := re.search(r"listening\s+(http://\S+)", line))), None)
        assert found, f"it did not start: {process.communicate()[1]}"
        yield Apart(found[1], process.pid)
    finally:
        process.terminate()
        try:
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, errors
