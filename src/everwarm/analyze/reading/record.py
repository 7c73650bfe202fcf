"""What a reader of logs gives: calls in the order of the file, and what it could not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Line, Place
from everwarm.core.usage import Usage
from everwarm.core.wire import Json


@dataclass(slots=True)
class Record:
    """One call. Times are seconds since 1970.

    The prompt is ``body``, if the log has it. A transcript has ``blocks`` in its place: those that follow the first
    ``keeps`` blocks of the record before it in the same file, so that a long conversation is not told anew with each
    call. It may hide what an agent sent besides (its system prompt, its tools): their size is told by reported tokens.
    """

    place: Place
    line: Line
    dialect: str = ""  # a name of the registry; "" if there is no body
    body: Mapping[str, Json] | None = None
    blocks: tuple[Block, ...] | None = None
    keeps: int = 0
    hides: str = ""  # what identifies the part of the prompt that the log has not: "claude-code 2.0"; "" if it has all
    at: float | None = None
    began: float | None = None
    ended: float | None = None
    usage: Usage | None = None
    failed: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)  # beside those that ``body`` has
    answer: bytes = b""  # a digest of the answer; b"" if the log has none
    id: str = ""  # of the request or answer: two records with one id are one call


@dataclass(slots=True)
class Unread:
    """A line, or a member of a file, in which no call was found."""

    place: Place
    why: str  # "it is no JSON: ... at column 3"
    sample: str = ""  # the beginning of it, at most 80 characters
