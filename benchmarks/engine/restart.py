"""Time to the first token of a long prompt: new, asked again, and asked again after the engine was stopped and started.

llama.cpp and OpenVINO GenAI keep nothing over a restart by themselves.
"""

from __future__ import annotations

import asyncio
from statistics import median
from typing import NamedTuple

from rich.table import Table

from benchmarks.asking import Gateway
from benchmarks.engine.asked import ask
from benchmarks.engine.engines import Engine, Start
from benchmarks.engine.play import HELLO, connected
from benchmarks.engine.reading import Messages, Reader

SIZES = (1_000, 4_000)  # tokens
PROMPTS = 3  # of each size; the median counts
COLUMNS = ("", "weights", "tokens", "new ms", "again ms", "after a restart ms", "of new", "bound")
BOUND = "5 %"


class First(NamedTuple):
    """Seconds to the first token of each prompt."""

    new: list[float]
    again: list[float]
    restarted: list[float]


def table() -> Table:
    """Without rows."""
    made = Table(title="TTFT of a long prompt, one at a time, medians")
    for name in COLUMNS:
        made.add_column(name, no_wrap=True, justify="left" if name in {"", "weights"} else "right")
    return made


def prompts(reader: Reader, quick: bool) -> dict[int, list[Messages]]:
    """By their size."""
    passages, count = reader.passages(), 1 if quick else PROMPTS
    question = ("user", "What does this text say about names?")
    return {size: [[("system", passages.next(size)), question] for _ in range(count)] for size in SIZES}


def add(rows: Table, engine: Engine, start: Start, asked: dict[int, list[Messages]]) -> None:
    """One row for each size. Raises what ``play`` raises."""
    for size, times in measured(engine, start, asked).items():
        new, again, restarted = (1000 * median(seconds) for seconds in times)
        figures = (f"{new:,.0f}", f"{again:,.0f}", f"{restarted:,.0f}", f"{restarted / new:.1%}")
        rows.add_row(engine.name, engine.quantisation, f"{size:,}", *figures, BOUND if engine.name == "ours" else "")


def measured(engine: Engine, start: Start, asked: dict[int, list[Messages]]) -> dict[int, First]:
    """Each asked in turn, then in turn again; and once more by the engine that was started on the same folder."""
    with engine.begun(start) as gateway:
        new = asyncio.run(_first(gateway, asked))
        again = asyncio.run(_first(gateway, asked))
    with engine.begun(start) as gateway:
        restarted = asyncio.run(_first(gateway, asked))
    return {size: First(new[size], again[size], restarted[size]) for size in asked}


async def _first(gateway: Gateway, asked: dict[int, list[Messages]]) -> dict[int, list[float]]:
    async with connected() as session:
        await ask(session, gateway, HELLO, 8)
        return {
            size: [(await ask(session, gateway, messages, 4)).first for messages in of_size]
            for size, of_size in asked.items()
        }
