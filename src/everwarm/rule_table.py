"""How the rules of providers' prompt caches are shown: ``everwarm rules``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from everwarm.core.rules import Rule, Rules
from everwarm.rules import load

OLD = 90
"""Days after which a rule is shown as one to look at again: providers change theirs a few times a year."""


def print_rules(extra: Path, *, as_json: bool) -> None:
    """What ``everwarm rules`` says. ``extra`` as in ``load``; raises as it does."""
    rules, today = load(extra), datetime.now(UTC).date()
    if as_json:
        print(in_json(rules, today))
    else:
        Console().print(show(rules, today))


def age(rule: Rule, today: date) -> int:
    """Days since somebody last looked; negative if that day is yet to come."""
    return (today - date.fromisoformat(rule.checked)).days


def in_json(rules: Rules, today: date) -> str:
    """A list, in the order in which they are looked up."""
    rows = [
        {**asdict(rule), "ttls": [_ttl(t) for t in rule.ttls], "age_days": age(rule, today)} for rule in _all(rules)
    ]
    return json.dumps(rows, indent=2)


def _ttl(ttl: tuple[int, float]) -> dict[str, float]:
    return {"seconds": ttl[0], "write_factor": ttl[1]}


def show(rules: Rules, today: date) -> RenderableType:
    """For people, at 80 columns: a line a rule, then what is disputed, then the sources."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("models", no_wrap=True)
    for name in ("minimum", "step", "marks", "lives", "read", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("sure", "src"):
        table.add_column(name, no_wrap=True)
    rows = list(_all(rules))
    sources = list(dict.fromkeys(rule.source for rule in rows))
    provider = ""
    for rule in rows:
        if rule.provider != provider:
            provider = rule.provider
            table.add_row(Text(provider, style="bold"))
        table.add_row(*_cells(rule, today), Text(f"[{sources.index(rule.source) + 1}]"))
    notes = [
        Text(f"{rule.provider}, {rule.models[0]}: {what}", style="dim") for rule in rows for what in rule.conflicts
    ]
    listed = [Text(f"[{number}] {source}", style="dim") for number, source in enumerate(sources, 1)]
    return Group(table, *_KEY, Text("\nWhere sources differ, or say nothing", style="bold"), *notes, Text(), *listed)


_KEY = (
    Text(
        "Tokens; lifetimes with what a write costs, in prices of a token that is not cached; read: what a read costs."
    ),
    Text("auto: it caches by itself. A number: how many marks a request may have."),
)


def _cells(rule: Rule, today: date) -> tuple[Text, ...]:
    days = age(rule, today)
    models = "\n".join(f" {pattern}" for pattern in rule.models)
    lives = "\n".join(f"{ttl.name} x{ttl.write_factor:g}" for ttl in rule.ttls) or "no end"
    return (
        Text(models + ("\n (your own)" if Path(rule.origin).name != rule.origin else "")),
        Text(f"{rule.minimum:,}"),
        Text(f"{rule.step:,}"),
        Text("+".join(["auto"] * rule.automatic + [str(rule.marks)] * (rule.marks > 0))),
        Text(lives),
        Text(f"x{rule.read_factor:g}"),
        Text(f"{days} d", style="yellow" if days > OLD else ""),
        Text(rule.confidence, style="yellow" if rule.confidence == "low" else ""),
    )


def _all(rules: Rules) -> Iterator[Rule]:
    for layer in rules.layers:
        yield from layer
