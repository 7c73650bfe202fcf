"""Many programs with one key, one model and the same tools: each is repaired, and each finding is of its own prompt."""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson
import pytest
from benchmarks.layout.plants import WORDS
from benchmarks.layout.rates import Sent, ideal

from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Arranged, Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.roster import KIN

REQUESTS = 1500


def prose(chance: random.Random, lines: int) -> str:
    return "\n".join(" ".join(chance.choices(WORDS, k=12)) for _ in range(lines))


def asked(programs: int, *, clock: bool) -> Iterator[tuple[int, Sent]]:
    """Conversations of three turns, some at a time, in which the programs take turns by chance."""
    chance = random.Random(7)
    prompts = [f"You are assistant {n}.\n{prose(random.Random(n), 40)}" for n in range(programs)]
    talks: list[tuple[int, list[dict[str, str]]]] = []
    for number in range(REQUESTS):
        if len(talks) < 20:
            talks.append((chance.randrange(programs), []))
        program, messages = chance.choice(talks)
        messages.append({"role": "user", "content": f"question {number}"})
        now = f"{number // 3600 + 10}:{number // 60 % 60:02}:{number % 60:02}"
        head = f"Current time: 2026-11-26 {now}\n" if clock else ""
        system = {"role": "system", "content": head + prompts[program]}
        yield program, Sent(orjson.dumps({"model": "m", "messages": [system, *messages]}), 1.8e9 + number)
        messages.append({"role": "assistant", "content": prose(chance, 2)})
        talks = [talk for talk in talks if len(talk[1]) < 6]


def arranged(programs: int) -> list[tuple[int, Sent, Arranged]]:
    layout, wishes = Layout(MemoryNotes()), Wishes("rewrite")
    rows = asked(programs, clock=True)
    return [(p, sent, layout.arrange("s", "openai_chat", "m", sent.data, wishes, sent.at)) for p, sent in rows]


@pytest.mark.parametrize(("programs", "least"), [(5, 0.93), (20, 0.90), (KIN, 0.82)])
def test_each_is_repaired(programs: int, least: float) -> None:
    rows = arranged(programs)
    clean = ideal(sent for _, sent in asked(programs, clock=False)).share
    assert ideal(sent for _, sent, _ in rows).share < 0.1 * clean
    assert ideal(Sent(made.data, sent.at) for _, sent, made in rows).share > least
    streams = {(program, made.stream) for program, _, made in rows}
    assert len(streams) == len({stream for _, stream in streams}) == programs, "one stream each, and never shared"
    looked = [made for _, _, made in rows[REQUESTS // 2 :] if made.weight]
    told = [any(f.kind == "a clock" and f.start == 14 for f in made.findings) for made in looked]
    assert sum(told) > 0.95 * len(told)
    assert sum(made.weight for *_, made in rows) > 0.95 * REQUESTS


def test_of_more_than_there_is_room_for_most_are_repaired() -> None:
    rows = arranged(KIN * 3 // 2)[REQUESTS // 2 :]
    repaired = sum(b"(see <context name=" in made.data for _, _, made in rows)
    assert repaired > 0.5 * len(rows)
