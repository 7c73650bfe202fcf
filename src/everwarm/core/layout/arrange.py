"""From a request as it came to a request as it goes out: the one door to the layout engine.

body -> pieces -> forms seen first (spelling) -> what changes (streams) -> values to the end of turns (moves, turns)
     -> marks (breakpoints)

In mode ``advise`` the same is found, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from everwarm.core.body import Body, read
from everwarm.core.breakpoints import askable, place
from everwarm.core.cache_key import edits_for_cache_key, prompt_cache_key
from everwarm.core.layout.draft import Draft
from everwarm.core.layout.finding import Arranged, Cure, Finding, Wishes
from everwarm.core.layout.looks import Looks
from everwarm.core.layout.moves import Move, decide, movable, places, without
from everwarm.core.layout.notes import Notes
from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Path
from everwarm.core.layout.sights import Sights
from everwarm.core.layout.spelling import Respelled, respell
from everwarm.core.layout.splice import Edit
from everwarm.core.layout.streams import Reading, Streams
from everwarm.core.layout.tails import DIALECTS, has_tails, tails
from everwarm.core.layout.toolset import MEMBERS, Toolset, Toolsets
from everwarm.core.layout.toolset import without as without_tools
from everwarm.core.layout.turns import tell, written
from everwarm.core.wire import Json

KEYED: Final = ("openai_chat", "openai_responses")
"""Dialects that have a ``prompt_cache_key``. OpenAI's own servers refuse members that they do not know."""


