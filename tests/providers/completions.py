"""POST /v1/completions, the older dialect: a prompt, and the text that follows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.answer import Answer, Call, Refused, as_events, as_json, event
from providers.chat import DONE, FINGERPRINT, choices_of, usage_of
from providers.prefixes import block
from providers.speech import Question, Speech, speak


def completions(call: Call) -> Answer:
    """One choice for each of ``n`` and each prompt."""
    body = call.body
    if "prompt" not in body:
        raise Refused(400, "you must provide a prompt parameter", "prompt")
    prompts = _prompts(body["prompt"])
    speeches = [
        speak(call, Question(text, limit=body.get("max_tokens", 16)), i)
        for i, text in enumerate(p for p in prompts for _ in range(choices_of(body)))
    ]
    usage = usage_of(call, [block(p) for p in prompts], sum(s.tokens for s in speeches))
    if body.get("stream"):
        return as_events(call, list(_stream(call, speeches, usage)))
    choices = [_choice(i, s.text, _finish(s), _logprobs(body, s.words)) for i, s in enumerate(speeches)]
    return as_json(call, {**_frame(call), "choices": choices, "usage": usage})


def _prompts(prompt: Any) -> list[str]:
    """A text, several, token ids, or several lists of them."""
    if isinstance(prompt, str):
        return [prompt]
    if all(isinstance(p, int) for p in prompt):
        return [" ".join(map(str, prompt))]
    return [p if isinstance(p, str) else " ".join(map(str, p)) for p in prompt]


def _frame(call: Call) -> dict[str, Any]:
    return {
        "id": call.id("cmpl-"),
        "object": "text_completion",
        "created": call.created,
        "model": call.body.get("model"),
        "system_fingerprint": FINGERPRINT,
    }


def _choice(index: int, text: str, finish: str | None, logprobs: Any) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def _finish(speech: Speech) -> str:
    return "length" if speech.cut else "stop"


def _logprobs(body: dict[str, Any], words: list[str]) -> dict[str, Any] | None:
    if body.get("logprobs") is None:
        return None
    offsets = [sum(map(len, words[:i])) for i in range(len(words))]
    chances = [-0.5] * len(words)
    top = [{w: -0.5} for w in words]
    return {"tokens": words, "token_logprobs": chances, "top_logprobs": top, "text_offset": offsets}


def _stream(call: Call, speeches: list[Speech], usage: dict[str, Any]) -> Iterator[bytes]:
    counted = (call.body.get("stream_options") or {}).get("include_usage")
    more = {"usage": None} if counted else {}
    for i, speech in enumerate(speeches):
        for word in speech.words:
            yield event({**_frame(call), "choices": [_choice(i, word, None, _logprobs(call.body, [word]))], **more})
        yield event({**_frame(call), "choices": [_choice(i, "", _finish(speech), None)], **more})
    if counted:
        yield event({**_frame(call), "choices": [], "usage": usage})
    yield event(DONE)
