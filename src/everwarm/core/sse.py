"""Server-sent events, read and written piece by piece.

Source: WHATWG HTML Living Standard, section 9.2. The reader takes bytes cut anywhere (within a line end, within a
character) and gives whole events; the writer is one function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

DONE = b"data: [DONE]\n\n"
"""How the OpenAI dialects end a stream."""


class ServerEvent(NamedTuple):
    """One event. ``event`` is "" where the stream did not name one (the standard's default is "message")."""

    data: str
    event: str = ""
    id: str | None = None


_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)+")
"""The end of an event: an empty line, in any of the three line ends. Atomic, so that CRLF is never read as two."""


class Framer:
    """Feed it bytes, take those that make whole events, unchanged; the rest waits for more.

    What has no end within ``longest`` bytes is given as it is: holding it back would only take memory.
    """

    def __init__(self, longest: int = 2**20) -> None:
        self.rest = b""
        self._longest = longest

    def feed(self, piece: bytes) -> bytes:
        """All bytes up to the end of the last whole event; empty if there is none."""
        if not self.rest and piece.endswith((b"\n\n", b"\r\n\r\n")):
            return piece
        known = max(0, len(self.rest) - 3)
        data = self.rest + piece
        end = _last_end(data, known)
        if not end and len(data) > self._longest:
            end = len(data)
        self.rest = data[end:]
        return data[:end]


def _last_end(data: bytes, known: int) -> int:
    """Where the last whole event ends; 0 if none does. There is no end before ``known``."""
    end = max(data.rfind(b"\n\n", known), data.rfind(b"\r\r", known), data.rfind(b"\n\r", known))
    if end < 0:
        return 0
    end += 2
    return end + (data[end - 1 : end + 1] == b"\r\n")


def frames(data: bytes) -> list[bytes]:
    """Whole events, one by one, with the empty lines that end them; the last one may lack its end."""
    out, at = [], 0
    for end in _END.finditer(data):
        out.append(data[at : end.end()])
        at = end.end()
    return [*out, data[at:]] if at < len(data) else out


def events(data: bytes) -> list[ServerEvent]:
    """All events of a whole stream; the last one counts even if the empty line after it is missing."""
    out, at = [], 0
    while (plain := _PLAIN.match(data, at)) is not None:
        name, text = plain.groups()
        out.append(ServerEvent(text.decode("utf-8", "replace"), name.decode("utf-8", "replace") if name else ""))
        at = plain.end()
    return out if at == len(data) else list(Reader().feed(data + b"\n\n"))


_PLAIN: Final = re.compile(rb"(?:event: ([^\r\n]*)\n)?data: ([^\r\n]*)\n\n")
"""An event as the vendors write it. A stream of nothing else need not be read line by line."""


def write(data: bytes, event: str = "") -> bytes:
    """One event whose data is one line (JSON is)."""
    return b"data: %b\n\n" % data if not event else b"event: %b\ndata: %b\n\n" % (event.encode(), data)


class Reader:
    """Feed it bytes, take events. What stands after the last blank line when the stream ends is dropped, as the
    standard says: ``partial`` tells whether that was so."""

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._begun = False
        self._data: list[str] = []
        self._event = ""
        self._id: str | None = None

    @property
    def partial(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._rest or self._data or self._event)

    def feed(self, piece: bytes) -> Iterator[ServerEvent]:
        """The events that ``piece`` completes."""
        for line in self._lines(piece):
            if line:
                self._field(line)
            elif (done := self._dispatch()) is not None:
                yield done

    def _lines(self, piece: bytes) -> Iterator[bytes]:
        if not piece:
            return
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r")
        lines = (self._rest + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop()
        yield from lines

    def _field(self, line: bytes) -> None:
        if not self._begun:
            line, self._begun = line.removeprefix(b"\xef\xbb\xbf"), True
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> ServerEvent | None:
        self._begun = True
        data, event = self._data, self._event
        self._data, self._event = [], ""
        return ServerEvent("\n".join(data), event, self._id) if data else None
