"""Passing on: what the gateway costs when it cannot help, against a bare forwarder with the same client library.

``no-store`` is told not to keep the answer; elsewhere each request is new and its answer is kept, also by the peers.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.asking import NUMBER, Gateway
from benchmarks.field import Field
from benchmarks.rates import SIZES, Rates
from benchmarks.servers import everwarm, started

NEW = f'"seed":1{NUMBER}'
NO_STORE = "cache-control: no-store\r\n"


def run(field: Field, *, seconds: float, rounds: int) -> None:
    """Prints a table: the forwarder, ours told not to store, ours where each answer is stored, the peers so too."""
    rates = Rates("Passed on to a provider", bound="0.6")
    url = field.provider.url
    with ExitStack() as stack:
        bare = Gateway("forwarder", stack.enter_context(started(["benchmarks.forwarder", url])))
        ours = Gateway("ours", stack.enter_context(everwarm("--model", "none", "--upstream", f"openai={url}/v1")))
        for label, size in SIZES.items():
            asked = {
                "forwarder": (bare, bare.request(size, NEW)),
                "ours, no-store": (ours, ours.request(size, NEW, NO_STORE)),
                "ours, stored": (ours, ours.request(size, NEW)),
                **{peer.name: (peer, peer.request(size, NEW)) for peer in field.peers},
            }
            before = field.calls()
            figures = rates.measured(asked, seconds, rounds)
            rates.section(label, figures)
            sent = sum(f["requests"] for of in figures.values() for f in of)
            if (missing := sent - (field.calls() - before)) > 0:
                rates.note(f"{label}: {missing} of {sent} requests never came to the provider")
    rates.show()
