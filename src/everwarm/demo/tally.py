"""Counting: what was asked, what was computed, what each layer saved. Pure: results in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from everwarm.demo.client import Answer
from everwarm.demo.script import Ask


class Characters(NamedTuple):
    """Lengths of one prompt's parts, in characters of the messages' text."""

    static: int  # system prompt and handbook: the same for everybody
    session: int  # the conversation so far
    dynamic: int  # the newest question


class Result(NamedTuple):
    """One request and its answer. ``number`` counts from 1 in the order of the script.

    ``restarted``: the gateway had just been started again, so what was reused of the KV cache was read from disk.
    """

    number: int
    ask: Ask
    characters: Characters
    answer: Answer
    restarted: bool = False


def from_prefix(answer: Answer) -> int:
    """Prompt tokens that this very request took from the KV cache, in memory or on disk.

    A replayed answer carries its original's usage.
    """
    return answer.cached if computed(answer) else 0


def computed(answer: Answer) -> bool:
    """Whether the model worked for this request alone."""
    return answer.cache not in ("hit", "joined")


class Layer(NamedTuple):
    """What one layer saved."""

    requests: int = 0
    prompt: int = 0  # prompt tokens that were not computed
    output: int = 0  # answer tokens that were not computed
    ms: float | None = 0.0  # None: not known


class Tally(NamedTuple):
    """The sums of one run. Times are what the people waited, all together, in milliseconds."""

    requests: int
    prompt: int  # prompt tokens asked for
    output: int  # answer tokens delivered
    computed: Layer  # requests that the model answered, and the tokens that it computed for them
    exact: Layer  # from the response cache; ``ms`` measured
    joined: Layer  # joined to an equal request in flight; ``ms`` measured
    prefix: Layer  # taken from the KV cache in memory, within computed requests; ``ms`` estimated
    disk: Layer  # likewise, from the KV cache on disk
    waited_ms: float
    without_answers_ms: float  # had every request been computed, with the KV prefix: measured on the originals
    without_all_ms: float | None  # had every token been computed: estimated with ``speed``; None: not known
    speed: float | None  # prompt tokens a second that the model computes, measured; None: not measured
    unknown: int  # replayed answers whose original is not among the results: no time is counted as saved for them


def tally(results: Sequence[Result]) -> Tally:
    """All sums. The order of the results is that in which the requests were sent."""
    answers = [r.answer for r in results]
    worked = [a for a in answers if computed(a)]
    revived = [r.answer for r in results if r.restarted and computed(r.answer)]
    lived = [r.answer for r in results if not r.restarted and computed(r.answer)]
    speed = prefill_speed(worked)
    first = _originals(answers)
    waits = [_original(a, first) for a in answers]
    known = [w for w in waits if w is not None]
    return Tally(
        requests=len(answers),
        prompt=sum(a.prompt for a in answers),
        output=sum(a.output for a in answers),
        computed=Layer(
            len(worked),
            sum(a.prompt - a.cached for a in worked),
            sum(a.output for a in worked),
            sum(a.total_ms for a in worked),
        ),
        exact=_replayed(answers, "hit", first),
        joined=_replayed(answers, "joined", first),
        prefix=_prefix(lived, speed),
        disk=_prefix(revived, speed),
        waited_ms=sum(a.total_ms for a in answers),
        without_answers_ms=sum((o or a).total_ms for a, o in zip(answers, waits, strict=True)),
        without_all_ms=_cold(answers, waits, speed),
        speed=speed,
        unknown=len(answers) - len(known),
    )


def prefill_speed(worked: Sequence[Answer]) -> float | None:
    """Prompt tokens a second: computed tokens by the time to the first text, in the stream where that was fastest.

    That time holds more than the computing of the prompt, and a first request is slow while the machine warms up: the
    fastest stream is still a little slower than the truth by the one, and free of the other.
    """
    speeds = [(a.prompt - a.cached) / a.first_ms * 1000 for a in worked if a.first_ms]
    return max(speeds, default=0.0) or None


def _originals(answers: Sequence[Answer]) -> dict[str, Answer]:
    """Key -> the first answer that the model computed for it."""
    first: dict[str, Answer] = {}
    for answer in answers:
        if computed(answer) and answer.key:
            first.setdefault(answer.key, answer)
    return first


def _original(answer: Answer, first: dict[str, Answer]) -> Answer | None:
    """The answer that was computed where this one was not; itself if it was."""
    return answer if computed(answer) else first.get(answer.key)


def _replayed(answers: Sequence[Answer], cache: str, first: dict[str, Answer]) -> Layer:
    mine = [a for a in answers if a.cache == cache]
    saved = sum(first[a.key].total_ms - a.total_ms for a in mine if a.key in first)
    return Layer(len(mine), sum(a.prompt for a in mine), sum(a.output for a in mine), saved)


def _prefix(worked: Sequence[Answer], speed: float | None) -> Layer:
    tokens = sum(a.cached for a in worked)
    return Layer(sum(1 for a in worked if a.cached), tokens, 0, tokens / speed * 1000 if speed else None)


def _cold(answers: Sequence[Answer], originals: Sequence[Answer | None], speed: float | None) -> float | None:
    if not speed:
        return None
    pairs = zip(answers, originals, strict=True)
    return sum(o.total_ms + o.cached / speed * 1000 if o else a.total_ms for a, o in pairs)
