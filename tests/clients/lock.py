"""Writes the lock files of the clients for Node anew: `make lock`. They carry hashes and no addresses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
FOLDERS = [HERE / "node", HERE / "agents"]


def lock(folder: Path) -> None:
    """Resolve what ``package.json`` asks for, then leave out where one may pay for it."""
    subprocess.run(["npm", "install", "--package-lock-only", "--loglevel=error"], cwd=folder, check=True)
    file = folder / "package-lock.json"
    locked = json.loads(file.read_text())
    for package in locked["packages"].values():
        package.pop("funding", None)
    file.write_text(json.dumps(locked, indent=2) + "\n")


if __name__ == "__main__":
    for folder in FOLDERS:
        lock(folder)
