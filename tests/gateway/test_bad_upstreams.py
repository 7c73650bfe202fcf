"""Upstreams that answer oddly: what is whole comes through byte for byte, and only what is clean is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from behind import CHAT, MESSAGES, PATHS, RESPONSES, Behind, behind
from everwarm.core.sse import Reader
from providers import faults
from providers.answer import Answer
from providers.faults import Fault

FRAMED = {
    "none": faults.FINE,
    "gzip": faults.gzipped(),
    "HTTP/1.0": faults.http_1_0(),
    "until close": faults.until_close(),
    "byte by byte": faults.bytewise(),
    "split characters": faults.split_characters(0.001),
    "100 Continue": faults.early(),
    "closed after": faults.close_after(),
    "all at once": faults.gzipped() & faults.bytewise() & faults.http_1_0(),
}
"""No client may suffer from these, and each answer is clean."""

WRITTEN = {
    "CRLF": faults.crlf(),
    "CR": faults.line_ends(b"\r"),
    "no spaces": faults.tight(),
    "comments": faults.comments(),
    "comments in CRLF": faults.comments() & faults.crlf(),
    "merged": faults.merged(3),
    "CRLF byte by byte": faults.crlf() & faults.bytewise(),
    "CR byte by byte": faults.line_ends(b"\r") & faults.bytewise(),
    "cut within the last CRLF": faults.crlf() & Fault(cut=lambda event: [event[:-1], event[-1:]], pause=0.002),
    "no last empty line": Fault(lambda a: replace(a, events=(*tuple(a.events)[:-1], tuple(a.events)[-1].rstrip()))),
}
"""Nor from these, which only streams can have."""

WHOLE = [
    *((name, fault, stream) for name, fault in FRAMED.items() for stream in (False, True)),
    *((name, fault, True) for name, fault in WRITTEN.items()),
]

FAILED = {
    "an event is malformed": (faults.malformed(2), PATHS),
    "the first event is malformed": (faults.malformed(0), PATHS),
    "something comes after the end": (faults.junk(), PATHS),
    "an error in place of an event": (faults.error_event(3), PATHS),
    "an error after the first event": (faults.error_event(1), PATHS),
    "a failed response": (faults.failed_response(), (RESPONSES,)),
    "finished without [DONE]": (faults.without_end(), (CHAT,)),
}
"""Streams that say themselves that they ended, but not well: they are what the client gets, and nothing besides."""

BROKEN_OFF = {
    "the last event is missing": (faults.without_end(), (RESPONSES, MESSAGES)),
    "half of the events are missing": (faults.truncated(3), PATHS),
    "nothing but the first event": (faults.truncated(1), PATHS),
    "no event": (faults.truncated(0), PATHS),
}
"""Streams that end in silence: the client is told."""


def cases(table: dict[str, tuple[Fault, tuple[str, ...]]]) -> Any:
    rows = [(name, fault, path) for name, (fault, paths) in table.items() for path in paths]
    return pytest.mark.parametrize(("name", "fault", "path"), rows, ids=[f"{n}-{p}" for n, _, p in rows])


paths = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with behind(tmp_path_factory.mktemp("gateway"), "retries = 0") as running:
        yield running
        assert not running.fake.plan


@pytest.fixture(autouse=True)
def closed(both: Behind) -> None:
    """One test's failures do not open the circuit for the next."""
    for provider in both.live.house.directory.providers:
        provider.breaker.succeeded()


def planned(both: Behind, path: str, question: str, fault: Fault, **more: Any) -> bytes:
    """The next call fails so; what a client would get without a gateway."""
    direct = both.ask_twin(path, question, fault, **more)
    both.fake.plan = [fault]
    return direct


def computed_anew(both: Behind, path: str, question: str, **more: Any) -> None:
    """What failed was not stored; what follows it on the same connections is right, and is."""
    before, stored = len(both.fake.asked), both.stored
    fresh = both.ask_twin(path, question, faults.FINE, **more)
    for cache in ("miss", "hit"):
        after = both.ask(path, question, **more)
        assert (after.status_code, after.headers["x-everwarm-cache"]) == (200, cache)
        assert after.content == fresh
    assert len(both.fake.asked) == before + 1
    assert both.stored == stored + 1


