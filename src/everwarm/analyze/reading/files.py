"""The logs that are meant by what a user names, unpacked and line by line: in constant memory, and with no traceback.

What goes wrong on the way is kept as ``LogFile.troubles``; what could be read until then is given all the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import Final

from everwarm.analyze.reading.record import Unread
from everwarm.core.analysis.call import Place
from everwarm.folders import within
from everwarm.packing import PackingError, Readable, joined, unpacked

HEAD: Final = 64 * 1024
"""Bytes that tell which format it is."""

LONGEST: Final = 256 * 1024 * 1024
"""Bytes of one JSON value, be it a line or a file: a request of 32 MB is the largest that a provider takes."""

LINE: Final = 4 * 1024 * 1024
"""Bytes of a first line that are read to tell the format, if it is longer than ``HEAD``."""

SAMPLE: Final = 80
STDIN: Final = "-"

_LOGS: Final = re.compile(
    r"\.(jsonl?|ndjson|log|txt|csv|har|db|sqlite3?)(\.\d+|-\d+)?(\.(gz|zst|zstd))?$", re.IGNORECASE
)
"""Names of what is read in a folder: also of rotated and of packed logs."""

_GIVEN: Final = "tool-results"
"""The folder beside a Claude Code transcript with results that were too long for it: they may be logs of anything."""

_ATTACHED: Final = re.compile(r"[0-9a-f]{40}\.\w+")
"""Files beside an HTTP archive that hold its bodies, called by their digests."""

_HOMES: Final = (".claude", ".codex", ".pi")
"""Hidden folders in which coding agents keep their transcripts."""

_SECRET: Final = re.compile(
    r"""(?ix) ( \b(?: sk- | eyJ | gh[opsu]_ | AKIA ) | (?: token | \w[-_]?key | secret | password | access | refresh
    | cookie | authorization ) \w* \\* " \s* : \s* \\* " (?:Bearer\s)? ) [^"\\\s]+"""
)
"""How secrets begin, or what stands before them, as in the settings of an agent that lie beside its transcripts."""

Progress = Callable[[int], None]
"""Told how many more bytes of the file were read, as they lie on disk."""


def logs(names: Iterable[str], progress: Progress = lambda _: None) -> Iterator[LogFile]:
    """Each file that is named, ``-`` as standard input, and in each folder those that may be logs, by name."""
    for name in names:
        path = Path(name)
        if name == STDIN or not path.is_dir():
            yield LogFile(name, progress)
            continue
        try:
            yield from (LogFile(str(each), progress, named=False) for each in within(path, is_log, _HOMES))
        except OSError as e:
            broken = LogFile(name, progress)
            broken.troubles.append(Unread(Place(name, 0), f"the folder cannot be listed: {e.strerror or e}"))
            yield broken


def is_log(path: Path) -> bool:
    """By its name, if it is not what a tool gave an agent, or a part of another file."""
    if path.parent.name == _GIVEN or _ATTACHED.fullmatch(path.name):
        return False
    return _LOGS.search(path.name) is not None


def sample(data: bytes) -> str:
    """The beginning of a line, to be shown, without what looks like a secret."""
    text = _SECRET.sub("\\1\N{HORIZONTAL ELLIPSIS}", data[: 16 * SAMPLE].decode("utf-8", "replace"))[:SAMPLE]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class LogFile:
    """See ``formats.format.Lines``."""

    def __init__(self, name: str, progress: Progress = lambda _: None, *, named: bool = True) -> None:
        self.name = name
        self.named = named  # by the user; False: found in a folder, where other files may stand, too
        self.path = None if name == STDIN else Path(name)
        self.size = self._size()  # bytes on disk; 0 where that is not known
        self.bytes = 0  # unpacked, so far
        self.troubles: list[Unread] = []
        self._progress = progress
        self._pieces = self._read()
        self._begun: list[bytes] = []

    def head(self) -> bytes:
        """The first 64 kB, or the first line if that is longer, as one with all instructions in it may be; all of the
        file, if it has less."""
        begun = b"".join(self._begun)
        while len(begun) < HEAD or (b"\n" not in begun and len(begun) < LINE):
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._begun.append(piece)
            begun += piece
        return begun[: max(HEAD, begun.find(b"\n"))]

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Line numbers from 1, and lines without their ends. Empty ones are counted, and not given. A line of more than
        ``LONGEST`` is a trouble."""
        stream, most = joined(self.pieces()), LONGEST + 1  # its end is no part of it
        for number, line in enumerate(iter(lambda: stream.readline(most), b""), 1):
            if len(line) == most and not line.endswith(b"\n"):
                self._trouble(f"the line is longer than {_LONGEST}", number, line)
                _pass_rest(stream)
            elif not line.isspace():
                yield number, line.rstrip(b"\r\n")

    def whole(self) -> bytes:
        """All of it; b"" and a trouble if that is more than ``LONGEST``."""
        pieces, size = list[bytes](), 0
        for piece in self.pieces():
            size += len(piece)
            if size <= LONGEST or not pieces:
                pieces.append(piece)
            else:
                del pieces[1:]
        if size > LONGEST:
            self._trouble(f"it is one value of more than {_LONGEST}", 1, pieces[0])
            return b""
        return b"".join(pieces)

    def pieces(self) -> Iterator[bytes]:
        """All of it, in pieces of any size."""
        begun, self._begun = self._begun, []
        yield from begun
        yield from self._pieces

    def _read(self) -> Iterator[bytes]:
        """Pieces of any size. A byte order mark is no part of them."""
        try:
            with ExitStack() as opened:
                stream = sys.stdin.buffer if self.path is None else opened.enter_context(self.path.open("rb", 0))
                for piece in unpacked(_Counted(stream, self._progress)):
                    text = piece if self.bytes else piece.removeprefix(b"\xef\xbb\xbf")
                    self.bytes += len(piece)
                    yield text
        except PackingError as e:
            self._trouble(str(e))
        except FileNotFoundError:
            self._trouble("there is no such file")
        except (OSError, ValueError) as e:  # ValueError: a null character in its name
            self._trouble(f"it cannot be read: {getattr(e, 'strerror', None) or e}")

    def _trouble(self, why: str, line: int = 0, data: bytes = b"") -> None:
        self.troubles.append(Unread(Place(self.name, line), why, sample(data)))

    def _size(self) -> int:
        try:
            return self.path.stat().st_size if self.path else 0
        except (OSError, ValueError):
            return 0


_LONGEST: Final = f"{LONGEST // 2**20} MB"


class _Counted:
    """A stream that tells how much of it was read."""

    def __init__(self, stream: Readable, progress: Progress) -> None:
        self._stream, self._progress = stream, progress

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size) or b""
        self._progress(len(data))
        return data


def _pass_rest(stream: BufferedReader) -> None:
    """Of a line that is not wanted."""
    while (part := stream.readline(HEAD)) and not part.endswith(b"\n"):
        pass
