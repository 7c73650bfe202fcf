"""All that is named, read: whatever format each file has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from everwarm.analyze.files import LogFile, logs
from everwarm.analyze.formats.registry import format_of
from everwarm.analyze.gather import Gather
from everwarm.analyze.record import Record, Unread
from everwarm.analyze.report import Source


class Logs(NamedTuple):
    """What was read."""

    gather: Gather
    sources: list[Source]


def read(names: Sequence[str], progress: Callable[[int], None]) -> Logs:
    """``progress`` is told how many more bytes were read. What cannot be read is counted, with a sample."""
    gather = Gather()
    sources = []
    for file in logs(names, progress):
        before = gather.repeated[file.name]
        source = _source(file, gather)
        source.repeated = gather.repeated[file.name] - before
        if file.named or source.format:
            sources.append(source)
    return Logs(gather, sources)


def _source(file: LogFile, gather: Gather) -> Source:
    source = Source(file.name, "", 0, 0)
    kind = format_of(file)
    for found in kind.read(file) if kind is not None else ():
        if isinstance(found, Record):
            gather.add(found)
            source.calls += 1
        else:
            _unread(source, found)
    source.format = kind.name if kind is not None else ""
    source.bytes = file.bytes
    for trouble in file.troubles:
        _unread(source, trouble)
    if kind is None and not source.unread:
        why = "it is empty" if not file.bytes else "no call of a model is in it, in any format that is known here"
        source.unread, source.sample = 1, f"{file.name}: {why}"
    return source


def _unread(source: Source, found: Unread) -> None:
    source.unread += 1
    if not source.sample:
        where = f"{found.place.file}:{found.place.line}" if found.place.line else found.place.file
        source.sample = f"{where}: {found.why}" + (f": {found.sample}" if found.sample else "")
