"""The report on one screen of a terminal: at most 40 lines where 100 columns are wide enough for its notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from everwarm.analyze.report import Repair, Report, Source, Step, Trace
from everwarm.analyze.showing.figures import count, duration, every, many, moment, percent, short, usd
from everwarm.analyze.showing.headline import Headline, headline, is_lost

LOSSES: Final = 8
REPAIRS: Final = 5
NOTES: Final = 3
SAMPLES: Final = 2
POINTS: Final = 7
"""Rows that are shown; of more than these it is said how many there are."""

STEP: Final = 0.005
"""Of all tokens, what a larger cache must read more to be shown."""

_FELT: Final = 0.0005
"""Part of the tokens, or of what they cost."""

WIDE: Final = 84
"""Columns from which on a row has room for its path."""

BARS: Final = {"read": ("█", "cyan"), "lost": ("▓", "red"), "new": ("░", "dim")}
"""They differ without colour, too."""


def screen(report: Report, width: int) -> RenderableType:
    """For a terminal of so many columns."""
    head = headline(report)
    parts: list[RenderableType] = [_heading(report, head)]
    if head.prompt:
        parts += [Text(), _waterfall(report, width), *_advice(report.total.steps)]
    if report.repairs:
        parts += [Text(), *_repairs(report, width)]
    if report.traces:
        parts += [Text(), *_traces(report, width)]
    below = [*_unread(report.sources), *_notes(report.notes)]
    return Group(*parts, *([Text()] if below else []), *below)


def printable(text: str) -> str:
    """Text of a log in one line in which nothing commands the terminal."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))


def _capital(text: str) -> str:
    text = printable(text)
    return text[:1].upper() + text[1:]


def _heading(report: Report, head: Headline) -> Text:
    if not head.prompt:
        return _without_prompts(report)
    text = Text(_rates(report, head), style="bold").append(f"\n{_span(report)}\n", style="dim")
    text.append("Paid " if report.total.reported else "It would cost ")
    text.append(f"{usd(head.cost)}; {usd(head.uncached)} without any cache")
    if head.replayed:
        text.append(f", {usd(head.repaired)} with the best repairs")
    if head.per_day is not None:
        return text.append(". Lost per day: ").append(usd(head.per_day), style="bold red").append(".")
    return text.append(". Lost: ").append(usd(head.lost_money), style="bold red").append(".")


def _without_prompts(report: Report) -> Text:
    if report.traces:
        return Text("Hashes of blocks, without their text: they tell how much, not why.", style="bold")
    failed = report.total.failed
    why = f": {many(failed, 'call')}, all failed or empty" if failed else ""
    return Text(f"No prompt was found in what was read{why}.", style="bold")


def _rates(report: Report, head: Headline) -> str:
    """What was read and could have been; where no provider said it, what its rules give."""
    read, could = (percent(tokens, head.prompt) for tokens in (head.read, head.could))
    if report.total.reported:
        said = f"Read {read} of {count(head.prompt)} prompt tokens from the cache. It could have been {could}."
    else:
        said = f"By the provider's rules {read} of {count(head.prompt)} prompt tokens come from the cache."
        said += f" It could be {could}."
    return said if read != could else said.rpartition(" It could")[0] + " That is all that can be had."


def _span(report: Report) -> str:
    total = report.total
    words = many(total.calls, "call") + (f", {count(total.failed)} failed" if total.failed else "")
    if report.one_in > 1:
        words += f" ({every(report.one_in)} conversation)"
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


def _advice(steps: list[Step]) -> Iterator[Text]:
    """What helps against the largest loss."""
    first = next((step for step in steps if is_lost(step)), None)
    if first is not None and first.cure:
        yield Text.assemble(("Against the first loss: ", "bold green"), printable(first.cure.rstrip(".")), ".")


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