@paths
@pytest.mark.parametrize(("name", "fault", "stream"), WHOLE, ids=[f"{n}-{'sse' if s else 'json'}" for n, _, s in WHOLE])
def test_what_is_whole_comes_through_and_is_stored(
    both: Behind, path: str, name: str, fault: Fault, stream: bool
) -> None:
    question = f"hé 世界 🎉 {name} {stream}"
    before = len(both.fake.asked)
    direct = planned(both, path, question, fault, stream=stream)
    first = both.ask(path, question, stream=stream)
    assert first.status_code == 200
    assert first.content == direct
    again = both.ask(path, question, stream=stream)
    assert again.headers["x-everwarm-cache"] == "hit"
    assert again.content == direct
    assert len(both.fake.asked) == before + 1


@cases(FAILED)
def test_what_failed_comes_through_and_is_not_stored(both: Behind, name: str, fault: Fault, path: str) -> None:
    direct = planned(both, path, name, fault, stream=True)
    assert both.ask(path, name, stream=True).content == direct
    computed_anew(both, path, name, stream=True)


@cases(BROKEN_OFF)
def test_what_broke_off_ends_in_an_error(both: Behind, name: str, fault: Fault, path: str) -> None:
    direct = planned(both, path, name, fault, stream=True)
    answer = both.ask(path, name, stream=True)
    assert answer.content.startswith(direct)
    (told,) = Reader().feed(answer.content[len(direct) :])
    assert "broke off" in told.data
    assert told.event == ("" if path == CHAT else "error")
    computed_anew(both, path, name, stream=True)


@paths
def test_an_event_that_does_not_end_is_left_out(both: Behind, path: str) -> None:
    """As the standard has clients do: it may be half of anything."""
    whole = both.ask_twin(path, "junk", faults.FINE, stream=True)
    both.fake.plan = [faults.junk(b'data: {"half')]
    assert both.ask(path, "junk", stream=True).content == whole


@paths
@pytest.mark.parametrize("end", [faults.malformed(), faults.until_close() & faults.close(0, inside=True)])
def test_malformed_json_comes_through_and_is_not_stored(both: Behind, path: str, end: Fault) -> None:
    """Where nothing says how long a body is, half of it is all there is to know."""
    direct = planned(both, path, f"half {end}", end)
    answer = both.ask(path, f"half {end}")
    assert answer.status_code == 200
    assert answer.content == direct
    with pytest.raises(ValueError, match=r"line \d+ column"):
        answer.json()
    computed_anew(both, path, f"half {end}")


def other_form(both: Behind, path: str, stream: bool) -> Fault:
    """The upstream answers in the other form than was asked for."""
    said: list[Answer] = []
    both.ask_twin(path, f"form {stream}", Fault(lambda a: said.append(a) or a), stream=not stream)
    return Fault(lambda a: said[0])


@paths
@pytest.mark.parametrize("stream", [False, True], ids=["json", "sse"])
def test_who_ignores_stream_is_passed_on_as_it_is(both: Behind, path: str, stream: bool) -> None:
    question = f"form {stream}"
    fault = other_form(both, path, stream)
    direct = planned(both, path, question, fault, stream=stream)
    answer = both.ask(path, question, stream=stream)
    assert answer.headers["content-type"].startswith("application/json" if stream else "text/event-stream")
    assert answer.content == direct
    again = both.ask(path, question, stream=stream)
    assert again.status_code == 200
    if again.headers["x-everwarm-cache"] == "hit":  # then in the form that was asked for
        assert again.headers["content-type"].startswith("text/event-stream" if stream else "application/json")


def without_type(answer: Answer) -> Answer:
    return replace(answer, headers=tuple(h for h in answer.headers if h[0] != b"Content-Type"))


