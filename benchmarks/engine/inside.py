"""What our own code takes of the engine's time: between the steps of the model, for looking up a prefix among many, and
for a lone user beside a pool that is full of strangers' prefixes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

from rich.table import Table

from benchmarks.engine.weights import Forms
from benchmarks.servers import console
from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.prefix import pack
from everwarm.core.radix import Radix
from everwarm.core.wire import Done, Message, Part, Request, Sampling
from everwarm.engine.engine import Engine
from everwarm.engine.settings import Settings
from everwarm.store.seal import load_secret

USERS = 8
OUTPUT = 100  # tokens
PREFIXES = 100_000
SIZE = 32  # tokens of a block
HEAD, ALL = 3_000, 4_000  # tokens that the prefixes have in common, and of a whole prompt


class Watched:
    """An inference request that notes when it ran."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self.runs: list[tuple[float, float]] = []

    def infer(self, **how: Any) -> None:
        begun = perf_counter()
        self._request.infer(**how)
        self.runs.append((begun, perf_counter()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


def run() -> None:
    """Prints a table."""
    out = console()
    rows = Table(title="Our own part of the engine's time")
    for name in ("", "measured", "bound"):
        rows.add_column(name, justify="left" if not name else "right")
    rows.add_row(f"look-up of a {ALL:,}-token prompt among {PREFIXES:,} prefixes", f"{_look_up():.2f} ms", "1 ms")
    forms = Forms(out)
    _ = forms.converted
    engine = Engine.load(None, forms.data, load_secret(forms.data), Settings(drafts=False))
    asyncio.run(_steps(engine, rows))
    rows.add_row(
        "KV of a token, f16", f"{engine.inside.model.pool.bytes / engine.inside.model.pool.size:,.0f} bytes", ""
    )
    asyncio.run(engine.close())
    out.print(rows)


def _look_up() -> float:
    """Milliseconds, of the longest of ten: prompts with one head part ways at the same place."""
    tree, now = Radix(SIZE), 0.0
    node = tree.match(PUBLIC, b"").node
    tree.use(node)
    for at in range(0, HEAD - HEAD % SIZE, SIZE):
        node, _ = tree.insert(node, pack(range(at, at + SIZE)), at, now)
        tree.hold(node)
    for user in range(PREFIXES):
        tree.insert(node, pack([7, 7, user % 300, user // 300, *range(SIZE - 4)]), user, now)
    worst = 0.0
    for user in range(0, PREFIXES, PREFIXES // 10):
        head = list(range(HEAD - HEAD % SIZE))
        prompt = pack([*head, 7, 7, user % 300, user // 300, *range(SIZE - 4), *range(ALL - len(head) - SIZE)])
        begun = perf_counter()
        match = tree.match(PUBLIC, prompt)
        worst = max(worst, perf_counter() - begun)
        if match.length != len(head) + SIZE:
            raise ValueError(f"{match.length} tokens were found")
    return worst * 1e3


async def _steps(engine: Engine, rows: Table) -> None:
    model: Any = engine.inside.model
    model._request = watched = Watched(model._request)
    await asyncio.gather(*(_told(engine, f"Tell a story, number {number}.") for number in range(USERS)))
    runs = watched.runs[USERS:]  # prompts came in the first ones
    between, steps = [b[0] - a[1] for a, b in pairwise(runs)], [end - begun for begun, end in runs]
    share = median(between) / (median(between) + median(steps))
    took = f"{share:.1%} ({median(between) * 1e3:.1f} of {median(between) * 1e3 + median(steps) * 1e3:.1f} ms)"
    rows.add_row(f"of a decode step of {USERS}", took, "5 %")
    watched.runs.clear()
    alone = await _alone(engine, watched)
    _fill(engine)
    full = await _alone(engine, watched)
    rows.add_row("a lone user's token, the pool full of strangers' prefixes", f"{full / alone:.2f}x", "1.05x")


async def _alone(engine: Engine, watched: Watched) -> float:
    """Seconds from token to token, the median."""
    await _told(engine, "Tell a story, quite alone.")
    watched.runs.clear()
    await _told(engine, "Tell a story, quite alone.")
    return median(b[0] - a[0] for a, b in pairwise(watched.runs))


def _fill(engine: Engine) -> None:
    """All free blocks become strangers' prefixes. Nobody is being answered."""
    cache, number = engine.inside.cache, 0
    while cache.pool.free:
        number += 1
        root = cache.tree.match(Namespace(f"{number % 50:032}"), b"").node
        cache.tree.use(root)
        cache.tree.insert(root, pack([number] * SIZE), cache.pool.take(), 0.0)
        cache.tree.release(root)


async def _told(engine: Engine, text: str) -> None:
    bias = dict.fromkeys(engine.inside.voice.ends, -100.0)
    sampling = Sampling(temperature=0, max_tokens=OUTPUT, logit_bias=bias)
    request = Request("openai_chat", "default", (Message("user", (Part("text", text),)),), sampling=sampling)
    events: AsyncIterator[Any] = engine.ask(request, PUBLIC)
    async for event in events:
        if isinstance(event, Done):
            return
