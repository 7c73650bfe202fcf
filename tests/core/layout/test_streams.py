"""What belongs together, learned from requests that pass."""

from __future__ import annotations

from math import inf
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.roster import IDLE, KIN, SPACES
from everwarm.core.layout.stream import Stream, _free, _reach
from everwarm.core.layout.streams import Reading, Streams, kin_of
from everwarm.core.layout.template import Template

RULES = "\n".join(f"Rule {name}: answer politely, and say nothing of {name}." for name in ("alpha", "beta", "gamma"))


def system(text: str) -> Piece:
    return Piece(("messages", 0, "content"), "system", "system", "text", text, 0)


def other_texts(number: int) -> list[str]:
    """Each with a line of its own, which it repeats: no two have anything in common."""
    return [f"{chr(0x4E00 + i) * 30} {chr(0x5E00 + i) * 30}\n" * 4 for i in range(number)]


def at(clock: str) -> str:
    return f"Current time: 2026-11-25 {clock}\n{RULES}"


def read(streams: Streams, text: str, now: float = 0.0, space: str = "s", kin: str = "kin") -> Reading:
    return streams.read(space, kin, [system(text)], now)


def learned(streams: Streams) -> Stream:
    return [read(streams, at(clock)).stream for clock in ("10:00:01", "10:00:02", "10:00:03")][-1]


def noted(**other: Any) -> bytes:
    """A stream's note, whole but for what is other."""
    whole = {"format": 2, "kin": "k", "version": 1, "requests": 1, "template": '["a"]', "slots": [], "gaps": [[], []]}
    return orjson.dumps({**whole, **other})


def test_texts_that_are_alike_are_one_stream() -> None:
    streams = Streams(MemoryNotes())
    first, second = read(streams, at("10:00:01")), read(streams, at("10:00:02"))
    assert first.stream is second.stream
    assert second.learned
    assert second.values == ("2026-11-25 10:00:02",)
    third = read(streams, at("10:00:03"))
    assert (third.learned, third.changed) == (False, (True,))
    assert third.stream.slots[0].kind == "a clock"


def test_texts_that_are_not_are_two() -> None:
    streams = Streams(MemoryNotes())
    other = "You translate. Keep names as they are, and never add a word of your own to what you were given."
    assert read(streams, at("10:00:01")).stream is not read(streams, other).stream


@pytest.mark.parametrize("difference", [{"space": "t"}, {"kin": "other"}])
def test_another_namespace_or_kin_learns_anew(difference: dict[str, str]) -> None:
    streams = Streams(MemoryNotes())
    stream = learned(streams)
    assert read(streams, at("10:00:04"), **difference).stream is not stream  # type: ignore[arg-type]


def test_where_no_mark_is_set_only_values_are_followed() -> None:
    """How long requests are and when they come is asked by marks alone; what a conversation changes always counts."""
    told = []
    for marking in (True, False):
        streams = Streams(MemoryNotes())
        for n, clock in enumerate(("10:00:01", "10:00:02", "10:00:03", "10:00:04")):
            turns = [
                Piece(("messages", 1, "content"), "messages", role, "text", "Yes.", 1) for role in ("user", "assistant")
            ]
            found = streams.read("s", "kin", [system(at(clock)), *turns], float(n), closely=False, marking=marking)
        told.append((found.stream.slots[0].within, found.changed))
        assert found.measure.total == (len(at("10:00:04")) + 8) * marking
        assert [len(arrivals.gaps) for arrivals in found.stream.arrivals] == [3 * marking, 4 * marking]
    assert told[0] == told[1]
    assert told[0][0].times == 2


def test_what_one_process_learned_another_finds() -> None:
    notes = MemoryNotes()
    stream = learned(Streams(notes))
    found = read(Streams(notes), at("10:00:09"))
    assert found.stream.id == stream.id
    assert found.values == ("2026-11-25 10:00:09",)
    assert not found.learned


def test_what_another_process_learns_later_is_found_within_a_second() -> None:
    notes = MemoryNotes()
    one, other = Streams(notes), Streams(notes)
    read(one, at("10:00:01"))
    assert read(other, at("10:00:01")).values == ()
    learned(one)
    assert read(other, at("10:00:01"), now=0.5).values == ()
    assert read(other, at("10:00:01"), now=2.0).values == ("2026-11-25 10:00:01",)