class Layout:
    """Learns from the requests that pass, and arranges them. One for all namespaces, which learn nothing of each
    other. Not for several threads at a time.

    Of each namespace, dialect and model the first 200 requests are looked at, then one in 8, fewer and fewer where
    nothing is new, and again more of them after a stream has learned something. Findings stand for what was looked at:
    ``Arranged.weight`` says for how many. The others have none: in mode ``advise`` they are not even read, in
    ``rewrite`` they are arranged as all are. Where a stream is to be rewritten and others are not, all are read, for
    its own must be found among them.
    """

    def __init__(self, notes: Notes, *, finds: bool = True) -> None:
        """``finds``: whether requests are looked at; else there are no findings, and all are arranged just the same."""
        self._notes = notes
        self._finds = finds
        self._streams = Streams(notes)
        self._looks = Looks()
        self._toolsets = Toolsets()
        self._sights: Sights[bytes] = Sights()

    def arrange(
        self,
        space: str,
        dialect: str,
        model: str,
        data: bytes,
        wishes: Wishes,
        now: float,
        body: Body | Draft | None = None,
    ) -> Arranged:
        """The body ``data`` of a request in ``dialect`` (a name of the registry), of the namespace ``space``.

        ``now``: seconds since 1970. ``body``: ``data``, parsed, or outlined as well, if it is at hand. Never raises for
        a body that an upstream might understand: what is not understood goes out as it came.
        """
        if wishes.mode == "off":
            return Arranged(data)
        row = (space, dialect, model)
        weight = self._looks.weight(row) if self._finds else 0
        if not weight and not wishes.each():
            return Arranged(data, weight=0)
        body = read(data) if body is None else body
        if isinstance(body, Body) and body.unkeyable is not None:
            return Arranged(data)
        tools = self._toolsets.of(space, dialect, model, body.value)
        kin = tools.kin
        self._streams.named = wishes.streams
        if not weight and wishes.mode == "advise" and not self._streams.has_named(space, kin, now):
            return Arranged(data, weight=0)
        rest = without_tools(body.value)
        came = body if isinstance(body, Draft) else _outlined(dialect, body, tools, rest)
        respelled = self._respelled(space, tools, came, rest if tools.settled else body.value, closely=weight > 0)
        spelled = came.edited(respelled.edits)
        marking = wishes.marking() and (weight == 1 or wishes.each())  # the gaps of a sample say nothing
        reading = self._streams.read(space, kin, spelled.pieces, now, closely=weight > 0, marking=marking)
        if reading.learned:
            self._looks.again(row)
        wishes = wishes.of(reading.stream.id)
        if wishes.mode == "off":
            return Arranged(data, (), reading.stream.id, weight)
        moves = self._moves(space, reading, spelled, wishes)
        findings: tuple[Finding, ...] = ()
        if weight:
            findings = (*_of_spelling(respelled.findings, came, reading, wishes), *_of_slots(reading, moves, wishes))
        made = Arranged(data, findings, reading.stream.id, weight, bool(moves), came.value, spelled if moves else None)
        if wishes.mode != "rewrite":
            return made
        data, value = self._rewritten(space, kin, reading, spelled, moves, wishes)
        return made._replace(data=data, value=value)

    def _respelled(
        self, space: str, tools: Toolset, came: Draft, value: Mapping[str, Json], *, closely: bool
    ) -> Respelled:
        stream = tools.kin.encode()
        found = respell(self._notes, space, stream, came.dialect, value, came.pieces, self._sights, closely=closely)
        if not tools.settled and not any(edit.path[0] in MEMBERS for edit in found.edits):
            self._toolsets.settle(tools)
        return found

    def _moves(self, space: str, reading: Reading, form: Draft, wishes: Wishes) -> list[Move]:
        """The values of this request that leave the system prompt, or would in mode rewrite."""
        stream = reading.stream
        if not stream.slots:  # as in most
            return []
        before = [slot.moved for slot in stream.slots]
        found = [move for move in places(reading, form.pieces) if decide(reading, move)]
        if before != [slot.moved for slot in stream.slots]:
            stream.version += 1
            self._streams.save(space, stream)
        return [move for move in found if movable(move, wishes)] if found and _has_turns(form) else []

    def _rewritten(
        self, space: str, kin: str, reading: Reading, form: Draft, moves: Sequence[Move], wishes: Wishes
    ) -> tuple[bytes, Mapping[str, Json] | None]:
        edits: list[Edit] = []
        if moves:
            turns = tell(self._notes, space, kin, form.pieces, moves)
            texts = without(moves, wishes).items()
            edits = [Edit(path, "replace", text) for path, text in texts]
            edits += tails(form.dialect, form.value, [(t.message, written(t.said, wishes)) for t in turns])
        rule = wishes.rule
        if rule is None or not wishes.breakpoints:
            return form.written(edits)
        form = form.edited(edits)
        marks: list[Edit] = []
        if rule.mark:
            asked = askable(form.dialect, rule)
            static, talk = (a.choose(asked, reading.measure.total // 4) for a in reading.stream.arrivals)
            marks += place(form.dialect, form.value, form.pieces, rule, static, talk)
        if rule.provider == "openai" and form.dialect in KEYED:
            marks += edits_for_cache_key(form.value, prompt_cache_key(space, reading.stream.id))
        return form.written(marks)


def _outlined(dialect: str, body: Body, tools: Toolset, rest: Mapping[str, Json]) -> Draft:
    """``rest``: the body without its tools, which are known."""
    return Draft(dialect, body.data, body.value, (*tools.pieces, *outline(dialect, rest)), body.plain)


def _has_turns(form: Draft) -> bool:
    """Whether there is a turn to tell something at, and text can be put behind all of them."""
    ends = {p.message for p in form.pieces if p.tier == "messages" and p.role in ("user", "tool")}
    return form.dialect in DIALECTS and bool(ends) and has_tails(form.dialect, form.value, ends)


def _of_slots(reading: Reading, moves: Sequence[Move], wishes: Wishes) -> Iterator[Finding]:
    """What each value that changed made uncachable, if it alone had changed."""
    could, total, before = reading.measure.could, reading.measure.total, reading.measure.before
    moved = {id(move.slot): move for move in moves}
    for slot, changed, at in zip(reading.stream.slots, reading.changed, before, strict=True):
        move = moved.get(id(slot))
        if changed and (move is not None or slot.proven):
            done = wishes.mode == "rewrite" and move is not None
            lost = max(0, could - at)
            cure: Cure = "move" if move is not None else "none"
            sure = slot.stability, slot.confidence
            yield Finding(slot.path, *slot.at, slot.kind, cure, done, lost, total, *sure)


def _of_spelling(found: Sequence[Finding], came: Draft, reading: Reading, wishes: Wishes) -> Iterator[Finding]:
    """The same of what is spelled otherwise than before."""
    if not found:
        return
    starts: dict[Path, int] = {}
    at = 0
    for piece in came.pieces:
        starts.setdefault(piece.path, at)
        starts.setdefault(piece.path[:1], at)
        at += len(piece.text)
    done = wishes.mode == "rewrite"
    for finding in found:
        lost = max(0, reading.measure.could - starts.get(finding.path, reading.measure.could))
        yield finding._replace(done=done, lost=lost, total=reading.measure.total)
