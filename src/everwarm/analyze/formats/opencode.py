"""Sessions of opencode: what ``opencode export`` prints, and the JSON files in ``~/.local/share/opencode/storage``.

Source: anomalyco/opencode, ``session/message-v2.ts``, ``session/session.ts`` (``getUsage``), ``cli/cmd/export.ts``. Its
newer versions keep their sessions in a database: see ``opencode_db.py``.

An assistant message is made of parts; each ``step-finish`` among them ends a call, and has its tokens. In the storage a
session is a file, each message and each part another one; all is read from the session's. Tokens of the output are told
with the reasoning by older versions and without it by newer ones: where ``total`` is told it says which.

A request was sent when its message was made; a later one of the same message when the result before it was complete.
Results that opencode cleared (``compacted``) are not sent from that time on. A summary stands for all before the
message that asked for it, but for what is kept (``tail_start_id``). Reasoning is sent again in all later requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from everwarm.analyze.formats.entries import part, rows, seconds, text, unread
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.opencode_files import messages_of
from everwarm.analyze.formats.opencode_talk import Talk
from everwarm.analyze.formats.steps import Rows
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.wire import Json


class OpenCode:
    """The format."""

    name = "opencode session"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """By the ids of its sessions, messages and parts."""
        start = b"".join(head)[:65536]
        if not start.lstrip().startswith(b"{") or b'"ses_' not in start:
            return 0.0
        if b'"info"' in start and (b'"messages"' in start or b'"projectID"' in start):
            return 0.95
        return 0.9 if any(mark in start for mark in (b'"projectID"', b'"msg_', b'"prt_')) else 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        """A record for each call. Files of single messages and parts have none: it is read with its session."""
        data = lines.whole()
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            yield unread(lines.name, 1, f"it is no JSON: {error}", data)
            return
        if text(value, "sessionID") and text(value, "id").startswith(("msg_", "prt_")):
            return
        session = part(value, "info") or value
        if not text(session, "id"):
            yield unread(lines.name, 1, "it is no session: it has no id", data)
            return
        exported = type(value.get("messages")) is list
        messages = rows(value, "messages") if exported else messages_of(lines.name, text(session, "id"))
        yield from Session(lines.name, session).read(messages)


class Session:
    """One, told message by message."""

    def __init__(self, file: str, session: dict[str, Json]) -> None:
        self._file = file
        self._session = session
        self._rows = Rows()
        self._calls = 0

    def read(self, messages: Iterable[Json]) -> Iterator[Record | Unread]:
        """``messages``: each its ``info`` and its ``parts``. The line of a record is its number."""
        talk = Talk(self._file, self._session)
        told = []
        for number, message in enumerate(messages, 1):
            if type(message) is dict and text(part(message, "info"), "role"):
                told.append(message)
            else:
                why = "it is no message: it has no info, or no role"
                yield message if isinstance(message, Unread) else unread(self._file, number, why, _start(message))
        told.sort(key=_when)  # stable: an export has them in order
        for message in told:
            for step, record in talk.message(message):
                self._calls += 1
                record.place = record.place._replace(line=self._calls)
                record.keeps, record.blocks = self._rows.tell(step)
                yield record


def _when(message: dict[str, Json]) -> float:
    return seconds(part(part(message, "info"), "time").get("created")) or 0.0


def _start(value: Json) -> bytes:
    return orjson.dumps(value)[:400]


FORMAT: Final[Format] = OpenCode()
