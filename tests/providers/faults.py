"""What can go wrong with an answer: how it is sent, and the words in which a test says so.

Faults combine: ``crlf() & gzipped() & reset(at=3)``. Places are numbers of events, from 0: ``at=0`` is after the head
and before the first event, ``at=HEAD`` before the first byte, and the number of events is the place after the last of
them, where the end of the body is still to come. A JSON body is one event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from providers import changes
from providers.answer import HEAD, Answer
from providers.headers import Headers

Change = Callable[[Answer], Answer]


@dataclass(frozen=True)
class Fault:
    """``change`` makes another answer; the rest says how it goes out."""

    change: Change = changes.nothing
    wait: float = 0.0  # seconds before the first byte
    before: bytes = b""  # bytes before the head
    head_pause: float = 0.0  # seconds after each byte of the head
    cut: Callable[[bytes], list[bytes]] = changes.whole  # of an event into pieces, each a chunk and a write of its own
    segment: int | None = None  # most bytes in a write, framing included
    pause: float = 0.0  # seconds before each write
    end: str = ""  # "reset", "close" or "stall"
    at: int = HEAD  # where that happens
    inside: bool = False  # after the first half of that event
    after: bytes = b""  # bytes after the end
    then: str = "keep"  # the connection: "keep", "close", "stale"

    def __and__(self, other: Fault) -> Fault:
        """Both: what ``other`` says counts where both say something."""
        said = {f.name: getattr(other, f.name) for f in fields(self) if getattr(other, f.name) != f.default}
        first, second = self.change, other.change
        return replace(self, **{**said, "change": lambda answer: second(first(answer))})


FINE = Fault()


# Instead of the answer


def status(
    code: int, body: bytes | None = None, headers: dict[str, str] | None = None, retry_after: float | None = None
) -> Fault:
    """An error, in the API's own words unless ``body`` gives others. ``headers`` replace usual ones."""
    extra = dict(headers or {}) | ({} if retry_after is None else {"Retry-After": f"{retry_after:g}"})
    return Fault(changes.status(code, body, pairs(extra)))


def redirect(location: str, code: int = 302) -> Fault:
    """Elsewhere."""
    return status(code, b"", {"Location": location})


def pairs(headers: dict[str, str]) -> Headers:
    """Headers as bytes."""
    return tuple((k.encode(), v.encode()) for k, v in headers.items())


# In its content


def malformed(at: int = 0) -> Fault:
    """With status 200, but event ``at`` (or the whole body) is half a JSON text."""
    return Fault(changes.malformed(at))


def error_event(at: int = 1) -> Fault:
    """The stream says in place of event ``at`` that it has failed, and ends."""
    return Fault(changes.error_event(at))


def failed_response(at: int = 3) -> Fault:
    """As ``response.failed``, the other way in which the Responses API says so."""
    return Fault(changes.failed_response(at))


def truncated(at: int) -> Fault:
    """The body ends before event ``at`` as if it were whole."""
    return Fault(changes.truncated(at))


def without_end() -> Fault:
    """The last event is missing: [DONE], message_stop or response.completed."""
    return Fault(changes.truncated(None))


def junk(data: bytes = b"data: {\x00\n\n") -> Fault:
    """More content after the last event."""
    return Fault(changes.junk(data))


def huge(size: int = 100_000_000) -> Fault:
    """An answer of at least that many bytes: its text is that long, or comes in so many events. It is the last of the
    changes that combine, but for ``gzipped``."""
    return Fault(changes.huge(size))


# In its form


def line_ends(end: bytes) -> Fault:
    """Lines of events end in CRLF or CR instead of LF."""
    return Fault(changes.each(lambda event: event.replace(b"\n", end)))


def crlf() -> Fault:
    """Lines of events end in CRLF."""
    return line_ends(b"\r\n")


def tight() -> Fault:
    """No space after the colon of a field, as some servers have it."""
    return Fault(changes.each(lambda event: re.sub(rb"^(\w+): ", rb"\1:", event, flags=re.MULTILINE)))


def comments(line: bytes = b": keep-alive\n\n") -> Fault:
    """``line`` before each event: a comment, a ping, an empty line."""
    return Fault(changes.each(lambda event: line + event))


def merged(count: int = 2) -> Fault:
    """That many events in one chunk."""
    return Fault(changes.merged(count))


def gzipped() -> Fault:
    """Content-Encoding: gzip, whether or not it was asked for; each event can be read as soon as it has come."""
    return Fault(changes.gzipped)


def with_headers(headers: dict[str, str]) -> Fault:
    """More headers, or others in place of the usual ones of the same name."""
    return Fault(changes.with_headers(pairs(headers)))


def until_close() -> Fault:
    """Neither length nor chunks: the body ends with the connection."""
    return Fault(changes.framed("close", "1.1"))


def http_1_0() -> Fault:
    """The same in HTTP/1.0."""
    return Fault(changes.framed("close", "1.0"))


# In its time


def slow_first_byte(seconds: float) -> Fault:
    """Nothing for that long."""
    return Fault(wait=seconds)


def slow_head(pause: float = 0.01) -> Fault:
    """The head comes byte by byte."""
    return Fault(head_pause=pause)


def bytewise(pause: float = 0.0) -> Fault:
    """Each byte in a write of its own: of the head, the framing, the events."""
    return Fault(segment=1, pause=pause)


def split_characters(pause: float = 0.005) -> Fault:
    """Events are cut within each character that has several bytes; the pause makes two reads of two pieces."""
    return Fault(cut=lambda event: re.split(rb"(?<=[\xc2-\xf4])", event), pause=pause)


def early(data: bytes = b"HTTP/1.1 100 Continue\r\n\r\n") -> Fault:
    """Bytes before the head, as an interim answer that nobody asked for."""
    return Fault(before=data)


def stall(at: int = HEAD) -> Fault:
    """Nothing more until ``provider.go`` is set."""
    return Fault(end="stall", at=at)


# In its connection


def reset(at: int = HEAD, *, inside: bool = False) -> Fault:
    """RST. ``inside``: after half of that event."""
    return Fault(end="reset", at=at, inside=inside)


def close(at: int = HEAD, *, inside: bool = False) -> Fault:
    """FIN, with the body unfinished. ``inside``: in the middle of a chunk, or of the promised length."""
    return Fault(end="close", at=at, inside=inside)


def close_after() -> Fault:
    """The connection is closed just after the answer, though nothing said so."""
    return Fault(then="close")


def stale() -> Fault:
    """The connection stays, but is reset as soon as the next request arrives on it: that one was never seen."""
    return Fault(then="stale")


def junk_after_end(data: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison") -> Fault:
    """Bytes on the connection that no request has asked for, together with the answer's last ones."""
    return Fault(after=data)
