"""How much of the planted requests a cache would have read: as they come, and as the layout engine sends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from benchmarks.layout.plants import Call
from everwarm.core.caches import IdealCache
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.outline import outline, rendered


class Rate(NamedTuple):
    """Of characters in rendered order."""

    read: int
    total: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.read / self.total


def ideal(bodies: Iterable[bytes]) -> Rate:
    """An unlimited cache to the character."""
    cache, read, total = IdealCache(), 0, 0
    for data in bodies:
        one = cache.ask(rendered(outline("openai_chat", orjson.loads(data))))
        read, total = read + one.read, total + one.total
    return Rate(read, total)


def rewritten(calls: Iterable[Call], wishes: Wishes = Wishes("rewrite")) -> list[bytes]:  # noqa: B008  immutable
    """As they go out."""
    layout = Layout(MemoryNotes())
    return [
        layout.arrange("public", "openai_chat", call.body["model"], orjson.dumps(call.body), wishes, call.at).data
        for call in calls
    ]
