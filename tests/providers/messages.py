"""POST /v1/messages and /v1/messages/count_tokens, as JSON and as a stream.

Source: the API reference of Anthropic, and the types of its Python package.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import orjson

from providers.answer import Answer, Call, Refused, as_events, as_json, event, words
from providers.chat import pieces
from providers.prefixes import MARK, Block, block
from providers.speech import Question, Speech, speak, text_of

MOST_MARKS = 4
CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def messages(call: Call) -> Answer:
    """The answer to a request for a message."""
    _check(call)
    speech = speak(call, _question(call.body))
    usage = _usage(call, speech)
    content = _content(call, speech)
    if call.body.get("stream"):
        return as_events(call, list(_stream(call, content, speech, usage)), "anthropic")
    return as_json(call, _message(call, content, _reason(speech), usage), "anthropic")


def count_tokens(call: Call) -> Answer:
    """What the prompt would cost."""
    if not call.body.get("messages"):
        raise Refused(400, "messages: Field required")
    return as_json(call, {"input_tokens": sum(len(b.words) for b in _blocks(call.body))}, "anthropic")


def _check(call: Call) -> None:
    for member in ("model", "max_tokens", "messages"):
        if not call.body.get(member):
            raise Refused(400, f"{member}: Field required")
    if call.asked.header("anthropic-version") is None:
        raise Refused(400, "anthropic-version: header is required")
    marks = sum(1 for b in _blocks(call.body) if b.ttl)
    if marks > MOST_MARKS:
        raise Refused(400, f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {marks}.")


def _question(body: dict[str, Any]) -> Question:
    last = body["messages"][-1]
    content = last.get("content")
    choice = body.get("tool_choice") or {}
    results = isinstance(content, list) and any(part.get("type") == "tool_result" for part in content)
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return Question(
        text=text_of(content),
        from_user=last.get("role") == "user" and not results,
        tools={t["name"]: t["input_schema"] for t in body.get("tools") or [] if "input_schema" in t},
        choice=choice.get("name") or CHOICES[choice.get("type", "auto")],
        schema=wanted.get("schema"),
        limit=body["max_tokens"],
    )


def _blocks(body: dict[str, Any]) -> list[Block]:
    """Tools, system, messages. A mark at the top level stands on the last block."""
    blocks = [block(t) for t in body.get("tools") or []]
    system = body.get("system") or []
    blocks += [block(part) for part in ([system] if isinstance(system, str) else system)]
    for message in body["messages"]:
        content = message["content"]
        blocks += [block(part, f"<{message['role']}>") for part in ([content] if isinstance(content, str) else content)]
    if body.get(MARK) and blocks:
        blocks[-1] = blocks[-1]._replace(ttl=body[MARK].get("ttl", "5m"))
    return blocks


def _usage(call: Call, speech: Speech) -> dict[str, Any]:
    """Tokens as Anthropic counts them: ``input_tokens`` are those after the last mark."""
    blocks = _blocks(call.body)
    credential = call.asked.header("x-api-key") or call.asked.header("authorization") or ""
    cached = call.prefixes.marked((credential, call.body["model"]), blocks)
    written = cached.written_5m + cached.written_1h
    return {
        "input_tokens": sum(len(b.words) for b in blocks) - cached.read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": cached.written_5m,
            "ephemeral_1h_input_tokens": cached.written_1h,
        },
        "output_tokens": speech.tokens,
        "service_tier": "standard",
    }


def _content(call: Call, speech: Speech) -> list[dict[str, Any]]:
    """Blocks: thinking where it was asked for, then text, then tools."""
    content: list[dict[str, Any]] = []
    thinking = call.body.get("thinking") or {"type": "disabled"}
    if thinking["type"] != "disabled":
        thought = "" if thinking.get("display") == "omitted" else f"Thought {call.number}: I must answer."
        signature = b64encode(b"signature of thought %d" % call.number).decode()
        content.append({"type": "thinking", "thinking": thought, "signature": signature})
    text = "I will look." if speech.calls else speech.text
    content.append({"type": "text", "text": text})
    for i, (name, arguments) in enumerate(speech.calls):
        content.append({"type": "tool_use", "id": f"toolu_{call.number:022x}{i:x}", "name": name, "input": arguments})
    return content


def _reason(speech: Speech) -> str:
    return "tool_use" if speech.calls else "max_tokens" if speech.cut else "end_turn"


def _message(call: Call, content: list[dict[str, Any]], reason: str | None, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": call.body["model"],
        "id": call.id("msg_"),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _stream(call: Call, content: list[dict[str, Any]], speech: Speech, usage: dict[str, Any]) -> Iterator[bytes]:
    begun = _message(call, [], None, {**usage, "output_tokens": 1})
    yield _event("message_start", message=begun)
    for index, each in enumerate(content):
        yield _event("content_block_start", index=index, content_block={**each, **EMPTY[each["type"]]})
        if not index:
            yield event({"type": "ping"}, "ping")
        for delta in DELTAS[each["type"]](each):
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    counts = {k: v for k, v in usage.items() if k.endswith("_tokens")}
    yield _event("message_delta", delta={"stop_reason": _reason(speech), "stop_sequence": None}, usage=counts)
    yield _event("message_stop")


def _event(kind: str, **members: Any) -> bytes:
    """With spaces before the last brace: real events have some, and a relay must not lose them."""
    data = orjson.dumps({"type": kind, **members})
    return event(data[:-1] + b" " * (len(data) % 8) + b"}", kind)


EMPTY: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}
"""How a block of each type begins."""

DELTAS: dict[str, Any] = {
    "text": lambda b: [{"type": "text_delta", "text": w} for w in words(b["text"])],
    "thinking": lambda b: [
        *({"type": "thinking_delta", "thinking": w} for w in words(b["thinking"])),
        {"type": "signature_delta", "signature": b["signature"]},
    ],
    "tool_use": lambda b: [
        {"type": "input_json_delta", "partial_json": p} for p in ["", *pieces(orjson.dumps(b["input"]).decode())]
    ],
}
"""What follows it."""
