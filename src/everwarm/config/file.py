"""The configuration file: which one, what is in it, and on which line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from everwarm.config.kinds import Place, Wrong, absolute
from everwarm.config.lines import At, lines_of
from everwarm.config.problems import Problems, describe

NAME = "everwarm.toml"
VARIABLE = "EVERWARM_CONFIG"
_AT = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)$")
_AT_END = " (at end of document)"
LARGEST = 1 << 20  # bytes; a settings file is a few kilobytes


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read; without one, it is empty."""

    path: Path | None = None
    label: str = ""  # as the user calls it
    data: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[At, int] = field(default_factory=dict)

    def line(self, path: At) -> int:
        """From 1; that of what encloses it if it is not there itself; 0 if not known."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 0)

    def where(self, path: At) -> str:
        """The place of a value, for a message."""
        line = self.line(path)
        return f"{self.label}, line {line}" if line else self.label

    def source(self, path: At) -> str:
        """The place of a value, for a table."""
        line = self.line(path)
        return f"{self.label}:{line}" if line else self.label


def find(flag: str | None, env: Mapping[str, str], place: Place) -> tuple[Path, str] | None:
    """The file to read and what to call it: ``--config``, ``EVERWARM_CONFIG``, or ``everwarm.toml`` if it is here."""
    named = flag if flag is not None else env.get(VARIABLE) or None
    if named is not None:
        label = named if named.isprintable() else describe(named)
        try:
            return absolute(Path(named), place), label
        except Wrong:  # "~" where nobody has a home: no such file, then
            return Path(named), label
    here = place.base / NAME
    return (here, NAME) if os.path.lexists(here) else None


def read(path: Path, label: str, named_by: str, problems: Problems, *, largest: int = LARGEST) -> Document:
    """The document in the file; an empty one, and a problem, if it cannot be had. ``largest``: in bytes."""
    raw = b""
    try:
        with path.open("rb") as file:
            raw = file.read(largest + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        problems.add(label + named_by, f"cannot be read: {getattr(error, 'strerror', None) or error}.", 0)
    if len(raw) > largest:
        problems.add(label, f"is not a settings file: it is larger than {largest >> 20} MiB.", 0)
        raw = b""
    return parse(raw, path, label, problems)


def parse(raw: bytes, path: Path, label: str, problems: Problems) -> Document:
    """The document that ``raw`` is; an empty one, and a problem, if it is none."""
    try:
        text = raw.decode("utf-8-sig")  # some editors put a byte order mark in front
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(f"{label}, line {line}", "is not UTF-8 text.", line)
    except RecursionError:
        problems.add(label, "is not a settings file: it is nested too deeply.", 0)
    except ValueError as error:  # TOMLDecodeError, and numbers of too many digits
        what, line = _place(str(error), raw)
        where = f"{label}, line {line}" if line else label
        problems.add(where, f"is not valid TOML: {what}.", line)
    else:
        return Document(path, label, data, lines_of(text, data))
    return Document(path, label)


def _place(message: str, raw: bytes) -> tuple[str, int]:
    """What tomllib complains about and the line, 0 if it does not say. It has the line in its words only."""
    if message.endswith(_AT_END):
        return message.removesuffix(_AT_END), raw.count(b"\n") + 1
    match = _AT.search(message)
    return (f"{message[: match.start()]} (column {match[2]})", int(match[1])) if match else (message, 0)
