"""Request bodies in a file: what in their static part changes by nature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Path, Piece, name
from everwarm.core.layout.volatile import find
from everwarm.lint.finding import Finding, shown, tokens
from everwarm.lint.python.edits import MOVE
from everwarm.lint.request import Request, request_of

_STORY = "If it changes, nothing behind it can be reused."


def check(data: bytes, file: str) -> list[Finding] | None:
    """What is found in ``data``: JSON, a body or a list of bodies; None if there is none in it. Raises
    ``orjson.JSONDecodeError`` if it is no JSON.
    """
    value = orjson.loads(data)
    values: list[Any] = value if isinstance(value, list) else [value]
    requests = [(index, request) for index, each in enumerate(values) if (request := request_of(each))]
    if not requests:
        return None
    return [f for index, r in requests for f in _in_request(r, (index,) if isinstance(value, list) else (), file)]


def _in_request(request: Request, above: Path, file: str) -> Iterator[Finding]:
    pieces = outline(request.dialect, request.body)
    for index, piece in enumerate(pieces):
        if piece.tier == "messages":
            return
        behind = sum(len(later.text) for later in pieces[index + 1 :])
        for path, text, rest in _texts(piece):
            for span in find(text):
                place = f"{name((*above, *path))} characters {span.start}-{span.end}"
                lost = tokens(len(text) - span.end + rest + behind)
                found = shown(text[span.start : span.end])
                yield Finding(file, 0, 0, place, span.kind, found, _STORY, lost, MOVE)


def _texts(piece: Piece) -> Iterator[tuple[Path, str, int]]:
    """The texts that are looked at, each with how much of its piece stands behind it.

    Of a tool only what it says of itself: dates and ids in a schema are examples.
    """
    if piece.kind != "definition":
        yield piece.path, piece.text, 0
        return
    tool = orjson.loads(piece.text)
    held = tool.get("function", tool) if isinstance(tool, dict) else None
    text = held.get("description") if isinstance(held, dict) else None
    if isinstance(text, str):
        inner = ("function", "description") if held is not tool else ("description",)
        yield (*piece.path, *inner), text, max(0, len(piece.text) - piece.text.find(text[:20]) - len(text))
