"""What is learned of a tokenizer from the usage that is reported: of made-up ones, and of two real sessions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean, median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.calibration import PART, UNKNOWN, Calibration
from everwarm.core.extent import Extent, extent_of
from shared import shared

Seen = tuple[Extent, int]
ENGLISH = Extent(1, 3800, 0, 0)
MIXED = (12.0, 0.31, 0.6, 1.1)
"""Tokens of a made-up model: for a message, and for a character of each class."""


def prompts(model: tuple[float, ...], count: int, seed: int = 1) -> Iterator[Seen]:
    random = Random(seed)
    for _ in range(count):
        english, others, japanese = (random.randrange(9000) * random.randrange(2) for _ in range(3))
        extent = Extent(random.randrange(1, 40), english + 50, others, japanese)
        yield extent, round(sum(w * x for w, x in zip(model, extent, strict=True)) * random.uniform(0.97, 1.03))


def taught(seen: Iterator[Seen]) -> Calibration:
    calibration = Calibration()
    for extent, tokens in seen:
        calibration.learn(extent, tokens)
    return calibration


def test_before_anything_is_learned_it_is_what_is_common_and_says_so() -> None:
    fresh = Calibration()
    assert fresh.estimate(ENGLISH) == (1006, UNKNOWN, 0)
    assert fresh.tokens_of(3800) == (1000, UNKNOWN, 0)


def test_weights_are_found_class_by_class() -> None:
    learned = taught(prompts(MIXED, 200))
    assert learned.estimate(Extent(0, 10_000, 0, 0)).tokens == pytest.approx(3100, rel=0.03)
    assert learned.estimate(Extent(0, 0, 10_000, 0)).tokens == pytest.approx(6000, rel=0.03)
    assert learned.estimate(Extent(0, 0, 0, 10_000)).tokens == pytest.approx(11_000, rel=0.03)
    assert learned.estimate(Extent(100, 0, 0, 0)).tokens == pytest.approx(1200, rel=0.2)


def test_errors_are_those_of_predictions() -> None:
    learned = taught(prompts(MIXED, 400))
    assert learned.error < 0.03, "3 % is how much these prompts differ of themselves"
    assert learned.estimate(ENGLISH) == (learned.estimate(ENGLISH).tokens, PART, 400)


def test_what_the_traffic_does_not_show_stays_what_is_common() -> None:
    learned = taught((Extent(2, 1000 * n, 0, 0), 310 * n) for n in range(1, 60))
    assert learned.estimate(Extent(0, 10_000, 0, 0)).tokens == pytest.approx(3100, rel=0.02)
    assert learned.estimate(Extent(0, 0, 0, 1000)) == Calibration().estimate(Extent(0, 0, 0, 1000))._replace(
        error=PART, answers=59
    )


@pytest.mark.parametrize("times", [30, 1 / 30])
def test_a_few_wild_answers_change_little(times: float) -> None:
    seen = enumerate(prompts(MIXED, 200))
    wild = taught((extent, round(tokens * times) if i % 20 == 10 else tokens) for i, (extent, tokens) in seen)
    assert wild.estimate(Extent(0, 10_000, 0, 0)).tokens == pytest.approx(3100, rel=0.15)


def test_a_model_that_changes_is_followed() -> None:
    learned = taught(prompts(MIXED, 500))
    for extent, tokens in prompts((4.0, 0.2, 0.4, 0.6), 500, seed=2):
        learned.learn(extent, tokens)
    assert learned.estimate(Extent(0, 10_000, 0, 0)).tokens == pytest.approx(2000, rel=0.05)


def test_characters_are_like_those_that_were_seen() -> None:
    learned = taught((Extent(0, 500, 0, 500), 125 + 500) for _ in range(100))
    assert learned.tokens_of(2000).tokens == pytest.approx(1250, rel=0.02)


@pytest.mark.parametrize(("extent", "tokens"), [(Extent(3, 0, 0, 0), 20), (ENGLISH, 0), (ENGLISH, -1)])
def test_nothing_is_learned_of_nothing(extent: Extent, tokens: int) -> None:
    assert taught(iter([(extent, tokens)])).answers == 0


def test_from_a_note_it_goes_on_as_if_nothing_had_happened() -> None:
    learned = taught(prompts(MIXED, 50))
    again = Calibration.load(learned.dump())
    assert again is not None
    for calibration in (learned, again):
        for extent, tokens in prompts(MIXED, 20, seed=3):
            calibration.learn(extent, tokens)
        assert calibration.answers == 70
    assert again.dump() == learned.dump()
    assert again.tokens_of(9000) == learned.tokens_of(9000)


WHOLE: dict[str, Any] = json.loads(Calibration().dump())


@pytest.mark.parametrize(
    "note",
    [
        b"", b"[]", b"7", b"{}",
        *(json.dumps(WHOLE | change).encode() for change in (
            {"format": 2}, {"answers": None}, {"error": "much"}, {"weights": [1, 2, 3]}, {"weights": [1, 2, 3, None]},
            {"mixture": 5}, {"mixture": ["inf"] * 4}, {"variance": WHOLE["variance"][:3]},
            {"variance": [[1, 2, 3]] * 4},
        )),
    ],
)  # fmt: skip
def test_a_note_that_is_none_is_not_read(note: bytes) -> None:
    assert Calibration.load(note) is None
    assert Calibration.load(json.dumps(WHOLE).encode()) is not None


counts = st.integers(0, 10**7)


@given(st.lists(st.tuples(st.builds(Extent, counts, counts, counts, counts), counts), max_size=30), counts)
def test_no_answers_make_it_absurd(seen: list[Seen], characters: int) -> None:
    learned = taught(iter(seen))
    assert learned.tokens_of(characters).tokens >= 0
    assert all(learned.estimate(extent).tokens >= 0 for extent, _ in seen)
    assert 0 <= learned.error <= 1


# --- real sessions with Claude, whose tokenizer is not public ---------------------------------------------------------


def texts(message: dict[str, Any]) -> Iterator[str]:
    content = message.get("content") or []
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if block["type"] == "text":
            yield block["text"]
        elif block["type"] == "toolCall":
            yield from (block["name"], json.dumps(block["arguments"], ensure_ascii=False, separators=(",", ":")))


def session(path: Path) -> Iterator[Seen]:
    """Each call's prompt, but for the system text and the tools, which the sessions do not hold; and its tokens."""
    prompt, last = Extent(0, 0, 0, 0), 0
    for line in gzip.decompress(path.read_bytes()).splitlines():
        entry = json.loads(line)
        if entry["type"] == "compaction":
            return
        message = entry.get("message")
        if message is None or message["role"] == "bashExecution":
            continue
        if message["role"] == "assistant":
            if message["stopReason"] not in ("toolUse", "stop"):
                continue
            usage = message["usage"]
            tokens = usage["input"] + usage["cacheRead"] + usage["cacheWrite"]
            if tokens > 0.8 * last:
                yield prompt, tokens
                last = tokens
        prompt = Extent(*(a + b for a, b in zip(prompt, extent_of(texts(message), 1), strict=True)))


