"""All files that are named, one after the other, and what they had to tell."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable

import orjson

from everwarm.lint import bodies
from everwarm.lint.finding import Report, Trouble, together
from everwarm.lint.log import Log
from everwarm.lint.paths import File, files, lines
from everwarm.lint.python import check as program
from everwarm.packing import PackingError

_UNKNOWN = "what it holds is told by its name: .py, .json, .jsonl, .jsonl.gz or .jsonl.zst"


def lint(names: Iterable[str]) -> Report:
    """Reads files and folders. What cannot be read is a trouble; the others are read all the same."""
    return together(_read(file) for file in files(names))


def _read(file: File) -> Report:
    try:
        if file.kind == ".py":
            return _python(file)
        if file.kind == ".json":
            return _json(file)
        if file.kind:
            return _log(file)
        file.path.stat()
        return _trouble(file, _UNKNOWN)
    except FileNotFoundError:
        return _trouble(file, "there is no such file")
    except PackingError as e:
        return _trouble(file, str(e))
    except OSError as e:
        return _trouble(file, f"it cannot be read: {e.strerror or e}")


def _python(file: File) -> Report:
    data = file.path.read_bytes()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding).replace("\r\n", "\n")
        return Report(findings=tuple(program.check(text, str(file.path))), files=1)
    except SyntaxError as e:
        return _trouble(file, f"it is no Python: {e.msg}", e.lineno or 0)
    except (UnicodeDecodeError, ValueError) as e:  # ValueError: a null byte
        return _trouble(file, f"it is no Python: {e}")
    except (RecursionError, MemoryError):  # the latter of Python's parser
        return _trouble(file, "its expressions are nested too deeply")


def _json(file: File) -> Report:
    try:
        found = bodies.check(file.path.read_bytes(), str(file.path))
    except orjson.JSONDecodeError as e:
        return _passed(file, f"it is no JSON: {e.msg}", e.lineno)
    if found is None:
        return _passed(file, "it holds no request body: an object with messages, input or prompt, or a list of them")
    return Report(findings=tuple(found), files=1)


def _log(file: File) -> Report:
    log = Log(str(file.path))
    log.read(lines(file))
    broken = log.broken()
    if broken and not log.requests:
        return _passed(file, broken.what, broken.line)
    return Report(findings=tuple(log.findings()), notes=(broken,) if broken else (), files=1)


def _passed(file: File, what: str, line: int = 0) -> Report:
    """In a folder stand other files too, which are no fault; one that was named is."""
    return _trouble(file, what, line) if file.named else Report()


def _trouble(file: File, what: str, line: int = 0) -> Report:
    return Report(troubles=(Trouble(str(file.path), what, line),))
