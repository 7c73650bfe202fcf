"""OpenAI Completions, the request: what the model inside reads of it.

Source: OpenAI API reference, "Create completion", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from everwarm.core.dialects.check import wrong
from everwarm.core.dialects.dialect import Envelope
from everwarm.core.dialects.format import read_format
from everwarm.core.dialects.openai_sampling import sampling
from everwarm.core.wire import Json, Request, Sampling
from everwarm.errors import BadRequest, Unsupported

MAX_TOKENS: Final = 16
"""Tokens of an answer to a request that does not say. The reference sets it; clients of this dialect know it."""


def parse(dialect: str, head: Envelope, value: Mapping[str, Json]) -> Request:
    """Raises ``BadRequest`` with the path of the member that is wrong, or that the model inside cannot honour.

    ``rest`` holds all members but ``model``, ``prompt`` and ``stream``, as they were written.
    """
    for name, (fine, why) in _DEMANDS.items():
        if not fine(value.get(name)):
            raise Unsupported(f"{name}: {why}", param=name)
    chosen = _sampling({k: v for k, v in value.items() if v is not None})
    if value.get("best_of") not in (None, chosen.n):
        raise Unsupported("best_of: the model inside does not choose among answers; leave it out", param="best_of")
    return Request(
        dialect=dialect,
        model=head.model,
        messages=(),
        sampling=chosen,
        stream=value.get("stream"),
        rest={k: v for k, v in value.items() if k not in ("model", "prompt", "stream")},
        prompt=_prompt(value.get("prompt")),
        format=read_format(value.get("response_format"), "response_format", "json_schema"),  # as other servers read it
    )


def _nothing(value: Json) -> bool:
    return not value


def _is_null(value: Json) -> bool:
    return value is None


_DEMANDS: Final[Mapping[str, tuple[Callable[[Json], bool], str]]] = {
    "suffix": (_nothing, "the model inside writes on from the prompt, not up to a text; leave it out"),
    "echo": (_nothing, "the model inside answers with new text only; leave it out"),
    "logprobs": (_is_null, "the model inside does not report log probabilities; leave it out"),
}
"""Members of this dialect that would change an answer: which values can be honoured, and what to say of others."""


def _sampling(said: Mapping[str, Json]) -> Sampling:
    chosen = sampling(said, "max_tokens")
    return chosen if chosen.max_tokens is not None else replace(chosen, max_tokens=MAX_TOKENS)


def _prompt(value: Json) -> str:
    if type(value) is list and len(value) == 1 and type(value[0]) is str:
        value = value[0]
    if type(value) is list and any(type(v) is str for v in value):
        raise Unsupported("prompt holds several texts, and the model inside takes one at a time.", param="prompt")
    if type(value) is list and value:
        raise Unsupported("prompt is in token ids, and the model inside reads text.", param="prompt")
    if type(value) is not str:
        raise wrong("prompt", "a string", value)
    if not value:
        raise BadRequest("prompt is empty, but must hold some text.", param="prompt")
    return value
