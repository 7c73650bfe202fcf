"""Serialization memory: the form in which a JSON value was seen first.

Under the digest of what it means stands the text that was seen first. Beside it, under the digest of that text itself,
stands where: so a text that goes out as it came is known by sight, and is not even parsed. Digests are hints: a text is
known by sight if it equals the one that is kept, and replaced if both are read and mean the same.
"""

from __future__ import annotations

from everwarm.core import key
from everwarm.core.layout.meaning import meaning
from everwarm.core.layout.notes import Notes
from everwarm.core.layout.sights import Sights
from everwarm.core.wire import Json

_VERSION = b"1"
"""Of what is noted, in each name. Raise it when a meaning is written in another way."""


class Forms:
    """The forms of one stream, or of one conversation in it, while one request passes."""

    def __init__(self, notes: Notes, space: str, *scope: bytes, sights: Sights[bytes] | None = None) -> None:
        """``scope``: whose forms; those of another scope are never seen. ``sights``, shared by all scopes: texts that
        go out as they came, with the name of the note that says so; forms that are kept, with what they mean."""
        self._notes = notes
        self._sights = sights if sights is not None else Sights()
        self._space = space
        self._frame = b"".join(b"%d:%b" % (len(part), part) for part in (_VERSION, *scope))
        self._met: dict[bytes, int] = {}  # how often a meaning was met in this request

    def first(self, kind: str, text: str, value: Json = None, *, again: bool = False, fixed: bool = False) -> str:
        """The text of this meaning that was seen first; ``text`` itself if none was, or if it means nothing certain.

        ``again``: what is met for the second time may differ from the first on purpose (a file before and after it was
        sorted), and has a form of its own. ``fixed``: it goes out as it came, now and whenever it comes in these bytes.
        ``value``: see ``meaning``.
        """
        seen = (self._space, self._frame, kind, text)
        name = self._sights.get(seen)
        if name is not None:
            if again:
                self._met_as_it_was(kind, name, text)
            return text
        data = _bytes(text)
        at_sight = self._name(kind, b"sight", data)
        name = self._get(at_sight)
        if name is not None and self._get(name) == data:
            self._sights.put(seen, len(text), name)
            if again:
                self._met_as_it_was(kind, name, text)
            return text
        meant = meaning(text, value)
        if meant is None:
            return text
        digest = key.hint(meant)
        name = self._form(kind, self._turn(kind, digest) if again else 0, digest)
        kept = self._keep(name, data)
        if fixed and kept != data:
            name = self._name(kind, b"fixed", data) + digest
            kept = self._keep(name, data)
        if kept == data:
            self._notes.put(self._space, "spelling", at_sight, name)
            return text
        return _text(kept) if not fixed and self._means(kept) == meant else text

    def row(self, kind: str, texts: list[str], values: list[Json]) -> list[str]:
        """As ``first``, of each; a row that goes out as it came is known by sight as a whole."""
        data = [_bytes(text) for text in texts]
        at_sight = self._name(kind, b"row", b"\n".join(data))
        names = self._get(at_sight) or b""
        size = len(names) // len(texts) if texts else 0
        if size and all(self._get(names[i * size : i * size + size]) == known for i, known in enumerate(data)):
            return texts
        forms = [self.first(kind, text, value) for text, value in zip(texts, values, strict=True)]
        if forms == texts and texts:
            own = [self._get(self._name(kind, b"sight", known)) for known in data]
            if None not in own:
                self._notes.put(self._space, "spelling", at_sight, b"".join(name for name in own if name is not None))
        return forms

    def _means(self, kept: bytes) -> bytes:
        """The meaning of a form that is kept; empty, as none is, if a damaged note has none."""
        meant = self._sights.get(kept)
        if meant is None:
            meant = meaning(_text(kept)) or b""
            self._sights.put(kept, len(kept) + len(meant), meant)
        return meant

    def _met_as_it_was(self, kind: str, name: bytes, text: str) -> None:
        """It counts as met; and what stands in this place is what goes out there."""
        digest = name[-key.DIGEST_BYTES :]
        place = self._form(kind, self._turn(kind, digest), digest)
        if place != name:
            self._keep(place, _bytes(text))

    def _turn(self, kind: str, digest: bytes) -> int:
        """How often it was met before, in this request."""
        met = kind.encode() + digest
        turn = self._met.get(met, 0)
        self._met[met] = turn + 1
        return turn

    def _form(self, kind: str, turn: int, digest: bytes) -> bytes:
        return b"%b%b%d:%b" % (self._frame, kind.encode(), turn, digest)

    def _name(self, kind: str, how: bytes, data: bytes) -> bytes:
        return b"%b%b:%b:%b" % (self._frame, kind.encode(), how, key.hint(data))

    def _get(self, name: bytes) -> bytes | None:
        return self._notes.get(self._space, "spelling", name)

    def _keep(self, name: bytes, value: bytes) -> bytes:
        return self._notes.keep(self._space, "spelling", name, value)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
