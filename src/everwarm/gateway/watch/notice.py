"""What is taken down of a request once it has ended: its row, its figures, its span, its line in the log."""

from __future__ import annotations

import logging
from typing import Final

from everwarm.gateway.door.exchange import Exchange
from everwarm.gateway.house import House
from everwarm.ledger.record import Row

access = logging.getLogger("everwarm.access")

LONGEST_PATH: Final = 200


def take_down(house: House, x: Exchange, row: Row, asked: str) -> None:
    """Of a request for an answer. ``asked``: the model as the client named it."""
    x.cache = row.cache
    if house.ledger is not None:
        house.ledger.add(row)
    if house.metrics is not None:
        house.metrics.observe(row)
    if house.tracer is not None:
        house.tracer.record(x, x.dialect, row, asked)


def log_access(x: Exchange) -> None:
    """One line for any request, at the level ``debug``: never its body, its query, or the value of a header."""
    if not access.isEnabledFor(logging.DEBUG):
        return
    told = {
        "method": x.scope["method"],
        "path": x.scope["raw_path"][:LONGEST_PATH].decode("latin-1"),
        "status": x.status,
        "cache": x.cache or "-",
        "ms": round(1000 * x.elapsed, 1),
    }
    access.debug("%(method)s %(path)s %(status)d %(cache)s %(ms)s ms", told, extra={"fields": told})