def off(calibration: Calibration, extent: Extent, tokens: int) -> float:
    return abs(calibration.estimate(extent).tokens - tokens) / tokens


@pytest.mark.parametrize("name", ["large-session", "before-compaction"])
def test_real_prompts_are_predicted_and_better_than_by_characters_alone(name: str) -> None:
    calls = list(session(shared(f"pi-sessions/{name}.jsonl.gz")))
    learned, by_characters = Calibration(), Calibration()
    whole, parts, plain = [], [], []
    for (before, had), (extent, tokens) in pairwise([(Extent(0, 0, 0, 0), 0), *calls]):
        whole.append(off(learned, extent, tokens))
        if had and (more := tokens - had) > 200:
            part = Extent(*(a - b for a, b in zip(extent, before, strict=True)))
            parts.append(off(learned, part, more))
            plain.append(off(by_characters, Extent(0, part.characters, 0, 0), more))
        learned.learn(extent, tokens)
        by_characters.learn(Extent(0, extent.characters, 0, 0), tokens)
    print(f"{name}: {mean(whole[10:]):.4f} of the whole; parts {median(parts):.3f}, by characters {median(plain):.3f}")
    assert mean(whole[10:]) < 0.01
    assert median(parts) < 0.15
    assert median(parts) < 0.85 * median(plain)
