"""The chat template of a GGUF: messages to the text that the model reads.

Rendered as Hugging Face's tokenizers do, by Jinja in its sandbox: a template is a program from a file that somebody
downloaded, and must not reach beyond the messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import orjson
from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from everwarm.core.wire import Message, Tool, ToolCall
from everwarm.errors import BadRequest, ModelError, Unsupported

ROLES = ("system", "developer", "user", "assistant", "tool")


class ChatTemplate:
    """One model's template, compiled. ``special``: its token strings by the names that templates use, bos_token ..."""

    def __init__(self, source: str, special: Mapping[str, str]) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise
        self._special = dict(special)
        self.knows_tools = "tools" in source
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ModelError(f"the model's chat template cannot be used: {error}") from error

    def render(self, messages: Sequence[Message], tools: Sequence[Tool] | None, now: datetime) -> str:
        """The prompt, up to where the assistant's answer begins. ``now`` is what a template that writes a date sees.

        ``Unsupported`` for content that is not text; ``BadRequest`` where the template refuses the messages, as some do
        when roles do not alternate.
        """
        values: dict[str, Any] = {
            "messages": [plain(message, f"messages[{i}]") for i, message in enumerate(messages)],
            "tools": [_plain_tool(tool) for tool in tools] if tools else None,
            "add_generation_prompt": True,
            "strftime_now": now.strftime,
        }
        try:
            return self._template.render(**self._special, **values)
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError) as error:
            raise BadRequest(f"the model's chat template refuses these messages: {error}", param="messages") from error


def plain(message: Message, path: str) -> dict[str, Any]:
    """``message`` as templates know it: text joined, ``developer`` as ``system``, arguments of calls as objects."""
    if message.role not in ROLES:
        raise BadRequest(f"{path}.role: {message.role!r} is not one of {', '.join(ROLES)}", param=f"{path}.role")
    require_text(message, path)
    role = "system" if message.role == "developer" else message.role
    made: dict[str, Any] = {"role": role, "content": message.text}
    if message.calls:
        made["tool_calls"] = [_plain_call(call) for call in message.calls]
    if message.call_id is not None:
        made["tool_call_id"] = message.call_id
    if isinstance(message.rest.get("name"), str):
        made["name"] = message.rest["name"]
    return made


def require_text(message: Message, path: str) -> None:
    """``Unsupported``, with the place, unless all parts are text."""
    for j, part in enumerate(message.parts):
        if part.text is None:
            place = f"{path}.content[{j}]"
            raise Unsupported(f"{place}: this model reads text only, not {part.kind!r}", param=place)


def _plain_call(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        arguments = call.arguments
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _plain_tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    """JSON as Hugging Face's templates get it: other alphabets left as they are, nothing escaped for HTML."""
    # The standard library's: models were trained on its separators and indents.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)
