"""The storage of opencode: ``session/<project>/<session>.json``, ``message/<session>/*``, ``part/<message>/*``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from everwarm.analyze.formats.entries import text, unread
from everwarm.analyze.reading.record import Unread
from everwarm.core.wire import Json


def messages_of(file: str, session: str) -> Iterator[dict[str, Json] | Unread]:
    """The messages of a session, as an export has them. ``file``: the session's own; none if the others are not
    there. Those that cannot be read are ``Unread``, and what is broken of their parts is left out."""
    storage = next((above for above in Path(file).parents if (above / "message" / session).is_dir()), None)
    if storage is None:
        yield unread(file, 1, "its messages are not in the folder above it: message/" + session, b"")
        return
    for path in sorted((storage / "message" / session).glob("*.json")):
        info = _value(path)
        if isinstance(info, Unread):
            yield info
            continue
        found = (_value(each) for each in sorted((storage / "part" / text(info, "id")).glob("*.json")))
        yield {"info": info, "parts": [each for each in found if not isinstance(each, Unread)]}


def _value(path: Path) -> Json:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        return unread(str(path), 1, f"it cannot be read: {error}", b"")
