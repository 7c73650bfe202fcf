"""All that is named, read: whatever format each file has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import NamedTuple

from everwarm.analyze.formats.format import Format
from everwarm.analyze.formats.hashes import Rows, Talks
from everwarm.analyze.formats.registry import format_of
from everwarm.analyze.reading.file import read
from everwarm.analyze.reading.files import STDIN, LogFile, logs
from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.record import Record, Unread
from everwarm.analyze.reading.sampling import Sampling
from everwarm.analyze.report import Source
from everwarm.analyze.sums.traces import Traces


class Logs(NamedTuple):
    """What was read."""

    gather: Gather
    traces: Traces  # of hashed blocks, which are no prompts
    sources: list[Source]


def read_all(
    names: Sequence[str],
    progress: Callable[[int], None],
    anew: Callable[[int], None] = lambda _: None,
    most: float = inf,
) -> Logs:
    """``progress`` is told how many more bytes were read. What cannot be read is counted, with a sample. Of a folder,
    files in which there is nothing of a log are passed over.

    Where there is more than ``most`` bytes of memory hold, all is read once more, and some of the conversations in it
    are taken: ``anew`` is told of how many one is. Of standard input, which cannot be read twice, it is those that came
    first, as it is where there is but one conversation.
    """
    sampling = coarser = Sampling()
    parted = STDIN not in names
    while True:
        found = Logs(Gather(sampling, most), Traces(), [])
        _read(names, progress, found)
        gather = found.gather
        if gather.is_full and parted:
            sampling, coarser = sampling.finer(gather.keys), sampling
        elif gather.passed and not gather.keys:
            sampling, parted = coarser, False
        else:
            return found
        del found, gather  # before there are others
        anew(sampling.one_in)


def _read(names: Sequence[str], progress: Callable[[int], None], found: Logs) -> None:
    """All, or until there is no more room."""
    for file in logs(names, progress):
        source = _source(file, found)
        if file.named or source.format:
            found.sources.append(source)
        if found.gather.full:
            break


def _source(file: LogFile, found: Logs) -> Source:
    kind = format_of(file)
    source = Source(file.name, kind.name if kind is not None else "", 0, 0)
    before = found.gather.repeated[file.name]
    for each in _each(file, kind, found, source):
        if isinstance(each, Record):
            found.gather.add(each)
            source.calls += 1
            if found.gather.full:
                break
        else:
            _unread(source, each)
    source.bytes = file.bytes
    source.repeated = found.gather.repeated[file.name] - before
    return source


def _each(file: LogFile, kind: Format | Rows | Talks | None, found: Logs, source: Source) -> Iterator[Record | Unread]:
    if not isinstance(kind, Rows | Talks):
        yield from read(file, kind)
        return
    taken = found.traces.take(kind.name if kind.together else file.name, kind.requests(file), kind.note)
    source.calls, source.unread = taken.requests, max(taken.unread - 1, 0)
    if taken.first is not None:
        yield taken.first
    yield from file.troubles


def _unread(source: Source, found: Unread) -> None:
    source.unread += 1
    if not source.sample:
        where = f"{found.place.file}:{found.place.line}" if found.place.line else found.place.file
        source.sample = f"{where}: {found.why}" + (f": {found.sample}" if found.sample else "")
