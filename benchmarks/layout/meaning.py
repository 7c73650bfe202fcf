"""Whether the model inside still finds a value that was moved: asked for it as the prompt was written, and rewritten.

Each case is a system prompt of a few sentences with one value in it, and a question whose answer is that value. Before
it three other values are seen, so that the layout engine knows what changes. An answer counts if the value is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

import orjson
from rich.table import Table

from benchmarks.engine.weights import Forms
from benchmarks.servers import console
from everwarm.core.dialects.openai_chat import DIALECT
from everwarm.core.key import PUBLIC
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.wire import Delta
from everwarm.engine.engine import Engine
from everwarm.engine.settings import Settings
from everwarm.store.seal import load_secret

CASES: Final = 120
OUTPUT: Final = 16  # tokens
PLAIN: Final = Wishes("rewrite")
WORDINGS: Final = (
    PLAIN,
    PLAIN._replace(reference="(given below)", block="[{name}: {value}]"),
    PLAIN._replace(reference="(see {name} below)", block="{name}: {value}"),
    PLAIN._replace(reference="(see the end of the message)", block="({name}: {value})"),
)
KINDS: Final = {
    "Today's date": ("What is today's date?", [f"2026-{m:02}-{d:02}" for m in range(1, 13) for d in (3, 14, 27)]),
    "Order number": ("What is the order number?", [f"A{n}-{n * 7 % 9000 + 1000}" for n in range(4102, 4990, 25)]),
    "Customer name": (
        "What is the customer's name?",
        [f"{a} {b}" for a in ("Mia", "Ivan", "Clara", "Omar", "Ruth", "Leo") for b in ("Lind", "Okafor", "Sato")],
    ),
    "City": ("Which city is the customer in?", ["Oslo", "Lima", "Kyoto", "Porto", "Accra", "Quito", "Riga", "Cork"]),
}
RULES: Final = (
    "Be polite and brief.",
    "Never promise a refund.",
    "Answer questions about the data that is given here.",
    "If you do not know something, say so.",
    "Prices are in euros.",
    "The shop is open from nine to five.",
    "Clocks are sent in a box of cardboard, with a letter that says how they are set and when they want to be wound.",
    "Who wants to give a clock back has thirty days for it, and the clock must tell the time as it did when sent.",
)


class Case(NamedTuple):
    """Bodies that differ in their value and their question's turn; the last one is asked."""

    value: str
    bodies: tuple[bytes, ...]


def cases(how_many: int = CASES) -> Iterator[Case]:
    """Always the same ones."""
    random = Random(1)
    for number in range(how_many):
        name = list(KINDS)[number % len(KINDS)]
        question, values = KINDS[name]
        rules = [*random.sample(RULES[:-2], 4), *RULES[-2:]]  # fixed text behind the value: else nothing is gained
        at = random.randint(0, 2)
        chosen = random.sample(values, 4)
        yield Case(chosen[-1], tuple(_body(name, value, question, rules, at) for value in chosen))


def _body(name: str, value: str, question: str, rules: Sequence[str], at: int) -> bytes:
    lines = ["You are the assistant of a shop that sells clocks.", *rules]
    lines.insert(at + 1, f"{name}: {value}")
    messages = [{"role": "system", "content": "\n".join(lines)}, {"role": "user", "content": question}]
    return orjson.dumps({"model": "default", "temperature": 0, "max_tokens": OUTPUT, "messages": messages})


def rewritten(case: Case, wishes: Wishes) -> bytes:
    """The last body as it goes out."""
    layout = Layout(MemoryNotes())
    sent = [layout.arrange("s", DIALECT.name, "m", data, wishes, float(i)).data for i, data in enumerate(case.bodies)]
    return sent[-1]


def run() -> None:
    """Prints a table: a row for each wording, the default first."""
    forms = Forms(console())
    assert forms.converted
    rows = Table(title=f"Answers of {CASES} in which the value stands")
    for name in ("reference", "block", "moved", "right"):
        rows.add_column(name, justify="right" if name in ("moved", "right") else "left")
    engine = Engine.load(None, forms.data, load_secret(forms.data), Settings())
    try:
        row = list(cases())
        rows.add_row("as written", "", "0", _told(asyncio.run(_right(engine, row, [c.bodies[-1] for c in row]))))
        for wishes in WORDINGS:
            sent = [rewritten(case, wishes) for case in row]
            moved = sum(data != case.bodies[-1] for data, case in zip(sent, row, strict=True))
            assert moved == CASES, "what was not moved says nothing about moving"
            right = asyncio.run(_right(engine, row, sent))
            rows.add_row(repr(wishes.reference), repr(wishes.block), str(moved), _told(right))
    finally:
        asyncio.run(engine.close())
    console().print(rows)


def _told(right: int) -> str:
    return f"{right} ({right / CASES:.0%})"


async def _right(engine: Engine, row: Sequence[Case], sent: Sequence[bytes]) -> int:
    answers = [await _answer(engine, data) for data in sent]
    return sum(case.value in answer for case, answer in zip(row, answers, strict=True))


async def _answer(engine: Engine, data: bytes) -> str:
    request = DIALECT.parse(orjson.loads(data))
    return "".join([event.text async for event in engine.ask(request, PUBLIC) if isinstance(event, Delta)])
