"""What is lost where a chunk's KV is shifted and not computed: next tokens and answers beside a full recompute's.

Documents are texts that ship with Python. Each was asked about behind one system prompt, and then is asked about behind
another one (*moved*); or two of them, that stood in one order, stand in the other (*swapped*). Each such prompt, with
two questions, is answered greedily after a full recompute, and with its chunks shifted, of which more or fewer first
tokens are recomputed. Some recomputes are done twice, cut into other steps: what that changes is no loss.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from pydoc_data.topics import topics
from statistics import mean
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
from rich.progress import track
from rich.table import Table

from benchmarks.servers import console
from everwarm.core.key import Namespace
from everwarm.core.wire import Message, Part, Request
from everwarm.engine.cache import KvCache
from everwarm.engine.engine import Engine
from everwarm.engine.lease import Lease
from everwarm.engine.model import Span
from everwarm.engine.runtime import available_cpus
from everwarm.engine.settings import Settings

LONG_TEXT, SHORT_TEXT = 1_700, 900  # characters of a document that is moved, and of one of two that are swapped
CASES: Final = 200
ANSWER: Final = 24  # tokens
CUT, OTHER_CUT = 512, 96  # tokens of a prefill step
SKIPS = (0, 16, 32)
AGAIN = "recomputed again, in other steps"

SEEN = "You are a patient teacher. Explain things with small examples, in plain words, and never use jargon."
ASKED = (
    "Answer in one sentence.",
    "You are the assistant of a programmer who reads the documentation below. Be correct, be brief, quote names of "
    "functions and classes exactly as they are written, and say so if the text does not contain the answer.",
)
QUESTIONS = ("What is described here?", "Which rule does the last paragraph state?")


class Case(NamedTuple):
    """One prompt, and where it is cached."""

    kind: str
    seen: list[int]  # the prompt that was asked before
    asked: list[int]
    known: Namespace  # where the former is cached
    apart: Namespace  # where the latter is recomputed
    first: bool  # of its documents and system prompt


@dataclass
class Tally:
    """What one way gave, beside a full recompute."""

    divergence: list[float] = field(default_factory=list)  # nats, of the next token's probabilities
    same_token: list[bool] = field(default_factory=list)
    same_answer: list[bool] = field(default_factory=list)
    alike: list[float] = field(default_factory=list)  # of the answer, how much is equal before the first difference
    computed: list[float] = field(default_factory=list)  # of the prompt's tokens
    seconds: list[float] = field(default_factory=list)

    def row(self) -> list[str]:
        """For the table."""
        return [
            f"{len(self.alike)}",
            f"{mean(self.divergence):.4f}",
            f"{np.quantile(self.divergence, 0.95):.3f}",
            f"{mean(self.same_token):.1%}",
            f"{mean(self.same_answer):.1%}",
            f"{mean(self.alike):.1%}",
            f"{mean(self.computed):.0f}",
            f"{mean(self.seconds):.2f} s" if self.seconds else "",
        ]


class Started(NamedTuple):
    """A prompt that was computed."""

    lease: Lease
    logits: Any  # of the next token
    computed: int  # tokens
    seconds: float


def run() -> None:
    """Prints a table."""
    with TemporaryDirectory() as folder:
        engine = Engine.load(
            None, Path(folder), bytes(32), Settings(context=4096, threads=max(1, available_cpus() - 1))
        )
        tallies: dict[tuple[str, str], Tally] = {}
        for number, case in enumerate(track(list(islice(cases(engine), CASES)), "shifted")):
            compare(engine, case, tallies, again=number % 12 == 0)
        asyncio.run(engine.close())
    columns = ("", "", "cases", "KL", "KL p95", "next token", "answers", "of answers", "computed", "to the first token")
    table = Table(*columns, title=f"Shifted chunks beside a full recompute: {ANSWER} tokens, greedy", show_lines=True)
    for (kind, way), tally in sorted(tallies.items()):
        table.add_row(kind, way, *tally.row())
    console().print(table)


def cases(engine: Engine) -> Iterator[Case]:
    """Half of them moved, half swapped."""
    texts = list(documents(LONG_TEXT)), list(documents(SHORT_TEXT))
    for number in range(CASES // 8):
        moved = [texts[0][number * 7 % len(texts[0])]]
        two = [texts[1][place * 11 % len(texts[1])] for place in (2 * number, 2 * number + 1)]
        yield from about(engine, f"moved {number}", moved, moved)
        yield from about(engine, f"swapped {number}", two, two[::-1])


def documents(size: int) -> Iterator[str]:
    """Pieces of about so many characters, which end where a paragraph does."""
    for name in sorted(topics):
        text = ""
        for paragraph in topics[name].split("\n\n"):
            text += paragraph + "\n\n"
            if len(text) >= size:
                yield text
                text = ""


def about(engine: Engine, name: str, seen: list[str], asked: list[str]) -> Iterator[Case]:
    """All that is asked about these documents."""
    before = prompt(engine, SEEN, seen, "Is this of use?")
    for place, system in enumerate(ASKED):
        apart = Namespace(f"{name} {place} recomputed")
        for question in QUESTIONS:
            tokens = prompt(engine, system, asked, question)
            yield Case(name.split()[0], before, tokens, Namespace(name), apart, question == QUESTIONS[0])


def prompt(engine: Engine, system: str, texts: list[str], question: str) -> list[int]:
    """In tokens."""
    said = (("system", system), ("user", "".join(texts) + question))
    messages = tuple(Message(role, (Part("text", text),)) for role, text in said)
    return engine.tokens_of(Request("openai_chat", "default", messages))


def compare(engine: Engine, case: Case, tallies: dict[tuple[str, str], Tally], *, again: bool) -> None:
    """Answer ``case`` in all ways, and note how far they are from the first."""
    cache = engine.inside.cache
    started(engine, cache.lease(case.known, list(case.seen), len(case.seen))).lease.close()
    ways = {"recomputed": started(engine, lease_of(cache, case.apart, case.asked))}
    for skip in SKIPS:
        lease = lease_of(cache, case.known, case.asked)
        lease.shares = lease.known  # the next one shall find no more than this one did
        cache.borrow(lease, skip)
        ways[f"shifted, {skip} recomputed"] = started(engine, lease)
    if again:
        other = Namespace(f"{case.apart.id} again")
        ways[AGAIN] = started(engine, lease_of(cache, other, case.asked), OTHER_CUT)
    answers = decoded(engine, list(ways.values()))
    whole, text = ways["recomputed"], answers[0]
    for (way, start), answer in zip(ways.items(), answers, strict=True):
        tally = tallies.setdefault((case.kind, way), Tally())
        tally.divergence.append(divergence(whole.logits, start.logits))
        tally.same_token.append(bool(whole.logits.argmax() == start.logits.argmax()))
        tally.same_answer.append(text == answer)
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, answer, strict=False)))
        tally.alike.append(alike / max(len(text), len(answer)))
        if case.first:
            tally.computed.append(start.computed)
            tally.seconds.append(start.seconds)
        start.lease.close()


def lease_of(cache: KvCache, namespace: Namespace, tokens: list[int]) -> Lease:
    """For a prompt and an answer."""
    lease = cache.lease(namespace, list(tokens), len(tokens) + ANSWER)
    assert lease is not None
    return lease


def started(engine: Engine, lease: Lease | None, cut: int = CUT) -> Started:
    """Compute what is pending of a prompt."""
    assert lease is not None
    pending, begun = lease.pending, perf_counter()
    while lease.pending:
        count = min(lease.gap, cut)
        logits = stepped(engine, [(lease, count)])
        lease.advance(count)
    return Started(lease, logits[0].copy(), pending, perf_counter() - begun)


def decoded(engine: Engine, starts: list[Started]) -> list[list[int]]:
    """Greedy answers, all at once."""
    answers = [[int(start.logits.argmax())] for start in starts]
    ends = engine.inside.voice.ends
    while going := [at for at, made in enumerate(answers) if len(made) < ANSWER and made[-1] not in ends]:
        for at in going:
            starts[at].lease.tokens.append(answers[at][-1])
        logits = stepped(engine, [(starts[at].lease, 1) for at in going])
        for at, row in zip(going, logits, strict=True):
            starts[at].lease.advance(1)
            answers[at].append(int(row.argmax()))
    return answers


def stepped(engine: Engine, parts: list[tuple[Lease, int]]) -> Any:
    """One step of the model: the next ``count`` tokens of each lease. Gives a row of logits for each."""
    spans = []
    for lease, count in parts:
        past, end = lease.computed, lease.computed + count
        lease.reach(end)
        spans.append(Span(lease.tokens[past:end], past, lease.blocks[: -(-end // lease.block)], (count - 1,)))
    return engine.inside.model.step(spans)


def divergence(whole: Any, other: Any) -> float:
    """Kullback-Leibler, in nats, between the probabilities that two rows of logits mean."""
    p, q = (row.astype(np.float64) - row.max() for row in (whole, other))
    p, q = (row - np.log(np.exp(row).sum()) for row in (p, q))
    return float((np.exp(p) * (p - q)).sum())
