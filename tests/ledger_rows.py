"""Rows of the ledger for tests."""

from __future__ import annotations

from everwarm.ledger.record import Row

NOW = 1_800_000_000.0  # the beginning of an hour


def row(**what: object) -> Row:
    """A miss of 100 prompt tokens and 20 output tokens; with ``what`` instead."""
    base = Row(
        at=NOW, namespace="public", dialect="openai_chat", model="m", status=200, cache="miss", via="engine",
        stream=False, bytes_in=1000, bytes_out=500, prompt=100, output=20, prefix_cached=0, ttft_ms=50.0,
        total_ms=250.0, saved_ms=0.0, prefill_ms=0.0, reason="first seen",
    )  # fmt: skip
    return base._replace(**what)
