"""Rollouts of Codex: ``~/.codex/sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl``.

Sources: openai/codex, ``codex-rs/protocol/src/protocol.rs`` (``RolloutItem``, ``TokenUsageInfo``); alp82/aistack,
``codex-session-log-anatomy-2026-08.md``; the issues on counting once, ccusage/ccusage 876, 988 and 1288.

Lines are ``session_meta``, ``turn_context``, ``response_item``, ``compacted``, ``event_msg`` and others, each with its
``payload``; in the oldest files the items stand there by themselves. A call is a count of tokens, from an event
``token_count`` (``last_token_usage``) or from a ``token_usage_record``. Counts are repeated: one that leaves the total
as it was is no new call, nor is one that both kinds of lines tell. Files without counts have calls without usage.

Versions differ in whether a count stands before the items of its answer or behind them: the first count of a file
decides. The base instructions are in newer files, the tools in none. A request is taken to be sent when the line before
its answer was written. Events tell the same answer before its items do, newer ones also when it began: they are of the
answer, and not before it. Reasoning is sent again in all later requests. A fork repeats the history of its parent, and
so may a spawned thread, before it does anything itself (codeburn 1383, tokscale 679): those calls have the ids that
they have there, but often the times of the fork.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from everwarm.analyze.formats.codex_counts import Counts
from everwarm.analyze.formats.codex_history import History, Open
from everwarm.analyze.formats.entries import broken, heads, objects, part, provider, rows, seconds, text
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.steps import Rows
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Line, Place
from everwarm.core.dialects.counts import count
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_KINDS: Final = frozenset({"session_meta", "turn_context", "response_item", "compacted", "event_msg"})
_SETTINGS: Final = {"effort": "reasoning_effort", "verbosity": "verbosity", "service_tier": "service_tier"}
_AT_ONCE: Final = 1.0
"""Seconds within which a spawned thread has written what it repeats, and no call can have been answered."""

_LOST: Final = ("turn_aborted", "error")
_TOLD: Final = ("agent_message", "agent_reasoning", "agent_reasoning_raw_content")
_TOLD_ITEMS: Final = ("AgentMessage", "Reasoning", "Plan")
"""What events tell of an answer that its items tell again behind them; newer ones are ``item_completed``."""


class Codex:
    """The format."""

    name = "Codex rollout"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """By the kinds of its lines, or the bare first line of old files."""
        named = 0.3 if "rollout-" in name else 0.0
        for entry in heads(head):
            if text(entry, "type") in _KINDS and type(entry.get("payload")) is dict:
                return 0.95
            if entry.get("record_type") == "state" or ({"id", "timestamp", "instructions"} <= entry.keys()):
                return 0.6 + named
        return 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        """A record for each count of tokens; without counts, for each answer."""
        return _Rollout(lines.name).read(lines)


class _Rollout:
    def __init__(self, file: str) -> None:
        self._file = file
        self._rows = Rows()
        self._history = History()
        self._counts = Counts()
        self._line = Line()
        self._named = ""  # what the user calls the provider
        self._hides = "codex"
        self._root = ""  # the session whose history this one continues
        self._parent = ""  # the thread that spawned this one
        self._born = 0.0  # when its file was begun
        self._settings: Mapping[str, str] = {}
        self._now: float | None = None
        self._before: float | None = None  # when the last line was written that tells of no answer by an event
        self._began: float | None = None  # when the answer began that such lines tell of

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        for found in objects(lines):
            if isinstance(found, Unread):
                yield found
                continue
            number, entry = found
            kind, payload = text(entry, "type"), entry.get("payload")
            self._now = seconds(entry.get("timestamp"))
            if type(payload) is dict:
                yield from self._wrapped(number, kind, payload)
            elif kind and "payload" not in entry:
                self._item(number, entry)
            elif "id" in entry or "record_type" in entry:
                self._meta(entry)
            else:
                yield broken(self._file, number, "it is no line of a rollout: it has no type, or no payload", entry)
            if not _tells(payload):
                self._before, self._began = self._now, None
        if self._counts.none:
            for answer in self._history.answers():
                yield self._record(answer.number, answer, None, "")

    def _item(self, number: int, item: dict[str, Json]) -> None:
        began = self._now if self._began is None else self._began
        self._history.item(number, item, self._before, began, self._now)

    def _wrapped(self, number: int, kind: str, payload: dict[str, Json]) -> Iterator[Record]:
        if kind == "response_item":
            self._item(number, payload)
        elif kind == "session_meta":
            self._meta(payload)
        elif kind == "turn_context":
            self._turn(payload)
        elif kind == "compacted":
            self._history.compact(rows(payload, "replacement_history"), text(payload, "message"))
        elif kind == "token_usage_record":
            yield from self._counted(number, self._counts.record(payload), text(payload, "response_id"))
        elif kind == "event_msg":
            yield from self._event(number, payload)

    def _event(self, number: int, payload: dict[str, Json]) -> Iterator[Record]:
        what = text(payload, "type")
        if self._began is None and _tells(payload):
            self._began = seconds(payload.get("started_at_ms")) or self._now
        if what == "token_count":
            info = part(payload, "info")
            usage = self._counts.event(info)
            name = f"codex {self._origin()} {self._counts.state}" if part(info, "total_token_usage") else ""
            yield from self._counted(number, usage, name)
        elif what in _LOST and (lost := self._history.lost(self._now)):
            yield self._record(number, lost, None, "")
        elif what == "thread_rolled_back":
            self._history.back(count(payload, "num_turns") or 0)

    def _counted(self, number: int, usage: Usage | None, name: str) -> Iterator[Record]:
        if usage is not None:
            yield self._record(number, self._history.counted(self._now), usage, name)

    def _record(self, number: int, answer: Open, usage: Usage | None, name: str) -> Record:
        keeps, blocks = self._rows.tell(answer.prompt)
        return Record(
            Place(self._file, number),
            self._line,
            blocks=blocks,
            keeps=keeps,
            hides=self._hides,
            at=answer.sent,
            began=answer.began,
            ended=answer.ended,
            usage=usage,
            failed=answer.failed,
            settings=self._settings,
            id=name,
        )

    def _origin(self) -> str:
        """The session that the call counted now is one of."""
        repeated = self._now is not None and self._now < self._born + _AT_ONCE
        return self._parent if self._parent and repeated else self._root

    def _meta(self, told: dict[str, Json]) -> None:
        """A fork has the lines of its parents' beginnings, too, behind its own."""
        name = text(told, "id")
        self._root = text(told, "forked_from_id") or name or self._root
        if self._line.session or not name:
            return
        spawn = part(part(part(told, "source"), "subagent"), "thread_spawn")
        if not text(told, "forked_from_id"):
            self._parent = text(told, "parent_thread_id") or text(spawn, "parent_thread_id")
            self._born = self._now or 0.0
        version = text(told, "cli_version")
        aside = " subagent" if type(told.get("source")) is dict else ""
        self._hides = f"codex {version} {text(told, 'originator')}".rstrip() + aside
        self._named = text(told, "model_provider")
        self._line = Line(provider(self._named), "", "", text(told, "cwd"), name)
        self._history.begin(text(part(told, "base_instructions"), "text"))

    def _turn(self, told: dict[str, Json]) -> None:
        model = text(told, "model") or self._line.model
        seller = provider(self._named, model)
        self._line = self._line._replace(provider=seller, model=model, app=text(told, "cwd") or self._line.app)
        self._settings = {name: value for member, name in _SETTINGS.items() if (value := text(told, member))}


def _tells(payload: Json) -> bool:
    """Whether it is an event that tells of an answer what its items tell, too."""
    return text(payload, "type") in _TOLD or text(part(payload, "item"), "type") in _TOLD_ITEMS


FORMAT: Final[Format] = Codex()
