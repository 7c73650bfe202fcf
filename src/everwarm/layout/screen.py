"""One stream on a terminal, for ``everwarm layout stream``: at 80 columns, but for its prompt."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from statistics import median
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from everwarm.core.arrivals import Arrivals
from everwarm.core.layout.stream import Stream
from everwarm.layout.known import Known
from everwarm.layout.spans import Span, changes, lasting, spans_of
from everwarm.ledger import screen
from everwarm.ledger.screen import day, duration

STYLES: Final = {"dynamic": "bold yellow", "session": "bold cyan", "static": "bold"}
"""Of a place, by how long its values last."""

NOT_KEPT: Final = "What stood there is not kept, only marks that tell values apart."
GONE: Final = (
    "What was learned of it is not in layout.db: it was forgotten, or pushed out by layout.notes_mb, or its requests "
    "say no-store."
)


def shown(known: Known) -> Iterator[RenderableType]:
    """All that is known of it; the prompt comes last, for it may be long."""
    yield Text(f"Stream {known.stream}", style="bold")
    yield _facts(known)
    if known.findings:
        yield Text()
        yield screen.findings({"findings": known.findings})
    if not known.learned:
        yield Text()
        yield Padding(Text(GONE, style="yellow"), 0)
    for space, stream in known.learned.items():
        yield Text()
        yield from _learned(known, space, stream)


def _facts(known: Known) -> Padding:
    rows = _rows()
    rows.add_row("model", Text(known.model or "not known: no ledger tells it"))
    rows.add_row("protocol", known.dialect or "not known")
    for asked in known.asked:
        who = f"{asked.requests:,} of {asked.namespace}, {day(asked.first)} to {day(asked.last)}"
        rows.add_row("requests", Text(who))
    rows.add_row("mode", f"{known.mode}, {'its own' if known.own else 'as all of its kind'}")
    if not known.own and known.mode == "advise":
        setting = f'[layout.streams.{known.stream}] mode = "rewrite"'
        rows.add_row("", Text(f"{setting} repairs it", style="dim"))
    return Padding(rows, (0, 0, 0, 2))


def _learned(known: Known, space: str, stream: Stream) -> Iterator[RenderableType]:
    yield Text(f"What was learned in namespace {space}, from {stream.requests:,} requests", style="bold")
    yield Padding(_times(known, stream), (0, 0, 0, 2))
    spans = list(spans_of(stream, known.mode))
    if spans:
        yield _table(spans)
        yield Text(NOT_KEPT, style="dim")
    yield Text()
    if not any(stream.template.literals):
        yield Text("Its requests have no system prompt.")
        return
    yield Text("The system prompt", style="bold")
    yield prompt(stream)


def _times(known: Known, stream: Stream) -> Table:
    rows = _rows()
    of_all, of_talks = stream.arrivals
    rows.add_row("arrive", _every(of_all))
    rows.add_row("go on", _talks(of_talks))
    lifetimes = known.lifetimes(stream)
    if lifetimes is not None:
        only = "" if known.mode == "rewrite" else ", in mode rewrite only"
        rows.add_row("marks", f"{lifetimes.shared or 'none'} for what all share")
        rows.add_row("", f"{lifetimes.talks or 'none'} at the ends of conversations")
        rows.add_row("", f"by {lifetimes.provider}'s rule, from {lifetimes.minimum:,} tokens on{only}")
    return rows


def _every(arrivals: Arrivals) -> str:
    gaps = arrivals.gaps
    if not gaps:
        return "too few came to say how often"
    return f"every {duration(median(gaps))}, the median of the last {len(gaps)} gaps"


def _talks(arrivals: Arrivals) -> str:
    gone_on = [gap for gap in arrivals.gaps if isfinite(gap)]
    if not gone_on:
        return "no conversation went on"
    of = f"{len(gone_on)} of the last {len(arrivals.gaps)}"
    return f"{of} went on with a conversation, after {duration(median(gone_on))}"


def _table(spans: list[Span]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    for title in ("span", "is", "lasts", "sure", "changed", "rewrite"):
        table.add_column(title, justify="right" if title == "sure" else "left", overflow="fold")
    for slot, fate in spans:
        name, sure = Text(slot.name, style=STYLES[slot.stability]), f"{100 * slot.confidence:.0f} %"
        table.add_row(name, Text(slot.kind), lasting(slot), sure, changes(slot), fate)
    return table


def prompt(stream: Stream) -> Text:
    """What all share, with the names of what differs between it."""
    first, *others = stream.template.literals
    text = Text(_plain(first))
    for slot, literal in zip(stream.slots, others, strict=True):
        text.append(f"⟨{_plain(slot.name)}⟩", style=STYLES[slot.stability])
        text.append(_plain(literal))
    return text


def _plain(text: str) -> str:
    """Nothing that a terminal would obey. Parts of a prompt are joined by a zero byte."""
    shown = text.replace("\0", "── next part")
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in shown)


def _rows() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table
