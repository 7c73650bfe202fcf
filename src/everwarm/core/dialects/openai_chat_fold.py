"""Chunks of a stream -> the whole answer, and back: for chat and for completions.

Only what is understood is folded: an answer with a member that could be merged in two ways stays in the form it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from everwarm.core import sse
from everwarm.core.wire import Json

WHOLE: Final = {"chat.completion.chunk": "chat.completion", "text_completion": "text_completion"}
CHUNK: Final = {whole: chunk for chunk, whole in WHOLE.items()}

_PARTS: Final = frozenset({"content", "refusal", "reasoning", "reasoning_content"})
"""Members of a delta that are text in pieces."""

_FIXED: Final = frozenset({"id", "object", "created", "model", "choices", "usage"})


class Unfit(Exception):
    """It cannot be had in that form. Never leaves the core."""


def fold(events: Iterable[sse.ServerEvent]) -> dict[str, Json]:
    """The whole answer of a stream. Raises ``Unfit`` where that is not certain, or there are no token counts."""
    whole: dict[str, Json] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        if event.data == "[DONE]":
            break
        chunk = orjson.loads(event.data)
        for name, value in chunk.items():
            if name not in ("choices", "usage", "obfuscation") and (value is not None or name not in whole):
                whole[name] = value
        if chunk.get("usage"):
            whole["usage"] = chunk["usage"]
        for piece in chunk.get("choices", ()):
            _add(choices.setdefault(piece["index"], {"index": piece["index"]}), piece)
    if not choices or "usage" not in whole:
        raise Unfit
    whole["object"] = WHOLE[whole["object"]]
    usage = whole.pop("usage")
    return {**whole, "choices": [_finished(choices[i]) for i in sorted(choices)], "usage": usage}


def _add(choice: dict[str, Any], piece: dict[str, Any]) -> None:
    """One chunk's piece of a choice."""
    for name, value in piece.items():
        if name == "delta":
            _add_delta(choice.setdefault("message", {"role": "assistant", "content": None}), value)
        elif name == "text":
            choice["text"] = choice.get("text", "") + value
        elif name == "logprobs":
            choice["logprobs"] = _more_logprobs(choice.get("logprobs"), value)
        elif name != "index":
            choice[name] = _settled(choice.get(name), value)


def _settled(old: Any, new: Any) -> Any:
    """Of a member that is said once, though others may leave it empty. Pieces of a list are no such thing."""
    if not old or not new:
        return old or (old if new is None else new)
    if old != new or type(old) is list:
        raise Unfit
    return old


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if value is None:
            message.setdefault(name, None)
        elif name == "role":
            message["role"] = value
        elif name in _PARTS:
            message[name] = (message.get(name) or "") + value
        elif name == "tool_calls":
            _add_calls(message.setdefault("tool_calls", []), value)
        elif name == "function_call":
            message["function_call"] = _joined(message.get("function_call") or {}, value)
        elif name == "annotations":
            message["annotations"] = [*(message.get("annotations") or []), *value]
        else:
            raise Unfit  # whose pieces nobody has told us how to put together


def _add_calls(calls: list[dict[str, Any]], pieces: list[dict[str, Any]]) -> None:
    for piece in pieces:
        at = piece["index"]
        if at > len(calls):
            raise Unfit
        if at == len(calls):
            calls.append({})
        call = calls[at]
        for name, value in piece.items():
            if name in ("function", "custom"):
                call[name] = _joined(call.get(name, {}), value)
            elif name != "index" and value is not None:
                call[name] = value


def _joined(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Of a call: names come once, arguments and input in pieces."""
    out = dict(old)
    for name, value in new.items():
        if value is not None:
            out[name] = out.get(name, "") + value if name in ("arguments", "input") else value
    return out


def _more_logprobs(old: Any, new: Any) -> Any:
    if old is None or new is None:
        return old if new is None else new
    if old.keys() != new.keys() or "text_offset" in old:
        raise Unfit  # in completions, some count offsets from where the text begins, others from where the chunk does
    return {name: [*(old[name] or []), *(new[name] or [])] or old[name] for name in old}


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    """With ``finish_reason`` last, as the API writes it."""
    return {**{k: v for k, v in choice.items() if k != "finish_reason"}, "finish_reason": choice.get("finish_reason")}


def unfold(whole: dict[str, Json], *, counted: bool) -> Iterator[bytes]:
    """A whole answer as the stream that says the same, in as few chunks as clients expect."""
    head = {k: v for k, v in whole.items() if k not in ("choices", "usage")}
    head["object"] = CHUNK[whole["object"]]
    for choice in whole["choices"]:
        for piece in _pieces(choice):
            yield sse.write(orjson.dumps({**head, "choices": [{"index": choice["index"], **piece}]}))
    if counted:
        yield sse.write(orjson.dumps({**head, "choices": [], "usage": _counts(whole)}))
    yield sse.DONE


def _counts(whole: dict[str, Json]) -> Json:
    if not whole.get("usage"):
        raise Unfit
    return whole["usage"]


def _pieces(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One choice: who speaks, what, and how it ended."""
    rest = {k: v for k, v in choice.items() if k not in ("index", "message", "text", "finish_reason")}
    end = {"finish_reason": choice.get("finish_reason")}
    if "message" not in choice:
        yield {"text": choice["text"], **rest, "finish_reason": None}
        yield {"text": "", **dict.fromkeys(rest), **end}
        return
    message = dict(choice["message"])
    role = message.pop("role", "assistant")
    if message.get("tool_calls"):
        message["tool_calls"] = [{"index": i, **call} for i, call in enumerate(message["tool_calls"])]
    said = {k: v for k, v in message.items() if v is not None}
    begin = {"role": role, **dict.fromkeys(k for k in message if k not in said)}
    if "content" in said:
        begin["content"] = ""
    yield {"delta": begin, **dict.fromkeys(rest), "finish_reason": None}
    yield {"delta": said, **rest, "finish_reason": None}
    yield {"delta": {}, **dict.fromkeys(rest), **end}
