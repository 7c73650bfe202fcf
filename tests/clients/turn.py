"""A turn: one thing that somebody does with a client, at a place that speaks the vendor's protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

KEY = "sk-test"
GPT, CLAUDE = "gpt-fake", "claude-fake"
SYSTEM, HI, USE = "Be brief.", "hi", "use the tool"

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Weather(BaseModel):
    """What is asked for as structured output."""

    city: str
    rain: bool


def weather(city: str) -> str:
    """The weather in a city."""
    return "rain"


@dataclass(frozen=True)
class Place:
    """A server. Each vendor's SDK wants another part of its address."""

    url: str

    @property
    def openai(self) -> str:
        return self.url + "/v1"

    @property
    def anthropic(self) -> str:
        return self.url


@dataclass(frozen=True)
class Turn:
    """``take`` gives what the user of the client gets to see, which contains ``says``."""

    name: str
    take: Callable[[Place], Any]
    says: str
    calls: int  # requests that it makes


class Turns(dict[str, Turn]):
    """Turns by name, in the order in which they were written down."""

    def __init__(self, client: str) -> None:
        super().__init__()
        self.client = client

    def add(
        self, says: str = "answer 1 to hi", calls: int = 1
    ) -> Callable[[Callable[[Place], Any]], Callable[[Place], Any]]:
        """A decorator: the function is a turn of this client."""

        def added(take: Callable[[Place], Any]) -> Callable[[Place], Any]:
            name = f"{self.client} {take.__name__.replace('_', ' ')}"
            self[name] = Turn(name, take, says, calls)
            return take

        return added