def test_what_is_known_better_here_stays() -> None:
    notes = MemoryNotes()
    stale, streams = Streams(notes), Streams(notes)
    read(stale, at("10:00:01"))
    stream = learned(streams)
    stale.save("s", read(stale, at("10:00:01")).stream)
    assert read(streams, at("10:00:05"), now=2.0).stream is stream
    assert stream.slots


def test_streams_of_one_kin_are_bounded() -> None:
    streams = Streams(MemoryNotes())
    ids = {read(streams, text).stream.id for text in other_texts(2 * KIN)}
    assert len(ids) == 2 * KIN
    assert len(list(streams._roster.all("s"))) == KIN


def test_one_that_the_user_has_named_is_kept() -> None:
    streams = Streams(MemoryNotes())
    named = read(streams, at("10:00:01")).stream
    streams.named = [named.id]
    for text in other_texts(2 * KIN):
        assert [read(streams, text).learned for _ in range(3)] == [True, False, False], "there is room for each"
    assert read(streams, at("10:00:01")).stream is named
    assert streams.has_named("s", "kin", 0.0)
    assert not streams.has_named("s", "other", 0.0)
    assert len(list(streams._roster.all("s"))) == KIN + 1, "beside as many others as ever"


def test_where_each_text_is_new_it_is_worth_a_note_when_it_comes_again() -> None:
    notes = MemoryNotes()
    streams, texts = Streams(notes), other_texts(2 * KIN)
    for text in texts:
        read(streams, text)
    assert len(notes.all("s", "stream")) == KIN
    stream = read(streams, texts[-1]).stream
    assert stream.id.encode() in notes.all("s", "stream")


def test_a_note_of_which_nothing_was_taken_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, loaded = MemoryNotes(), list[bytes]()
    load = Stream.load
    monkeypatch.setattr(Stream, "load", lambda name, data: loaded.append(name) or load(name, data))
    other, streams = Streams(notes), Streams(notes)
    stream = learned(other)
    notes.put("s", "stream", b"0123456789abcdef", b"damaged")
    for now in (1.0, 3.0, 5.0):
        read(streams, at("10:00:05"), now=now)
    assert sorted(loaded) == sorted([b"0123456789abcdef", stream.id.encode()])
    stream.version += 1
    other.save("s", stream)
    read(streams, at("10:00:06"), now=7.0)
    assert len(loaded) == 3, "what was written anew is looked at again"


def test_of_two_that_read_a_text_the_one_that_the_user_has_named_does() -> None:
    """As two processes found them from the first requests of one program, at one moment."""
    notes = MemoryNotes()
    for seconds in "14":
        alone = Streams(MemoryNotes())
        stream = [read(alone, at(f"10:0{n}:0{seconds}")).stream for n in range(3)][-1]
        notes.put("s", "stream", stream.id.encode(), stream.dump())
    first, second = sorted(name.decode() for name in notes.all("s", "stream"))
    streams = Streams(notes)
    assert read(streams, at("11:00:00")).stream.id == first
    for named in (second, first):
        streams.named = [named]
        assert read(streams, at("11:00:00")).stream.id == named


def test_one_that_had_to_go_is_found_again_if_it_was_learned_meanwhile() -> None:
    notes = MemoryNotes()
    streams, other = Streams(notes), Streams(notes)
    first, *texts = other_texts(KIN + 1)
    read(streams, first)
    for text in texts:
        assert [read(streams, text, now=2.0).learned for _ in range(2)] == [True, False]
    assert len(list(streams._roster.all("s"))) == KIN, "the first one had to go"
    found = [read(other, first, now=5.0).stream for _ in range(3)][-1]
    found.version += 1
    other.save("s", found)
    assert not read(streams, first, now=2.0 + IDLE).learned


def test_namespaces_are_bounded() -> None:
    streams = Streams(MemoryNotes(limit=1))
    for i in range(SPACES + 2):
        read(streams, at("10:00:01"), space=f"s{i}", now=float(i))
    spaces = [f"s{i}" for i in range(2, SPACES + 2)]
    assert list(streams._refreshed) == list(streams._looked) == spaces


@pytest.mark.parametrize(
    "damaged",
    [
        b"", b"[]", b"{}", b'{"format": 2}', noted(format=1), noted(template="[]"), noted(template='["a", "b"]'),
        noted(gaps=[[]]), noted(gaps=[[], [-1]]), noted(gaps=[[], ["soon"]]), noted(gaps=[[], 7]),
    ],
)  # fmt: skip
def test_a_damaged_note_teaches_nothing(damaged: bytes) -> None:
    assert Stream.load(b"0123456789abcdef", damaged) is None
    notes = MemoryNotes()
    notes.put("s", "stream", b"0123456789abcdef", damaged)
    assert read(Streams(notes), at("10:00:01")).values == ()


