"""A body of Chat Completions as one of Anthropic's Messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.layout.plants import Body


def translated(body: Body) -> Body:
    """The same request. It shares what it can with the other one."""
    system, *messages = body["messages"]
    tools = [
        {"name": f["name"], "description": f["description"], "input_schema": f["parameters"]}
        for f in (tool["function"] for tool in body["tools"])
    ]
    head = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "system": system["content"], "tools": tools}
    return {**head, "messages": [_message(message) for message in messages]}


def _message(message: dict[str, Any]) -> Body:
    if message["role"] == "tool":
        result = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"]}
        return {"role": "user", "content": [result]}
    if "tool_calls" not in message:
        return {"role": message["role"], "content": message["content"]}
    text = [{"type": "text", "text": message["content"]}] if message.get("content") else []
    return {"role": "assistant", "content": [*text, *_uses(message["tool_calls"])]}


def _uses(called: Sequence[dict[str, Any]]) -> list[Body]:
    made = ((call["id"], call["function"]) for call in called)
    return [{"type": "tool_use", "id": i, "name": f["name"], "input": json.loads(f["arguments"])} for i, f in made]
