"""The waterfall: from all prompt tokens down to what was new. A table, so that it can be read without a script."""

from __future__ import annotations

from everwarm.analyze.report import Report, Step, Sums
from everwarm.analyze.showing.figures import count, many, percent, usd
from everwarm.analyze.showing.headline import is_lost
from everwarm.analyze.showing.page.html import e, prose, section, strip, tag, title

COLUMNS = (("Step", None), ("", None), ("Tokens", "n"), ("Share", "n"), ("Worth", "n"))
TITLE = "Where the prompt tokens went"
NOTE = "Each row begins where the one above it ends, down to all prompt tokens. A row with an arrow tells more."


def waterfall(report: Report) -> str:
    """The section; empty where there were no prompts."""
    total = report.total
    if not total.prompt:
        return ""
    head = "".join(tag("th", e(name), scope="col", class_=kind, role="columnheader") for name, kind in COLUMNS)
    top = tag("thead", tag("tr", head, role="row"), role="rowgroup")
    caption = tag("caption", TITLE, class_="sr")
    whole = tag("table", caption + top + tag("tbody", _rows(total), role="rowgroup"), class_="waterfall", role="table")
    return section("waterfall", TITLE, whole, NOTE)


def _rows(total: Sums) -> str:
    out = _row("Read from the cache", "read", total.read, 0, total, "")
    at = total.read
    for number, step in enumerate(total.steps):
        kind = "lost" if is_lost(step) else "new"
        more = _more(step)
        worth = usd(step.money) if kind == "lost" else ""
        out += _row(step.label, kind, step.tokens, at, total, worth, number if more else None)
        if more:
            cell = tag("td", more, colspan=5, role="cell")
            out += tag("tr", cell, class_="more", id=f"more-{number}", role="row")
        at += step.tokens
    return out + _row("All prompt tokens", "all", total.prompt, 0, total, "")


def _row(label: str, kind: str, tokens: int, at: int, total: Sums, money: str, number: int | None = None) -> str:
    """``at``: tokens before it. ``number``: of the row below that tells more."""
    bar = strip([(at / total.prompt, tokens / total.prompt, kind)], least=0.004)
    cells = tag("th", tag("span", title(label), class_="label"), scope="row", role="rowheader")
    cells += tag("td", bar, class_="bar", role="cell")
    for text, name in ((count(tokens), "tokens"), (percent(tokens, total.prompt), "share"), (money, "worth")):
        cells += tag("td", e(text), class_=f"n {name}", role="cell")
    more = None if number is None else f"more-{number}"
    return tag("tr", cells, class_=f"step {kind}-step", data_more=more, role="row")


def _more(step: Step) -> str:
    """What an opened row shows; empty where nothing more is known."""
    facts = [
        ("Where", e(_place(step))),
        ("In", many(step.calls, "call")),
        ("Example", e(step.where)),
        ("Evidence", prose(step.evidence)),
        ("What helps", prose(step.cure)),
    ]
    if not (step.path or step.where or step.evidence or step.cure or step.was or step.became):
        return ""
    listed = "".join(tag("dt", name) + tag("dd", text) for name, text in facts if text)
    return pair(step.was, step.became) + tag("dl", listed, class_="facts")


def _place(step: Step) -> str:
    if not step.path:
        return ""
    return step.path + (f", characters {count(step.start)} to {count(step.end)}" if step.end > step.start else "")


def pair(was: str, became: str) -> str:
    """Two values side by side, with what differs marked; empty where there is nothing to compare."""
    if not was and not became:
        return ""
    first, last = _common(was, became)
    sides = (("It was", was, "was"), ("It became", became, "became"))
    return tag("div", "".join(_side(*side, first, last) for side in sides), class_="pair")


def _side(heading: str, text: str, kind: str, first: int, last: int) -> str:
    until = len(text) - last
    inner = e(text[:first]) + (tag("mark", e(text[first:until])) if until > first else "") + e(text[until:])
    if not text:
        inner = tag("i", "nothing")
    return tag("figure", tag("figcaption", heading) + tag("pre", inner), class_=kind)


def _common(a: str, b: str) -> tuple[int, int]:
    """How many characters both begin with, and how many of the rest both end with."""
    short = min(len(a), len(b))
    first = next((i for i in range(short) if a[i] != b[i]), short)
    last = next((i for i in range(short - first) if a[-1 - i] != b[-1 - i]), short - first)
    return first, last