def test_there_and_back() -> None:
    stream = learned(Streams(MemoryNotes()))
    stream.arrived(2.0, 0.5)
    again = Stream.load(stream.id.encode(), stream.dump())
    assert again is not None
    assert (again.kin, again.template, again.slots, again.requests, again.version, again.arrivals) == (
        stream.kin, stream.template, stream.slots, stream.requests, stream.version, stream.arrivals,
    )  # fmt: skip
    assert again.arrivals[1].gaps == (inf, inf, inf, 0.5)
    assert orjson.loads(stream.dump())["format"] == 2
    assert Stream.load(b"0123456789abcdef", noted()) is not None


def test_a_kin_says_its_dialect() -> None:
    kin = kin_of("anthropic_messages", "claude-x", ["look", "add"])
    assert kin == kin_of("anthropic_messages", "claude-x", ["add", "look"])
    assert kin != kin_of("openai_chat", "claude-x", ["look", "add"])
    assert read(Streams(MemoryNotes()), RULES, kin=kin).stream.dialect == "anthropic_messages"


def test_what_is_moved_stays_moved_under_its_name_when_more_changes() -> None:
    stream = learned(Streams(MemoryNotes()))
    stream.slots[0].moved = True
    name, version = stream.slots[0].name, stream.version
    assert stream.widen("Request id: req_8f7a6b5c4d3e\n" + at("10:00:04"))
    moved = [slot for slot in stream.slots if slot.moved]
    assert [slot.name for slot in moved] == [name]
    assert stream.version == version + 1
    assert stream.last == ()


def test_no_two_places_have_one_name() -> None:
    streams = Streams(MemoryNotes())
    rest = "\nCurrent time: 2026-11-25 09:00:0"
    stream = [read(streams, at(clock) + rest + "0").stream for clock in ("10:00:01", "10:00:02", "10:00:03")][-1]
    stream.slots[0].moved = True
    assert stream.widen(at("10:00:04") + rest + "1")
    assert [slot.name for slot in stream.slots] == ["Current time", "Current time 2"]


def test_a_name_that_is_taken_gets_a_number() -> None:
    names = {"clock"}
    assert [_free("clock", names), _free("clock", names), _free("user", names)] == ["clock 2", "clock 3", "user"]


@given(st.lists(st.text("ab \0\n0", max_size=30), min_size=2, max_size=6))
def test_whatever_it_learns_each_place_keeps_one_ancestor_at_most(texts: list[str]) -> None:
    narrower = Template.of(texts[0])
    for text in texts[1:]:
        wider = narrower.widen(text) or narrower
        ancestors = [i for place in _reach(wider, narrower) for i in place]
        assert len(ancestors) == len(set(ancestors))
        assert len(_reach(wider, narrower)) == len(wider.literals) - 1
        narrower = wider


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("a" * 50, "b" * 50),  # nothing in common
        ("Be polite, and short.\nNow.", "Be polite, and short.\nLater."),  # less than a stream must have
        (RULES, RULES[:60] + "\nElse do as you like, and be done with it."),  # less than half of what it is
    ],
)
def test_a_text_with_too_little_in_common_is_not_learned(known: str, text: str) -> None:
    stream = Stream("0" * 16, "kin", Template.of(known))
    assert not stream.widen(text)
    assert (stream.template, stream.slots, stream.version) == (Template.of(known), [], 0)


def test_a_stream_keeps_most_of_what_it_is() -> None:
    stream = Stream("0" * 16, "kin", Template.of(RULES))
    assert not stream.widen("Rule alpha: something else altogether, of which nobody has heard.")
    assert stream.template == Template.of(RULES)


def test_too_little_in_common_reads_nothing() -> None:
    stream = Stream("0" * 16, "kin", Template(("a", "b")))
    assert stream.read("axb") is None


def test_gaps_are_noted() -> None:
    stream = Stream("0" * 16, "kin", Template.of(RULES))
    stream.arrived(10.0, None)
    stream.arrived(40.0, 30.0)
    assert [arrivals.gaps for arrivals in stream.arrivals] == [(30.0,), (inf, 30.0)]
