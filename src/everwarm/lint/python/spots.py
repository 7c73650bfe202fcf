"""Where expressions stand in the text of a program."""

from __future__ import annotations

import ast
from typing import NamedTuple

from everwarm.lint.python.program import Program


class Spot(NamedTuple):
    """A stretch of the source, in characters from its start."""

    start: int
    end: int


class Source:
    """A program's text, by character. Python counts columns in bytes."""

    def __init__(self, text: str, program: Program) -> None:
        self.text = text
        self._program = program
        self._lines = [line + "\n" for line in text.split("\n")]  # as Python counts them: a form feed ends none
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def spot(self, node: ast.expr) -> Spot | None:
        """Where ``node`` is written; None where Python does not know it, as within some f-strings before 3.12."""
        if node.end_lineno is None or node.end_col_offset is None:
            return None
        spot = Spot(self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset))
        return spot if self._is(node, spot) else None

    def begin(self, node: ast.expr) -> tuple[int, int]:
        """Line and column, from 1, in characters; of the text around it where its own are not known."""
        at: ast.AST = node
        if self.spot(node) is None:
            at = next((n for n in self._program.around(node) if isinstance(n, ast.JoinedStr)), node)
        line, column = getattr(at, "lineno", 1), getattr(at, "col_offset", 0)
        return line, self._at(line, column) - self._starts[line - 1] + 1

    def written(self, node: ast.expr) -> str:
        """The expression on one line, as a message shows it."""
        spot = self.spot(node)
        return " ".join((self.text[spot.start : spot.end] if spot else ast.unparse(node)).split())

    def _at(self, line: int, column: int) -> int:
        before = self._lines[line - 1].encode()[:column] if line <= len(self._lines) else b""
        return self._starts[line - 1] + len(before.decode("utf-8", "ignore"))

    def _is(self, node: ast.expr, spot: Spot) -> bool:
        try:
            again = ast.parse(f"({self.text[spot.start : spot.end]})", mode="eval").body
        except (SyntaxError, ValueError):
            return False
        return ast.dump(again) == ast.dump(node)
