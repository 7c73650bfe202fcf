"""Packed bodies: however they are cut they come back, bombs come in small pieces, and what is damaged is told."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.gateway.upstreams.unzip import AT_ONCE, KNOWN, Damaged, Unzipper

WAYS = {"gzip": (b"gzip", 31), "x-gzip": (b"x-gzip", 31), "zlib": (b"deflate", 15), "raw deflate": (b"deflate", -15)}
"""Name -> encoding, and what zlib calls the format."""

ways = pytest.mark.parametrize("way", WAYS)
TEXT = "hé 世界 🎉 ".encode() * 20


def pack(way: str, data: bytes, level: int = 6) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, WAYS[way][1])
    return packer.compress(data) + packer.flush()


def unpack(way: str, pieces: Iterable[bytes]) -> list[bytes]:
    """As the gateway does it. Raises ``Damaged``."""
    unzipper, out = Unzipper(WAYS[way][0]), []
    for piece in pieces:
        out.append(unzipper.feed(piece))
        while unzipper.more:
            out.append(unzipper.feed(b""))
    unzipper.end()
    return out


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(i % (len(data) + 1) for i in at), len(data)]
    return [data[i:j] for i, j in pairwise(places)]


def test_every_encoding_that_is_known_is_tried_here() -> None:
    assert {encoding for encoding, _ in WAYS.values()} == KNOWN


@ways
def test_whole_and_byte_by_byte(way: str) -> None:
    packed = pack(way, TEXT)
    assert b"".join(unpack(way, [packed])) == TEXT
    assert b"".join(unpack(way, [packed[i : i + 1] for i in range(len(packed))])) == TEXT


@settings(deadline=None)
@given(
    st.sampled_from(list(WAYS)),
    st.text(max_size=500).map(str.encode) | st.binary(max_size=500),
    st.integers(0, 9),
    st.lists(st.integers(0, 10_000), max_size=8),
)
def test_anything_comes_back_however_it_is_packed_and_cut(way: str, data: bytes, level: int, at: list[int]) -> None:
    """Level 0 does not pack at all; cuts may coincide, so pieces may be empty."""
    assert b"".join(unpack(way, cut(pack(way, data, level), at))) == data


@ways
def test_nothing_packed_is_nothing(way: str) -> None:
    assert b"".join(unpack(way, [pack(way, b"")])) == b""


@ways
def test_no_body_at_all_is_none(way: str) -> None:
    """An answer to HEAD, or one with status 304, names the encoding of a body that does not come."""
    assert unpack(way, []) == []
    assert unpack(way, [b""]) == [b""]


@pytest.mark.parametrize("way", ["gzip", "raw deflate"])
def test_a_bomb_is_given_in_small_pieces(way: str) -> None:
    size = 100_000_000
    piece = pack(way, bytes(size), level=1)
    assert len(piece) < size / 200
    unzipper, nothing, given_so_far = Unzipper(WAYS[way][0]), bytes(AT_ONCE), 0
    while piece or unzipper.more:
        out, piece = unzipper.feed(piece), b""
        assert out == nothing[: len(out)]
        given_so_far += len(out)
    unzipper.end()
    assert given_so_far == size


@ways
@pytest.mark.parametrize("size", [AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, AT_ONCE + 4, AT_ONCE + 100, 2 * AT_ONCE])
def test_an_end_at_the_edge_of_a_piece_is_an_end(way: str, size: int) -> None:
    packed = pack(way, bytes(size))
    for pieces in ([packed], [packed[:-1], packed[-1:]], [packed[:-9], packed[-9:]]):
        assert b"".join(unpack(way, pieces)) == bytes(size)


@ways
def test_what_ends_too_early_is_damaged(way: str) -> None:
    packed = pack(way, TEXT)
    for length in range(1, len(packed)):
        with pytest.raises(Damaged):
            unpack(way, [packed[:length]])
        with pytest.raises(Damaged):
            unpack(way, [packed[i : i + 1] for i in range(length)])


@ways
@pytest.mark.parametrize("junk", [b"x", b"\0", b"\r\n", b"junk" * 1000])
def test_what_follows_the_end_is_damage(way: str, junk: bytes) -> None:
    packed = pack(way, TEXT)
    with pytest.raises(Damaged):
        unpack(way, [packed + junk])
    with pytest.raises(Damaged):
        unpack(way, [packed, junk])
    with pytest.raises(Damaged):
        unpack(way, [packed, junk[:1], junk])
    with pytest.raises(Damaged):
        unpack(way, [pack(way, bytes(3 * AT_ONCE)) + junk])


@ways
@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_flipped_bit_never_gives_another_text(way: str, data: st.DataObject) -> None:
    """Raw deflate has no check sum: there it may."""
    packed = bytearray(pack(way, TEXT))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        out = b"".join(unpack(way, [bytes(packed)]))
    except Damaged:
        return
    assert out == TEXT or WAYS[way][1] < 0 or packed[0] & 15 != 8


@ways
@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_what_is_not_packed_is_damaged_or_unpacks(way: str, junk: bytes, at: list[int]) -> None:
    """Nothing else is raised, whatever comes."""
    with suppress(Damaged):
        unpack(way, cut(junk, at))