def _repairs(report: Report, width: int) -> Iterator[RenderableType]:
    """Those that help, and which do not."""
    felt = [repair for repair in report.repairs if _is_felt(repair)]
    shown = [repair for repair in _most(felt) if _helps(repair)]
    if shown:
        yield _table(shown, width)
    yield from _others("would cost more", [repair for repair in felt if not _helps(repair)])
    yield from _others("would hardly be felt", [repair for repair in report.repairs if not _is_felt(repair)])


def _others(what: str, repairs: list[Repair]) -> Iterator[Text]:
    if repairs:
        yield Text(f"Tried, but {what}: {printable(', '.join(repair.label for repair in repairs))}.", "dim")


def _is_felt(repair: Repair) -> bool:
    """Whether one of the figures that are shown would be another one."""
    saved, before = _saved(repair), repair.before_read / max(repair.before_prompt, 1)
    read = repair.read / max(repair.prompt, 1)
    return abs(read - before) >= _FELT or abs(saved or 0.0) >= _FELT * (repair.before_cost or 1.0)


def _table(repairs: list[Repair], width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    names = ("read before", "after", "cost before", "after", "saves") if width >= WIDE else ("read", "cost", "saves")
    for _ in names:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(Text("Repairs, replayed on this log", style="bold"), *(Text(name, style="dim") for name in names))
    for repair in repairs:
        table.add_row(_capital(repair.label), *_repair(repair, wide=width >= WIDE))
    return table


def _helps(repair: Repair) -> bool:
    saved = _saved(repair)
    return saved >= 0 if saved is not None else repair.read > repair.before_read


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


def _traces(report: Report, width: int) -> Iterator[RenderableType]:
    for trace in report.traces:
        yield from _trace(trace, width)


def _trace(trace: Trace, width: int) -> Iterator[RenderableType]:
    """How much caches of all sizes read, and of all lifetimes: some of each, evenly chosen."""
    about = f"{many(trace.requests, 'request')}, {count(trace.tokens)} tokens in blocks of {count(trace.size)}"
    yield Text(f"{printable(trace.name)}: {about}")
    yield Text(f"A cache that keeps everything reads {percent(trace.unlimited, 1)}.", style="bold")
    sizes = [(f"{short(tokens)} tokens", rate) for tokens, rate in trace.curve]
    lives = [(duration(seconds), rate) for seconds, rate in trace.ttl]
    for words, points in (("One of so many tokens:", sizes), ("One that keeps a block so long:", lives)):
        if points:
            yield Text(words, style="dim")
            yield _points(_some(points, POINTS), width)
    if trace.note:
        yield Text(printable(trace.note), style="dim")


def _points(points: list[tuple[str, float]], width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", min_width=12)
    for name, rate in points:
        table.add_row(name, f"{percent(rate, 1):>6}", Text("█" * round(rate * width / 2), style="cyan"))
    return table


def _some(points: list[tuple[str, float]], most: int) -> list[tuple[str, float]]:
    """Of those that read more than the one before the first, the last, and those between at equal steps."""
    rising = [point for n, point in enumerate(points) if not n or point[1] - points[n - 1][1] >= STEP]
    if len(rising) <= most:
        return rising
    return [rising[n * (len(rising) - 1) // (most - 1)] for n in range(most)]


def _unread(sources: list[Source]) -> Iterator[Text]:
    bad = sorted((source for source in sources if source.unread), key=lambda source: -source.unread)
    if bad:
        lines, inside = many(sum(source.unread for source in bad), "line"), many(len(bad), "source")
        yield Text(f"No call was found in {lines} of {inside}:", style="yellow")
    for source in bad[:SAMPLES]:
        yield Text(f"  {printable(source.sample or source.name)}", overflow="fold")


def _notes(notes: list[str]) -> Iterator[Text]:
    for note in notes[:NOTES]:
        yield Text(printable(note), style="dim")
    if len(notes) > NOTES:
        yield Text(f"{many(len(notes) - NOTES, 'more note')} in --html and --json.", style="dim")
