"""Streams of requests on a terminal, for ``everwarm layout``: at 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from everwarm.ledger.findings import Counted
from everwarm.ledger.screen import day

MOST = 20
"""Streams that are listed, beside those that have a mode of their own."""


def listed(counted: Sequence[Counted], modes: Mapping[str, str]) -> RenderableType:
    """Those with most requests, and each that has a mode of its own. ``modes``: that, by id."""
    if not counted:
        return Text("No stream of requests was seen in the last week.")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    for name, justify in (("stream", "left"), ("requests", "right"), ("last", "left"), ("its mode", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("model", overflow="fold", style="dim")
    shown = [one for place, one in enumerate(counted) if place < MOST or one.stream in modes]
    for one in shown:
        table.add_row(Text(one.stream), f"{one.requests:,}", day(one.last), modes.get(one.stream, ""), Text(one.model))
    parts: list[RenderableType] = [Text("Streams of requests in the last week", style="bold"), table]
    if len(shown) < len(counted):
        parts.append(Text(f"and {len(counted) - len(shown):,} more", style="dim"))
    parts.append(Text(f"everwarm layout stream {shown[0].stream} shows what was learned of one", style="dim"))
    if not modes:
        parts.append(Text(f'[layout.streams.{shown[0].stream}] mode = "rewrite" gives one its own mode', style="dim"))
    return Group(*parts)
