"""An environment for each peer, made on first use from a lock file with hashes: ``.venv-bench/NAME``."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from rich.console import Console

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".venv-bench"
LONGEST = 1_200  # seconds that an installation may take


class NotInstalledError(Exception):
    """The packages could not be had. Says why."""


def environment(name: str, console: Console) -> Path:
    """The folder of programs of the environment of that name; made anew where its lock has changed. Raises
    ``NotInstalledError``."""
    lock, home = ROOT / "requirements" / f"peers-{name}.lock", HOME / name
    made_from, wanted = home / "made-from", hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (made_from.exists() and made_from.read_text() == wanted):
        shutil.rmtree(home, ignore_errors=True)
        packages = len(re.findall(r"^[A-Za-z0-9_.-]+==", lock.read_text(), re.M))
        console.print(f"{name}: installing {packages} packages into {home.relative_to(ROOT)}, once ...")
        begun = perf_counter()
        _make(home, lock)
        made_from.write_text(wanted)
        console.print(f"{name}: installed in {perf_counter() - begun:.0f} s")
    return home / "bin"


def _make(home: Path, lock: Path) -> None:
    pip: list[str | Path] = [home / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    install = [*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", lock]
    make: list[str | Path] = [sys.executable, "-m", "venv", home]
    for command in (make, install):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            raise NotInstalledError(f"it took more than {LONGEST} s") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no word why"]
            raise NotInstalledError(said[-1])
