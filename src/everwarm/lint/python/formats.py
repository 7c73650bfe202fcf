"""Texts with places to fill: ``%``, ``str.format``, ``string.Template``, ``replace``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from everwarm.lint.python.text import Bit, Text, joined

Read = Callable[[ast.expr], Text]
Named = Callable[[str], Text | None]
"""What stands for a name; None if nothing is known of it."""

_PERCENT: Final = re.compile(r"%(?:\((?P<name>\w+)\))?[-#0 +]*\d*(?:\.\d+)?[sdrfxgi]")
_BRACES: Final = re.compile(r"(?<!\{)\{(?P<name>\w*)[^{}]*\}(?!\})")
_DOLLAR: Final = re.compile(r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>\w+)\})")
_DOUBLE: Final = re.compile(r"\{\{\s*(?P<name>\w+)\s*\}\}")


def percent(text: Text, right: ast.expr, read: Read) -> Text:
    """``text % right``."""
    if isinstance(right, ast.Dict):
        return _filled(text, _PERCENT, of_dict(right, read).get)
    values = iter(right.elts if isinstance(right, ast.Tuple) else [right])
    return _filled(text, _PERCENT, lambda _: read(v) if (v := next(values, None)) else None)


def braces(text: Text, arguments: list[ast.expr], named: Named, read: Read) -> Text:
    """``text.format(...)``."""
    order = iter(range(len(arguments)))

    def value(name: str) -> Text | None:
        if name and not name.isdigit():
            return named(name)
        at = int(name) if name else next(order, len(arguments))
        return read(arguments[at]) if at < len(arguments) else None

    return _filled(text, _BRACES, value)


def placeholders(text: Text, named: Named) -> Text:
    """``{name}`` and ``{{ name }}``, as frameworks fill them in later; others stay as they are."""
    return _filled(_filled(text, _DOUBLE, named), _BRACES, named)


def dollars(text: Text, named: Named) -> Text:
    """``string.Template(text).substitute(...)``."""
    return _filled(text, _DOLLAR, named)


def replaced(text: Text, old: str, new: Text) -> Text:
    """``text.replace(old, new)``."""
    return _filled(text, re.compile(re.escape(old)), lambda _: new)


def of_dict(node: ast.Dict, read: Read) -> Mapping[str, Text]:
    """The values of a dict that is written out, by name."""
    pairs = zip(node.keys, node.values, strict=True)
    return {str(key.value): read(value) for key, value in pairs if isinstance(key, ast.Constant)}


def _filled(text: Text, pattern: re.Pattern[str], value: Named) -> Text:
    return joined(tuple(_parts(bit, pattern, value)) for bit in text)


def _parts(bit: Bit, pattern: re.Pattern[str], value: Named) -> Iterator[Bit]:
    at = 0
    for found in pattern.finditer(bit.text):
        groups = found.groupdict()
        new = value(groups.get("name") or groups.get("braced") or "")
        if new is not None:
            yield bit._replace(text=bit.text[at : found.start()])
            yield from new
            at = found.end()
    yield bit._replace(text=bit.text[at:])
