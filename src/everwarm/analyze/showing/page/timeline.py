"""The hit rate over time: a drawing of what became of the prompt tokens of each stretch of time."""

from __future__ import annotations

from collections.abc import Sequence

from everwarm.analyze.report import Moment, Report
from everwarm.analyze.showing.figures import count, many, moment, percent
from everwarm.analyze.showing.page.html import e, legend, section, tag

WIDTH, HEIGHT, VOLUME = 1000.0, 200.0, 36.0
"""Of the drawing, in units of its view box: the shares, and below them how many tokens there were."""
MARK, GAP = 10.0, 8.0
READOUT = "Times are in UTC. The bars at the bottom say how many prompt tokens there were."
MOST = 240
"""Bars that the eye can tell apart."""


def timeline(report: Report) -> str:
    """The section; empty where no time is known."""
    moments = merged([one for one in report.timeline if one.prompt], MOST)
    if not moments:
        return ""
    began, ended = moments[0].at, max(one.at + one.seconds for one in moments)
    span, most = (ended - began) or 1.0, max(one.prompt for one in moments)
    bars = "".join(_bar(one, (one.at - began) / span * WIDTH, one.seconds / span * WIDTH, most) for one in moments)
    words = f"Hit rate from {moment(began)} to {moment(ended)} UTC"
    box = f"0 0 {WIDTH:g} {MARK + HEIGHT + GAP + VOLUME:g}"
    drawing = tag("svg", tag("title", words) + bars, viewBox=box, preserveAspectRatio="none", role="img", class_="plot")
    ticks = "".join(tag("span", text) for text in (moment(began), moment((began + ended) / 2), moment(ended)))
    scale = tag("div", "".join(tag("span", text) for text in ("100%", "50%", "0%")), class_="scale", aria_hidden="true")
    whole = tag("div", scale + drawing, class_="chart") + tag("p", ticks, class_="ticks note", aria_hidden="true")
    readout = tag("p", READOUT, class_="note", id="moment", aria_live="polite")
    return section("timeline", "Hit rate over time", _colours() + whole + readout, _lead(report.timeline))


def _colours() -> str:
    return legend(
        (("read", "read"), ("expired", "lost: lifetime over (TTL)"), ("lost", "lost to something else"), ("new", "new"))
    )


def _lead(moments: list[Moment]) -> str:
    expired = sum(one.expired for one in moments)
    gaps = sum(bool(one.expired) for one in moments)
    if not expired:
        return "Nothing was lost because a lifetime (TTL) was over."
    shown = sum(bool(one.prompt) for one in moments)
    where = f"In {count(gaps)} of {count(shown)} stretches of time, marked above the bars"
    return f"{where}, a lifetime (TTL) was over before the next call came: {count(expired)} tokens."


def _bar(one: Moment, x: float, width: float, most: int) -> str:
    width = max(width - (0.6 if width > 3 else 0), 1.2)
    shares = ((one.read, "read"), (one.expired, "expired"), (max(one.lost - one.expired, 0), "lost"))
    out, y = tag("title", e(_words(one))) + _rect(x, MARK, width, HEIGHT, "new"), MARK + HEIGHT
    for tokens, kind in shares:
        tall = HEIGHT * tokens / one.prompt
        y -= tall
        out += _rect(x, y, width, tall, kind) if tokens else ""
    if one.expired:
        out += _rect(x, 0, width, MARK - 4, "expired")
    volume = VOLUME * one.prompt / most
    return tag("g", out + _rect(x, MARK + HEIGHT + GAP + VOLUME - volume, width, volume, "volume"))


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return tag("rect", x=round(x, 2), y=round(y, 2), width=round(width, 2), height=round(height, 2), class_=kind)


def _words(one: Moment) -> str:
    words = f"{moment(one.at)}: read {percent(one.read, one.prompt)} of {count(one.prompt)} tokens"
    words += f" in {many(one.calls, 'call')}"
    words += f", lost {percent(one.lost, one.prompt)}" if one.lost else ""
    return words + (f" ({count(one.expired)} tokens because a lifetime was over)" if one.expired else "")


def merged(moments: Sequence[Moment], most: int) -> list[Moment]:
    """At most so many, in the order of time: neighbours become one."""
    ordered = sorted(moments, key=lambda one: one.at)
    step = -(-len(ordered) // most) or 1
    return [_together(ordered[i : i + step]) for i in range(0, len(ordered), step)]


def _together(some: Sequence[Moment]) -> Moment:
    began, ended = some[0].at, max(one.at + one.seconds for one in some)
    sums = (sum(getattr(one, name) for one in some) for name in ("calls", "prompt", "read", "expired", "lost"))
    return Moment(began, ended - began, *sums)
