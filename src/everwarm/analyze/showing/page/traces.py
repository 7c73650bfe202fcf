"""Traces of hashed blocks: the curve of the hit rate over the size of the cache, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from everwarm.analyze.report import Report
from everwarm.analyze.showing.figures import count, duration, many, percent
from everwarm.analyze.showing.page.html import Cell, Head, e, section, table, tag

WIDTH, HEIGHT = 1000.0, 200.0
"""Of the drawing, in units of its view box."""


def traces_of(report: Report) -> Sequence[Any]:
    """The traces; none where the report knows no such thing."""
    return getattr(report, "traces", ())


def traces(report: Report) -> str:
    """A section for each."""
    return "".join(_trace(number, one) for number, one in enumerate(traces_of(report)))


def _trace(number: int, one: Any) -> str:
    about = f"{many(one.requests, 'request')}, {count(one.tokens)} tokens, {many(one.blocks, 'distinct block')} of "
    about += f"{many(one.size, 'token')}. A cache that keeps everything would have read {percent(one.unlimited, 1)}."
    sizes = [[Cell(count(held)), Cell(percent(rate, 1))] for held, rate in one.curve]
    needed = [[Cell(percent(share, 1)), Cell(count(held))] for share, held in one.needed]
    lives = [[Cell(duration(seconds)), Cell(percent(rate, 1))] for seconds, rate in one.ttl]
    inside = _curve(one) + "".join(
        _numbers(title, heads, rows)
        for title, heads, rows in (
            ("Sizes as a table", ("Tokens that the cache holds", "Rate"), sizes),
            ("What is needed for a share of that", ("Share", "Tokens that the cache holds"), needed),
            ("Lifetimes", ("A block lives since its last use", "Rate"), lives),
        )
        if rows
    )
    note = tag("p", e(one.note), class_="note") if one.note else ""
    return section(f"trace-{number}", f"Trace: {one.name}", inside + note, about)


def _numbers(title: str, heads: tuple[str, str], rows: list[list[Cell]]) -> str:
    whole = table(title, [Head(heads[0], number=False), Head(heads[1])], rows)
    return tag("details", tag("summary", title) + whole)


def _curve(one: Any) -> str:
    """Sizes in logarithmic steps from the left, the rate upwards from 0 to 100%; dashed: the unlimited cache."""
    sizes = [(math.log(held), rate) for held, rate in one.curve if held > 0]
    if len(sizes) < 2 or sizes[0][0] == sizes[-1][0]:
        return ""
    first, span = sizes[0][0], sizes[-1][0] - sizes[0][0]
    points = " ".join(f"{(at - first) / span * WIDTH:.1f},{HEIGHT * (1 - rate):.1f}" for at, rate in sizes)
    title = tag("title", e(f"Hit rate of {one.name} over the size of the cache"))
    ceiling = HEIGHT * (1 - one.unlimited)
    line = tag("line", x1=0, x2=WIDTH, y1=round(ceiling, 1), y2=round(ceiling, 1), class_="ceiling")
    area = tag("polygon", points=f"0,{HEIGHT:g} {points} {WIDTH:g},{HEIGHT:g}", class_="read")
    box = f"0 0 {WIDTH:g} {HEIGHT:g}"
    drawing = tag("svg", title + area + line, viewBox=box, preserveAspectRatio="none", role="img", class_="curve")
    scale = tag("div", "".join(tag("span", text) for text in ("100%", "50%", "0%")), class_="scale", aria_hidden="true")
    ends = "".join(tag("span", f"{count(held)} tokens") for held in (one.curve[0][0], one.curve[-1][0]))
    return tag("div", scale + drawing, class_="chart small") + tag("p", ends, class_="ticks note", aria_hidden="true")
