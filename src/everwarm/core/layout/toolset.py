"""The tools of a request, looked at once: most requests of a stream come with the same ones, to the byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import is_
from typing import Any, Final, NamedTuple

from everwarm.core.layout.compact import compact
from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.sights import Sights
from everwarm.core.layout.streams import kin_of
from everwarm.core.layout.tools import name_of

MEMBERS: Final = ("tools", "functions")


class Toolset(NamedTuple):
    """What is known of them. ``settled``: they have gone out as they came, so they do again."""

    name: tuple[str, str, str, bytes]  # namespace, dialect, model, and the tools themselves
    kin: str
    pieces: tuple[Piece, ...]
    settled: bool = False


class Toolsets:
    """Those seen of late."""

    def __init__(self) -> None:
        self._known: Sights[Toolset] = Sights()
        self._last: list[Any] = []  # the ones asked for last, as they were parsed
        self._found: Toolset | None = None  # what was found of those

    def of(self, space: str, dialect: str, model: str, value: Mapping[str, Any]) -> Toolset:
        """The tools of the body ``value``. The very same ones, parsed once for several bodies, are known at once."""
        parsed = [value.get(member) for member in MEMBERS]
        found = self._found
        if found is None or not all(map(is_, parsed, self._last)) or found.name[:3] != (space, dialect, model):
            self._last, self._found = parsed, self._of(space, dialect, model, value)
            return self._found
        return found

    def _of(self, space: str, dialect: str, model: str, value: Mapping[str, Any]) -> Toolset:
        tools = {member: value[member] for member in MEMBERS if member in value}
        name = (space, dialect, model, compact(tools))
        known = self._known.get(name)
        if known is None:
            pieces = tuple(piece for piece in outline(dialect, tools) if piece.tier == "tools")
            known = Toolset(name, kin_of(dialect, model, _names(tools)), pieces)
            self._known.put(name, len(name[-1]), known)
        return known

    def settle(self, tools: Toolset) -> None:
        """They go out as they came, and will."""
        settled = tools._replace(settled=True)
        self._known.put(tools.name, len(tools.name[-1]), settled)
        self._found = settled if self._found is tools else self._found


def without(value: Mapping[str, Any]) -> dict[str, Any]:
    """The body but for its tools."""
    return {name: member for name, member in value.items() if name not in MEMBERS}


def _names(tools: Mapping[str, Any]) -> Iterator[str]:
    for row in tools.values():
        for tool in row if isinstance(row, list) else ():
            if name := name_of(tool):
                yield name.partition(" ")[2]  # whether it is a name or a type does not matter here
