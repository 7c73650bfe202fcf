"""A body on its way from the client to the provider: its bytes, parsed and outlined, and the next one by edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from everwarm.core.layout.amend import amend
from everwarm.core.layout.compact import compact
from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.splice import Edit, splice
from everwarm.core.wire import Json


class Draft(NamedTuple):
    """One state of it. What comes of edits is, to the byte, what ``splice`` makes of them."""

    dialect: str
    data: bytes
    value: dict[str, Json]  # ``data``, parsed; it stays as it is
    pieces: tuple[Piece, ...]  # its outline
    plain: bool = False  # whether ``data`` is, to the byte, what orjson writes of ``value``

    def edited(self, edits: Sequence[Edit]) -> Draft:
        """With these edits made. Raises what ``splice`` raises."""
        if not edits:
            return self
        data, value = self._made(edits)
        if value is not None:
            return Draft(self.dialect, data, value, self._outlined(value, edits), True)
        value = orjson.loads(data)
        return Draft(self.dialect, data, value, outline(self.dialect, value))

    def written(self, edits: Sequence[Edit]) -> tuple[bytes, dict[str, Json] | None]:
        """Its bytes with these edits made, at the end of its way; and parsed, if that is at hand."""
        return self._made(edits) if edits else (self.data, self.value)

    def _made(self, edits: Sequence[Edit]) -> tuple[bytes, dict[str, Json] | None]:
        """The bytes with these edits made; and parsed, if they were made on what was parsed.

        Whatever no edit touches comes out as it was, where writing ``value`` gives ``data``. All else is left to
        ``splice``: also to say what is wrong with an edit.
        """
        if self.plain:
            try:
                value = amend(self.value, edits)
                return orjson.dumps(value), value
            except (LookupError, ValueError, TypeError):  # also of orjson, for what it cannot write
                pass
        return splice(self.data, edits), None

    def _outlined(self, value: dict[str, Json], edits: Sequence[Edit]) -> tuple[Piece, ...]:
        """The pieces of ``value``, which has come of edits: quickly, where only pieces were replaced by their like."""
        new = {edit.path: edit.value for edit in edits if edit.how == "replace"}
        alike = [piece.path for piece in self.pieces if piece.path in new and _is_like(piece, new[piece.path])]
        if not len(alike) == len(new) == len(edits):
            return outline(self.dialect, value)
        return tuple(_with(piece, new[piece.path]) if piece.path in new else piece for piece in self.pieces)


def _is_like(piece: Piece, value: Json) -> bool:
    """Whether a value in the place of this piece is a piece of its kind."""
    return piece.kind == "definition" or (piece.kind != "opaque" and type(value) is str)


def _with(piece: Piece, value: Json) -> Piece:
    text = value if piece.kind != "definition" else compact(value).decode()
    return Piece(piece.path, piece.tier, piece.role, piece.kind, text, piece.message)
