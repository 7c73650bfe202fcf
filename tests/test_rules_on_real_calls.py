"""The packaged rules, beside what Anthropic's cache really did in two recorded coding sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from everwarm.analyze.formats import pi
from everwarm.analyze.reading.record import Record
from everwarm.core.caches import AnthropicCache
from everwarm.core.rules import Rule
from everwarm.rules import load
from shared import unpacked
from transcripts import Lines

SESSIONS = {"before-compaction": "claude-opus-4-5", "large-session": "claude-sonnet-4-5"}


class Call(NamedTuple):
    at: float  # seconds
    uncached: int
    read: int
    written: int

    @property
    def prompt(self) -> int:
        return self.uncached + self.read + self.written


def calls(session: str, model: str) -> Iterator[Call]:
    file = f"{session}.jsonl"
    for record in pi.FORMAT.read(Lines(file, unpacked(f"pi-sessions/{file}.gz"))):
        assert isinstance(record, Record)
        usage = record.usage
        if record.line.model == model and usage:  # it was not broken off before the provider had counted
            assert record.at is not None
            yield Call(record.at, usage.uncached, usage.cache_read, usage.cache_write)


def rule(model: str) -> Rule:
    found = load().of("anthropic", model)
    assert found
    return found


@pytest.mark.parametrize(("session", "model"), SESSIONS.items())
def test_the_minimum(session: str, model: str) -> None:
    """A prompt used the cache if, and only if, it was as long as the rule says."""
    minimum = rule(model).minimum
    for call in calls(session, model):
        assert (call.read + call.written > 0) == (call.prompt >= minimum)


@pytest.mark.parametrize(("session", "model", "share"), [(*one, 0.93) for one in SESSIONS.items()])
def test_what_was_read(session: str, model: str, share: float) -> None:
    """The simulation, with a mark at the end of each request, reads what was read, to 2 % of the prompt. Where it does
    not, the real cache had let go of everything before its time."""
    cache, elements, held = AnthropicCache(rule(model)), [(b"0", 0)], 0
    outcomes: Counter[str] = Counter()
    for number, call in enumerate(calls(session, model)):
        if call.prompt < held:  # the client began anew
            elements, held = [], 0
        elements.append((b"%d" % number, call.prompt - held))
        held = call.prompt
        read = cache.ask(elements, call.at, [(len(elements) - 1, "5m")]).read
        alike = abs(read - call.read) <= 0.02 * call.prompt
        outcomes["as it was" if alike else "let go" if call.read == 0 else "other"] += 1
    assert outcomes["other"] == 0
    assert outcomes["as it was"] >= share * outcomes.total()
    assert outcomes.total() > 400
