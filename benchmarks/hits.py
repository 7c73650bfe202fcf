"""Exact hits against the floor and the peers: one worker process each, 32 connections, bodies of 2 kB and 60 kB.

All are there at once and loaded in turns, so that a machine that drifts drifts for all.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.asking import NUMBER, Gateway
from benchmarks.field import Field
from benchmarks.rates import SIZES, Rates
from benchmarks.servers import everwarm, started

OTHER = f'"user":"{NUMBER}"'
"""A member that no key of ours counts: the same request in other bytes."""


def run(field: Field, *, seconds: float, rounds: int) -> None:
    """Prints a table: the floor, ours where the same bytes come again, ours where each request is spelled otherwise,
    and the peers where the same bytes come again."""
    rates = Rates("Exact hits", bound="0.5")
    with ExitStack() as stack:
        flags = ("--model", "none", "--upstream", f"openai={field.provider.url}/v1")
        ours = Gateway("ours", stack.enter_context(everwarm(*flags)))
        for label, size in SIZES.items():
            answer = field.primed(ours, size)
            floor = Gateway("floor", stack.enter_context(started(["benchmarks.floor", "--size", str(answer)])))
            for peer in field.peers:
                field.primed(peer, size)
            asked = {
                "floor": (floor, floor.request(size)),
                "ours, same bytes": (ours, ours.request(size)),
                "ours, other bytes": (ours, ours.request(size, OTHER)),
                **{peer.name: (peer, peer.request(size)) for peer in field.peers},
            }
            before = field.calls()
            figures = rates.measured(asked, seconds, rounds)
            rates.section(label, figures)
            if field.calls() != before:
                rates.note(f"{label}: {field.calls() - before} of the requests were no hits")
    rates.show()
