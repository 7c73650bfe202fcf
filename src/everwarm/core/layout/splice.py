"""Edits of a body, by path."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from everwarm.core.layout.piece import Path


class Edit(NamedTuple):
    """One change of a body."""

    path: Path
    how: Literal["replace", "append", "before", "member"]
    value: Any
    name: str = ""
