"""POST /v1/chat/completions, as JSON and as a stream.

Source: the API reference of OpenAI, and the types of its Python package.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import orjson

from providers.answer import Answer, Call, Refused, as_events, as_json, event
from providers.prefixes import Block, block
from providers.speech import Question, Speech, speak, text_of

DONE = b"[DONE]"
FINGERPRINT = "fp_fake00"
MOST_CHOICES = 128


def chat(call: Call) -> Answer:
    """The answer to a chat request."""
    body = call.body
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "Missing required parameter: 'messages'.", "messages")
    question = _question(body, messages)
    speeches = [speak(call, question, i) for i in range(choices_of(body))]
    usage = usage_of(call, _blocks(body), sum(s.tokens for s in speeches))
    if body.get("stream"):
        return as_events(call, list(_stream(call, speeches, usage)))
    choices = [_choice(call, i, s) for i, s in enumerate(speeches)]
    return as_json(call, {**_frame(call, "chat.completion"), "choices": choices, "usage": usage})


def choices_of(body: dict[str, Any]) -> int:
    """How many answers are asked for."""
    n = body.get("n") or 1
    if not 1 <= n <= MOST_CHOICES:
        raise Refused(400, f"n must be between 1 and {MOST_CHOICES}.", "n")
    return n


def _question(body: dict[str, Any], messages: list[dict[str, Any]]) -> Question:
    last = messages[-1]
    wanted = body.get("response_format") or {}
    return Question(
        text=text_of(last.get("content")),
        from_user=last.get("role") == "user",
        tools={t["function"]["name"]: t["function"].get("parameters", {}) for t in body.get("tools") or []},
        choice=choice_of(body.get("tool_choice")),
        schema=SCHEMAS.get(wanted.get("type", ""), lambda _: None)(wanted),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
    )


SCHEMAS: dict[str, Any] = {
    "json_schema": lambda wanted: wanted["json_schema"].get("schema", {}),
    "json_object": lambda _: {"properties": {"answer": {"type": "string"}}},
}
"""Type of a response format -> the schema of the text."""


def choice_of(choice: Any) -> str:
    """``tool_choice`` as one word: "auto", "none", "required", or a tool's name."""
    if isinstance(choice, dict):
        return str(choice.get("function", choice).get("name", "required"))
    return choice or "auto"


def _blocks(body: dict[str, Any]) -> list[Block]:
    tools = [block(t) for t in body.get("tools") or []]
    return tools + [block({**m, "role": ""}, f"<{m.get('role')}>") for m in body["messages"]]


def usage_of(call: Call, blocks: list[Block], said: int) -> dict[str, Any]:
    """Tokens as the OpenAI dialects count them: the prompt's include the cached ones."""
    owner = (call.asked.header("authorization") or "", str(call.body.get("model")))
    prompt = sum(len(b.words) for b in blocks)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said,
        "prompt_tokens_details": {"cached_tokens": call.prefixes.automatic(owner, blocks).read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _frame(call: Call, kind: str) -> dict[str, Any]:
    return {
        "id": call.id("chatcmpl-"),
        "object": kind,
        "created": call.created,
        "model": snapshot(call.body),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def snapshot(body: dict[str, Any]) -> str:
    """The dated name that OpenAI answers with, whatever name was asked for."""
    return f"{body.get('model')}-2026-03-05"


def _choice(call: Call, index: int, speech: Speech) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None if speech.calls else speech.text}
    if speech.calls:
        message["tool_calls"] = [_tool_call(call, index, i, *c) for i, c in enumerate(speech.calls)]
    return {
        "index": index,
        "message": {**message, "refusal": None, "annotations": []},
        "logprobs": _logprobs(call.body, speech.words),
        "finish_reason": _finish(speech),
    }


def _tool_call(call: Call, choice: int, i: int, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "arguments": orjson.dumps(arguments).decode()}
    return {"id": f"call_{call.number:020x}{choice:x}{i:x}", "type": "function", "function": function}


def _finish(speech: Speech) -> str:
    return "tool_calls" if speech.calls else "length" if speech.cut else "stop"


def _logprobs(body: dict[str, Any], words: list[str]) -> dict[str, Any] | None:
    if not body.get("logprobs"):
        return None
    return {"content": [_logprob(w, body.get("top_logprobs") or 0) for w in words], "refusal": None}


def _logprob(word: str, top: int) -> dict[str, Any]:
    def of(token: str, rank: int) -> dict[str, Any]:
        return {"token": token, "logprob": -math.log(2 + rank), "bytes": list(token.encode())}

    return {**of(word, 0), "top_logprobs": [of(word + "'" * rank, rank) for rank in range(top)]}


def _stream(call: Call, speeches: list[Speech], usage: dict[str, Any]) -> Iterator[bytes]:
    options = call.body.get("stream_options") or {}
    frame = _frame(call, "chat.completion.chunk")
    more = {"usage": None} if options.get("include_usage") else {}
    padded = options.get("include_obfuscation", True)

    for number, choice in enumerate(_chunks(call, speeches)):
        padding = {"obfuscation": "x" * (1 + number % 12)} if padded else {}
        yield event({**frame, "choices": [choice], **more, **padding})
    if more:
        yield event({**frame, "choices": [], "usage": usage})
    yield event(DONE)


def _chunks(call: Call, speeches: list[Speech]) -> Iterator[dict[str, Any]]:
    """The choices side by side: the beginning of each, then their pieces in turn, then their ends."""
    deltas = [list(_deltas(call, i, s)) for i, s in enumerate(speeches)]
    for i, speech in enumerate(speeches):
        content = {"content": None} if speech.calls else {"content": ""}
        yield _part(i, {"role": "assistant", **content, "refusal": None})
    for place in range(max(len(d) for d in deltas)):
        for i, own in enumerate(deltas):
            if place < len(own):
                word = [own[place]["content"]] if "content" in own[place] else []
                yield _part(i, own[place], logprobs=_logprobs(call.body, word))
    for i, speech in enumerate(speeches):
        yield _part(i, {}, finish=_finish(speech))


def _part(index: int, delta: dict[str, Any], logprobs: Any = None, finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def _deltas(call: Call, choice: int, speech: Speech) -> Iterator[dict[str, Any]]:
    for i, named in enumerate(speech.calls):
        whole = _tool_call(call, choice, i, *named)
        begun = {"name": named[0], "arguments": ""}
        yield {"tool_calls": [{"index": i, **whole, "function": begun}]}
        for piece in pieces(whole["function"]["arguments"]):
            yield {"tool_calls": [{"index": i, "function": {"arguments": piece}}]}
    for word in speech.words:
        yield {"content": word}


def pieces(text: str, size: int = 6) -> list[str]:
    """A text in parts of that many characters, as arguments are streamed."""
    return [text[i : i + size] for i in range(0, len(text), size)]
