"""The layout engine: what it saves of prompts that break caches, and what it costs in passing requests on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from rich.table import Table

from benchmarks.asking import NUMBER, Gateway
from benchmarks.field import Field
from benchmarks.layout import rates
from benchmarks.layout.conversations import AbsentError, calls
from benchmarks.layout.plants import PLANTS, Call, planted
from benchmarks.rates import Rates
from benchmarks.servers import console, everwarm
from everwarm.core.rules import Rule
from everwarm.rules import load

SIZES = {"2 kB": 2_000, "20 kB": 20_000}
BOUNDS = {"advise": 0.85, "rewrite": 0.75}
"""Of the rate with layout off, at least."""

SHORTER = 4
"""So many rounds in place of one, each as much shorter: what else a machine does differs from second to second."""

OPENAI = "gpt-5-mini"
ANTHROPIC = "claude-sonnet-4-5"


def run(field: Field, *, seconds: float, rounds: int) -> None:
    """Prints two tables; of the first one only a word where the conversations are absent."""
    try:
        console().print(saved(calls()))
    except AbsentError as error:
        console().print(f"Hit rates are left out: {error}")
    passed(field, seconds=seconds / SHORTER, rounds=rounds * SHORTER)


def saved(clean: list[Call]) -> Table:
    """What caches read of each plant."""
    table = Table(title=f"Of {len(clean)} requests: read from the cache as they came -> as they went out, in %")
    for name in ("plant", "an ideal cache", "OpenAI's rules", "Anthropic's rules", "characters more"):
        table.add_column(name, no_wrap=True, justify="left" if name == "plant" else "right")
    for name, plant in PLANTS.items():
        table.add_row(name, *_cells(list(planted(clean, plant))))
    return table


def _cells(row: list[Call]) -> Iterator[str]:
    came = rates.came(row)
    out = rates.rewritten(came, rates.OPENAI, OPENAI)
    before, after = rates.ideal(came), rates.ideal(out)
    yield _change(before, after)
    rule = _rule("openai", OPENAI)
    yield _change(rates.openai(came, rule), rates.openai(out, rule))
    rule, other = _rule("anthropic", ANTHROPIC), rates.in_messages(row)
    arranged = rates.rewritten(other, rates.ANTHROPIC, ANTHROPIC)
    yield _change(rates.anthropic(other, rule), rates.anthropic(arranged, rule))
    yield f"{after.total / before.total - 1:+.1%}"


def _change(before: rates.Rate, after: rates.Rate) -> str:
    return f"{100 * before.share:.1f} -> {100 * after.share:.1f}"


def _rule(provider: str, model: str) -> Rule:
    rule = load().of(provider, model)
    assert rule is not None, f"there are no rules for {model}"
    return rule


def passed(field: Field, *, seconds: float, rounds: int) -> None:
    """Prints requests per second with the layout engine off, advising and rewriting, of prompts that need no repair."""
    table = Rates("Passed on to a provider, by what the layout engine does", bound="")
    with ExitStack() as stack:
        for label, size in SIZES.items():
            asked = {}
            for mode in ("off", *BOUNDS):
                flags = ("--model", "none", "--upstream", f"openai={field.provider.url}/v1", "--layout", mode)
                gateway = Gateway(mode, stack.enter_context(everwarm(*flags)))
                asked[mode] = (gateway, gateway.request(size, f'"seed":1{NUMBER}'))
            table.section(label, table.measured(asked, seconds, rounds))
    table.note("Allowed: " + ", ".join(f"{mode} at least {least} of off" for mode, least in BOUNDS.items()))
    table.show()
