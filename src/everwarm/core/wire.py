"""One model of a request and of an answer, for all dialects.

A dialect parses its own JSON into these and writes it back without loss: what a type here does not name is kept in its
``rest``, in order. The cache key is *not* made of these types (see ``canonical``), so that nothing which they forget
can be missing in a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from everwarm.core.usage import Usage

Json = Any  # a JSON value as orjson gives it: None, bool, int, float, str, list, dict

Shape = Literal["absent", "null", "string", "list"]
"""How ``content`` was written: not at all, as null, as a string, or as a list of parts."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message's content. ``text`` is set for ``kind == "text"``, all else is opaque in ``rest``."""

    kind: str
    text: str | None = None
    rest: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model made. ``arguments`` is JSON as the model wrote it, not parsed.

    ``name`` is None for a call that is not one of a function; then ``rest`` holds all of it.
    """

    id: str | None
    name: str | None
    arguments: str
    rest: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``call_id`` is the tool call that a ``tool`` message answers."""

    role: str
    parts: tuple[Part, ...]
    shape: Shape = "string"
    calls: tuple[ToolCall, ...] | None = None
    call_id: str | None = None
    rest: Mapping[str, Json] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All text parts, joined."""
        return "".join(p.text for p in self.parts if p.text is not None)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. ``parameters`` is a JSON schema whose key order is kept.

    ``name`` is None for a tool that is not a function; then ``rest`` holds all of it.
    """

    name: str | None
    description: str | None
    parameters: Json | None
    rest: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens. None: not said. Ranges are those of the OpenAI API reference."""

    temperature: float | None = None  # 0 ... 2; 0 is greedy
    top_p: float | None = None  # 0 < p <= 1
    seed: int | None = None
    max_tokens: int | None = None  # output tokens, at least 1
    stop: tuple[str, ...] = ()  # at most 4 non-empty strings; none of them appears in the answer
    logit_bias: Mapping[int, float] = field(default_factory=dict)  # token id -> -100 ... 100
    frequency_penalty: float | None = None  # -2 ... 2
    presence_penalty: float | None = None  # -2 ... 2
    n: int = 1  # choices


@dataclass(frozen=True, slots=True)
class Format:
    """The answer must be JSON: an object, or whatever ``schema`` allows. ``place`` is where the request says so."""

    schema: Mapping[str, Json] | None  # a JSON schema whose key order is kept; None: any object
    place: str = "response_format"


@dataclass(frozen=True, slots=True)
class Request:
    """One request for an answer, as any dialect may have written it: to messages, or to a raw prompt."""

    dialect: str
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] | None = None
    sampling: Sampling = Sampling()
    stream: bool | None = None
    rest: Mapping[str, Json] = field(default_factory=dict)
    prompt: str | None = None  # text to go on from, which no chat template frames; then there are no messages
    format: Format | None = None  # what the answer is held to; None: free text
    rests: bool = True  # whether what is computed for it may rest on disk


# Answers: what an upstream gives, in this order: Prefilled? Delta* Finish (per choice) ... Done.


@dataclass(frozen=True, slots=True)
class Prefilled:
    """The prompt is in the KV cache; tokens will follow. Sent once, before the first delta, by upstreams that know."""

    prompt: int  # tokens
    cached: int  # of these, taken from the KV cache
    seconds: float  # spent computing the rest
    shifted: int = 0  # of the cached ones, computed at another place: the answer is not exact


@dataclass(frozen=True, slots=True)
class Delta:
    """More text of one choice. Never empty, never half a character."""

    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """A choice has ended. Exactly once per choice."""

    choice: int
    reason: Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete: the last event. Its absence means that the answer broke off."""

    usage: Usage
    accepted: int = 0  # drafted tokens that were what the model said, too (speculative decoding)
    rejected: int = 0  # and those that were not


Event = Prefilled | Delta | Finish | Done
