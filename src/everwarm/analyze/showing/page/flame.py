"""The prefix flame graph: the tree as rows for the script, and its widest stretches as a table without one."""

from __future__ import annotations

from collections.abc import Iterator

from everwarm.analyze.report import Flame, Report
from everwarm.analyze.showing.figures import count, percent
from everwarm.analyze.showing.page.html import Cell, Head, e, section, table, tag

Row = tuple[int, str, str, int, int, int, int, str]
"""Number of the row that it goes on from (-1: none), text, tier, tokens of one call, calls, read, lost, cause."""

WIDEST = 12
NOTE = (
    "How prompts begin, from the top down. The width of a stretch is tokens times requests of all prompts that begin "
    "with it; its colours say how much of the stretch itself was read, lost and new."
)


def rows(flames: list[Flame]) -> list[Row]:
    """The tree without recursion, every stretch before how it goes on: depth has no limit."""
    out: list[Row] = []
    stack = [(-1, flame) for flame in reversed(flames)]
    while stack:
        parent, one = stack.pop()
        stack += [(len(out), inner) for inner in reversed(one.inside)]
        out.append((parent, one.text, one.tier, one.tokens, one.calls, one.read, one.lost, one.cause))
    return out


def flame(report: Report) -> str:
    """The section, in which the script draws; empty where there is no tree."""
    if not report.flame:
        return ""
    listed = sorted(_all(report.flame), key=lambda one: -one.tokens * one.calls)[:WIDEST]
    heads = [Head("How it begins", number=False), *map(Head, ("Tokens", "Calls", "Tokens × calls", "Read", "Lost"))]
    widest = table("The widest stretches", heads, [_cells(one) for one in listed])
    summary = tag("summary", "The widest stretches as a table")
    return section("flame", "Prefix flame graph", _ROOM + tag("details", summary + widest), NOTE)


def _all(flames: list[Flame]) -> Iterator[Flame]:
    stack = list(flames)
    while stack:
        one = stack.pop()
        stack += one.inside
        yield one


def _cells(one: Flame) -> list[Cell]:
    whole = one.tokens * one.calls
    name = tag("code", e(one.text[:100]))
    numbers = count(one.tokens), count(one.calls), count(whole), percent(one.read, whole), percent(one.lost, whole)
    return [Cell(name), *map(Cell, numbers)]


_ROOM = """<div id="flame-room" hidden>
<div class="tools"><label for="find">Find text</label>
<input id="find" type="search" autocomplete="off" spellcheck="false"> <output id="found" for="find"></output>
<button id="back" type="button" disabled>Back</button> <button id="whole" type="button" disabled>Show all</button></div>
<ol id="crumbs" class="crumbs" aria-label="Where you are"></ol>
<div id="flame-box"><canvas id="flame-canvas" tabindex="0" role="application" aria-roledescription="flame graph"
 aria-label="Prefix flame graph" aria-describedby="flame-help stretch"></canvas></div>
<ul class="legend"><li><span class="swatch read" id="tone-read"></span>read</li><li><span class="swatch lost"
 id="tone-lost"></span>lost</li><li><span class="swatch new" id="tone-new"></span>new</li></ul>
<div id="stretch" class="stretch" aria-live="polite"></div>
<p id="flame-help" class="note">Click to zoom. With the keyboard: arrows to move, Enter to zoom, Escape to go back, Home
for all.</p></div>
<noscript><p class="note">The drawing needs JavaScript, which is off. The table below does not.</p></noscript>"""
