"""The tables of the page: repairs, answers, groups, sources."""

from __future__ import annotations

from collections.abc import Iterable

from everwarm.analyze.report import Repair, Report, Source, Sums
from everwarm.analyze.showing.figures import count, duration, many, percent, usd
from everwarm.analyze.showing.headline import is_lost
from everwarm.analyze.showing.page.html import Cell, Head, e, prose, section, strip, table, tag, title

REPAIRS = ("Repair", "Calls changed", "Read before", "Read after", "Cost before", "Cost after", "Saves")
GROUPS = ("Name", "Calls", "Failed", "Prompt tokens", "Read", "Rate", "Could be", "Lost tokens", "Cost", "Lost money")
ANSWERS = ("Kept for", "Calls answered", "Of all calls", "Tokens saved", "Cost saved")
SOURCES = ("Source", "Format", "Calls", "Repeated", "Unread lines", "Bytes")
SHOWN = 12
"""Sources that are listed without being asked for."""


def _heads(names: Iterable[str], words: int = 1) -> list[Head]:
    """Columns, of which so many are words and the rest numbers."""
    return [Head(name, number=index >= words) for index, name in enumerate(names)]


def repairs(report: Report) -> str:
    """Each repair before and after."""
    if not report.repairs:
        return ""
    rows = [_repair(repair) for repair in report.repairs]
    note = "Each was applied to this log, and the log was run again under the same rules: replayed, not estimated."
    inside = table("Repairs, replayed", _heads(REPAIRS), rows, "repairs", labelled=True)
    return section("repairs", "What repairs would do", inside, note)


def _repair(repair: Repair) -> list[Cell]:
    saves = None if repair.cost is None or repair.before_cost is None else repair.before_cost - repair.cost
    name = tag("span", title(repair.label)) + (tag("span", prose(repair.note), class_="note") if repair.note else "")
    before, after = repair.before_read / (repair.before_prompt or 1), repair.read / (repair.prompt or 1)
    gain = (before, after - before, "gain") if after >= before else (after, before - after, "lost")
    bar = strip([(0, min(before, after), "read"), gain], "thin")
    return [
        Cell(name),
        Cell(count(repair.calls)),
        Cell(f"{count(repair.before_read)} {_small(percent(repair.before_read, repair.before_prompt))}"),
        Cell(f"{count(repair.read)} {_small(percent(repair.read, repair.prompt))}{bar}"),
        Cell(usd(repair.before_cost)),
        Cell(usd(repair.cost)),
        Cell(tag("b", usd(saves), class_="read-ink" if saves and saves > 0 else None)),
    ]


def _small(text: str) -> str:
    return tag("span", e(text), class_="note")


def answers(report: Report) -> str:
    """What a cache of answers would have done."""
    if not report.answers and not report.near:
        return ""
    rows = [
        [
            Cell(duration(answer.ttl)),
            Cell(count(answer.calls)),
            Cell(percent(answer.calls, report.total.calls)),
            Cell(count(answer.tokens)),
            Cell(usd(answer.cost)),
        ]
        for answer in report.answers
    ]
    near = f"{many(report.near, 'call')} more asked nearly the same as one before: but for a clock, or a few words."
    inside = (table("Answers from a cache", _heads(ANSWERS), rows) if rows else "") + (
        tag("p", near, class_="note") if report.near else ""
    )
    note = "Calls that repeat an earlier one exactly: a cache of whole answers would have spared them."
    return section("answers", "Answers that were asked for twice", inside, note)


def groups(report: Report) -> str:
    """Models, applications, streams and days, each as a table that can be sorted."""
    named = (
        ("models", "Models", report.models),
        ("apps", "Applications", report.apps),
        ("streams", "Streams", report.streams),
        ("days", "Days", report.days),
    )
    return "".join(section(name, heading, _group(heading, sums)) for name, heading, sums in named if sums)


def _group(heading: str, sums: list[Sums]) -> str:
    return table(heading, _heads(GROUPS), [_sums(one) for one in sums], "sortable")


def _sums(one: Sums) -> list[Cell]:
    wasted = [step for step in one.steps if is_lost(step)]
    prices = [step.money for step in wasted if step.money is not None]
    lost, worth = sum(step.tokens for step in wasted), sum(prices) if prices or one.cost is not None else None
    whole = one.prompt or 1
    shares = [(0, one.read / whole, "read"), (one.read / whole, lost / whole, "lost")]
    return [
        Cell(tag("code", e(one.name or "unnamed"))),
        _number(one.calls),
        _number(one.failed),
        _number(one.prompt),
        _number(one.read),
        Cell(percent(one.read, one.prompt) + strip(shares, "thin track"), one.rate),
        Cell(percent(one.ideal, one.prompt), one.ideal / whole),
        _number(lost),
        Cell(usd(one.cost), -1 if one.cost is None else one.cost),
        Cell(usd(worth), -1 if worth is None else worth),
    ]


def _number(number: int) -> Cell:
    return Cell(count(number), number)


def sources(report: Report) -> str:
    """What was read; the unread lines first."""
    if not report.sources:
        return ""
    listed = sorted(report.sources, key=lambda source: -source.unread)
    unread = sum(source.unread for source in listed)
    shown = max(SHOWN, sum(bool(source.unread) for source in listed))
    inside = table("Sources", _heads(SOURCES, 2), [_source(one) for one in listed[:shown]], "sortable")
    if rest := listed[shown:]:
        more = table("More sources", _heads(SOURCES, 2), [_source(one) for one in rest], "sortable")
        inside += tag("details", tag("summary", f"{many(len(rest), 'more source')}") + more)
    note = f"In {many(unread, 'line')} no call was found; the first of each source is shown." if unread else ""
    return section("sources", "What was read", inside, note)


def _source(one: Source) -> list[Cell]:
    sample = tag("pre", e(one.sample), class_="sample") if one.sample else ""
    return [
        Cell(tag("code", e(one.name)) + sample),
        Cell(e(one.format or "not understood")),
        _number(one.calls),
        _number(one.repeated),
        Cell(tag("b", count(one.unread), class_="lost-ink") if one.unread else "0", one.unread),
        _number(one.bytes),
    ]


def notes(report: Report) -> str:
    """What is estimated, assumed or left out."""
    if not report.notes:
        return ""
    return section(
        "notes", "Notes", tag("ul", "".join(tag("li", prose(note)) for note in report.notes), class_="notes")
    )
