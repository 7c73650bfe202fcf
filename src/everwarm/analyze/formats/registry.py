"""All formats of logs, and which of them a file is."""

from __future__ import annotations

from typing import Final

from everwarm.analyze.formats import (
    bodies,
    claude_code,
    codex,
    har,
    helicone,
    langfuse,
    ledger,
    litellm,
    opencode,
    opencode_db,
    otel,
    pi,
)
from everwarm.analyze.formats.format import Format
from everwarm.analyze.formats.hashes import FORMATS as TRACES
from everwarm.analyze.formats.hashes import Rows, Talks
from everwarm.analyze.reading.files import LogFile

FORMATS: Final[tuple[Format, ...]] = (
    ledger.FORMAT,
    claude_code.FORMAT,
    codex.FORMAT,
    opencode.FORMAT,
    opencode_db.FORMAT,
    pi.FORMAT,
    har.FORMAT,
    otel.FORMAT,
    litellm.FORMAT,
    langfuse.FORMAT,
    helicone.FORMAT,
    bodies.FORMAT,
)


LIKELY: Final = 0.2
"""How sure a format must be of a file that no user has named: in folders lie settings, lists and states, too."""


def format_of(lines: LogFile) -> Format | Rows | Talks | None:
    """The one that is surest of it; of equally sure ones the first. None if none is sure enough."""
    head = lines.head().split(b"\n")
    known: tuple[Format | Rows | Talks, ...] = (*FORMATS, *TRACES)
    sure = [(form.fits(head, lines.name), form) for form in known]
    best = max(sure, key=lambda pair: pair[0])
    return best[1] if best[0] > (0 if lines.named else LIKELY) else None
