"""Where a reply ends: whole, byte by byte, cut short, with junk behind it, without end."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everwarm.errors import Broken, Lost, Unreachable
from everwarm.gateway.upstreams.line import HEAD_BYTES
from tried import CASES, CHUNKS, OK, SAYS, UNTIL_CLOSE, Case, Tried, bytewise, got, run

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)

READ = 2**18
"""Bytes that an event loop reads at once."""


@cases
@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "byte by byte"])
def test_a_reply_ends_where_it_ends(case: Case, cut: Any) -> None:
    """And then the line is free, or closed: three requests in a row."""

    async def scene() -> None:
        tried = Tried()
        for i in range(1, 4):
            asked = tried.ask(head=case.head)
            tried.feed(*cut(case.reply))
            assert await got(asked) == (case.status, case.body)
            assert (tried.rested, tried.wire.closed) == (i * case.kept, not case.kept)
            assert tried.line.silent == case.kept
            if not case.kept:
                break

    run(scene())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(CASES.values())), st.lists(st.integers(1, 120), max_size=6))
def test_however_it_is_cut(case: Case, at: list[int]) -> None:
    async def scene() -> None:
        tried = Tried()
        places = [0, *sorted(at), len(case.reply)]
        asked = tried.ask(head=case.head)
        tried.feed(*(p for i, j in pairwise(places) if (p := case.reply[i:j])))
        assert await got(asked) == (case.status, case.body)
        assert tried.rested == case.kept

    run(scene())


JUNK = [b"x", b"\0", b"ok", b"HTTP/1.1 200", OK, OK * 3, b"0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\nx"]


@cases
@pytest.mark.parametrize("junk", JUNK)
def test_what_follows_a_reply_spoils_the_line(case: Case, junk: bytes) -> None:
    """In the same read, or in the next one; the reply itself is whole."""

    async def scene(*pieces: bytes) -> None:
        tried = Tried()
        asked = tried.ask(head=case.head)
        tried.feed(*pieces)
        assert await got(asked) == (case.status, case.body)
        assert tried.wire.closed
        assert not tried.line.silent

    run(scene(case.reply + junk))
    run(scene(case.reply, junk))
    run(scene(*bytewise(case.reply + junk)))


@pytest.mark.parametrize("before", [OK, b"x", b""])
def test_nobody_waits_for_a_reply_on_a_line_that_was_lost_before_it_was_asked(before: bytes) -> None:
    """Some servers speak first, or close at once: between the connection and the request there are other callbacks."""

    async def scene() -> None:
        tried = Tried()
        tried.feed(*filter(None, [before]), end=True)
        with pytest.raises(Lost):
            await got(tried.ask())

    run(scene())


@cases
def test_a_reply_that_is_cut_short_is_an_error(case: Case) -> None:
    """At every byte: nothing was answered, an answer had begun, its body is not whole."""

    async def scene(length: int, exc: Exception | None) -> None:
        tried = Tried()
        asked = tried.ask(head=case.head)
        tried.feed(*[case.reply[:length]][:length], end=True, exc=exc)
        with pytest.raises((Unreachable, Broken)) as told:
            await got(asked)
        assert type(told.value) is (Broken if asked.exception() is None else Unreachable if length else Lost)

    for length in range(len(case.reply)):
        for exc in (None, ConnectionResetError()):
            run(scene(length, exc))


def test_a_body_without_length_ends_with_the_connection_but_not_with_a_reset_of_it() -> None:
    async def scene(pieces: Iterable[bytes], body: bytes, exc: Exception | None = None) -> None:
        tried = Tried()
        asked = tried.ask()
        tried.feed(*pieces, end=True, exc=exc)
        assert await got(asked) == (200, body)
        assert tried.rested == 0

    for body in (b"", b"text", OK, b"0\r\n\r\n" + b"x" * 100_000):
        run(scene([UNTIL_CLOSE + body], body))
        run(scene([*bytewise(UNTIL_CLOSE), body], body))
        with pytest.raises(Broken):
            run(scene([UNTIL_CLOSE + body], body, ConnectionResetError()))


def test_nor_with_our_own_giving_up() -> None:
    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        tried.feed(UNTIL_CLOSE + b"half")
        tried.line.abort()
        tried.feed(end=True)
        with pytest.raises(Broken):
            await got(asked)

    run(scene())


ENDLESS = {
    "a header": (SAYS + b"x: ", b"y" * READ),
    "headers": (SAYS, b"x: y\r\n" * (READ // 6)),
    "a name": (SAYS, b"y" * READ),
    "a reason": (b"HTTP/1.1 200 ", b"y" * READ),
    "line ends": (b"", b"\r\n" * (READ // 2)),
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * (READ // 27)),
    "interim answers in small pieces": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a trailer": (SAYS + CHUNKS + b"0\r\nx: ", b"y" * READ),
    "trailers": (SAYS + CHUNKS + b"0\r\n", b"x: y\r\n" * (READ // 6)),
    "an extension": (SAYS + CHUNKS + b"1;", b"y" * READ),
    "a chunk's size": (SAYS + CHUNKS, b"0" * READ),
}


@pytest.mark.parametrize(("start", "more"), ENDLESS.values(), ids=ENDLESS)
def test_what_does_not_end_is_given_up(start: bytes, more: bytes) -> None:
    async def scene() -> None:
        tried = Tried()
        asked, fed = tried.ask(), 0
        tried.feed(start or b"\r\n")
        while not tried.wire.closed:
            assert fed <= max(READ, HEAD_BYTES)
            tried.feed(more)
            fed += len(more)
        with pytest.raises((Broken, Unreachable)):
            await got(asked)

    run(scene())


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", SAYS, SAYS + CHUNKS, OK[:-1], b"HTTP/1.1 1", UNTIL_CLOSE]), st.binary(max_size=60))
@example(b"HTTP/1.1 1", b"01 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx")
def test_whatever_comes_ends_in_an_answer_or_in_an_error_of_ours(start: bytes, junk: bytes) -> None:
    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        tried.feed(start + junk or b"x", end=True)
        with suppress(Unreachable, Broken):
            await got(asked)
        assert not tried.line.silent

    run(scene())
