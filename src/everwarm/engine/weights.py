"""From a GGUF to a folder of OpenVINO files, once; or such a folder of the operator's, as it is.

    DATA/models/smollm2-135m-instruct.gguf       put there by ``everwarm model add``, if at all
    DATA/models/<name>-<fingerprint>/            the converted model and facts.json
    DATA/models/<name>-<fingerprint>/            of an operator's folder: what was measured, and nothing else
    DATA/models/.making-<...>/                   one being made; removed at the next start if its maker died

A folder is complete or not there: it is made beside its place, flushed to disk, and renamed. Its name holds the digest
of the GGUF's content and the versions of what converted it, so another model or another build never meets it.
facts.json holds the digests of the other files and is sealed with the installation's secret: what is handed to OpenVINO
is what was converted here, whoever else could write into the folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, NamedTuple

import orjson

from everwarm.engine import facts as facts_file
from everwarm.engine import runtime
from everwarm.engine.convert import MADE
from everwarm.engine.facts import Facts, read_facts
from everwarm.engine.folder import DESCRIBING, read_folder
from everwarm.engine.ggufile import read_header
from everwarm.engine.packaged import PACKAGED, Progress, find_packaged
from everwarm.engine.requantise import REQUANTISATION, needs_rewriting, rewritten_size
from everwarm.errors import ModelError
from everwarm.lock import file_lock

_MAKING = ".making-"
_SPARE = 64 << 20  # bytes of disk left over after a conversion


class Weights(NamedTuple):
    """A model at rest, as OpenVINO reads it."""

    folder: Path  # of OpenVINO's files
    facts: Facts
    fingerprint: str  # of weights, requantisation and OpenVINO's version
    packaged: bool  # the model that comes with Everwarm
    beside: Path  # where else we keep something about it

    @property
    def id(self) -> str:
        """What it is called in requests."""
        return PACKAGED if self.packaged else slug(self.facts.name)


class _Wanted(NamedTuple):
    """What is to be had."""

    source: Path  # the GGUF
    gguf: str  # digest of its content
    build: str  # requantisation and OpenVINO versions
    folder: Path  # where its converted form goes
    secret: bytes  # what seals it


def prepare(source: Path | None, data: Path, secret: bytes, progress: Progress) -> Weights:
    """The files of ``source``, a GGUF or a folder of OpenVINO files; None is the packaged model.

    A GGUF is converted if that has not been done. ``secret``: the installation's; what was sealed with another one is
    converted anew. Takes half a second if it has been converted, else about 15 seconds on two cores. ``ModelError`` if
    there is no such model, it cannot be run, or the disk is full.
    """
    progress("reading the model file", 0.0)
    if source is not None and source.is_dir():
        return _as_it_is(source, data)
    wanted = _wanted(source, data, secret)
    return _weights(wanted, _whole(wanted) or _make_once(wanted, progress), source)


def find(source: Path | None, data: Path, secret: bytes) -> Weights | None:
    """The same if nothing has to be converted for it, else None."""
    if source is not None and source.is_dir():
        return _as_it_is(source, data)
    wanted = _wanted(source, data, secret)
    facts = _whole(wanted)
    return None if facts is None else _weights(wanted, facts, source)


def _wanted(gguf: Path | None, data: Path, secret: bytes) -> _Wanted:
    source = gguf if gguf is not None else find_packaged(data)
    digest = _digest(source)
    build = f"{REQUANTISATION} {runtime.version()}"
    name = slug(PACKAGED if gguf is None else source.stem)
    folder = _models_folder(data) / f"{name}-{_fingerprint(digest, build)}"
    return _Wanted(source, digest, build, folder, secret)


def _weights(wanted: _Wanted, facts: Facts, source: Path | None) -> Weights:
    fingerprint = _fingerprint(wanted.gguf, wanted.build)
    return Weights(wanted.folder, facts, fingerprint, packaged=source is None, beside=wanted.folder)


def _as_it_is(source: Path, data: Path) -> Weights:
    """An operator's folder. Its files are an input, as a GGUF is: their digests are its identity."""
    missing = [name for name in MADE if not (source / name).is_file()]
    if missing:
        raise ModelError(f"the folder {source} has no {missing[0]}, so it holds no model that OpenVINO has exported")
    files = {name: _digest(source / name) for name in (*MADE, *DESCRIBING) if (source / name).is_file()}
    digest = hashlib.blake2b(orjson.dumps(files), digest_size=16).hexdigest()
    build = runtime.version()
    facts = read_folder(source, files, digest=digest, build=build)
    beside = _models_folder(data) / f"{slug(facts.name)}-{_fingerprint(digest, build)}"
    beside.mkdir(mode=0o700, exist_ok=True)
    return Weights(source, facts, _fingerprint(digest, build), packaged=False, beside=beside)


