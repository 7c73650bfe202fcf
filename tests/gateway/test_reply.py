"""Who reads a reply: what they get of its headers, how a packed body is unpacked, and whose the line is when."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from everwarm.errors import Broken, TimedOut
from everwarm.gateway.upstreams.line import BUFFER
from everwarm.gateway.upstreams.reply import whole
from tried import CASES, OK, SAYS, Tried, got, run


def test_trailers_are_no_headers_and_header_bytes_are_kept() -> None:
    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        tried.feed(CASES["trailers"].reply.replace(b"OK\r\n", "OK\r\nX-Vendor: Grüße\xff\r\n".encode("latin-1")))
        assert (await asked).headers == [
            (b"x-vendor", "Grüße\xff".encode("latin-1")),
            (b"transfer-encoding", b"chunked"),
        ]

    run(scene())


TEXT = b"text " * 1000
PACKED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("named", "unpacked", "packed"),
    [
        (["gzip"], True, False),
        ([" X-GZIP "], True, False),
        (["identity"], False, False),
        (["br"], False, True),
        (["gzip, gzip"], False, True),
        (["gzip", "gzip"], False, True),
        (["identity", "gzip"], False, True),
    ],
)
def test_what_is_packed_in_one_known_way_is_unpacked(named: list[str], unpacked: bool, packed: bool) -> None:
    """Whatever else is packed keeps the headers that say so, each of them."""

    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        lines = "".join(f"Content-Encoding: {name}\r\n" for name in named)
        tried.feed(SAYS + lines.encode() + b"content-length: %d\r\n\r\n" % len(PACKED) + PACKED)
        reply = await asked
        kept = [value for name, value in reply.headers if name == b"content-encoding"]
        assert await whole(reply) == (TEXT if unpacked else PACKED)
        assert reply.packed == packed
        assert len(kept) == (0 if unpacked else len(named))

    run(scene())


def test_a_bomb_keeps_nobody_waiting() -> None:
    """What unpacks to a hundred million bytes comes in pieces, and others have their turn between any two."""

    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        bomb = gzip.compress(bytes(100_000_000), 1)
        tried.feed(SAYS + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb) + bomb)
        turns, pieces, reading = 0, 0, True

        async def others() -> None:
            nonlocal turns
            while reading:
                turns += 1
                await asyncio.sleep(0)

        waiting = asyncio.create_task(others())
        reply = await asked
        while await reply.read():
            pieces += 1
        reading = False
        await waiting
        assert turns >= pieces - 1 > 100

    run(scene())


# Who reads, and when


def test_no_more_than_so_much_waits_for_its_reader() -> None:
    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        tried.feed(SAYS + b"content-length: 1000000\r\n\r\n" + b"x" * BUFFER)
        assert tried.wire.told == []
        tried.feed(b"x")
        assert tried.wire.told == ["pause"]
        tried.feed(b"x" * 1000)  # what was on its way already
        reply = await asked
        assert len(await reply.read()) == BUFFER + 1001
        assert tried.wire.told == ["pause", "resume"]
        tried.feed(b"x" * (1_000_000 - BUFFER - 1001))
        assert tried.wire.told == ["pause", "resume", "pause", "resume"]
        assert tried.rested == 1
        assert len(await reply.read()) == 1_000_000 - BUFFER - 1001
        assert await reply.read() == b""

    run(scene())


def test_who_reads_late_does_not_take_the_next_requests_deadline_away() -> None:
    """The reader of the first body wakes up when the line carries another request already."""

    async def scene() -> None:
        tried = Tried(tick=0.01)
        asked = tried.ask()
        tried.feed(OK[:-1])
        reading = asyncio.create_task(whole(await asked))
        await asyncio.sleep(0)
        tried.feed(OK[-1:])
        second = tried.ask(within=0.02)
        assert await reading == b"ok"
        with pytest.raises(TimedOut):
            await second

    run(scene())


def test_a_reply_that_nobody_waits_for_any_more_does_not_free_the_line() -> None:
    """Who has given up closes the line: it must not be somebody else's by then."""

    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        asked.cancel()
        tried.feed(OK)
        assert tried.wire.closed
        assert tried.rested == 0

    run(scene())


def test_what_is_still_being_sent_belongs_to_the_reply_before() -> None:
    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        tried.wire.unsent = 1
        tried.feed(OK)
        assert await got(asked) == (200, b"ok")
        assert tried.wire.closed
        assert tried.rested == 0

    run(scene())


DAMAGED = {
    "cut": PACKED[:-1],
    "cut short": PACKED[:20],
    "more": PACKED + b"x",
    "text": b"text",
    "changed": PACKED[:30] + b"\0" + PACKED[31:],
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_what_cannot_be_unpacked_is_broken(body: bytes) -> None:
    """Though it came whole: then the line is free all the same."""

    async def scene() -> None:
        tried = Tried()
        asked = tried.ask()
        tried.feed(SAYS + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        with pytest.raises(Broken):
            await got(asked)
        assert tried.rested == 1
        again = tried.ask()
        tried.feed(OK)
        assert await got(again) == (200, b"ok")

    run(scene())
