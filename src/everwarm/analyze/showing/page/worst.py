"""The requests that lost most, each as a bar of what it is made of."""

from __future__ import annotations

from everwarm.analyze.report import Bar, Report, Worst
from everwarm.analyze.showing.figures import count, moment, percent
from everwarm.analyze.showing.page.html import e, legend, section, tag, title
from everwarm.analyze.showing.page.waterfall import pair

WIDTH, THICK, THIN = 1000.0, 30.0, 8.0
COLOURS = (
    ("static", "static: the same for everybody"),
    ("session", "session: the same within a conversation"),
    ("dynamic", "dynamic: another one each time"),
    ("read", "below: read from the cache"),
)


def worst(report: Report) -> str:
    """The section; empty where nothing was lost."""
    if not report.worst:
        return ""
    items = "".join(tag("li", _one(one)) for one in report.worst)
    note = (
        "In the order in which the model reads, from the left. Nothing after the first break can be read from a cache."
    )
    return section("worst", "The requests that lost most", legend(COLOURS) + tag("ol", items, class_="worst"), note)


def _one(one: Worst) -> str:
    lost = tag("b", f"{count(one.lost)} lost", class_="lost-ink")
    figures = f"{lost} of {count(one.prompt)} tokens, {percent(one.read, one.prompt)} read"
    about = " · ".join(part for part in (one.model, "" if one.at is None else f"{moment(one.at)} UTC") if part)
    top = tag("h3", tag("code", e(one.where)) + tag("span", e(about), class_="note"))
    cause = tag("span", title(one.label)) + (f" at {tag('code', e(one.path))}" if one.path else "")
    text = tag("p", f"{figures}. {cause}")
    two = pair(one.was, one.became)
    more = tag("details", tag("summary", "The two values side by side") + two) if two else ""
    return top + text + (_bars(one.bars, one.where) if one.bars else "") + more


def _bars(bars: list[Bar], where: str) -> str:
    whole = sum(bar.tokens for bar in bars) or 1
    shapes, at = "", 0.0
    for bar in bars:
        wide = WIDTH * bar.tokens / whole
        shapes += tag("g", tag("title", e(_words(bar))) + _shapes(bar, at, max(wide - 1.5, 0.8)))
        at += wide
    name = tag("title", e(f"What the request at {where} is made of"))
    box = f"0 0 {WIDTH:g} {THICK + THIN:g}"
    return tag("svg", name + shapes, viewBox=box, preserveAspectRatio="none", role="img", class_="made")


def _shapes(bar: Bar, x: float, width: float) -> str:
    colour = bar.stability if bar.stability in ("static", "session") else "dynamic"
    common = {"x": round(x, 2), "width": round(width, 2)}
    above = tag("rect", **common, y=0, height=THICK, class_=colour)
    return above + tag("rect", **common, y=THICK + 2, height=THIN - 2, class_="read" if bar.read else "unread")


def _words(bar: Bar) -> str:
    return f"{bar.stability}, {count(bar.tokens)} tokens, {'read' if bar.read else 'not read'}: {bar.text}"
