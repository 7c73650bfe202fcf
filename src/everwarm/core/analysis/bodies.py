"""The bodies of a log again, parsed and outlined: of what was in one before nothing is read a second time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, groupby
from typing import Any, Final, NamedTuple

import orjson

from everwarm.core.analysis.prompts import Prompt, Prompts
from everwarm.core.analysis.units import TALKS, Unit
from everwarm.core.layout.draft import Draft
from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.sights import Sights
from everwarm.core.wire import Json

MOST: Final = 8 * 2**20
"""Bytes of JSON that are kept parsed, those of each message once for each place at which it stands."""

_MORE: Final = 8
"""Messages by which one request may be longer than the one it is made from."""


class _Member(NamedTuple):
    """One member of a body that a model reads."""

    name: str
    value: Any
    data: bytes  # its JSON, with its name
    pieces: tuple[Piece, ...]


class _Row(NamedTuple):
    """A body without its other members."""

    talk: str  # the member with the conversation, its last one; "" if there is none
    value: dict[str, Any]
    data: bytes  # its JSON, without the braces
    pieces: tuple[Piece, ...]


class Bodies:
    """As the layout engine takes them. What they have in common they share: nothing in them may be changed."""

    def __init__(self, prompts: Prompts, most: int = MOST) -> None:
        self._prompts = prompts
        self._most = most
        self._held = 0
        self._rows: Sights[_Row] = Sights()  # by the prefix of units that is all of it
        self._heads: Sights[_Member] = Sights()  # by the prefix of units that ends with it
        self._values: dict[int, Json] = {}  # by unit
        self._texts: dict[int, bytes] = {}  # the JSON of each of these, by its identity
        self._pieces: dict[tuple[int, int], tuple[Piece, ...]] = {}  # of messages, by unit and place
        self._talks: list[bool] = []  # which units are messages

    def of(self, dialect: str, prompt: Prompt, rest: Mapping[str, Json]) -> Draft | None:
        """The body of a prompt, with ``rest`` as its other members, in compact JSON. Values and order of keys are as
        they were; the prompt's members come last. None if not all of it was kept."""
        row = self._row(dialect, prompt.units)
        if row is None:
            return None
        data = [each for each in (orjson.dumps(rest)[1:-1] if rest else b"", row.data) if each]
        return Draft(dialect, b"{%b}" % b",".join(data), {**rest, **row.value}, row.pieces, plain=True)

    def _row(self, dialect: str, units: int) -> _Row | None:
        """One that goes on where another ended is made from that one's."""
        bodies, fresh, at = self._prompts.bodies, list[int](), units
        known = self._rows.get(at)
        while known is None and at and len(fresh) < _MORE:
            fresh.append(bodies.block[at])
            at = bodies.parent[at]
            known = self._rows.get(at)
        if known is not None and not fresh:
            return known
        if self._held > self._most:
            self._values, self._texts, self._pieces, self._held = {}, {}, {}, 0
        if known is not None and known.talk:
            row = self._longer(dialect, known, fresh[::-1])
        else:
            row = self._whole(dialect, units)
        if row is not None:
            self._rows.put(units, len(row.data), row)
        return row

    def _longer(self, dialect: str, row: _Row, numbers: Sequence[int]) -> _Row | None:
        """With more messages."""
        units = [self._prompts.units[number] for number in numbers]
        if None in [unit.data for unit in units]:
            return None
        begun = row.value[row.talk]
        more = self._talk(dialect, numbers, units, len(begun))
        value = {**row.value, row.talk: begun + more.value}
        return _Row(row.talk, value, b"%b,%b]" % (row.data[:-1], more.data), row.pieces + more.pieces)

    def _whole(self, dialect: str, last: int) -> _Row | None:
        path = self._prompts.bodies.path(last)
        numbers = list(map(self._prompts.bodies.block.__getitem__, path))
        units = list(map(self._prompts.units.__getitem__, numbers))
        if None in [unit.data for unit in units]:
            return None
        begin = len(units) - self._messages(numbers)
        members = list(self._head(dialect, path[:begin], units[:begin]))
        talk = units[-1].member if begin < len(units) else ""
        if talk:
            found = self._talk(dialect, numbers[begin:], units[begin:], 0)
            members.append(found._replace(data=b'"%b":[%b]' % (talk.encode(), found.data)))
        value = {member.name: member.value for member in members}
        pieces = tuple(chain.from_iterable([member.pieces for member in members]))
        return _Row(talk, value, b",".join([member.data for member in members]), pieces)

    def read(self, dialect: str, body: Mapping[str, Json]) -> Prompt:
        """The prompt of a body that one of these was made into."""
        return self._prompts.read(dialect, body, self._text)

    def _text(self, item: Json) -> bytes:
        return self._texts.get(id(item)) or orjson.dumps(item)

    def _messages(self, numbers: Sequence[int]) -> int:
        """How many of these units are items of a conversation."""
        talks, units = self._talks, self._prompts.units
        for unit in units[len(talks) :]:
            talks.append(unit.listed and unit.member in TALKS and unit.data != b"")
        return sum(map(talks.__getitem__, numbers))

    def _head(self, dialect: str, path: Sequence[int], units: Sequence[Unit]) -> Iterator[_Member]:
        """All members but the conversation."""
        begin = end = 0
        for name, row in groupby([unit.member for unit in units]):
            begin, end = end, end + len(list(row))
            known = self._heads.get(path[end - 1])
            if known is None:
                known = self._made(dialect, name, list(map(self._prompts.bodies.block.__getitem__, path[begin:end])))
                self._heads.put(path[end - 1], len(known.data), known)
            yield known

    def _made(self, dialect: str, name: str, numbers: Sequence[int]) -> _Member:
        units = [self._prompts.units[number] for number in numbers]
        texts = [unit.data for unit in units if unit.data]
        value: Any = [self._value(number) for number in numbers if self._prompts.units[number].data]
        if units[0].listed:  # one without items has a unit that stands for that
            data = b"[%b]" % b",".join(texts)
        else:
            data, value = texts[0], value[0]
        return _Member(name, value, b'"%b":%b' % (name.encode(), data), outline(dialect, {name: value}))

    def _talk(self, dialect: str, numbers: Sequence[int], units: Sequence[Unit], place: int) -> _Member:
        """Messages, from a place on; their JSON as in a list, but without its brackets and name."""
        places = list(zip(numbers, count(place)))
        try:  # at the speed of dictionaries, if nothing in it is new
            pieces = list(map(self._pieces.__getitem__, places))
            values = list(map(self._values.__getitem__, numbers))
        except KeyError:
            values = [self._value(number) for number in numbers]
            pieces = [self._pieces_of(dialect, number, at) for number, at in places]
        data = b",".join([unit.data or b"" for unit in units])
        return _Member(units[0].member, values, data, tuple(chain.from_iterable(pieces)))

    def _value(self, number: int) -> Json:
        if number not in self._values:
            data = self._prompts.units[number].data or b""
            self._values[number] = value = orjson.loads(data)
            self._texts[id(value)] = data
            self._held += len(data)
        return self._values[number]

    def _pieces_of(self, dialect: str, number: int, place: int) -> tuple[Piece, ...]:
        """Those of a message at a place. Alone it would be the first one, and might lead."""
        known = self._pieces.get((number, place))
        if known is None:
            unit = self._prompts.units[number]
            found = outline(dialect, {unit.member: [self._values[number]]})
            tier = self._prompts.blocks[unit.blocks[0]].tier if unit.blocks else "messages"
            row = [Piece((unit.member, place, *p.path[2:]), tier, p.role, p.kind, p.text, place) for p in found]
            known = self._pieces[number, place] = tuple(row)
            self._held += len(unit.data or b"")
        return known
