"""On which line of a TOML text each key and value stands: ``tomllib`` tells only for text that is not TOML.

A small scanner that walks text which ``tomllib`` has already accepted, so it never judges, it only keeps count. It is
checked against what ``tomllib`` read: unless both saw exactly the same keys, it says nothing. No line is better than a
wrong one.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping

At = tuple[str | int, ...]
"""The place of a value in the document: ("cache", "ttl"), ("tenant", 0, "keys", 1)."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


class _Lost(Exception):
    """The text is not what we took it for."""


def lines_of(text: str, document: Mapping[str, object]) -> dict[At, int]:
    """The line, from 1, of every key, table and array element of ``document``, which is ``text`` as tomllib read it.

    Empty if the scanner and tomllib do not agree on what is there. A table that has several places has that of its own
    header, else that of the first key in it.
    """
    scanner = _Scanner(text)
    try:
        scanner.document()
    except (_Lost, RecursionError, tomllib.TOMLDecodeError):  # the last one: of a quoted key
        return {}
    if scanner.at.keys() != set(_paths(document, ())):
        return {}
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return {path: bisect_right(starts, offset) for path, offset in scanner.at.items()}


def _paths(value: object, path: At) -> Iterator[At]:
    """Every path in a value, its own first unless that is the root."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0
        self.at: dict[At, int] = {}  # path -> offset of its key, header or element
        self.counts: dict[At, int] = {}  # arrays of tables -> how many so far
        self.end = len(text)

    def document(self) -> None:
        table: At = ()
        self.skip(_BLANK)
        while self.pos < self.end:
            if self.text[self.pos] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)

    def header(self) -> At:
        start = self.pos
        many = self.text.startswith("[[", start)
        self.pos += 2 if many else 1
        *outer, last = self.key()
        self.expect("]]" if many else "]")
        path: At = ()
        for part in outer:
            path = self.latest((*path, part))
            self.at.setdefault(path, start)
        path = (*path, last)
        if not many:
            path = self.latest(path)
        else:
            self.at.setdefault(path, start)
            self.counts[path] = self.counts.get(path, 0) + 1
            path = (*path, self.counts[path] - 1)
        self.at[path] = start
        return path

    def latest(self, path: At) -> At:
        """``[a.b]`` below ``[[a]]`` means the last of ``a``."""
        return (*path, self.counts[path] - 1) if path in self.counts else path

    def pair(self, table: At) -> None:
        start = self.pos
        path = table
        for part in self.key():
            path = (*path, part)
            self.at.setdefault(path, start)
        self.expect("=")
        self.skip(_SPACE)
        self.value(path)

    def key(self) -> list[str]:
        """One key, dotted or not; the position is then after it and the space that follows."""
        parts = []
        while True:
            self.skip(_SPACE)
            parts.append(self.word())
            self.skip(_SPACE)
            if not self.text.startswith(".", self.pos):
                return parts
            self.pos += 1

    def word(self) -> str:
        if self.text[self.pos : self.pos + 1] in ("'", '"'):
            start = self.pos
            self.string()
            return str(tomllib.loads("k = " + self.text[start : self.pos])["k"])
        return self.take(_BARE)

    def value(self, path: At) -> None:
        opening = self.text[self.pos : self.pos + 1]
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.inline(path)
        elif opening in ("'", '"'):
            self.string()
        else:
            self.take(_SCALAR)

    def array(self, path: At) -> None:
        self.pos += 1
        index = 0
        while not self.closed("]"):
            self.at[(*path, index)] = self.pos
            self.value((*path, index))
            index += 1

    def inline(self, path: At) -> None:
        self.pos += 1
        while not self.closed("}"):
            self.pair(path)

    def closed(self, bracket: str) -> bool:
        """Past blanks and commas: is this the end? Then also past the bracket."""
        self.skip(_BLANK)
        if self.text.startswith(",", self.pos):
            self.pos += 1
            self.skip(_BLANK)
        if not self.text.startswith(bracket, self.pos):
            return False
        self.pos += 1
        return True

    def string(self) -> None:
        for pattern in _STRINGS:
            match = pattern.match(self.text, self.pos)
            if match:
                self.pos = match.end()
                return
        raise _Lost

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.pos)
        assert match is not None  # these patterns match the empty text too
        self.pos = match.end()

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.pos)
        if match is None:
            raise _Lost
        self.pos = match.end()
        return match.group()

    def expect(self, mark: str) -> None:
        if not self.text.startswith(mark, self.pos):
            raise _Lost
        self.pos += len(mark)
