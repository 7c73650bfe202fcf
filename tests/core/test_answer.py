"""Whole answers: what is clean, and the bytes in which they rest."""

from __future__ import annotations

from hashlib import sha256

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.answer import Recorder, Stored, pack, read_cuts, replay, unpack
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Prefilled

USAGE = Usage(7, 3, 2)


def recorded(*events: Event) -> Recorder:
    recorder = Recorder()
    for event in events:
        recorder.add(event)
    return recorder


def test_a_whole_answer_has_no_flaw() -> None:
    recorder = recorded(Prefilled(10, 3, 0.1), Delta(0, "a"), Delta(0, "bc"), Finish(0, "stop"), Done(USAGE))
    assert recorder.flaw() is None
    assert recorder.choices[0].text == "abc"
    assert recorder.cuts() == [[1, 2]]
    assert recorder.usage == USAGE


@pytest.mark.parametrize(
    ("events", "flaw"),
    [
        ([], "broke off"),
        ([Delta(0, "a"), Finish(0, "stop")], "broke off"),
        ([Done(USAGE)], "broke off"),
        ([Delta(0, "a"), Done(USAGE)], "None"),
        ([Delta(0, "a"), Finish(0, "length"), Done(USAGE)], "max_tokens"),
        ([Delta(0, "a"), Finish(0, "content_filter"), Done(USAGE)], "content_filter"),
        ([Finish(0, "stop"), Done(USAGE)], "empty"),
        ([Delta(0, "a"), Finish(0, "stop"), Delta(1, "b"), Finish(1, "length"), Done(USAGE)], "max_tokens"),
    ],
)
def test_what_is_not_whole_has_a_flaw(events: list[Event], flaw: str) -> None:
    assert flaw in (recorded(*events).flaw() or "")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)))
def test_a_text_is_cut_again_where_it_was(pieces: list[str]) -> None:
    assert replay("".join(pieces), [len(p) for p in pieces]) == pieces


small = st.integers(0, 2**32 - 1)


@given(st.binary(), st.builds(Usage, small, small, small, small, small), st.floats(0, 1e6), st.lists(st.lists(small)))
def test_what_is_packed_is_unpacked(body: bytes, usage: Usage, seconds: float, cuts: list[list[int]]) -> None:
    stored = Stored(body, orjson.dumps(cuts), usage, seconds)
    assert unpack(pack(stored)) == stored
    assert read_cuts(stored) == cuts


@given(st.binary(max_size=60), st.integers(0, 100))
def test_anything_else_is_not_an_answer(junk: bytes, cut: int) -> None:
    assert unpack(junk) is None
    whole = pack(Stored(b"{}", b"[]", USAGE, 1.0))
    assert unpack(whole[:cut]) is None or cut >= len(whole)
    assert unpack(whole + b"x") is None
    assert unpack(b"EWA2" + whole[4:]) is None


def test_the_format_is_frozen() -> None:
    """If this fails the stored format has changed: raise MAGIC and say so in docs/formats.md."""
    packed = pack(Stored(b'{"id":"x"}', b"[[1,2]]", Usage(1, 2, 3, 4, 5), 0.5))
    assert sha256(packed).hexdigest() == "08d2940af1d129f6216fcc145e24fdba0119c16612e00bedea160fc4061dec89"
