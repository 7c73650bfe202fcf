"""The body of one request, and the same body in other bytes."""

from __future__ import annotations

import json
import random
from typing import Any

from everwarm.demo.script import MAX_TOKENS, STOP, Person

Turn = dict[str, str]  # {"role": ..., "content": ...}


def body(person: Person, model: str, system: str, session: list[Turn], question: str) -> dict[str, Any]:
    """A chat completion in the dialect of the OpenAI API, at temperature 0."""
    messages = [{"role": "system", "content": system}, *session, {"role": "user", "content": question}]
    asked: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "temperature": 0,
        "max_tokens": MAX_TOKENS,
        "stop": list(STOP),
        "user": person.name.lower(),
    }
    if person.streams:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return asked


def plain_bytes(asked: dict[str, Any]) -> bytes:
    """As most clients write it."""
    return json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode()


def shuffled_bytes(asked: dict[str, Any], seed: int) -> bytes:
    """Equal JSON in other bytes: another key order in every object, white space, every character above ASCII escaped.

    Three things are also said in another way that means the same: 0.0 for 0, a list of one text part for the newest
    question, and ``n`` with its default.
    """
    dice = random.Random(seed)  # noqa: S311 - a seeded shuffle, nothing secret
    newest = asked["messages"][-1]
    parts = [{"type": "text", "text": newest["content"]}]
    same = asked | {"temperature": 0.0, "n": 1, "messages": [*asked["messages"][:-1], {**newest, "content": parts}]}
    text = json.dumps(_shuffled(same, dice), ensure_ascii=True, indent=dice.choice((None, 1, 2, 4)))
    return text.replace("/", "\\/").encode()


def _shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        dice.shuffle(keys)
        return {key: _shuffled(value[key], dice) for key in keys}
    if isinstance(value, list):
        return [_shuffled(item, dice) for item in value]
    return value
