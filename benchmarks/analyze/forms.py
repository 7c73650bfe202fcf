"""Other forms of a log: requests of the Messages protocol, as an agent marks them; and questions, each asked once."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from benchmarks.layout.plants import START, WORDS, Body

MARK = {"cache_control": {"type": "ephemeral"}}


def as_messages(body: Body) -> Body:
    """A body of Chat Completions as one of Messages, with cache marks at the end of its system prompt and of what is
    said: the second moves with each request."""
    system, *talk = body["messages"]
    messages = [_message(message) for message in talk]
    messages[-1]["content"][-1] |= MARK
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "system": [{"type": "text", "text": system["content"], **MARK}],
        "tools": [_tool(tool["function"]) for tool in body["tools"]],
        "messages": messages,
    }


def _tool(function: Body) -> Body:
    return {
        "name": function["name"],
        "description": function["description"],
        "input_schema": deepcopy(function["parameters"]),
    }


def _message(message: Body) -> Body:
    text = message.get("content") or "."
    if message["role"] == "tool":
        result = {"type": "tool_result", "tool_use_id": message.get("tool_call_id", "none"), "content": text}
        return {"role": "user", "content": [result]}
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
    for call in message.get("tool_calls", ()):
        function = call["function"]
        told = {"id": call["id"], "name": function["name"], "input": json.loads(function["arguments"])}
        parts.append({"type": "tool_use", **told})
    return {"role": message["role"], "content": parts}


def questions() -> Iterator[Body]:
    """Lines of a log, of a kilobyte each: one instruction, and a text that nobody sent before."""
    chance = random.Random(7)
    system = f"Name the subject of the text. Subjects: {', '.join(WORDS)}."
    for n in range(1 << 40):
        text = f"{n}: {' '.join(chance.choices(WORDS, k=80))}"
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        yield {"timestamp": START + n / 20, "model": "gpt-5-mini", "messages": messages}
