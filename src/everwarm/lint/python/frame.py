"""Where an expression is read: in which scope, and with which arguments."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from everwarm.lint.python.program import Function, Program, Scope
from everwarm.lint.python.text import Text


@dataclass(frozen=True, slots=True)
class Frame:
    """One activation of a scope."""

    scope: Scope
    arguments: Mapping[str, Text] = field(default_factory=dict)
    depth: int = 0  # calls within calls so far


class Reader(Protocol):
    """What reads expressions; ``flow`` is one."""

    program: Program

    def read(self, node: ast.expr, frame: Frame) -> Text:
        """What is known of the text that ``node`` makes in ``frame``; () of what is not followed."""
        ...

    def returned(self, function: Function | ast.Lambda, arguments: Mapping[str, Text], frame: Frame) -> Text:
        """What a function gives back that is called from ``frame`` with these arguments."""
        ...
