"""``[layout.streams.ID]``: what differs for one stream of requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from everwarm.config.kinds import Kind
from everwarm.config.layout import MODE
from everwarm.config.problems import hint
from everwarm.config.tables import STREAMS, Tables, dotted
from everwarm.core.layout.finding import Mode

RULES: Mapping[str, Kind[Any]] = {"mode": MODE}
"""What can be said of one stream."""

_MEANT: Mapping[str, str] = {"layout": "mode"}  # as the tables of models and upstreams call it
_ID = re.compile(r"[0-9a-f]{16}")


def streams(tables: Tables, sources: dict[str, str]) -> dict[str, Mode]:
    """Id of a stream -> its mode. Whether there is such a stream is not known here: it may still have to come."""
    good: dict[str, Mode] = {}
    for name in tables.table(STREAMS):
        path = (*STREAMS, name)
        if not _ID.fullmatch(name):
            meant = [low] if _ID.fullmatch(low := name.strip().lower()) else []
            tables.add(
                path, f"is not the id of a stream: 16 of 0-9 and a-f, as everwarm layout lists them.{hint(meant)}"
            )
            continue
        found = tables.values(path, tables.table(path), RULES, _MEANT)
        if "mode" in found:
            good[name] = found["mode"]
            sources[dotted((*path, "mode"))] = tables.document.source((*path, "mode"))
    return good
