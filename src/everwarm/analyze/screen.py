"""The report on one screen of a terminal: at most 40 lines where 100 columns are wide enough for its notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from everwarm.analyze.figures import count, many, moment, percent, usd
from everwarm.analyze.headline import Headline, headline, is_lost
from everwarm.analyze.report import Repair, Report, Source, Step

LOSSES: Final = 8
REPAIRS: Final = 5
NOTES: Final = 3
SAMPLES: Final = 2
"""Rows that are shown; of more than these it is said how many there are."""

WIDE: Final = 84
"""Columns from which on a row has room for its path."""

BARS: Final = {"read": ("█", "cyan"), "lost": ("▓", "red"), "new": ("░", "dim")}
"""They differ without colour, too."""


def screen(report: Report, width: int) -> RenderableType:
    """For a terminal of so many columns."""
    head = headline(report)
    parts: list[RenderableType] = [_heading(report, head)]
    if head.prompt:
        parts += [Text(), _waterfall(report, width)]
    if report.repairs:
        parts += [Text(), _repairs(report, width)]
    below = [*_traces(report), *_unread(report.sources), *_notes(report.notes)]
    return Group(*parts, *([Text()] if below else []), *below)


def printable(text: str) -> str:
    """Text of a log in one line in which nothing commands the terminal."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))


def _capital(text: str) -> str:
    text = printable(text)
    return text[:1].upper() + text[1:]


def _heading(report: Report, head: Headline) -> Text:
    if not head.prompt:
        return Text("No prompt was found in what was read.", style="bold")
    read, could = (percent(tokens, head.prompt) for tokens in (head.read, head.could))
    text = Text.assemble(
        (f"Read {read} of {count(head.prompt)} prompt tokens from the cache. It could have been {could}.\n", "bold"),
        (f"{_span(report)}\n", "dim"),
        f"Paid {usd(head.cost)}; {usd(head.uncached)} without any cache",
    )
    if head.replayed:
        text.append(f", {usd(head.repaired)} with the best repairs")
    if head.per_day is not None:
        return text.append(". Lost per day: ").append(usd(head.per_day), style="bold red").append(".")
    return text.append(". Lost: ").append(usd(head.lost_money), style="bold red").append(".")


def _span(report: Report) -> str:
    total = report.total
    words = many(total.calls, "call") + (f", {count(total.failed)} of them failed" if total.failed else "")
    if report.began is not None and report.ended is not None:
        words += f", {moment(report.began)} to {moment(report.ended)} UTC"
    return f"{words}, from {many(len(report.sources), 'source')}"


def _waterfall(report: Report, width: int) -> Table:
    total, wide = report.total, width >= WIDE
    length = width // 6 if wide else 8
    table = Table.grid(padding=(0, 1, 0, 0), expand=True, pad_edge=False)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=length, no_wrap=True)
    for least in (10, 6, 7):
        table.add_column(justify="right", no_wrap=True, min_width=least)
    if wide:
        table.add_column(max_width=width // 4, no_wrap=True, overflow="ellipsis", style="dim")
    names = ("", "tokens", "share", "worth", "where")[: 5 if wide else 4]
    table.add_row(Text("Where the tokens went", style="bold"), *(Text(name, style="dim") for name in names))
    at = 0
    for label, kind, tokens, worth, path in _rows(report):
        bar = _bar(at, tokens, total.prompt, length, kind)
        at += tokens
        cells = (Text(label), bar, count(tokens), percent(tokens, total.prompt), worth)
        table.add_row(*cells, *([Text(path)] if wide else []))
    return table


def _rows(report: Report) -> Iterator[tuple[str, str, int, str, str]]:
    """Label, kind, tokens, money, path: of what was read, of what was lost, and of what was new."""
    steps = report.total.steps
    lost, new = ([step for step in steps if is_lost(step) is which] for which in (True, False))
    yield "Read from the cache", "read", report.total.read, "", ""
    shown = lost if len(lost) <= LOSSES else lost[: LOSSES - 1]
    for step in shown:
        yield _capital(step.label), "lost", step.tokens, usd(step.money), printable(step.path)
    if rest := lost[len(shown) :]:
        yield f"{len(rest)} smaller losses", "lost", _tokens(rest), usd(_money(rest)), ""
    for step in new:
        yield _capital(step.label), "new", step.tokens, "", ""


def _tokens(steps: list[Step]) -> int:
    return sum(step.tokens for step in steps)


def _money(steps: list[Step]) -> float | None:
    known = [step.money for step in steps if step.money is not None]
    return sum(known) if known else None


def _bar(at: int, tokens: int, whole: int, length: int, kind: str) -> Text:
    """At its place in the waterfall; at least one character for what is not nothing."""
    first = min(round(at / whole * length), length - 1)
    last = round((at + tokens) / whole * length)
    mark, style = BARS[kind]
    return Text(" " * first).append(mark * max(last - first, 1 if tokens else 0), style=style)


def _repairs(report: Report, width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    names = ("read before", "after", "cost before", "after", "saves") if width >= WIDE else ("read", "cost", "saves")
    for _ in names:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(Text("Repairs, replayed on this log", style="bold"), *(Text(name, style="dim") for name in names))
    for repair in _most(report.repairs):
        table.add_row(_capital(repair.label), *_repair(repair, wide=width >= WIDE))
    return table


def _most(repairs: list[Repair]) -> list[Repair]:
    """Those that save most, and at the end all together."""
    single = [repair for repair in repairs if repair.name != "all"]
    single.sort(key=lambda repair: (-(_saved(repair) or 0.0), repair.before_read - repair.read))
    return single[:REPAIRS] + [repair for repair in repairs if repair.name == "all"]


def _saved(repair: Repair) -> float | None:
    return None if repair.cost is None or repair.before_cost is None else repair.before_cost - repair.cost


def _repair(repair: Repair, *, wide: bool) -> list[str | Text]:
    saved = _saved(repair)
    before: tuple[str, str] = (percent(repair.before_read, repair.before_prompt), usd(repair.before_cost))
    saves = Text(usd(saved), style="bold green" if saved and saved > 0 else "")
    after = percent(repair.read, repair.prompt), usd(repair.cost)
    return [before[0], after[0], before[1], after[1], saves] if wide else [*after, saves]


def _traces(report: Report) -> Iterator[Text]:
    for trace in getattr(report, "traces", ()):
        about = f"{many(trace.requests, 'request')}, {count(trace.tokens)} tokens"
        rate = percent(trace.unlimited, 1)
        yield Text(f"Trace {printable(trace.name)}: {about}; a cache that keeps everything reads {rate}.")


def _unread(sources: list[Source]) -> Iterator[Text]:
    bad = sorted((source for source in sources if source.unread), key=lambda source: -source.unread)
    if bad:
        lines, inside = many(sum(source.unread for source in bad), "line"), many(len(bad), "source")
        yield Text(f"No call was found in {lines} of {inside}:", style="yellow")
    for source in bad[:SAMPLES]:
        yield Text(f"  {printable(source.sample or source.name)}", no_wrap=True, overflow="ellipsis")


def _notes(notes: list[str]) -> Iterator[Text]:
    for note in notes[:NOTES]:
        yield Text(printable(note), style="dim")
    if len(notes) > NOTES:
        yield Text(f"{many(len(notes) - NOTES, 'more note')} in --html and --json.", style="dim")
