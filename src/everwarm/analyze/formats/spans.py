"""Where the values of a JSON text begin and end, as the text comes in pieces.

Values that follow one another begin alike, so where the next one seems to begin, the one before is cut off and parsed.
If it is JSON its end is right, for no JSON object begins as another one and goes on. Else brackets and strings are
followed to its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import orjson

from everwarm.analyze.reading.files import LONGEST
from everwarm.core.wire import Json

BEGIN: Final = 1280
"""Bytes of a broken value that are kept to be shown."""

_MB: Final = f"{LONGEST // 2**20} MB"
_OVERLAP: Final = 1024
"""Bytes of a piece that are looked at again with the next one: no beginning of a value is longer."""

_TRUST: Final = 8
"""Ends that may be wrong, if none between them was right: then none is guessed any more."""

_BETWEEN: Final = re.compile(rb"[\s,]*+")
_SPACE: Final = re.compile(rb"[\s:]*+")
_FLAT: Final = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+")*+', re.DOTALL)
"""To the next bracket, or to a string that ends in another piece."""

_INSIDE: Final = re.compile(rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+', re.DOTALL)
_SCALAR: Final = re.compile(rb'[^\s,:"{}\[\]]*+')
_FIRST: Final = re.compile(rb'\{\s{0,256}+"[^"\\\n]{0,256}+"')
"""How a value begins: with the name of its first member, and the space before that."""


class LostError(ValueError):
    """The text is broken here. Says how. Never leaves ``items``."""


class Broken(NamedTuple):
    """What is no value."""

    why: str
    begin: bytes


class Spans:
    """A text, the place in it, and of what was passed what is held: from the beginning of a value on."""

    def __init__(self, pieces: Iterable[bytes], loads: Callable[[bytes], Json]) -> None:
        """``loads`` is, or does as, ``orjson.loads``."""
        self.at = 0
        self._data = bytearray()
        self._pieces = iter(pieces)
        self._loads = loads
        self._trust = _TRUST
        self._start = -1  # of the value that is held; -1: nothing is
        self._long = b""  # the beginning of a value that became too long to be held
        self._first = b""  # how the first value begins; b"": it is not known yet

    def next(self) -> bytes:
        """The first byte of what comes next, behind space and commas; b"" at the end."""
        return self._behind(_BETWEEN)

    def hold(self) -> None:
        """A value begins here."""
        self._start, self._long = self.at, b""

    def let_go(self) -> None:
        """It is no value by itself."""
        self._start, self._long = -1, b""

    def begin_list(self) -> None:
        """Pass its bracket: the first value in it shows how all begin."""
        self.at += 1
        self._first = b""

    def value(self) -> Json | bytes | Broken:
        """The one that begins here, parsed or as it is."""
        self.hold()
        try:
            guessed = self.guess()
            if guessed is not None:
                return guessed
            self.skip()
        except LostError as error:
            return self.find_next(error)
        return self.taken()

    def guess(self) -> Json:
        """The value that is held, parsed, if the next one begins as the first one did; else None, and nothing moves."""
        if not self._trust or not self._first or not self._is_first():
            return None
        begin = self._like_first(self.at + 1)
        if begin < 0 and self._more():
            begin = self._like_first(self.at + 1)
        if begin < 0:
            return None
        try:
            value = self._loads(self._cut(self.at, begin).rstrip(b", \t\r\n"))
        except orjson.JSONDecodeError:
            self._trust -= 1
            return None
        self._trust, self.at, self._start = _TRUST, begin, -1
        return value

    def taken(self) -> bytes | Broken:
        """The value that was held, up to here."""
        if self._long:
            return Broken(f"it is longer than {_MB}", self._long)
        self._learn()
        value = self._cut(self._start, self.at)
        self._start = -1
        return value

    def name(self) -> tuple[str, bytes]:
        """Of the member that begins here, and the first byte of its value."""
        held = self._start >= 0
        if not held:
            self._start = self.at
        begin = self.at - self._start
        self._string()
        name = self._data[self._start + begin + 1 : self.at - 1] if self._start >= 0 else b""
        if not held:
            self._start = -1
        return name.decode("utf-8", "replace"), self._behind(_SPACE)

    def skip(self) -> None:
        """Pass the value that begins here."""
        begin = self._here()
        if begin in (b"{", b"["):
            self._brackets()
        elif begin == b'"':
            self._string()
        else:
            self._scalar()

    def find_next(self, error: LostError) -> Broken:
        """Pass what is broken: up to the next value that begins as the first one did, or to the end."""
        begin = self._start if self._start >= 0 else self.at
        broken = Broken(str(error), self._long or bytes(self._data[begin : begin + BEGIN]))
        self._learn()
        if self._start >= 0:
            self.at = self._start + 1
        self.let_go()
        if not self._first:
            self._end()
        elif not self._is_first():
            self._search()
        return broken

    def _learn(self) -> None:
        if not self._first and self._start >= 0 and (found := _FIRST.match(self._data, self._start)):
            self._first = found[0]

    def _is_first(self) -> bool:
        """Whether what comes next begins as the first value did."""
        while len(self._data) - self.at < len(self._first) and self._more():
            pass
        return self._data.startswith(self._first, self.at)

    def _like_first(self, begin: int) -> int:
        """Where, from there on, something begins as the first value did, behind a comma or in a new line; or -1."""
        at = self._data.find(self._first, begin)
        while at >= 0:
            before = self._data[max(begin, at - _OVERLAP) : at]
            if b"\n" in before[len(before.rstrip()) :] or before.rstrip().endswith(b","):
                return at
            at = self._data.find(self._first, at + 1)
        return -1

    def _search(self) -> None:
        while (found := self._like_first(self.at)) < 0:
            self.at = max(self.at, len(self._data) - _OVERLAP)
            if not self._more():
                self.at = len(self._data)
                return
        self.at = found

    def _end(self) -> None:
        self.at = len(self._data)
        while self._more():
            self.at = len(self._data)

    def _brackets(self) -> None:
        due = bytearray()
        while True:
            self.at = _FLAT.match(self._data, self.at).end()  # type: ignore[union-attr]
            found = self._here()
            if found in (b"{", b"["):
                due += b"}" if found == b"{" else b"]"
                self.at += 1
            elif found == b'"':
                self._string()
            elif not found:
                self._need()
            elif found[0] != due.pop():
                raise LostError("it is no JSON: its brackets do not match")
            else:
                self.at += 1
                if not due:
                    return

    def _string(self) -> None:
        self.at += 1
        while True:
            self.at = _INSIDE.match(self._data, self.at).end()  # type: ignore[union-attr]
            end = self._here()
            if end == b'"':
                self.at += 1
                return
            if end == b"\n":
                raise LostError("it is no JSON: a string goes on in the next line")
            self._need()

    def _scalar(self) -> None:
        begin = self.at
        self.at = _SCALAR.match(self._data, begin).end()  # type: ignore[union-attr]
        if self.at == begin:
            raise LostError("it is no JSON: a value is missing")
        while self.at == len(self._data) and self._more():
            self.at = _SCALAR.match(self._data, self.at).end()  # type: ignore[union-attr]

    def _behind(self, passed: re.Pattern[bytes]) -> bytes:
        while True:
            self.at = passed.match(self._data, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self._data) or not self._more():
                return self._here()

    def _here(self) -> bytes:
        """One byte, or b"" where a piece ends."""
        return bytes(self._data[self.at : self.at + 1])

    def _need(self) -> None:
        if not self._more():
            raise LostError("it is no JSON: it has no end")

    def _more(self) -> bool:
        """Another piece, and nothing of what is not held."""
        if self._start >= 0 and len(self._data) - self._start > LONGEST:
            self._give_up()
        piece = next(self._pieces, None)
        if piece is None:
            return False
        passed = self.at if self._start < 0 else self._start
        del self._data[:passed]
        self.at -= passed
        self._start = min(self._start, 0)
        self._data += piece
        return True

    def _give_up(self) -> None:
        """The value is too long: nobody takes such a one. Or it has no end, and the next values are in it."""
        self._learn()
        if self._first and self._like_first(self._start + 1) >= 0:
            raise LostError("it is no JSON: it has no end")
        self._long, self._start = bytes(self._data[self._start : self._start + BEGIN]), -1

    def _cut(self, begin: int, end: int) -> bytes:
        with memoryview(self._data) as data:
            return bytes(data[begin:end])
