"""How faults change the content of an answer: each function gives another answer."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, repeat

import orjson

from providers import errors
from providers.answer import Answer, event
from providers.headers import Headers

Change = Callable[[Answer], Answer]

FILLER = 2**18
"""About how many bytes a piece of a huge answer has: threads of one process hand over slowly."""


def nothing(answer: Answer) -> Answer:
    """As it was."""
    return answer


def whole(piece: bytes) -> list[bytes]:
    """Uncut."""
    return [piece]


def each(change: Callable[[bytes], bytes]) -> Change:
    """Every event changed."""
    return lambda answer: replace(answer, events=tuple(change(e) for e in answer.events))


def status(code: int, body: bytes | None, extra: Headers) -> Change:
    """An error answer in place of this one."""

    def change(answer: Answer) -> Answer:
        said = errors.body(answer.family, code, "The server is overloaded or not ready yet.")
        data = orjson.dumps(said) if body is None else body
        plain = replace(answer, status=code, events=(data,), framing="length", size=None, stream=False)
        return plain.having(((b"Content-Type", b"application/json"),)).having(extra)

    return change


def malformed(at: int) -> Change:
    """The first half of an event, and the end of its line."""

    def change(answer: Answer) -> Answer:
        events = list(answer.events)
        half = events[at][: len(events[at]) // 2]
        events[at] = half + b"\n\n" if answer.stream else half
        return replace(answer, events=tuple(events))

    return change


def truncated(at: int | None) -> Change:
    """Events before ``at``; all but the last one for None."""
    return lambda answer: replace(answer, events=tuple(answer.events)[: -1 if at is None else at])


def junk(data: bytes) -> Change:
    """One more event."""
    return lambda answer: replace(answer, events=(*answer.events, data))


def error_event(at: int) -> Change:
    """The family's error in place of what follows."""
    return lambda answer: replace(answer, events=(*tuple(answer.events)[:at], errors.within(answer.family, at)))


def failed_response(at: int) -> Change:
    """The response that event 0 began, failed."""

    def change(answer: Answer) -> Answer:
        events = tuple(answer.events)
        begun = orjson.loads(events[0].partition(b"data: ")[2])
        error = {"code": "server_error", "message": "The server had an error while processing your request."}
        ended = {"response": {**begun["response"], "status": "failed", "error": error}}
        last = event({"type": "response.failed", "sequence_number": at, **ended}, "response.failed")
        return replace(answer, events=(*events[:at], last))

    return change


def merged(count: int) -> Change:
    """Events joined in groups."""

    def change(answer: Answer) -> Answer:
        events = tuple(answer.events)
        groups = (events[i : i + count] for i in range(0, len(events), count))
        return replace(answer, events=tuple(b"".join(g) for g in groups))

    return change


def huge(size: int) -> Change:
    """Repeats the event that begins the text, many to a chunk, or the text of a JSON body; holds nothing so large."""

    def change(answer: Answer) -> Answer:
        events = tuple(answer.events)
        at = next((i for i, e in enumerate(events) if b"answer" in e), None)
        assert at is not None, "no event has the word answer, which is what is repeated"
        if answer.stream:
            group = events[at] * (FILLER // len(events[at]))
            return replace(answer, events=chain(events[:at], repeat(group, -(-size // len(group))), events[at:]))
        head, _, tail = events[at].partition(b"answer")
        count = -(-size // FILLER)
        filled = chain((head,), repeat(b"x" * FILLER, count), (b"answer" + tail,))
        return replace(answer, events=filled, size=len(events[at]) + count * FILLER)

    return change


def gzipped(answer: Answer) -> Answer:
    """Compressed, with a flush after each event."""

    def packed() -> Iterator[bytes]:
        packer = zlib.compressobj(wbits=31)
        for piece in answer.events:
            yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        yield packer.flush()

    return replace(answer, events=tuple(packed()), size=None).having(((b"Content-Encoding", b"gzip"),))


def with_headers(extra: Headers) -> Change:
    """More of them, or others of the same name."""
    return lambda answer: answer.having(extra)


def framed(framing: str, version: str) -> Change:
    """Another way to say where the body ends."""
    return lambda answer: replace(answer, framing=framing, version=version)
