"""A value that a JSON schema allows, with the answer's text in its strings: tool arguments, structured output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]


def example(schema: Schema, text: str, number: int) -> Any:
    """Every property is given, the first alternative is taken. Numbers are the call's."""
    return _value(schema, schema, text, number)


def _value(schema: Schema, root: Schema, text: str, number: int) -> Any:
    if "$ref" in schema:
        return _value(_follow(schema["$ref"], root), root, text, number)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _value(schema[several][0], root, text, number)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    return KINDS[kind](schema, root, text, number)


def _follow(reference: str, root: Schema) -> Any:
    at: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        at = at[step] if step else at
    return at


def _object(schema: Schema, root: Schema, text: str, number: int) -> Any:
    return {name: _value(each, root, text, number) for name, each in schema.get("properties", {}).items()}


def _array(schema: Schema, root: Schema, text: str, number: int) -> Any:
    return [_value(schema.get("items", {}), root, text, number)] * max(1, schema.get("minItems", 1))


KINDS: dict[str, Callable[[Schema, Schema, str, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": lambda schema, root, text, number: text,
    "integer": lambda schema, root, text, number: number,
    "number": lambda schema, root, text, number: number + 0.5,
    "boolean": lambda schema, root, text, number: number % 2 == 1,
    "null": lambda schema, root, text, number: None,
}
