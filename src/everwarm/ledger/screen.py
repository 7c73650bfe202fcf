"""The sums on one screen of a terminal, at 80 columns."""

from __future__ import annotations

import time
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

LAYERS = (
    ("exact", "exact", "asked before"),
    ("flight", "flight", "asked at that time"),
    ("prefix", "prefix", "same beginning"),
)


def screen(stats: dict[str, Any]) -> RenderableType:
    """What ``report.stats`` says, for people."""
    if not stats["requests"]:
        return Text("Nothing was asked yet. This fills once requests come in.")
    parts: list[RenderableType] = [_heading(stats), _layers(stats), _totals(stats)]
    notes = list(_notes(stats))
    if notes:
        parts += [Text(), *notes]
    if stats["findings"]:
        parts += [Text(), findings(stats)]
    return Padding(Group(*parts), (1, 1))


def _heading(stats: dict[str, Any]) -> Text:
    who = "all namespaces" if stats["namespace"] is None else f"namespace {stats['namespace']}"
    requests, errors = stats["requests"], stats["errors"]
    text = Text(f"{requests:,} request{'s' * (requests != 1)}", style="bold")
    text.append(f", {errors:,} of them failed" if errors else "", style="red")
    text.append(f"\n{who}, {day(stats['since'])} to {day(stats['until'])}", style="not bold dim")
    return text


def _layers(stats: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    table.add_column("layer")
    table.add_column("saves what was", style="dim", no_wrap=True)
    for name in ("requests", "rate", "tokens", "time"):
        table.add_column(name, justify="right")
    for key, name, what in LAYERS:
        layer = stats["layers"][key]
        about = "~" if layer.get("estimated") and layer["seconds_saved"] else ""
        numbers = f"{layer['requests']:,}", f"{layer['hit_rate']:.1%}", short(layer["tokens_saved"])
        table.add_row(name, what, *numbers, about + duration(layer["seconds_saved"]))
    return table


def _totals(stats: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", style="dim")
    for name in ("without", "with", "saved", ""):
        table.add_column(name, justify="right")
    tokens = stats["tokens"]
    for part, label in (("prompt", "prompt tokens"), ("output", "output tokens")):
        asked, computed, saved = (tokens[what][part] for what in ("asked", "computed", "saved"))
        table.add_row(label, short(asked), short(computed), short(saved), _share(saved, asked))
    money = stats["money"]
    if money:
        digits = 2 if money["without"] >= 100 else 4 if money["without"] >= 1 else 6
        amounts = (amount(money[what], money["currency"], digits) for what in ("without", "with", "saved"))
        table.add_row(f"money ({money['prices_of']})", *amounts, _share(money["saved"], money["without"]))
    table.add_row("time", "", "", duration(stats["seconds_saved"]), "")
    return table


def _notes(stats: dict[str, Any]) -> list[Text]:
    notes = [Text(line, style="dim") for line in _latency(stats["latency_ms"])]
    if not stats["money"]:
        notes.append(Text(stats["why"], style="dim"))
    if stats["layers"]["prefix"]["seconds_saved"]:
        notes.append(Text("~ estimated from the measured speed of computing prompts", style="dim"))
    store = stats["store"]
    if store:
        notes.append(Text(f"store: {store['entries']:,} answers, {size(store['bytes'])}", style="dim"))
        faults = [f"{store[name]:,} {name}" for name in ("corrupt", "unreadable", "unwritten") if store[name]]
        if faults:
            notes.append(Text(f"store faults survived: {', '.join(faults)}", style="yellow"))
    return notes


def _latency(latency: dict[str, Any]) -> list[str]:
    lines = []
    for key, name in (("hit", "from the cache"), ("miss", "from a model")):
        median, most = (duration(latency[key][rank] / 1000) for rank in ("p50", "p95"))
        if latency[key]["n"]:
            lines.append(f"{name:<15} median {median:>8}, 95 % within {most:>8}")
    return lines


def findings(stats: dict[str, Any]) -> RenderableType:
    """What keeps prompts out of a provider's cache, the costliest first."""
    if not stats["findings"]:
        return Text("Nothing was found in prompts of the last week that keeps them out of a provider's cache.")
    heading = Text("What keeps prompts out of a provider's cache", style="bold")
    counted = Text("Calibrated by the usage that was reported of prompts; estimated from characters.", style="dim")
    return Group(heading, *(Padding(_finding(found), (0, 0, 0, 2)) for found in stats["findings"]), counted)


def _finding(found: dict[str, Any]) -> Text:
    text = Text(found["says"])
    if found["a_day"] is not None:
        text.append(f": {a_day(found['a_day'], found['currency'])}", style="green" if found["done"] else "bold")
    text.append(f"  {found['model']}, stream {found['stream']}, tokens {found['counted']}", style="dim")
    if found["done"]:
        text.append(", repaired on the way", style="green")
    return text


def a_day(value: float, currency: str) -> str:
    """Money a day: 3.10 USD a day; what is less than a cent with two digits that count."""
    return f"{value:,.2f} {currency} a day" if value >= 0.01 or not value else f"{value:.2g} {currency} a day"


def day(at: float) -> str:
    """Seconds since 1970 as 26 Nov 04:10, in local time."""
    return time.strftime("%d %b %H:%M", time.localtime(at))


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else ""


def short(count: float) -> str:
    """A count in at most seven characters: 9,999 or 12.3 k or 4.56 M."""
    if count < 10_000:
        return f"{count:,.0f}"
    value, units = count / 1000, "kMGT"
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {units[0]}"


def duration(seconds: float) -> str:
    """In the unit that fits: 1.2 ms, 340 ms, 12.3 s, 4.5 min, 6.7 h."""
    if seconds < 0.9995:
        ms = seconds * 1000
        return f"{ms:.0f} ms" if ms >= 10 or ms == 0 else f"{ms:.1f} ms"
    for unit, scale, until in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 7200 * 24)):
        if seconds < until:
            return f"{seconds / scale:.1f} {unit}"
    return f"{seconds / 86400:,.1f} d"


def amount(value: float, currency: str, digits: int) -> str:
    """Money, with so many digits behind the point."""
    return f"{'$' if currency == 'USD' else currency + ' '}{value:,.{digits}f}"


def size(count: int) -> str:
    """Bytes in the unit that fits."""
    if count < 1000:
        return f"{count} B"
    value, units = count / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.95 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:,.1f} {units[0]}"
