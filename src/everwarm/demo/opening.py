"""The first act: all eight ask at the same moment, and what they share is computed once. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from everwarm.demo import svg, words
from everwarm.demo.lanes import tooltip
from everwarm.demo.script import OPENING
from everwarm.demo.tally import Result, computed, from_prefix

TOP, ROW, BAR = 30.0, 22.0, 14.0
LEFT, LENGTH, SHARES, QUESTIONS = 62.0, 576.0, 652.0, 832.0
"""Where the bars begin, how long the longest is, where the numbers begin, where the questions begin."""


def together(results: Sequence[Result]) -> list[Result]:
    """The requests of the first act that the model answered."""
    return [r for r in results if r.ask in OPENING and computed(r.answer)]


def sentence(results: Sequence[Result]) -> str:
    """What this act took, in words; "" if it was not played."""
    group = together(results)
    if not group:
        return ""
    asked, reused = sum(r.answer.prompt for r in group), sum(from_prefix(r.answer) for r in group)
    whole = sum(not from_prefix(r.answer) for r in group)
    said = "one prompt was computed as a whole" if whole == 1 else f"{whole} prompts were computed as a whole"
    rest = "; the others waited for it, and share what they have in common with it" if 0 < whole < len(group) else ""
    numbers = f"Of {words.count(asked)} prompt tokens {words.count(asked - reused)} were computed."
    return f"When all eight asked, nothing was known: {said}{rest}. {numbers}"


def opening(results: Sequence[Result], static: int, width: float) -> str:
    """Heading, a sentence and a bar for each person; nothing if this act was not played."""
    group = together(results)
    if not group:
        return ""
    drawing = svg.svg(width, TOP + ROW * len(group), sentence(results), _drawing(group, static))
    return (
        "<h2>Eight people ask at the same moment, and share one handbook</h2>\n"
        f'<p class="note">{svg.clean(sentence(results))}</p>\n'
        f'<div class="wide">{drawing}</div>'
    )


def _drawing(group: Sequence[Result], static: int) -> str:
    """A bracket over what all share, and a line from there through all bars."""
    scale = LENGTH / max(1, *(r.answer.prompt for r in group))
    shared = max(from_prefix(r.answer) for r in group)
    end = LEFT + shared * scale
    body = [_row(r, TOP + at * ROW, static, scale) for at, r in enumerate(group)]
    if shared:
        says = f"system prompt and handbook: {words.count(shared)} tokens, the same for everybody"
        body.append(svg.path(f"M{LEFT:.2f} {TOP - 4:g}v-5H{end:.2f}V{TOP + ROW * len(group) - 6:g}", "guide"))
        body.append(svg.text((LEFT + end) / 2, TOP - 15, says, "muted mid"))
    return "".join(body)


def _row(result: Result, top: float, static: int, scale: float) -> str:
    answer, base = result.answer, top + BAR - 2.5
    reused = from_prefix(answer)
    end = LEFT + reused * scale
    numbers = f"{words.count(answer.prompt - reused)} computed" + (f", {words.count(reused)} shared" if reused else "")
    body = [
        svg.text(0, base, result.ask.who, "strong"),
        svg.rect(LEFT, top, reused * scale, BAR, "prefix"),
        svg.rect(end, top, (answer.prompt - reused) * scale, BAR, "computed"),
        svg.text(SHARES, base, numbers, "num"),
        svg.text(QUESTIONS, base, f"“{result.ask.question}”", "muted"),
    ]
    return svg.titled(tooltip(result, static), "".join(body), "one")
