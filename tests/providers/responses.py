"""POST /v1/responses, as JSON and as a stream of typed events.

Source: the API reference of OpenAI, and the types of its Python package.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson

from providers.answer import Answer, Call, Refused, as_events, as_json, event, words
from providers.chat import choice_of, pieces, snapshot, usage_of
from providers.prefixes import Block, block
from providers.speech import Question, Speech, speak, text_of

Item = dict[str, Any]


def responses(call: Call) -> Answer:
    """The answer to a request for a response."""
    body = call.body
    if "input" not in body:
        raise Refused(400, "Missing required parameter: 'input'.", "input")
    speech = speak(call, _question(body))
    items = _items(call, speech)
    end = _response(call, items, "incomplete" if speech.cut else "completed", _usage(call, speech))
    if body.get("stream"):
        return as_events(call, list(_stream(call, items, end)), "responses")
    return as_json(call, end, "responses")


def _question(body: dict[str, Any]) -> Question:
    given = body["input"]
    last = {"role": "user", "content": given} if isinstance(given, str) else given[-1]
    tools = [t for t in body.get("tools") or [] if t["type"] == "function"]
    wanted = (body.get("text") or {}).get("format") or {}
    return Question(
        text=text_of(last.get("content", last.get("output"))),
        from_user=last.get("role") == "user",
        tools={t["name"]: t.get("parameters") or {} for t in tools},
        choice=choice_of(body.get("tool_choice")),
        schema=wanted.get("schema"),
        limit=body.get("max_output_tokens"),
    )


def _blocks(body: dict[str, Any]) -> list[Block]:
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    head = [block(t) for t in body.get("tools") or []] + [block(body.get("instructions"))]
    return head + [block({**i, "role": ""}, f"<{i.get('role', i.get('type'))}>") for i in items]


def _usage(call: Call, speech: Speech) -> dict[str, Any]:
    counted = usage_of(call, _blocks(call.body), speech.tokens)
    thought = len(words(_thought(call))) if call.body.get("reasoning") else 0
    return {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {
            "cached_tokens": counted["prompt_tokens_details"]["cached_tokens"],
            "cache_write_tokens": 0,
        },
        "output_tokens": speech.tokens + thought,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": counted["total_tokens"] + thought,
    }


def _thought(call: Call) -> str:
    return f"**Thought {call.number}** I must answer."


def _items(call: Call, speech: Speech) -> list[Item]:
    """What was put out: reasoning where it was asked for, then function calls or a message."""
    items: list[Item] = []
    if call.body.get("reasoning"):
        summary = [{"type": "summary_text", "text": _thought(call)}] if call.body["reasoning"].get("summary") else []
        items.append({"id": call.id("rs_"), "type": "reasoning", "summary": summary})
        if "reasoning.encrypted_content" in (call.body.get("include") or []):
            items[0]["encrypted_content"] = call.id("gAAAA")
    for i, (name, arguments) in enumerate(speech.calls):
        text = orjson.dumps(arguments).decode()
        own = {"id": call.id(f"fc_{i}"), "call_id": call.id(f"call_{i}"), "name": name, "arguments": text}
        items.append({"type": "function_call", "status": "completed", **own})
    if not speech.calls:
        status = "incomplete" if speech.cut else "completed"
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": speech.text}
        message = {"id": call.id("msg_"), "role": "assistant", "content": [part]}
        items.append({"type": "message", "status": status, **message})
    return items


def _response(call: Call, items: list[Item], status: str, usage: dict[str, Any] | None) -> dict[str, Any]:
    body = call.body
    cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
    reasoning = {"effort": None, "summary": None, **(body.get("reasoning") or {})}
    return {
        "id": call.id("resp_"),
        "object": "response",
        "created_at": call.created,
        "status": status,
        "background": False,
        "completed_at": call.created + 1 if status == "completed" else None,
        "error": None,
        "incomplete_details": cut,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": snapshot(body),
        "output": items,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": reasoning,
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_logprobs": 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": usage,
        "user": body.get("user"),
        "metadata": body.get("metadata", {}),
    }


def _stream(call: Call, items: list[Item], end: dict[str, Any]) -> Iterator[bytes]:
    begun = _response(call, [], "in_progress", None)
    numbers = count()
    steps: list[tuple[str, dict[str, Any]]] = [("created", {"response": begun}), ("in_progress", {"response": begun})]
    for index, item in enumerate(items):
        steps += ((kind, {"output_index": index, **more}) for kind, more in _steps(item))
    steps.append((end["status"], {"response": end}))
    for kind, members in steps:
        name = f"response.{kind}"
        yield event({"type": name, "sequence_number": next(numbers), **members}, name)


def _steps(item: Item) -> Iterator[tuple[str, dict[str, Any]]]:
    """One item from its beginning, empty, to its end."""
    yield "output_item.added", {"item": {**item, **BEGINNING[item["type"]]}}
    for kind, more in STEPS[item["type"]](item):
        yield kind, {"item_id": item["id"], **more}
    yield "output_item.done", {"item": item}


def _message_steps(item: Item) -> Iterator[tuple[str, dict[str, Any]]]:
    part = item["content"][0]
    yield "content_part.added", {"content_index": 0, "part": {**part, "text": ""}}
    for i, word in enumerate(words(part["text"])):
        yield "output_text.delta", {"content_index": 0, "delta": word, "logprobs": [], "obfuscation": "x" * (1 + i % 9)}
    yield "output_text.done", {"content_index": 0, "text": part["text"], "logprobs": []}
    yield "content_part.done", {"content_index": 0, "part": part}


def _function_steps(item: Item) -> Iterator[tuple[str, dict[str, Any]]]:
    for piece in pieces(item["arguments"]):
        yield "function_call_arguments.delta", {"delta": piece, "obfuscation": "x"}
    yield "function_call_arguments.done", {"arguments": item["arguments"]}


def _reasoning_steps(item: Item) -> Iterator[tuple[str, dict[str, Any]]]:
    for i, part in enumerate(item["summary"]):
        at = {"summary_index": i}
        yield "reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
        for word in words(part["text"]):
            yield "reasoning_summary_text.delta", {**at, "delta": word, "obfuscation": "x"}
        yield "reasoning_summary_text.done", {**at, "text": part["text"]}
        yield "reasoning_summary_part.done", {**at, "part": part}


BEGINNING: dict[str, dict[str, Any]] = {
    "message": {"content": [], "status": "in_progress"},
    "function_call": {"arguments": "", "status": "in_progress"},
    "reasoning": {"summary": []},
}
"""How an item of each type begins."""

STEPS: dict[str, Any] = {
    "message": _message_steps,
    "function_call": _function_steps,
    "reasoning": _reasoning_steps,
}
"""What happens to it until its end."""
