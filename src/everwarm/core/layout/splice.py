"""Edits by path on the client's bytes: whatever no edit touches stays as it is, to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from everwarm.core.layout import scan
from everwarm.core.layout.compact import compact
from everwarm.core.layout.piece import Path, name
from everwarm.core.wire import Json


class Edit(NamedTuple):
    """One change. Paths are those of the body as it came, whatever other edits do."""

    path: Path
    how: Literal["replace", "append", "before", "member"]
    """replace: the value at the path. append: one more element at the end of the array at the path. before: an element
    in front of the one at the path, whose last step is an index; or at the end, if it is the array's length. member:
    one more member at the end of the object at the path."""
    value: Json
    name: str = ""  # of the member


class _Node:
    """What is to be done to the value at one path, and inside it."""

    __slots__ = ("added", "before", "inside", "new", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.new: bytes | None = None
        self.before: list[bytes] = []
        self.added: list[tuple[str | None, bytes]] = []  # the name of a member, None for an element; its value
        self.inside: dict[str | int, _Node] = {}


def splice(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The JSON text ``data`` with all ``edits`` made. It must be valid, with no key twice in one object.

    Several additions at one place stand in the order given; those before the end of an array stand before those
    appended. Raises ``LookupError`` if a path is not there or leads to another kind of value; ``ValueError`` if one
    edit replaces what another one changes, or a member is there already.
    """
    if not edits:
        return data
    return _Cuts(data, _planned(edits)).joined()


def _planned(edits: Sequence[Edit]) -> _Node:
    root = _Node(())
    for edit in edits:
        node = root
        for depth, step in enumerate(edit.path):
            _refuse(node.new is not None, edit)
            child = node.inside.get(step)
            if child is None:
                child = node.inside[step] = _Node(edit.path[: depth + 1])
            node = child
        _add(node, edit)
    return root


def _add(node: _Node, edit: Edit) -> None:
    value = compact(edit.value)
    if edit.how == "before":
        if not edit.path or not isinstance(edit.path[-1], int):
            raise ValueError(f"Nothing can stand before {_named(edit.path)}, which is no element of an array.")
        node.before.append(value)
        return
    _refuse(node.new is not None, edit)
    if edit.how == "replace":
        _refuse(bool(node.inside or node.added), edit)
        node.new = value
    else:
        node.added.append((edit.name if edit.how == "member" else None, value))


def _refuse(overlap: bool, edit: Edit) -> None:
    if overlap:
        raise ValueError(f"Two edits change {_named(edit.path)}, and one of them replaces what the other one changes.")


def _named(path: Path) -> str:
    return name(path) or "the body"


class _Cuts:
    """Passes over the text once, from left to right, and notes what goes out in place of what."""

    def __init__(self, data: bytes, root: _Node) -> None:
        self._data = data
        self._out: list[bytes] = []
        self._copied = 0  # everything before this place is in ``_out``, as it was or changed
        self._due = _cuts_in(root)  # cuts still to be made: behind the last one nothing is looked at
        self._value(scan.begin(data), root)

    def joined(self) -> bytes:
        """The text with all cuts made."""
        return b"".join((*self._out, memoryview(self._data)[self._copied :]))

    def _cut(self, start: int, end: int, new: bytes) -> None:
        self._out += (self._data[self._copied : start], new)
        self._copied = end
        self._due -= 1

    def _value(self, at: int, node: _Node) -> int:
        """The value that begins at ``at``; where it ends, if there are cuts to be made behind it."""
        if node.before:
            self._cut(at, at, b"".join(value + b"," for value in node.before))
        if not node.inside and not node.added:
            end = scan.end(self._data, at)
            if node.new is not None:
                self._cut(at, end, node.new)
            return end
        opened = self._data[at : at + 1]
        if opened == b"[":
            return self._array(at, node)
        if opened == b"{":
            return self._object(at, node)
        raise LookupError(f"{_named(node.path)} is neither an array nor an object.")

    def _array(self, at: int, node: _Node) -> int:
        if any(name is not None for name, _ in node.added):
            raise LookupError(f"{_named(node.path)} is an array, and has no members.")
        if not node.inside:
            end = scan.end(self._data, at)
            ended = at + len(self._data[at : end - 1].rstrip(scan.SPACE))
            self._add(ended, ended > at + 1, [value for _, value in node.added])
            return end
        left = dict(node.inside)
        wanted = sorted((step for step in left if type(step) is int), reverse=True)
        index, ended, begun = 0, at + 1, scan.after_space(self._data, at + 1)
        more = self._data[begun : begun + 1] != b"]"
        while more and self._due:
            if wanted and wanted[-1] == index:
                wanted.pop()
                ended = self._value(begun, left.pop(index))
            elif not left and not node.added:
                return scan.close(self._data, begun)
            else:
                index, begun = self._nearer(index, begun, wanted)
                ended = scan.end(self._data, begun)
            more, begun = scan.following(self._data, ended)
            index += 1
        if self._due:
            self._behind(ended, index, left, node)
        return begun + 1

    def _nearer(self, index: int, begun: int, wanted: Sequence[int]) -> tuple[int, int]:
        """From the element ``index``, which begins at ``begun``, some way towards the last of ``wanted``."""
        while wanted and wanted[-1] - index > scan.STRIDE and (further := scan.stride(self._data, begun)) is not None:
            index, begun = index + scan.STRIDE, further
        return index, begun

    def _behind(self, ended: int, length: int, left: dict[str | int, _Node], node: _Node) -> None:
        """Elements behind the last one of an array, which ends at ``ended``."""
        last = left.pop(length, None)
        if last is not None and _cuts_in(last) > bool(last.before):
            raise _nowhere(last.path)
        _refuse_left(left)
        if last is not None:
            self._add(ended, length > 0, last.before)
        self._add(ended, length > 0 or last is not None, [value for _, value in node.added])

    def _object(self, at: int, node: _Node) -> int:
        left = dict(node.inside)
        names: set[str] = set()
        ended, begun = at + 1, scan.after_space(self._data, at + 1)
        more = self._data[begun : begun + 1] != b"}"
        while more and self._due:
            if not left and not node.added:
                return scan.close(self._data, begun)
            name, begun = scan.key(self._data, begun)
            names.add(name)
            child = left.pop(name, None)
            ended = scan.end(self._data, begun) if child is None else self._value(begun, child)
            more, begun = scan.following(self._data, ended)
        if self._due:
            _refuse_left(left)
            self._add(ended, bool(names), [_member(name, value, names, node) for name, value in node.added])
        return begun + 1

    def _add(self, at: int, follows: bool, values: Sequence[bytes]) -> None:
        """Values at ``at``, the end of what is in a container. ``follows``: whether anything is."""
        if values:
            self._cut(at, at, (b"," if follows else b"") + b",".join(values))


def _cuts_in(node: _Node) -> int:
    own = bool(node.before) + (node.new is not None) + bool(node.added)
    return own + sum(_cuts_in(child) for child in node.inside.values())


def _member(name: str | None, value: bytes, names: set[str], node: _Node) -> bytes:
    if name is None:
        raise LookupError(f"{_named(node.path)} is an object, and has no elements.")
    if name in names:
        raise ValueError(f"{_named((*node.path, name))} is there already.")
    names.add(name)
    return compact(name) + b":" + value


def _refuse_left(left: dict[str | int, _Node]) -> None:
    for node in left.values():
        raise _nowhere(node.path)


def _nowhere(path: Path) -> LookupError:
    return LookupError(f"{_named(path)} is not in the body.")
