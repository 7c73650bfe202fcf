"""``everwarm layout stream ID``."""

from __future__ import annotations

from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from everwarm.config import Config
from everwarm.core.layout.stream import Stream
from everwarm.layout.known import Known, known
from everwarm.layout.screen import shown
from everwarm.layout.spans import Span, spans_of

VERSION = 1


def show(config: Config, stream: str, *, as_json: bool) -> int:
    """Print what is known of a stream. Raises as ``known``."""
    found = known(config, stream)
    if as_json:
        print(orjson.dumps(told(found), option=orjson.OPT_INDENT_2).decode())
    else:
        console = Console()
        for part in shown(found):
            console.print(part, soft_wrap=isinstance(part, Text))
    return 0


def told(known: Known) -> dict[str, Any]:
    """As JSON; docs/formats.md has the shape."""
    return {
        "version": VERSION,
        "stream": known.stream,
        "model": known.model,
        "dialect": known.dialect,
        "mode": known.mode,
        "own": known.own,
        "asked": [asked._asdict() for asked in known.asked],
        "findings": list(known.findings),
        "learned": [_learned(known, space, stream) for space, stream in known.learned.items()],
    }


def _learned(known: Known, space: str, stream: Stream) -> dict[str, Any]:
    lifetimes = known.lifetimes(stream)
    of_all, of_talks = stream.arrivals
    return {
        "namespace": space,
        "requests": stream.requests,
        "text": list(stream.template.literals),
        "spans": [_span(span) for span in spans_of(stream, known.mode)],
        "gaps": {"all": of_all.dump(), "talks": of_talks.dump()},
        "lifetimes": None if lifetimes is None else lifetimes._asdict(),
    }


def _span(span: Span) -> dict[str, Any]:
    slot = span.slot
    return {
        "name": slot.name,
        "kind": slot.kind,
        "stability": slot.stability,
        "confidence": round(slot.confidence, 4),
        "within": slot.within._asdict(),
        "between": slot.between._asdict(),
        "moved": slot.moved,
        "says": span.fate,
    }
