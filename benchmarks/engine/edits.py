"""A text of four hundred tokens written anew with one change: tokens a second with drafts and without, and whether the
two texts are the same.

Ours gets the old text in the member ``prediction``, as the OpenAI protocol has it. The others make their drafts of the
prompt: llama.cpp by ``ngram-simple``, OpenVINO GenAI by ``prompt_lookup``, which are switched on at their start.

A model of this size copies a text only if it has seen it copied. So the conversation has the old text and, after the
change, the new one, and asks for that again: what it writes differs from the prediction in one word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.asking import Gateway
from benchmarks.engine.asked import Answer, ask
from benchmarks.engine.engines import EXACT, OURS, Engine, Start
from benchmarks.engine.play import HELLO, connected
from benchmarks.engine.reading import Messages, Reader

TOKENS = 400
ROUNDS = 3
COLUMNS = ("", "weights", "tokens/s", "with drafts", "times", "bound", "same text", "kept of the text")
BOUND = "2.5"
NEW = "turnip"  # stands in no text
LIMIT = 500  # tokens of an answer


@dataclass(frozen=True, slots=True)
class Edit:
    """What is asked, and the text before the change."""

    messages: Messages
    text: str

    @property
    def predicted(self) -> Mapping[str, Any]:
        """The member with the text as it was."""
        return {"prediction": {"type": "content", "content": self.text}}


def table() -> Table:
    """Without rows."""
    made = Table(title=f"A text of {TOKENS} tokens with one change, one at a time, medians")
    for name in COLUMNS:
        made.add_column(name, no_wrap=True, justify="left" if name in {"", "weights"} else "right")
    return made


def _edit(text: str) -> Edit:
    old = _once(text)
    history = [
        ("system", "You write texts again, with one change."),
        ("user", "Write a text."),
        ("assistant", text),
        ("user", f'Write it again, with "{NEW}" for "{old}".'),
        ("assistant", text.replace(old, NEW)),
        ("user", "Write this again."),
    ]
    return Edit(history, text)


def _once(text: str) -> str:
    """A word from the middle on that stands there once."""
    words = text.split()
    return next(word for word in words[len(words) // 2 :] if word.isalpha() and len(word) > 4 and text.count(word) == 1)


def asked(reader: Reader, quick: bool) -> list[Edit]:
    """Always the same ones."""
    passages = reader.passages()
    passages.next(1_200)  # the very first are about grammar, in which little is words
    return [_edit(passages.next(TOKENS)) for _ in range(1 if quick else ROUNDS)]


def add(rows: Table, engine: Engine, start: Start, edits: list[Edit]) -> None:
    """One row. Raises what ``play`` raises."""
    plain, drafted = measured(engine, start, edits)
    speeds = [median(_speed(answer) for answer in answers) for answers in (plain, drafted)]
    same = sum(a.text == b.text for a, b in zip(plain, drafted, strict=True))
    rows.add_row(
        engine.name,
        engine.quantisation,
        *(f"{speed:.1f}" for speed in speeds),
        f"{speeds[1] / speeds[0]:.2f}",
        BOUND if engine in (OURS, EXACT) else "",
        f"{same} of {len(edits)}",
        f"{median(_kept(edit.text, answer.text) for edit, answer in zip(edits, plain, strict=True)):.0%}",
    )


def measured(engine: Engine, start: Start, edits: list[Edit]) -> tuple[list[Answer], list[Answer]]:
    """The answers without drafts, and with them."""
    with engine.begun(start._replace(drafts=False)) as gateway:
        plain = asyncio.run(_answers(gateway, edits))
    with engine.begun(start._replace(drafts=True)) as gateway:
        return plain, asyncio.run(_answers(gateway, edits, predicted=engine.predicts))


async def _answers(gateway: Gateway, edits: list[Edit], *, predicted: bool = False) -> list[Answer]:
    async with connected() as session:
        await ask(session, gateway, HELLO, 8)
        return [
            await ask(session, gateway, edit.messages, LIMIT, edit.predicted if predicted else {}) for edit in edits
        ]


def _speed(answer: Answer) -> float:
    """Tokens a second after the first."""
    return (answer.tokens - 1) / (answer.seconds - answer.first)


def _kept(before: str, after: str) -> float:
    """What part of the words of the old text stands in the new one, in order: drafts can only gain where it does."""
    old = before.split()
    same = SequenceMatcher(None, old, after.split(), autojunk=False).get_matching_blocks()
    return sum(block.size for block in same) / len(old)