UNKNOWN = {
    "none": Fault(without_type),
    "empty": faults.with_headers({"Content-Type": ""}),
    "html": faults.with_headers({"Content-Type": "text/html"}),
    "a lie": faults.with_headers({"Content-Type": "application/octet-stream"}),
}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "sse"])
@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_does_not_say_what_it_is_comes_through_and_is_not_stored(both: Behind, kind: str, stream: bool) -> None:
    question = f"{kind} {stream}"
    direct = planned(both, CHAT, question, UNKNOWN[kind], stream=stream)
    answer = both.ask(CHAT, question, stream=stream)
    assert answer.status_code == 200
    assert answer.content == direct
    computed_anew(both, CHAT, question, stream=stream)


def test_headers_come_once_and_only_those_that_concern_the_client(both: Behind) -> None:
    evil = {"X-Everwarm-Cache": "hit", "Connection": "keep-alive, X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=9"}
    both.fake.plan = [faults.with_headers({**evil, "Retry-After": "7", "X-Vendor": "Grüße"})]
    answer = both.ask(CHAT, "headers")
    names = [name.lower() for name, _ in answer.headers.raw]
    for name in (b"date", b"content-length", b"content-type", b"x-everwarm-cache"):
        assert names.count(name) == 1, name
    assert not {b"set-cookie", b"x-hop", b"keep-alive", b"alt-svc"} & set(names)
    assert answer.headers["x-everwarm-cache"] == "miss"
    assert dict(answer.headers.raw)[b"x-vendor"] == "Grüße".encode()


NOT_HTTP = {
    "no HTTP": faults.early(b"garbage\r\n\r\n"),
    "status 99": faults.status(99, b""),
    "status 101": faults.status(101, b""),
    "status 600": faults.status(600, b""),
    "status 999": faults.status(999, b""),
    "a header with a line end": faults.with_headers({"X-Evil": "a\rX-Injected: b"}),
    "a header with a zero": faults.with_headers({"X-Evil": "a\0b"}),
    "a header of 70 kB": faults.with_headers({"X-Evil": "a" * 70_000}),
    "two lengths": faults.with_headers({"content-length": "5"}) & Fault(lambda a: replace(a, framing="length")),
    "a length and chunks": faults.with_headers({"Transfer-Encoding": "chunked"}),
    "said to be gzip": faults.with_headers({"Content-Encoding": "gzip"}),
    "said to be deflate": faults.with_headers({"Content-Encoding": "deflate"}),
}


@pytest.mark.parametrize("what", NOT_HTTP)
def test_what_is_not_proper_http_is_an_upstreams_failure(both: Behind, what: str) -> None:
    both.fake.plan = [NOT_HTTP[what]]
    answer = both.ask(CHAT, what)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] in ("upstream_unreachable", "upstream_broken")
    assert "x-injected" not in answer.headers
    computed_anew(both, CHAT, what)


@pytest.mark.parametrize("size", [2**20 + 1, 3 * 2**20])
def test_a_large_question_reaches_the_upstream_whole(both: Behind, size: int) -> None:
    answer = both.ask(CHAT, "x" * size)
    assert answer.status_code == 200
    assert both.fake.asked[-1].body == answer.request.content


TELLS: dict[str, Callable[[httpx.Response], str]] = {
    CHAT: lambda a: a.json()["error"]["type"],
    RESPONSES: lambda a: a.json()["error"]["type"],
    MESSAGES: lambda a: a.json()["error"]["type"],
}


@paths
def test_an_error_status_is_the_upstreams_own(both: Behind, path: str) -> None:
    for code in (400, 401, 403, 404, 413, 422, 429, 500, 529):
        direct = planned(both, path, "status", faults.status(code))
        answer = both.ask(path, "status")
        assert (answer.status_code, answer.content) == (code, direct)
    computed_anew(both, path, "status")


def test_what_is_packed_in_a_way_that_is_not_known_passes_untouched(both: Behind) -> None:
    """As it would without a gateway. It is not read, so it is not stored."""
    packed = faults.status(200, b"\x00packed", {"Content-Encoding": "x-made-up", "Content-Type": "application/json"})
    both.fake.plan = [packed]
    stored = both.stored
    answer = both.ask(CHAT, "made up")
    assert (answer.status_code, answer.content) == (200, b"\x00packed")
    assert answer.headers["content-encoding"] == "x-made-up"
    assert both.stored == stored
    computed_anew(both, CHAT, "made up")
