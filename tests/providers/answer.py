"""What the APIs make of a call: a head and the pieces of a body, before any fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from providers.asked import Asked
from providers.headers import Headers, usual
from providers.prefixes import Prefixes

HEAD = -1
"""The place before an answer's first byte, where others are numbers of events (from 0: just after the head)."""

CREATED = 1_780_000_000
"""Seconds since 1970 of call 0; each call is a second later."""


class Refused(Exception):
    """The API refuses a request."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param = status, message, param


@dataclass(frozen=True)
class Call:
    """One request on its way to an answer."""

    number: int  # of the request, from 1: the nonce
    asked: Asked
    body: dict[str, Any]
    say: Callable[[int, str], str]
    prefixes: Prefixes

    def text(self, question: str) -> str:
        """What the model says to that."""
        return self.say(self.number, question)

    @property
    def created(self) -> int:
        return CREATED + self.number

    def id(self, kind: str) -> str:
        """An identifier as long as real ones are."""
        return f"{kind}{self.number:024x}"


@dataclass(frozen=True)
class Answer:
    """``events`` are the pieces of the body: server-sent events, or a JSON body as one piece."""

    events: Iterable[bytes]
    headers: Headers = ()
    status: int = 200
    family: str = "openai"  # whose errors these are: "openai", "responses", "anthropic"
    framing: str = "length"  # "length", "chunked", or "close": the end of the connection is the end of the body
    version: str = "1.1"
    size: int | None = None  # of the body, where events are too large to be held
    stream: bool = False  # it consists of server-sent events

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.size if self.size is not None else sum(len(e) for e in self.events)

    def having(self, headers: Headers) -> Answer:
        """With these headers in place of those of the same names."""
        names = {name.lower() for name, _ in headers}
        kept = tuple((name, value) for name, value in self.headers if name.lower() not in names)
        return replace(self, headers=(*kept, *headers))


def words(text: str) -> list[str]:
    """The tokens of this provider's models: words with the space before them. Joined they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def as_json(call: Call, value: Any, family: str = "openai", status: int = 200) -> Answer:
    """A JSON body. OpenAI indents it, Anthropic does not."""
    indent = orjson.OPT_INDENT_2 if family != "anthropic" else 0
    data = orjson.dumps(value, option=indent)
    return Answer((data,), usual(family, call.number, "application/json"), status, family)


def as_events(call: Call, events: Sequence[bytes], family: str = "openai") -> Answer:
    """A stream of server-sent events."""
    headers = usual(family, call.number, "text/event-stream; charset=utf-8")
    return Answer(tuple(events), headers, family=family, framing="chunked", stream=True)


def event(data: Any, name: str = "") -> bytes:
    """One server-sent event."""
    line = b"data: %b\n\n" % (data if isinstance(data, bytes) else orjson.dumps(data))
    return b"event: %b\n%b" % (name.encode(), line) if name else line
