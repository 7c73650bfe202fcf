"""Server-sent events: whole, byte by byte, and with everything that the standard allows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core import sse
from everwarm.core.sse import Reader, ServerEvent


def read(*pieces: bytes) -> list[ServerEvent]:
    reader = Reader()
    return [e for piece in pieces for e in reader.feed(piece)]


def by_bytes(data: bytes) -> list[ServerEvent]:
    return read(*(data[i : i + 1] for i in range(len(data))))


CASES = [
    (b"data: a\n\n", [ServerEvent("a")]),
    (b"data:a\n\n", [ServerEvent("a")]),
    (b"data:  a\n\n", [ServerEvent(" a")]),
    (b"data: a\r\n\r\n", [ServerEvent("a")]),
    (b"data: a\r\r", [ServerEvent("a")]),
    (b"data: a\n\n\n\ndata: b\n\n", [ServerEvent("a"), ServerEvent("b")]),
    (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [ServerEvent("a\nb"), ServerEvent("c")]),
    (b": a comment\ndata: a\n\n", [ServerEvent("a")]),
    (b"event: x\ndata: a\n\ndata: b\n\n", [ServerEvent("a", "x"), ServerEvent("b")]),
    (b"event: x\n\ndata: b\n\n", [ServerEvent("b")]),
    (b"id: 7\ndata: a\n\ndata: b\n\n", [ServerEvent("a", "", "7"), ServerEvent("b", "", "7")]),
    (b"id: \x00\ndata: a\n\n", [ServerEvent("a")]),
    (b"retry: 3\nunknown: 3\ndata\n\n", [ServerEvent("")]),
    (b"\xef\xbb\xbfdata: a\n\n", [ServerEvent("a")]),
    (b"\ndata: a\n\n", [ServerEvent("a")]),
    ("data: é😀\n\n".encode(), [ServerEvent("é😀")]),
    (b"data: a\n\ndata: cut off\n", [ServerEvent("a")]),
    (b"", []),
]


@pytest.mark.parametrize(("data", "events"), CASES)
def test_whole_and_byte_by_byte(data: bytes, events: list[ServerEvent]) -> None:
    assert read(data) == events
    assert by_bytes(data) == events
    assert read(b"", data, b"") == events


@given(
    st.lists(st.sampled_from([b"data: x", b"\r", b"\n", b"\r\n", b": c", b"event: e", b"data:y", b"\xc3\xa9"])),
    st.data(),
)
def test_where_it_is_cut_does_not_count(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    assert read(*(whole[a:b] for a, b in pairwise([0, *cuts, len(whole)]))) == read(whole)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")), st.sampled_from(["", "delta"]))
def test_what_is_written_is_read(text: str, event: str) -> None:
    assert read(sse.write(text.encode(), event)) == [ServerEvent(text, event)]


def test_it_tells_that_an_event_was_cut_off() -> None:
    reader = Reader()
    assert list(reader.feed(b"data: a\n\nda")) == [ServerEvent("a")]
    assert reader.partial
    assert list(reader.feed(b"ta: b\n\n")) == [ServerEvent("b")]
    assert not reader.partial


lines = st.lists(st.sampled_from([b"data: a", b"data: b", b": note", b"event: x", b"", b"", b""]), max_size=12)
ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
streams = st.tuples(lines, ends).map(lambda given: b"".join(line + given[1] for line in given[0]))


def cut(data: bytes, draw: st.DrawFn) -> list[bytes]:
    """The bytes in pieces, cut anywhere."""
    at = sorted(draw(st.sets(st.integers(0, len(data)), max_size=8)) | {0, len(data)})
    return [data[a:b] for a, b in pairwise(at)]


@given(streams, st.data())
def test_a_framer_changes_nothing_and_gives_whole_events_only(data: bytes, chance: st.DataObject) -> None:
    framer, given_out = sse.Framer(), b""
    for piece in cut(data, chance.draw):
        whole = framer.feed(piece)
        given_out += whole
        reader = Reader()
        list(reader.feed(given_out))
        assert not whole or not reader.partial
    assert given_out + framer.rest == data
    assert read(given_out) == read(data)


@given(streams)
def test_a_framer_holds_back_no_event_that_is_whole(data: bytes) -> None:
    framer = sse.Framer()
    out = [framer.feed(data[i : i + 1]) for i in range(len(data))]
    assert read(*out) == read(data)
    assert len([o for o in out if o]) >= len(read(data))


def test_a_framer_does_not_hold_back_what_has_no_end() -> None:
    framer = sse.Framer(longest=100)
    assert framer.feed(b"x" * 90) == b""
    assert framer.feed(b"x" * 20) == b"x" * 110
    assert framer.rest == b""


@given(streams)
def test_frames_are_the_stream_event_by_event(data: bytes) -> None:
    frames = sse.frames(data)
    assert b"".join(frames) == data
    assert [e for frame in frames for e in read(frame)] == [e._replace(id=None) for e in read(data)]


def test_a_crlf_is_one_end_of_a_line() -> None:
    assert sse.frames(b"data: a\r\ndata: b\r\n\r\n") == [b"data: a\r\ndata: b\r\n\r\n"]


def test_the_events_of_a_whole_stream_may_lack_the_last_empty_line() -> None:
    assert sse.events(b"data: a\n\ndata: b") == [ServerEvent("a"), ServerEvent("b")]


PLAIN = ["data: x", "data: ", "event: e", "", "", "", "", ""]
OTHER = [
    "data:x",
    "data:  x",
    "data",
    "event:e",
    "event: ",
    "id: 1",
    ": c",
    "retry: 1",
    "data: é",
    "\ufeffdata: x",
    "x",
]
lines = st.sampled_from([*PLAIN, *OTHER, "data: a\0b"])


@given(st.lists(st.tuples(lines, st.sampled_from(["\n", "\n", "\n", "\n", "\r\n", "\r"])), max_size=12), st.booleans())
def test_the_short_way_is_the_long_way(written: list[tuple[str, str]], plain: bool) -> None:
    """Streams of plain events are not read line by line; what comes out is the same."""
    text = "".join(line + end for line, end in written)
    data = text.encode() if not plain else b"".join(b"data: %d\n\n" % i for i in range(len(written))) + text.encode()
    assert sse.events(data) == list(Reader().feed(data + b"\n\n"))
