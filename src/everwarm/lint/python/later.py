"""What frameworks put into the ``{places}`` of a template: arguments of ``invoke``, ``partial`` and their like."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import Final

from everwarm.lint.python import formats
from everwarm.lint.python.flow import Flow
from everwarm.lint.python.program import Program
from everwarm.lint.python.text import Text, changing, worst

_FILLERS: Final = {
    *("invoke", "ainvoke", "stream", "astream", "batch", "abatch", "partial", "run", "arun", "call", "predict"),
    *("format", "aformat", "format_messages", "aformat_messages", "format_prompt", "aformat_prompt", "render"),
}


class Later:
    """What each name is filled with anywhere in the program."""

    def __init__(self, program: Program, flow: Flow) -> None:
        self._program = program
        self._flow = flow
        self._values: dict[str, list[ast.expr]] = defaultdict(list)
        for node in ast.walk(program.tree):
            if isinstance(node, ast.Call):
                self._enter(node)

    def fill(self, text: Text) -> Text:
        """``text`` with what changes in its places."""
        return formats.placeholders(text, self._named)

    def _enter(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        dicts = [k.value for k in node.keywords if k.arg in {"partial_variables", "input"}]
        if name in _FILLERS:
            dicts += node.args[:1]
            for keyword in node.keywords:
                self._values[keyword.arg or ""].append(keyword.value)
        for given in dicts:
            if isinstance(given, ast.Dict):
                for key, value in zip(given.keys, given.values, strict=True):
                    self._values[str(getattr(key, "value", ""))].append(value)

    def _named(self, name: str) -> Text | None:
        return worst(changing(self._text(value)) for value in self._values.get(name, ())) or None

    def _text(self, value: ast.expr) -> Text:
        """Of a value, or of a function that is called for it."""
        function = self._program.root.functions.get(value.id) if isinstance(value, ast.Name) else None
        if function or isinstance(value, ast.Lambda):
            return self._flow.returns_of(function or value)  # type: ignore[arg-type]
        return self._flow.text_at(value)
