"""The edits of ``splice``, made on the parsed body, which is quicker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from everwarm.core.layout.piece import Path
from everwarm.core.layout.splice import Edit
from everwarm.core.wire import Json


def amend(value: Json, edits: Sequence[Edit]) -> Any:
    """What ``splice`` makes of the same body, parsed; ``value`` stays as it is.

    Raises ``LookupError``, ``ValueError`` or ``TypeError`` where ``splice`` refuses an edit, with no word on it.
    """
    copy = _Copy(value)
    for edit in edits:
        if edit.how != "before":
            copy.change(edit)
    before = sorted((edit for edit in edits if edit.how == "before"), key=lambda edit: edit.path[-1])
    for edit in reversed(before):  # no place moves before its turn; of one place the last stands last
        copy.insert(edit)
    return copy.whole[0]


class _Copy:
    """A value of which the containers on the way to an edit are copied, each once."""

    def __init__(self, value: Json) -> None:
        self.whole = [value]
        self._own: dict[Path, tuple[Any, int]] = {}  # with their lengths as they came
        self._replaced: set[Path] = set()

    def change(self, edit: Edit) -> None:
        """Anything but an element in front of another."""
        if edit.how == "replace":
            holder, step = self._holder(edit.path)
            if edit.path in self._own or edit.path in self._replaced:
                raise ValueError(edit)
            holder[step], _ = edit.value, holder[step]  # it must be there
            self._replaced.add(edit.path)
            return
        container, _ = self._container(edit.path, list if edit.how == "append" else dict)
        if edit.how == "append":
            container.append(edit.value)
        elif edit.name in container:
            raise ValueError(edit)
        else:
            container[edit.name] = edit.value

    def insert(self, edit: Edit) -> None:
        """An element in front of one, or at the end."""
        array, length = self._container(edit.path[:-1], list)
        if not 0 <= edit.path[-1] <= length:  # type: ignore[operator]
            raise LookupError(edit)
        array.insert(edit.path[-1], edit.value)

    def _holder(self, path: Path) -> tuple[Any, str | int]:
        """What the value at a path stands in, as a copy."""
        if not path:
            return self.whole, 0
        step = path[-1]
        if type(step) is int and step < 0:
            raise LookupError(path)
        return self._container(path[:-1], dict if type(step) is str else list)[0], step

    def _container(self, path: Path, kind: type) -> tuple[Any, int]:
        own = self._own.get(path)
        if own is None:
            holder, step = self._holder(path)
            if path in self._replaced or type(holder[step]) not in (dict, list):
                raise ValueError(path)
            holder[step] = copied = holder[step].copy()
            own = self._own[path] = copied, len(copied)
        if type(own[0]) is not kind:
            raise ValueError(path)
        return own
