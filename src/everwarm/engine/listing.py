"""What is warm, as it is listed: in the engine's thread it is picked out, elsewhere it is put into words."""

from __future__ import annotations

from heapq import nlargest
from typing import NamedTuple

from everwarm.core.key import Namespace
from everwarm.core.prefix import WIDTH, Node, unpack
from everwarm.core.upstream import Prefix
from everwarm.engine.cache import KvCache
from everwarm.engine.pins import Pin, Pins, id_of
from everwarm.engine.tokens import Tokenizer

SHOWN = 80
"""Characters that are shown of the text's beginning, and of its end; and tokens that are looked at for them."""


class Row(NamedTuple):
    """One prefix, as the tree has it."""

    tokens: bytes  # packed
    in_memory: bool
    on_disk: bool
    hits: int
    age: float | None
    pinned: bool


def rows_of(cache: KvCache, pins: Pins, namespace: Namespace, limit: int) -> list[Row]:
    """What is pinned, then what saved most: hits times tokens. Of equal ones, those used last come first.

    Beside the pinned prefixes, those where prompts end and where they part ways: what lies between is a part of them.
    """
    now, pinned = cache.clock(), pins.of(namespace)
    pinned.sort(key=lambda pin: pin.tokens * _counted(pin, cache.pool.size).hits, reverse=True)
    same = {pin.node for pin in pinned if pin.tokens == pin.node.end}
    others = (node for node in cache.tree.landmarks(namespace) if node not in same)
    best = nlargest(max(0, limit - len(pinned)), others, key=_usefulness)
    rows = [_row(pin.node, pin.tokens, _counted(pin, cache.pool.size), now, pinned=True) for pin in pinned[:limit]]
    return rows + [_row(node, node.end, node, now, pinned=False) for node in best]


def _counted(pin: Pin, size: int) -> Node:
    """Whose hits are those of a pin: of its last whole block, if it has one. Prompts that go on from a part of a block
    have nodes of their own, and share the hits."""
    parent = pin.node.parent
    return parent if pin.tokens % size and parent is not None and parent.parent is not None else pin.node


def _usefulness(node: Node) -> tuple[int, float]:
    return node.hits and node.hits * node.end, node.heat


def _row(node: Node, tokens: int, counted: Node, now: float, *, pinned: bool) -> Row:
    path = b"".join(step.tokens for step in node.path())[: tokens * WIDTH]
    age = None if counted.used is None else now - counted.used
    return Row(path, node.block is not None, node.stored is not None, counted.hits, age, pinned)


def in_words(row: Row, namespace: Namespace, tokenizer: Tokenizer) -> Prefix:
    """The same for people, with some of its text."""
    tokens = unpack(row.tokens)
    begins, ends = _ends_of_text(tokens, tokenizer)
    return Prefix(
        id_of(namespace, row.tokens),
        len(tokens),
        "memory" if row.in_memory else "disk",
        row.on_disk,
        row.hits,
        row.age,
        row.pinned,
        begins,
        ends,
    )


def _ends_of_text(tokens: list[int], tokenizer: Tokenizer) -> tuple[str, str]:
    """How the text begins, and how it ends; of a short one only how it begins."""
    begins = tokenizer.decode(tokens[:SHOWN])[:SHOWN]
    ends = tokenizer.decode(tokens[SHOWN:][-SHOWN:]).lstrip("\ufffd")[-SHOWN:]
    return begins, ends
