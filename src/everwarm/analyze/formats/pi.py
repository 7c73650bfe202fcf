"""Sessions of pi, the coding agent: ``~/.pi/agent/sessions/<folder>/<time>_<id>.jsonl``.

Source: badlogic/pi-mono, packages/coding-agent, ``docs/session.md``, ``core/session-manager.ts``, ``core/messages.ts``,
and packages/ai, ``transform-messages.ts``, versions 1 to 3 of the format.

A line is an entry. In version 1 each follows the one before it; from version 2 on it names its parent, and the entries
are a tree. An assistant message is one call: ``message.timestamp`` is when the request was made, the entry's own
``timestamp`` when its answer was complete. The system prompt and the tools are not in the file.

Assumed: an answer that failed or was broken off is not sent again (as pi does since version 2 of the format), thinking
is sent again in all later requests. A provider may leave it out of earlier turns; nothing in the file tells. A level of
thinking that is chosen while the agent works counts from the user's next message on: until then calls go on as they
began, and providers go on reading what they had cached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from everwarm.analyze.formats.entries import broken, heads, objects, provider, seconds, text
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.steps import Rows, Step, after, digest
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.blocks import blocks_of
from everwarm.core.analysis.call import Line, Place
from everwarm.core.dialects.counts import count
from everwarm.core.layout.outlines.parts import Place as Writer
from everwarm.core.layout.piece import Kind, Piece
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_TEXTS: Final = frozenset({"text"})
_CALL: Final = frozenset({"type", "id", "partialJson"})
_LOST: Final = ("error", "aborted")


class Pi:
    """The format."""

    name = "pi session"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """By the first line, which says that it is a session and where."""
        first = next(iter(heads(head)), {})
        if first.get("type") == "session" and text(first, "id"):
            return 0.95 if "cwd" in first else 0.7
        return 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        """A record for each assistant message."""
        return _Session(lines.name).read(lines)


class _Entry:
    """One line of the tree."""

    __slots__ = ("asked", "before", "blocks", "step", "thinking")

    def __init__(self, before: _Entry | None, blocks: list[Block]) -> None:
        self.before = before
        self.blocks = blocks  # that it adds
        self.step: Step | None = after(before.step if before else None, blocks)  # all that is sent after it
        self.thinking: str = before.thinking if before else ""  # as it is set
        self.asked: str = before.asked if before else ""  # with which the calls are made


class _Session:
    def __init__(self, file: str) -> None:
        self._file = file
        self._rows = Rows()
        self._entries: list[_Entry | None] = []  # of all lines; None: the header
        self._known: dict[str, _Entry] = {}
        self._last: _Entry | None = None
        self._header: dict[str, Json] = {}

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        for found in objects(lines):
            if isinstance(found, Unread):
                yield found
                continue
            number, entry = found
            kind = text(entry, "type")
            if kind == "session":
                self._header = entry
                self._entries.append(None)
            elif kind == "message" and type(entry.get("message")) is dict:
                yield from self._message(number, entry, entry["message"])
            elif kind and kind != "message":
                self._other(kind, entry)
            else:
                yield broken(self._file, number, "it is no entry: it has no type, or no message", entry)

    def _message(self, number: int, entry: dict[str, Json], message: dict[str, Json]) -> Iterator[Record]:
        role, before = text(message, "role"), self._before(entry)
        said = _said(role, message)
        if role == "assistant":
            yield self._record(number, entry, message, before, said)
            if message.get("stopReason") in _LOST:
                said = []
        added = _Entry(before, said)
        if role == "user":
            added.asked = added.thinking
        self._add(entry, added)

    def _record(
        self, number: int, entry: dict[str, Json], message: dict[str, Json], before: _Entry | None, said: list[Block]
    ) -> Record:
        usage = _usage(message.get("usage"))
        seller = provider(text(message, "provider"), text(message, "model"))
        at = seconds(message.get("timestamp"))
        keeps, blocks = self._rows.tell(before.step if before else None)
        thinking = (before.asked if before else "") or text(self._header, "thinkingLevel")
        return Record(
            Place(self._file, number),
            Line(seller, text(message, "model"), "", text(self._header, "cwd"), text(self._header, "id")),
            blocks=blocks,
            keeps=keeps,
            hides="pi",
            at=at,
            ended=seconds(entry.get("timestamp")),
            usage=usage,
            failed=usage is None and message.get("stopReason") in _LOST,
            settings={"reasoning_effort" if seller == "openai" else "thinking": thinking} if thinking else {},
            answer=digest(said),
            id=text(message, "responseId") or (f"pi {at} {entry.get('timestamp')}" if at else ""),
        )

    def _other(self, kind: str, entry: dict[str, Json]) -> None:
        """What is no message: it may be sent as one, change what is sent, or do neither."""
        before = self._before(entry)
        if kind == "compaction":
            added = self._compacted(entry, before)
        elif kind == "custom_message":
            added = _Entry(before, _written("user", entry.get("content")))
        elif kind == "branch_summary":
            added = _Entry(before, _written("user", entry.get("summary")))
        else:
            added = _Entry(before, [])
        if kind == "thinking_level_change":
            added.thinking = text(entry, "thinkingLevel")
        self._add(entry, added)

    def _compacted(self, entry: dict[str, Json], before: _Entry | None) -> _Entry:
        """Its summary stands for all before the first entry that is kept."""
        index = count(entry, "firstKeptEntryIndex")
        first = self._known.get(text(entry, "firstKeptEntryId"))
        if index is not None and index < len(self._entries):
            first = self._entries[index]
        kept: list[list[Block]] = []
        each = before
        while first and each and each is not first:
            kept.append(each.blocks)
            each = each.before
        made = _Entry(before, [])
        made.step = after(None, _written("user", entry.get("summary")))
        if first and each is first:
            for blocks in (first.blocks, *reversed(kept)):
                made.step = after(made.step, blocks)
        return made

    def _before(self, entry: dict[str, Json]) -> _Entry | None:
        if "parentId" not in entry:
            return self._last
        parent = entry["parentId"]
        return self._known.get(parent, self._last) if type(parent) is str else None

    def _add(self, entry: dict[str, Json], added: _Entry) -> None:
        self._last = added
        self._entries.append(added)
        if name := text(entry, "id"):
            self._known[name] = added


def _usage(value: Json) -> Usage | None:
    """None where the provider had not counted yet: pi writes zeros then."""
    if type(value) is not dict:
        return None
    names = ("input", "cacheRead", "output", "cacheWrite")
    usage = Usage(*(count(value, name) or 0 for name in names))
    return usage if usage.total else None


def _said(role: str, message: dict[str, Json]) -> list[Block]:
    """What a message adds to later prompts."""
    if role == "bashExecution":
        return [] if message.get("excludeFromContext") else _written("user", _shell(message))
    if role == "toolResult":
        return _written("tool", message.get("content"), "result")
    return _written(role if role == "assistant" else "user", message.get("content", message.get("summary")))


def _shell(message: dict[str, Json]) -> str:
    """A command that the user ran."""
    return f"{text(message, 'command')}\n{text(message, 'output')}"


def _written(role: str, content: Json, kind: Kind = "text") -> list[Block]:
    pieces: list[Piece] = []
    place = Writer(pieces, "messages", role, 0)
    if type(content) is not list:
        place.string(("messages", 0, "content"), content, kind)
        return blocks_of(pieces)
    for index, item in enumerate(content):
        path = ("messages", 0, "content", index)
        if type(item) is dict and item.get("type") == "toolCall":
            place.others(path, item, _CALL)
        else:
            place.part(path, item, _TEXTS, kind)
    return blocks_of(pieces)


FORMAT: Final[Format] = Pi()
