"""The analyzer's speed: of logs with bodies, beside kvlint and kvleak on the same lines; and of a trace of blocks.

One log has requests of nine applications, eight of which break their caches; one has those of Messages, with a mark
that moves; one has questions, each asked once; and one, which the peers are given, too, requests that go on as before.

kvleak reads the counts of tokens only, and no prompt. kvlint tokenizes every prompt, and is given the first lines only.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Final

import orjson
from rich.table import Table

from benchmarks.analyze import log, trace
from benchmarks.analyze.timed import FailedError, Took, timed
from benchmarks.environments import NotInstalledError, environment
from benchmarks.layout.conversations import AbsentError
from benchmarks.servers import console, environ

MEGABYTE: Final = 1_000_000
BOUNDS: Final = "Allowed: at least 100 MB/s of processor time, at most 1,500 MB resident."
OF_KVLINT: Final = 20 * MEGABYTE
"""Bytes of the log that kvlint is given."""


def run(*, megabytes: int, requests: int, peers: bool) -> None:
    """Prints one table; only a word where the data are absent."""
    table = Table(title=f"everwarm analyze: {megabytes:,} MB of requests, and {requests:,} requests as hashed blocks")
    for name in ("", "MB", "s", "CPU s", "MB/s", "ours/it", "peak MB"):
        table.add_column(name, no_wrap=True, justify="left" if name == "" else "right")
    with tempfile.TemporaryDirectory() as folder:
        try:
            _logs(table, Path(folder), megabytes * MEGABYTE, peers=peers)
        except AbsentError as error:
            console().print(f"The log is left out: {error}")
        try:
            _trace(table, requests)
        except AbsentError as error:
            console().print(f"The trace is left out: {error}")
    if table.row_count:
        console().print(table)
        console().print(f"MB/s are of processor time. {BOUNDS}")


def _logs(table: Table, folder: Path, size: int, *, peers: bool) -> None:
    path = folder / "log.jsonl"
    mine = 0.0
    written: dict[str, Callable[[], int]] = {
        "broken caches": lambda: log.write(path, size),
        "marks that move": lambda: log.write_messages(path, size),
        "questions": lambda: log.write_questions(path, size),
        "nothing broken": lambda: log.write(path, size, ("clean",)),
    }
    for what, write in written.items():
        count = write()
        table.add_row(f"{what}: orjson.loads alone", *_cells(count, _parsed(path), None))
        ours = timed([sys.executable, "-m", "everwarm", "analyze", "--json", path], environ())
        table.add_row(f"{what}: everwarm analyze", *_cells(count, ours, None))
        mine = count / ours.cpu
    for name, begun in (("kvleak", _kvleak), ("kvlint", _kvlint)) if peers else ():
        try:
            count, took = begun(environment(name, console()), path, folder)
            table.add_row(name, *_cells(count, took, mine))
        except (NotInstalledError, FailedError) as error:
            console().print(f"{name} is left out: {error}", markup=False)


def _parsed(path: Path) -> Took:
    begun = process_time()
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)
    took = process_time() - begun
    return Took(took, took, 0.0)


def _kvleak(programs: Path, path: Path, folder: Path) -> tuple[int, Took]:
    command = [programs / "kvleak", "audit", "--format", "generic", "--json", "--path", path]
    return path.stat().st_size, timed(command, environ(HOME=str(folder)))


def _kvlint(programs: Path, path: Path, folder: Path) -> tuple[int, Took]:
    part, tokenizer = folder / "part.jsonl", folder / "tokenizer"
    with path.open("rb") as file, part.open("wb") as out:
        out.writelines(_first(file, OF_KVLINT))
    env = environ(HOME=str(folder), HF_HUB_OFFLINE="1")
    timed([programs / "python", Path(__file__).with_name("tokenizer.py"), path, tokenizer], env)
    return part.stat().st_size, timed([programs / "kvlint", "lint", "--model", tokenizer, part], env)


def _first(lines: Iterator[bytes], size: int) -> Iterator[bytes]:
    for line in lines:
        yield line
        size -= len(line)
        if size <= 0:
            return


def _trace(table: Table, requests: int) -> None:
    """Written into its standard input, as the file would be of gigabytes."""
    size = sum(map(len, islice(trace.lines(requests), 100_000))) * max(requests, 100_000) // 100_000
    command = [sys.executable, "-m", "everwarm", "analyze", "--json", "-"]
    took = timed(command, environ(), trace.lines(requests))
    table.add_row(f"a trace of {requests:,} requests", *_cells(size, took, None))


def _cells(size: int, took: Took, ours: float | None) -> tuple[str, ...]:
    """``ours``: bytes per second, to be compared with."""
    speed = size / took.cpu
    ratio = f"{ours / speed:.2f}" if ours else ""
    peak = f"{took.peak_mb:,.0f}" if took.peak_mb else ""
    figures = (f"{took.seconds:.1f}", f"{took.cpu:.1f}", f"{speed / MEGABYTE:,.1f}")
    return (f"{size / MEGABYTE:,.0f}", *figures, ratio, peak)
