"""One file -> its calls, and whatever in it is none."""

from __future__ import annotations

from collections.abc import Iterator

from everwarm.analyze.formats.format import Format
from everwarm.analyze.reading.files import LogFile, sample
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Place


def read(lines: LogFile, form: Format | None) -> Iterator[Record | Unread]:
    """All calls in a file of this format; at the end what went wrong with the file itself. Never raises.

    Without a format the file says why it has none. Line 0 is that of all that concerns the whole file.
    """
    if form is not None:
        yield from form.read(lines)
    elif not lines.troubles:
        yield Unread(Place(lines.name, 0), _why(lines.head()), sample(lines.head()))
    yield from lines.troubles


def _why(head: bytes) -> str:
    if not head.strip():
        return "it is empty"
    if head.startswith(b"SQLite format 3\0"):
        return "it is a database of another program"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is text in UTF-16: write it as UTF-8"
    if head.startswith((b"PK\x03\x04", b"BZh", b"\xfd7zXZ")):
        return "it is packed in a way that is not read here: unpack it, or pack it with gzip or zstd"
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS: fetch the file that it stands for"
    return "it is no text" if b"\0" in head else "it is no log of any form that is known"
