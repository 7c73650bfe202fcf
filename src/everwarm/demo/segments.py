"""The parts of each prompt in tokens, estimated from characters, because ``usage`` tells only the whole."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal, NamedTuple

from everwarm.demo.tally import Result, from_prefix

Fate = Literal["prefix", "disk", "exact", "joined", "computed"]
Part = Literal["static", "session", "dynamic"]


class Stretch(NamedTuple):
    """A run of one prompt's tokens, ``start`` to ``end``, of one part and one fate."""

    start: int
    end: int
    part: Part
    fate: Fate


def static_tokens(results: Sequence[Result]) -> int:
    """Length of the part that all prompts share: the median of its share of each prompt, the same for all."""
    if not results:
        return 0
    shares = [r.answer.prompt * r.characters.static / max(1, sum(r.characters)) for r in results]
    return min(round(median(shares)), min(r.answer.prompt for r in results))


def parts(result: Result, static: int) -> tuple[tuple[int, Part], ...]:
    """Where each part of the prompt ends, in tokens. The last end is the exact length of the prompt."""
    prompt, (_, session, dynamic) = result.answer.prompt, result.characters
    rest = prompt - static
    middle = static + round(rest * session / max(1, session + dynamic))
    return (static, "static"), (middle, "session"), (prompt, "dynamic")


def fates(result: Result) -> tuple[tuple[int, Fate], ...]:
    """Where each fate of the prompt ends, in tokens. Exact: these numbers come from the answer."""
    prompt = result.answer.prompt
    if result.answer.cache == "hit":
        return ((prompt, "exact"),)
    if result.answer.cache == "joined":
        return ((prompt, "joined"),)
    return (from_prefix(result.answer), "disk" if result.restarted else "prefix"), (prompt, "computed")


def stretches(result: Result, static: int) -> list[Stretch]:
    """The prompt from its first token to its last, cut wherever part or fate changes. Without gaps or empty runs."""
    by_part, by_fate = parts(result, static), fates(result)
    cuts = sorted({end for end, _ in by_part} | {end for end, _ in by_fate})
    found, start = [], 0
    for end in cuts:
        if end > start:
            part = next(name for stop, name in by_part if end <= stop)
            fate = next(name for stop, name in by_fate if end <= stop)
            found.append(Stretch(start, end, part, fate))
            start = end
    return found
