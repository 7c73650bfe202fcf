"""A proposal for each finding: a diff of a few lines where one is possible, else words."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from typing import NamedTuple

from everwarm.lint.python.program import Program
from everwarm.lint.python.spots import Source, Spot
from everwarm.lint.python.text import KEYS, SET, Bit

MOVE = (
    "move it to the end of the newest user message, or use everwarm.Prompt() with .dynamic(...), or .session(...) for"
    " what stays within a conversation"
)
_REFERENCE = "(see <context name={quote}{name}{quote}>)"


class Proposal(NamedTuple):
    """What to do about a finding."""

    todo: str  # in words; "" if the diff does it all
    diff: str = ""


class Change(NamedTuple):
    """One replacement in the source."""

    spot: Spot
    new: str


class Editor:
    """Writes proposals for one program."""

    def __init__(self, source: Source, program: Program, file: str) -> None:
        self._source = source
        self._program = program
        self._file = file

    def propose(self, bit: Bit, name: str) -> Proposal:
        """What to do about ``bit``. ``name``: of the block that shall hold it at the end of the turn."""
        if bit.kind == SET and bit.node:
            return self._either(self._sorted(bit.node), "sort it: sorted(...)")
        if bit.kind == KEYS and isinstance(bit.node, ast.Call):
            return self._either(self._sort_keys(bit.node), "sort the keys: json.dumps(..., sort_keys=True)")
        return self._moved(bit.hole, name) if bit.hole else Proposal(MOVE)

    def _either(self, change: Change | None, words: str) -> Proposal:
        diff = self._diff([change]) if change else ""
        return Proposal("", diff) if diff else Proposal(words)

    def _sorted(self, node: ast.expr) -> Change | None:
        """``sorted(...)`` around a set, in place of the ``list(...)`` that is there."""
        holder, spot = self._program.parents[node], self._source.spot(node)
        if isinstance(holder, ast.Call) and isinstance(holder.func, ast.Name) and holder.func.id in {"list", "tuple"}:
            at = self._source.spot(holder.func)
            return Change(at, "sorted") if at else None
        return Change(spot, f"sorted({self._text(spot)})") if spot else None

    def _sort_keys(self, node: ast.Call) -> Change | None:
        spot = self._source.spot(node)
        if spot is None or self._program.dotted(node.func) != "json.dumps":
            return None
        old = next((k.value for k in node.keywords if k.arg == "sort_keys"), None)
        at = self._source.spot(old) if old else None
        if at:
            return Change(at, "True")
        return Change(spot, f"{self._text(spot)[:-1].rstrip().removesuffix(',')}, sort_keys=True)")

    def _moved(self, hole: ast.FormattedValue, name: str) -> Proposal:
        """A reference where it was, and the value at the end of the user message, if that is in sight."""
        braces = self._braces(hole)
        if braces is None:
            return Proposal(MOVE)
        value, turn = self._text(braces), self._turn(hole)
        end = (
            [Change(Spot(turn.end, turn.end), f""" + f'\\n\\n<context name="{name}">{value}</context>'""")]
            if turn
            else []
        )
        rest = "" if turn else f'put {value} at the end of the newest user message, as <context name="{name}">'
        for quote in '"', "'":
            diff = self._diff([Change(braces, _REFERENCE.format(quote=quote, name=name)), *end])
            if diff:
                return Proposal(rest, diff)
        return Proposal(MOVE)

    def _braces(self, hole: ast.FormattedValue) -> Spot | None:
        """Where ``{value!r:form}`` stands, with its braces."""
        spot = self._source.spot(hole.value)
        if spot is None:
            return None
        text = self._source.text
        start = len(text[: spot.start].rstrip(" (")) - 1
        end = text.find("}", spot.end)
        simple = hole.format_spec is None or "{" not in text[spot.end : end]
        return Spot(start, end + 1) if text[start] == "{" and end >= 0 and simple else None

    def _turn(self, hole: ast.FormattedValue) -> Spot | None:
        """The content of the user message in the request that holds the text; None if it is not the only one."""
        call = next((n for n in self._program.around(hole) if isinstance(n, ast.Call) and _has_messages(n)), None)
        found = list(_user_contents(call)) if call else []
        if len(found) != 1 or isinstance(found[0], ast.List | ast.IfExp | ast.Lambda):
            return None
        return self._source.spot(found[0])

    def _text(self, spot: Spot) -> str:
        return self._source.text[spot.start : spot.end]

    def _diff(self, changes: Iterable[Change]) -> str:
        """ "" if the program would not be one any more."""
        text = self._source.text
        for change in sorted(changes, reverse=True):
            text = text[: change.spot.start] + change.new + text[change.spot.end :]
        try:
            ast.parse(text)
        except SyntaxError:
            return ""
        old, new = (each.removesuffix("\n").split("\n") for each in (self._source.text, text))
        lines = difflib.unified_diff(old, new, self._file, self._file, lineterm="", n=1)
        return "".join(f"{line}\n" for line in lines)


def _has_messages(call: ast.Call) -> bool:
    return any(keyword.arg in {"messages", "input"} for keyword in call.keywords)


def _user_contents(call: ast.AST) -> Iterable[ast.expr]:
    for node in ast.walk(call):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            members = {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}
            role = members.get("role")
            if isinstance(role, ast.Constant) and role.value == "user" and "content" in members:
                yield members["content"]
