"""Tools: read in any dialect's form, written in each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from everwarm.errors import PromptError
from everwarm.prompt.plain import refuse_unwritable, row_of

_SCHEMAS = ("parameters", "input_schema")
_OURS = {"type", "name", "description", "strict", "cache_control", *_SCHEMAS}
_NO_ARGUMENTS = {"type": "object", "properties": {}}


class Tool(NamedTuple):
    """One tool. Held as JSON: nobody can change it, and each rendering has values of its own."""

    name: str
    json: str  # of its members: name, description, parameters, strict ...; or of the whole
    hosted: bool = False  # of a type that only its provider knows: goes out as it came

    def _members(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.json)
        return members

    def chat(self) -> dict[str, Any]:
        """For Chat Completions."""
        members = self._members()
        members.pop("cache_control", None)
        return members if self.hosted else {"type": "function", "function": members}

    def responses(self) -> dict[str, Any]:
        """For Responses, where a function is strict unless it says otherwise, as it is not in Chat Completions."""
        members = self._members()
        members.pop("cache_control", None)
        return members if self.hosted else {"type": "function", "strict": False, **members}

    def anthropic(self) -> dict[str, Any]:
        """For Messages."""
        members = self._members()
        if self.hosted:
            return members
        return {("input_schema" if key == "parameters" else key): value for key, value in members.items()}

    def converse(self) -> dict[str, Any]:
        """For Bedrock's Converse."""
        members = self._members()
        members.pop("cache_control", None)
        if self.hosted:
            return members
        return {"toolSpec": {"inputSchema": {"json": members.pop("parameters")}, **members}}


def read_tools(tools: Iterable[Mapping[str, Any]], known: Iterable[Tool]) -> tuple[Tool, ...]:
    """``tools`` behind those that are ``known``. Raises ``PromptError`` for what is none, or whose name is taken."""
    found = list(known)
    for index, value in enumerate(row_of(tools, "tools")):
        tool = _read(value, f"tools[{index}]")
        if any(tool.name == other.name for other in found):
            raise PromptError(f"tools[{index}]: there is a tool {tool.name!r} already. Names must differ.")
        found.append(tool)
    return tuple(found)


def _read(value: object, where: str) -> Tool:
    refuse_unwritable(value, where)
    if not isinstance(value, dict):
        raise PromptError(f"{where} must be a dict; found a value of the type {type(value).__name__}.", param=where)
    inner = value.get("function")
    body = {**inner, **_mark(value)} if isinstance(inner, dict) else value
    schema = next((body[key] for key in _SCHEMAS if key in body), None)
    hosted = schema is None and not isinstance(inner, dict) and value.get("type", "function") != "function"
    text = json.dumps(value if hosted else _normal(body, schema), ensure_ascii=False)
    name = body.get("name", text if hosted else None)
    if not isinstance(name, str) or not name:
        raise PromptError(
            f"{where} has no name. A tool is {{name, description, parameters}}, or a dialect's form of it."
        )
    return Tool(name, text, hosted)


def _normal(body: dict[str, Any], schema: object) -> dict[str, Any]:
    """Members in one order, whatever the form was; the schema's own order is meaning, and stays."""
    first = {"name": body.get("name"), "description": body.get("description"), "parameters": schema or _NO_ARGUMENTS}
    rest = {key: value for key, value in body.items() if key not in _OURS}
    members = first | {key: body[key] for key in ("strict", "cache_control") if key in body} | rest
    return {key: value for key, value in members.items() if value is not None}


def _mark(value: dict[str, Any]) -> dict[str, Any]:
    return {"cache_control": value["cache_control"]} if "cache_control" in value else {}
