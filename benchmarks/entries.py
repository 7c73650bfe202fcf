"""What one stored answer costs, and how long it takes to find: in memory and on disk, from a thousand to a million.

Its bytes are those of the answer and of the proof (the canonical request, stored so that equality can be proved). They
are random here, so that nothing could be saved by packing them. ``python -m benchmarks.entries TIER COUNT ANSWER
REQUEST FOLDER`` measures once, in a process of its own, and prints one line of JSON.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from everwarm.core.key import ExactKey, Namespace, exact_key
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry, Store
from everwarm.store.sqlite import SqliteStore

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
ANSWER, REQUEST = 2_048, 300  # bytes; a short request: there the overhead weighs most
SHAPES = [(answer, REQUEST) for answer in range(2_048, 4_200, 64)] + [(2_048, 8_000), (16_384, 60_000)]
"""Pairs of answer and request, in bytes: some fit into pages better than others."""

NOW = 1_800_000_000.0
TENANT = Namespace("f" * 32)
LOOKUPS = 2_000
QUEUED = 8 * 2**20  # bytes that may wait for the disk; with more than four times that, the store would shed


def run(*, seconds: float, rounds: int) -> None:
    """Prints two tables. A count that would not fit this machine is left out, and said."""
    del seconds  # a measurement is as long as its look-ups take
    console = Console()
    table = Table("tier", "entries", "cost / bytes", "bound", "found in us", "not there in us", title="A stored answer")
    for tier in ("memory", "disk"):
        for count in COUNTS:
            if lacks_room(tier, count * (ANSWER + REQUEST) * 2):
                table.add_row(tier, f"{count:,}", "does not fit this machine", "", "", "")
                continue
            got = measured(tier, count, ANSWER, REQUEST, rounds)
            table.add_row(
                tier, f"{count:,}", f"{got['cost']:.2f}", "1.3", f"{got['found_us']:.2f}", f"{got['absent_us']:.2f}"
            )
    console.print(table)
    costs = {shape: measured("disk", 10_000 if sum(shape) < 10_000 else 1_000, *shape, 1)["cost"] for shape in SHAPES}
    shapes = Table("answer + request", "cost / bytes", "bound", title="Fit into pages of the disk: worst and best")
    for shape in (max(costs, key=lambda s: costs[s]), min(costs, key=lambda s: costs[s])):
        shapes.add_row(f"{shape[0]:,} + {shape[1]:,} bytes", f"{costs[shape]:.2f}", "1.3")
    console.print(shapes)


def lacks_room(tier: str, size: int) -> bool:
    """Whether this machine should not be asked to hold ``size`` bytes there."""
    if tier == "disk":
        return size > shutil.disk_usage(gettempdir()).free // 2
    return size > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") // 2


def measured(tier: str, count: int, answer: int, request: int, rounds: int) -> dict[str, float]:
    """The medians of some measurements, each in a new process."""
    figures = []
    for _ in range(rounds if count <= 100_000 else 1):
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.entries", tier, str(count), str(answer), str(request), folder]
            figures.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    return {name: median(f[name] for f in figures) for name in figures[0]}


def key(number: int, request: int) -> ExactKey:
    """The key of a request of that size, always the same for the same number."""
    return exact_key(TENANT, "openai_chat", "engine:0123456789abcdef", random.Random(number).randbytes(request))


def filled(store: Store, count: int, answer: int, request: int) -> int:
    """Store that many; their bytes together."""
    chance, size, waiting = random.Random(0), 0, 0
    for number in range(count):
        at = key(number, request)
        store.put(at, Entry(chance.randbytes(answer), NOW + number, NOW + 2 * count + number), NOW + number)
        size += len(at.proof) + answer
        waiting += len(at.proof) + answer
        if waiting > QUEUED:
            store.flush()
            waiting = 0
    store.flush()
    if store.held().entries != count:
        raise SystemExit(f"{store.held().entries} of {count} entries were stored")
    return size


def look_up_us(store: Store, numbers: Iterator[int], request: int, count: int) -> float:
    """Microseconds of one look-up: the median, so that no pause of the machine counts."""
    times = []
    for at in [key(number, request) for number in numbers]:
        begun = perf_counter()
        store.get(at, NOW + count)
        times.append(perf_counter() - begun)
    return 1e6 * median(times)


def once(tier: str, count: int, answer: int, request: int, folder: Path) -> dict[str, Any]:
    """One measurement."""
    used = resident if tier == "memory" else lambda: on_disk(folder)
    make: Callable[[], Store] = (
        (lambda: MemoryStore(2**40))
        if tier == "memory"
        else (lambda: SqliteStore(folder / "cache.db", bytes(32), 2**40))
    )
    gc.freeze()
    before = used()
    store = make()
    size = filled(store, count, answer, request)
    if tier == "disk":
        store.close()  # so that the log is in the file
    cost = (used() - before) / size
    if tier == "disk":
        store = make()
    chance = random.Random(1)
    there = [chance.randrange(count) for _ in range(LOOKUPS)]
    found = look_up_us(store, iter(there), request, count)
    absent = look_up_us(store, iter(range(count, count + LOOKUPS)), request, count)
    store.close()
    return {"cost": cost, "found_us": found, "absent_us": absent}


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def on_disk(folder: Path) -> int:
    """Bytes of all files there."""
    return sum(file.stat().st_size for file in folder.iterdir())


if __name__ == "__main__":
    arguments = [int(a) for a in sys.argv[2:5]]
    print(json.dumps(once(sys.argv[1], arguments[0], arguments[1], arguments[2], Path(sys.argv[5]))))
