"""What sharing does to greedy texts: prompts that share their beginnings, each cold and alone, and then all at a time.

In mode "exact" no text may differ. In mode "fast" some do, where two tokens were nearly as likely: the table tells how
many, and by how much the likelier one led at the first token that differs (in logits, of the cold run).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from random import Random
from statistics import median
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.engine.reading import Reader
from benchmarks.engine.weights import Forms
from benchmarks.servers import console
from everwarm.core.key import Namespace
from everwarm.core.wire import Done, Message, Part, Request, Sampling
from everwarm.engine import answer
from everwarm.engine.engine import Engine
from everwarm.engine.sampler import Logits, Sampler
from everwarm.engine.settings import Settings
from everwarm.store.seal import load_secret

OUTPUT = 24  # tokens
SOME, ALL = 40, 1000
"""Trees: usually, and in a full run, which takes hours."""

_spaces = (Namespace(f"{number:032}") for number in count())


class Recording(Sampler):
    """Notes what it chose, and by how much that led, under the request's seed, which a greedy answer does not use."""

    told: dict[int | None, list[tuple[int, float]]]

    def __init__(self, sampling: Sampling, *args: Any, **kwargs: Any) -> None:
        super().__init__(sampling, *args, **kwargs)
        self._mine = self.told.setdefault(sampling.seed, [])

    def choose(self, logits: Logits) -> int:
        token = super().choose(logits)
        best = np.partition(logits, -2)[-2:]
        self._mine.append((token, float(best[1] - best[0])))
        return token


def run(*, full: bool) -> None:
    """Prints a table."""
    out = console()
    forms = Forms(out)
    folder, facts = forms.converted
    trees = list(_trees(Reader(folder, facts), ALL if full else SOME))
    rows = Table(title=f"Greedy texts of {OUTPUT} tokens, shared against cold and alone: {len(trees)} trees of prompts")
    for name in ("mode", "texts", "differ", "lead where they part: median", "largest", "usual lead: median"):
        rows.add_column(name, justify="left" if name == "mode" else "right")
    for mode in ("exact", "fast"):
        out.print(f"fidelity: mode {mode} ...")
        with _engine(forms, mode) as engine:
            asyncio.run(_compare(engine, trees, rows, mode))
    out.print(rows)


async def _compare(engine: Engine, trees: list[list[str]], rows: Table, mode: str) -> None:
    texts, leads, usual = 0, list[float](), list[float]()
    for tree in trees:
        Recording.told = {}
        for number, text in enumerate(tree):
            await _ask(engine, text, number, next(_spaces))
        cold, Recording.told = Recording.told, {}
        shared = next(_spaces)
        for _ in range(2):  # while it is computed, and when it is known
            Recording.told = {}
            await asyncio.gather(*(_ask(engine, text, number, shared) for number, text in enumerate(tree)))
            texts += len(tree)
            for seed, alone in cold.items():
                usual += [lead for _, lead in alone]
                for (ours, lead), (theirs, _) in zip(alone, Recording.told[seed], strict=False):
                    if ours != theirs:
                        leads.append(lead)
                        break
    of_those = (f"{median(leads):.4f}", f"{max(leads):.4f}") if leads else ("", "")
    rows.add_row(mode, str(texts), str(len(leads)), *of_those, f"{median(usual):.2f}")


async def _ask(engine: Engine, text: str, number: int, namespace: Namespace) -> None:
    bias = dict.fromkeys(engine.inside.voice.ends, -100.0)
    sampling = Sampling(temperature=0, max_tokens=OUTPUT, seed=number, logit_bias=bias)
    request = Request("openai_chat", "default", (Message("user", (Part("text", text),)),), sampling=sampling)
    async for event in engine.ask(request, namespace):
        if isinstance(event, Done):
            return


def _trees(reader: Reader, how_many: int) -> Iterator[list[str]]:
    """Each: one to three beginnings of up to 200 tokens, and two to six prompts that go on from them."""
    random = Random(1)
    passages = reader.passages()
    for _ in range(how_many):
        try:
            heads = [passages.next(random.randint(20, 200)) for _ in range(random.randint(1, 3))]
            prompts = [random.choice(heads) + passages.next(random.randint(5, 40)) for _ in range(random.randint(2, 6))]
        except ValueError:  # all text has been read: from the beginning again, cut in other places
            passages = reader.passages()
            continue
        yield prompts


@contextmanager
def _engine(forms: Forms, mode: str) -> Iterator[Engine]:
    """In this process, without a disk, recording what is sampled."""
    module: Any = answer
    plain, module.Sampler = module.Sampler, Recording
    engine = Engine.load(None, forms.data, load_secret(forms.data), Settings(mode=mode))
    try:
        yield engine
    finally:
        asyncio.run(engine.close())
        module.Sampler = plain
