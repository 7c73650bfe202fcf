"""All requests as bars, in one lane per person. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from everwarm.demo import svg, words
from everwarm.demo.script import person
from everwarm.demo.segments import Part, parts, stretches
from everwarm.demo.tally import Result, computed, from_prefix

ROW = 17.0
HEIGHT: dict[Part, float] = {"static": 6.0, "session": 9.5, "dynamic": 13.0}
"""Of a bar, by the part of the prompt. The lower edges are level."""

LEFT, BARS, TIMES, QUESTIONS = 34.0, 610.0, 708.0, 722.0
"""Where the bars begin, how wide the longest is, where the times end, where the questions begin."""

LETTERS = 62
"""Of a question, at most, in the column on the right."""


def lanes(results: Sequence[Result], static: int, width: float) -> str:
    """The head of the columns, then the lanes in the order in which people first wrote."""
    if not results:
        return ""
    scale = BARS / max(1, *(r.answer.prompt for r in results))
    people = dict.fromkeys(r.ask.who for r in results)
    blocks = [_lane(name, [r for r in results if r.ask.who == name], static, scale, width) for name in people]
    return "\n".join([_head(static, scale, width), *blocks])


def _head(static: int, scale: float, width: float) -> str:
    """A bracket over the static part: it ends at the same place in every bar below."""
    end = LEFT + static * scale
    body = [
        svg.path(f"M{LEFT:.2f} 24v-5H{end - 1:.2f}v5", "guide"),
        svg.text((LEFT + end) / 2, 13, "static: system prompt and handbook, the same for everybody", "muted mid"),
        svg.text(TIMES, 13, "session, dynamic", "muted end"),
        svg.text(QUESTIONS, 13, "newest question (↳ continues a conversation)", "muted"),
    ]
    return f'<div class="wide">{svg.svg(width, 26, "What the columns show", "".join(body))}</div>'


def _lane(name: str, results: Sequence[Result], static: int, scale: float, width: float) -> str:
    asked = sum(r.answer.prompt for r in results)
    worked = sum(r.answer.prompt - from_prefix(r.answer) for r in results if computed(r.answer))
    height = ROW * len(results) + 4
    line = LEFT + static * scale
    body = svg.path(f"M{line:.2f} 0V{height:g}", "guide")
    body += "".join(_row(r, i * ROW, static, scale) for i, r in enumerate(results))
    totals = f"{words.count(asked)} tokens asked, {words.count(worked)} computed"
    label = f"{name}: {words.plural(len(results), 'request')}, {totals}"
    return (
        f'<section class="lane"><h3>{svg.clean(name)} <span>{svg.clean(person(name).client)}</span> '
        f"<span>{totals}</span></h3>"
        f'<div class="wide">{svg.svg(width, height, label, body)}</div></section>'
    )


def _row(result: Result, top: float, static: int, scale: float) -> str:
    base = top + ROW - 2
    body = [svg.rect(0, top, TIMES, ROW, "area")]
    body.append(svg.text(LEFT - 8, base - 0.5, str(result.number), "muted end num"))
    for s in stretches(result, static):
        tall = HEIGHT[s.part]
        body.append(svg.rect(LEFT + s.start * scale, base - tall, (s.end - s.start) * scale, tall, s.fate))
    body.append(svg.text(TIMES, base - 0.5, words.duration(result.answer.total_ms), "end num"))
    question = ("↳ " if result.ask.follows else "") + result.ask.question
    body.append(svg.text(QUESTIONS, base - 0.5, words.shortened(question, LETTERS), "question"))
    return svg.titled(tooltip(result, static), "".join(body), "row")


def tooltip(result: Result, static: int) -> str:
    """All that is known about one request, in words."""
    ask, answer = result.ask, result.answer
    (_, _), (middle, _), (end, _) = parts(result, static)
    return (
        f"Request {result.number}, {ask.who}: {ask.question}\n"
        f"{words.count(answer.prompt)} prompt tokens: about {words.count(static)} static, "
        f"{words.count(middle - static)} session, {words.count(end - middle)} dynamic\n"
        f"{how(result)}, in {words.duration(answer.total_ms)}" + (f"\n{answer.why}" if answer.why else "")
    )


def how(result: Result) -> str:
    """How this request was answered, in words."""
    answer = result.answer
    if answer.cache == "hit":
        return "answered from the response cache"
    if answer.cache == "joined":
        return "joined the same request in flight"
    reused = from_prefix(answer)
    if not reused:
        return f"computed all {words.count(answer.prompt)} tokens"
    where = "the disk, after the restart" if result.restarted else "the KV cache"
    return f"computed {words.count(answer.prompt - reused)} tokens, {words.count(reused)} from {where}"
