"""One real prompt, large: what static, session and dynamic mean, and where reuse ends. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from everwarm.demo import svg, words
from everwarm.demo.lanes import how
from everwarm.demo.segments import Part, Stretch, parts, stretches
from everwarm.demo.tally import Result, computed, from_prefix

TALL: dict[Part, float] = {"static": 20.0, "session": 30.0, "dynamic": 40.0}
SAYS: dict[Part, tuple[str, str]] = {
    "static": ("static", "the same for everybody"),
    "session": ("session", "this conversation so far"),
    "dynamic": ("dynamic", "the newest question"),
}
TAIL = 1.6
"""The lower bar begins this many times the length of session and dynamic before the end of the prompt."""


_KEY = "Colour says what became of a token, height which part of the prompt it belongs to."


def example(results: Sequence[Result]) -> Result | None:
    """The computed request that shows most: one that continues a conversation, with the longest reused prefix."""
    worked = [r for r in results if computed(r.answer) and r.characters.session]
    return max(worked, key=lambda r: (from_prefix(r.answer), -r.number), default=None)


def anatomy(results: Sequence[Result], static: int, width: float) -> str:
    """Heading, a sentence and the drawing; nothing if no conversation was continued."""
    result = example(results)
    if result is None:
        return ""
    heading = f"One of them, large: request {result.number} of {result.ask.who}"
    story = f"“{result.ask.question}” The model {how(result)}, in {words.duration(result.answer.total_ms)}."
    drawing = svg.svg(width, 196, f"{heading}. {how(result)}", _drawing(result, static, width))
    return (
        f"<h2>{svg.clean(heading)}</h2>\n"
        f'<p class="note">{svg.clean(story)} {_KEY}</p>\n'
        f'<div class="wide">{drawing}</div>'
    )


def _drawing(result: Result, static: int, width: float) -> str:
    """The whole prompt above, its end magnified below, and thin lines from one to the other."""
    prompt = result.answer.prompt
    runs = stretches(result, static)
    start = max(0, prompt - max(16, round((prompt - static) * TAIL)))
    whole = width / max(1, prompt)
    close = width / max(1, prompt - start)
    top, low = 62.0, 148.0
    body = [
        svg.text(0, 18, f"the whole prompt: {words.count(prompt)} tokens", "muted"),
        svg.path(f"M{start * whole:.2f} {top}L0 {low - 42}M{width:g} {top}V{low - 42}", "guide"),
        *_bar(runs, 0, whole, top),
        svg.text(0, low - 28, f"its last {words.count(prompt - start)} tokens", "muted"),
        *_bar(runs, start, close, low),
        *_labels(result, static, start, width, low),
    ]
    return "".join(body)


def _bar(runs: Sequence[Stretch], start: int, scale: float, base: float) -> list[str]:
    """The runs from token ``start`` on, with the lower edge at ``base``."""
    shown = [run._replace(start=max(run.start, start)) for run in runs if run.end > start]
    return [
        svg.rect((r.start - start) * scale, base - TALL[r.part], (r.end - r.start) * scale, TALL[r.part], r.fate)
        for r in shown
    ]


def _labels(result: Result, static: int, start: int, width: float, base: float) -> list[str]:
    """Below the magnified end: the name of each part, its length and its meaning, from where the part begins."""
    scale = width / max(1, result.answer.prompt - start)
    made, begin = [], 0
    for end, part in parts(result, static):
        if end > begin:
            left = (max(begin, start) - start) * scale
            name, meaning = SAYS[part]
            made.append(svg.path(f"M{left:.2f} {base}v7", "guide"))
            at, side = (left, "") if left < width - 140 else (width, " end")
            made.append(svg.text(at, base + 17, f"{name}, about {words.count(end - begin)} tokens", "strong" + side))
            made.append(svg.text(at, base + 33, meaning, "muted" + side))
        begin = end
    return made