def _fingerprint(digest: str, build: str) -> str:
    return hashlib.blake2b(f"{digest} {build}".encode(), digest_size=8).hexdigest()


def slug(text: str) -> str:
    """``text`` as a model id or file name: lower case, dashes, at most 64 characters."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.")[:64] or "model"


def _models_folder(data: Path) -> Path:
    models = data / "models"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        models.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"the data folder {data} cannot be used ({error}); choose another with `--data DIR`"
        ) from error
    return models


def _digest(path: Path) -> str:
    """Digest of a file's content. About 0.3 s for 100 MB."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except FileNotFoundError:
        raise ModelError(
            f"there is no model file {path}; give the path of a GGUF file, or of a folder of OpenVINO files"
        ) from None
    except OSError as error:
        raise ModelError(f"the model file {path} cannot be read ({error})") from error


def _whole(wanted: _Wanted) -> Facts | None:
    """The facts of a converted model whose files are all as they were written, else None."""
    facts = facts_file.load(wanted.folder, wanted.secret)
    if facts is None or set(facts.files) != set(MADE):
        return None
    if (facts.gguf, facts.build) != (wanted.gguf, wanted.build):  # ours, but put in the place of another
        return None
    try:
        whole = all(_digest(wanted.folder / name) == digest for name, digest in facts.files.items())
    except ModelError:
        return None
    return facts if whole else None


def _make_once(wanted: _Wanted, progress: Progress) -> Facts:
    """Convert under a lock: of two processes that start at once, one converts and the other waits for it."""
    models = wanted.folder.parent
    waiting = "waiting for another process that converts the model"
    try:
        with file_lock(models / ".lock", lambda: progress(waiting, 0.0)):
            return _whole(wanted) or _make(wanted, progress)
    except OSError as error:
        raise ModelError(f"the model could not be converted in {models}: {error}") from error


def _make(wanted: _Wanted, progress: Progress) -> Facts:
    models = wanted.folder.parent
    for left_over in models.glob(f"{_MAKING}*"):
        shutil.rmtree(
            left_over, ignore_errors=True
        )  # its maker was killed; should that still write, it cleans up itself
    header = read_header(wanted.source)
    facts = read_facts(header, gguf=wanted.gguf, build=wanted.build)
    size = rewritten_size(header)
    _require_space(models, size * (2 if needs_rewriting(header) else 1) + _SPARE)
    making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=models))
    try:
        _convert_apart(wanted.source, making, progress)
        facts = replace(facts, files={name: _digest(making / name) for name in MADE})
        facts_file.dump(facts, making, wanted.secret)
        _flush(making)
        if wanted.folder.exists():  # damaged, of an older form, or sealed with another secret
            shutil.rmtree(wanted.folder)
        making.rename(wanted.folder)
        _flush_folder(models)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return facts


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            f"converting the model needs {needed >> 20} MiB of disk in {folder}, and {free >> 20} MiB are free; "
            "make room or choose another data folder with `--data DIR`"
        )


def _convert_apart(source: Path, making: Path, progress: Progress) -> None:
    """Run ``convert`` in a process of its own, and pass its progress on."""
    command = [sys.executable, "-m", "everwarm.engine.convert", str(source), str(making)]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(  # noqa: S603  # our own module, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as child:
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    _pass_on(line, progress)
                child.wait()
            finally:
                child.kill()
        if child.returncode != 0 or not all((making / name).is_file() for name in MADE):
            raise ModelError(f"{source} could not be converted: {_last_line(errors, child.returncode)}")


def _pass_on(line: bytes, progress: Progress) -> None:
    try:
        said = orjson.loads(line)
        progress(said["what"], said["done"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return  # native code prints lines of its own


def _last_line(errors: IO[bytes], status: int) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"the converter ended with status {status}"


def _flush(folder: Path) -> None:
    """Make sure that the files of ``folder`` are on the disk, not only on their way."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    if sys.platform != "win32":  # a folder cannot be opened there, and renames are journalled
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
