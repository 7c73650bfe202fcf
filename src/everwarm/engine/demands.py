"""Can the engine honour a request? What it cannot, it refuses by name and does not ignore."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from everwarm.core.wire import Request, Sampling
from everwarm.engine.template import ROLES, require_text
from everwarm.errors import BadRequest, Unsupported

MAX_CHOICES = 128
MAX_STOPS = 4


def require_honourable(request: Request, vocabulary: int) -> None:
    """Raise ``BadRequest`` for a value out of range, ``Unsupported`` for what this engine cannot do.

    Fields that nobody here knows are ignored, as the API does.
    """
    if not request.messages and not request.prompt:
        where = "messages" if request.prompt is None else "prompt"
        raise BadRequest(f"{where}: must not be empty", param=where)
    if request.prompt is not None and request.prompt.endswith("\0"):  # which the tokenizer would lose
        raise Unsupported("prompt: must not end in U+0000", param="prompt")
    for i, message in enumerate(request.messages):
        if message.role not in ROLES:
            path = f"messages[{i}].role"
            raise BadRequest(f"{path}: {message.role!r} is not one of {', '.join(ROLES)}", param=path)
        require_text(message, f"messages[{i}]")
    _require_sampling(request.sampling, vocabulary)
    prediction_of(request)
    may_shift(request)
    for name, (fine, why) in _FIELDS.items():
        if name in request.rest and not fine(request.rest[name]):
            raise Unsupported(f"{name}: {why}", param=name)


def prediction_of(request: Request) -> str:
    """The text that the client expects as the answer, as OpenAI's ``prediction`` has it; empty if it says none.

    It is a help and never changes an answer. ``BadRequest`` if it is of another form.
    """
    said = request.rest.get("prediction")
    if said is None:
        return ""
    content = said.get("content") if isinstance(said, dict) and said.get("type") == "content" else None
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    texts = [p.get("text") if isinstance(p, dict) and p.get("type") == "text" else None for p in parts or [None]]
    if not isinstance(parts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRequest(
            'prediction: must be {"type": "content", "content": ...} with a text or text parts', param="prediction"
        )
    return "".join(text for text in texts if text)


def may_shift(request: Request) -> bool:
    """Whether the answer may be made from chunks of the prompt that were computed at other places, so not be exact.

    ``BadRequest`` if the member ``everwarm`` is not of the known form.
    """
    said = request.rest.get("everwarm")
    if said is not None and said != {"reuse": "shifted"}:
        raise BadRequest('everwarm: must be {"reuse": "shifted"}, or left out', param="everwarm")
    return said is not None


def _require_sampling(sampling: Sampling, vocabulary: int) -> None:
    _require_range("temperature", sampling.temperature, 0, 2)
    _require_range("frequency_penalty", sampling.frequency_penalty, -2, 2)
    _require_range("presence_penalty", sampling.presence_penalty, -2, 2)
    _require_range("n", sampling.n, 1, MAX_CHOICES)
    if sampling.top_p is not None and not 0 < sampling.top_p <= 1:
        raise BadRequest(f"top_p: {sampling.top_p} is not above 0 and at most 1", param="top_p")
    if sampling.max_tokens is not None and sampling.max_tokens < 1:
        raise BadRequest(f"max_tokens: {sampling.max_tokens} is not at least 1", param="max_tokens")
    if len(sampling.stop) > MAX_STOPS or not all(sampling.stop):
        raise BadRequest(f"stop: must be at most {MAX_STOPS} strings that are not empty", param="stop")
    _require_bias(sampling.logit_bias, vocabulary)


def _require_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise BadRequest(f"{name}: {value} is not between {low} and {high}", param=name)


def _require_bias(logit_bias: Mapping[int, float], vocabulary: int) -> None:
    for token, value in logit_bias.items():
        path = f"logit_bias.{token}"
        if not 0 <= token < vocabulary:
            raise BadRequest(f"{path}: the model's tokens are 0 ... {vocabulary - 1}", param=path)
        _require_range(path, value, -100, 100)
    if len(logit_bias) >= vocabulary:
        raise BadRequest("logit_bias: must leave some token out", param="logit_bias")


def _is(*allowed: Any) -> Callable[[Any], bool]:
    return lambda value: any(value is a or (type(value) is type(a) and value == a) for a in allowed)


_TEXT_ONLY = "this model answers with text only"

_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "logprobs": (_is(None, False), "this model does not report log probabilities; leave it out"),
    "top_logprobs": (_is(None, 0), "this model does not report log probabilities; leave it out"),
    "tool_choice": (_is(None, "auto", "none"), "this model cannot be made to call a tool; use 'auto' or 'none'"),
    "modalities": (lambda value: value is None or value == ["text"], _TEXT_ONLY),
    "audio": (_is(None), _TEXT_ONLY),
    "functions": (lambda value: not value, "the older form of tools; use `tools`"),
    "function_call": (_is(None, "auto", "none"), "the older form of tools; use `tools` and `tool_choice`"),
    "web_search_options": (_is(None), "this model does not search the web; leave it out"),
}
"""Known fields outside ``Sampling`` that change an answer: which values are honoured, and what to say of others."""
