"""Why a request missed, in words: the nearest one that was seen before, and what sets them apart.

A bounded memory of hashes, per namespace; no text is kept. One tenant's requests never explain another's miss. The
hashes are Python's own (64 bits, another key in each process): quick, and enough for words that explain.

This is about answers: all of a request must be as it was, and which member is not is all that is told. What a prompt
lost in a cache of prefixes is another question, which needs its texts; ``core.analysis.compare`` answers that one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import orjson

from everwarm.core.key import ExactKey

NEW: Final = "nothing like it was asked before"

LARGEST: Final = 2**20
"""Bytes of a canonical form beyond which requests are not compared: it would take longer than it is worth."""


@dataclass(slots=True)
class Seen:
    """One request as it is remembered."""

    at: float  # seconds since 1970
    fields: dict[str, int]  # top-level member -> hash
    chain: tuple[int, ...]  # hash of the first 1, 2, ... messages
    fate: str = ""  # why its answer was not kept; "" if it was, or is not known yet
    expires: float | None = None  # when its answer did or will expire, if it was kept


class Recent:
    """The last requests of all namespaces together, at most ``links`` messages and members in sum."""

    def __init__(self, links: int = 20_000) -> None:
        self._links = links
        self._held = 0
        self._seen: OrderedDict[tuple[str, bytes], Seen] = OrderedDict()
        self._heads: dict[tuple[str, int], Seen] = {}

    def explain(self, key: ExactKey, canonical: bytes, now: float, context: bytes = b"") -> str:
        """Why there is no stored answer for ``key``; and remember it as asked now. ``context`` as in ``exact_key``."""
        if len(canonical) > LARGEST:
            return "too large to compare with what was asked before"
        fields, chain = _digest(canonical, context)
        space = key.namespace.id
        before = self._seen.get((space, key.digest))
        why = _fate(before, now) if before else self._nearest(space, fields, chain, now)
        self._remember((space, key.digest), Seen(now, fields, chain))
        return why

    def note(self, key: ExactKey, canonical: bytes, now: float, context: bytes = b"") -> None:
        """Remember it as asked now, where the reason for a miss is known already."""
        if len(canonical) <= LARGEST:
            self._remember((key.namespace.id, key.digest), Seen(now, *_digest(canonical, context)))

    def settle(self, key: ExactKey, fate: str | None, expires: float | None) -> None:
        """What became of the answer: kept until ``expires`` (``fate`` None), or why not."""
        seen = self._seen.get((key.namespace.id, key.digest))
        if seen:
            seen.fate, seen.expires = fate or "", expires

    def _nearest(self, space: str, fields: dict[str, int], chain: tuple[int, ...], now: float) -> str:
        for length in range(len(chain), 0, -1):
            near = self._heads.get((space, chain[length - 1]))
            if near is not None:
                return _difference(near, fields, chain, length, now)
        return NEW

    def _remember(self, name: tuple[str, bytes], seen: Seen) -> None:
        self._forget(name)
        self._seen[name] = seen
        self._held += _size(seen)
        for head in seen.chain:
            self._heads[name[0], head] = seen
        while self._held > self._links and len(self._seen) > 1:
            self._forget(next(iter(self._seen)))

    def _forget(self, name: tuple[str, bytes]) -> None:
        old = self._seen.pop(name, None)
        if old is None:
            return
        self._held -= _size(old)
        for head in old.chain:
            if self._heads.get((name[0], head)) is old:
                del self._heads[name[0], head]


def _size(seen: Seen) -> int:
    return 1 + len(seen.chain) + len(seen.fields)


def _digest(canonical: bytes, context: bytes) -> tuple[dict[str, int], tuple[int, ...]]:
    value = orjson.loads(canonical)
    messages = value.pop("messages", None) or value.pop("input", None)
    chain: list[int] = []
    before = 0
    for message in messages if isinstance(messages, list) else [messages] if messages else []:
        before = hash((before, orjson.dumps(message)))
        chain.append(before)
    fields = {k: hash(orjson.dumps(v)) for k, v in value.items()}
    for line in context.splitlines():
        name = "the query" if line.startswith(b"?") else f"the header {line.partition(b':')[0].decode('latin-1')}"
        fields[name] = hash((fields.get(name), line))
    return fields, tuple(chain)


def _fate(before: Seen, now: float) -> str:
    if before.fate:
        return f"the answer of {_ago(before.at, now)} was not kept: {before.fate}"
    if before.expires is not None and before.expires <= now:
        return f"its stored answer expired {_ago(before.expires, now)}"
    if before.expires is not None:
        return "its stored answer was dropped, or is older than allowed"
    return f"asked {_ago(before.at, now)}, but not answered to its end"


def _difference(near: Seen, fields: dict[str, int], chain: tuple[int, ...], length: int, now: float) -> str:
    ago = _ago(near.at, now)
    if length < len(chain) or length < len(near.chain):
        more = len(chain) - length
        if not more:
            return f"the first {length} messages of a request {ago}, without those that followed there"
        new = f"message {length + 1} is new" if more == 1 else f"messages {length + 1} to {len(chain)} are new"
        return f"{length} of {len(chain)} messages are those of a request {ago}; {new}"
    names = sorted(k for k in fields.keys() | near.fields.keys() if fields.get(k) != near.fields.get(k))
    if not names:
        return f"the same request {ago}, but to another build of the model"
    return f"the messages of a request {ago}, but {_and(names)} {'differs' if len(names) == 1 else 'differ'}"


def _and(names: list[str]) -> str:
    shown = [n if n.isascii() and n.isprintable() and len(n) <= 40 else "an unknown member" for n in names[:4]]
    if len(names) > 4:
        shown.append(f"{len(names) - 4} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def _ago(then: float, now: float) -> str:
    seconds = max(0, round(now - then))
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {word} ago"
    return f"{seconds} s ago"
