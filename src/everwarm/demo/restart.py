"""One handbook three times: computed, from memory, and from disk after the gateway was started again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from everwarm.demo import svg, words
from everwarm.demo.tally import Result, computed, from_prefix

ROW, BREAK, BAR = 46.0, 34.0, 14.0
LENGTH, TIMES, SECONDS = 638.0, 700.0, 330.0
"""How long the longest bar of tokens is, where the bars of time begin, how long the longest of them is."""


class Moment(NamedTuple):
    """One of the three."""

    name: str
    result: Result

    @property
    def first_ms(self) -> float:
        """Time to the first text. ``moments`` takes only what has one."""
        return self.result.answer.first_ms or 0.0

    @property
    def source(self) -> str:
        """Where the reused tokens were."""
        return "disk" if self.result.restarted else "memory"


def moments(results: Sequence[Result]) -> list[Moment]:
    """The first computed stream, the last one before the restart, and the first after it; empty without a restart."""
    streams = [r for r in results if computed(r.answer) and r.answer.first_ms is not None]
    before, after = [r for r in streams if not r.restarted], [r for r in streams if r.restarted]
    if len(before) < 2 or not after:
        return []
    names = ("Nothing known yet", "The handbook in memory", "After the restart")
    return [Moment(*both) for both in zip(names, (before[0], before[-1], after[0]), strict=True)]


def numbers(moment: Moment) -> str:
    """What became of its prompt."""
    answer, reused = moment.result.answer, from_prefix(moment.result.answer)
    computed_now = f"{words.count(answer.prompt - reused)} computed"
    return computed_now + (f", {words.count(reused)} from {moment.source}" if reused else "")


def restart(results: Sequence[Result], width: float) -> str:
    """Heading, a sentence and the drawing; nothing if there was no restart."""
    found = moments(results)
    if not found:
        return ""
    question = found[-1].result.ask
    told = (
        f"The new process has an empty memory, and the data folder of the old one. {question.who} goes on with the "
        f"conversation from before: “{question.question}”"
    )
    label = ". ".join(f"{m.name}: {numbers(m)}, first word after {words.duration(m.first_ms)}" for m in found)
    drawing = svg.svg(width, ROW * len(found) + BREAK, label, _drawing(found, width))
    return (
        "<h2>Then the gateway is stopped, and started again</h2>\n"
        f'<p class="note">{svg.clean(told)}</p>\n'
        f'<div class="wide">{drawing}</div>'
    )


def _drawing(found: Sequence[Moment], width: float) -> str:
    tokens = LENGTH / max(1, *(m.result.answer.prompt for m in found))
    time = SECONDS / max(1.0, *(m.first_ms for m in found))
    *before, after = found
    cut = ROW * len(before) + BREAK / 2
    return "".join(
        [
            svg.text(TIMES, 15, "time to the first word", "muted"),
            *(_row(m, at * ROW, tokens, time) for at, m in enumerate(before)),
            svg.path(f"M0 {cut - 4:g}H{width / 2 - 95:g}M{width / 2 + 95:g} {cut - 4:g}H{width:g}", "guide"),
            svg.text(width / 2, cut, "stopped, and started again", "muted mid"),
            _row(after, ROW * len(before) + BREAK, tokens, time),
        ]
    )


def _row(moment: Moment, top: float, tokens: float, time: float) -> str:
    """Name and numbers, and below them a bar of tokens and a bar of time."""
    answer = moment.result.answer
    reused = from_prefix(answer)
    bar, took = top + 21, moment.first_ms * time
    return "".join(
        [
            svg.text(0, top + 15, moment.name, "strong"),
            svg.text(LENGTH, top + 15, numbers(moment), "num end"),
            svg.rect(0, bar, reused * tokens, BAR, "disk" if moment.result.restarted else "prefix"),
            svg.rect(reused * tokens, bar, (answer.prompt - reused) * tokens, BAR, "computed"),
            svg.rect(TIMES, bar, took, BAR, "time"),
            svg.text(TIMES + took + 8, bar + BAR - 2.5, words.duration(moment.first_ms), "strong num"),
        ]
    )
