"""Other forms of a log: requests of the Messages protocol, as an agent marks them; and questions, each asked once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from typing import Any

from benchmarks.layout.messages import translated
from benchmarks.layout.plants import START, WORDS, Body

MARK = {"cache_control": {"type": "ephemeral"}}


def as_messages(body: Body) -> Body:
    """A body of Chat Completions as one of Messages, with cache marks at the end of its system prompt and of what is
    said: the second moves with each request."""
    made = translated(body)
    messages = [{**message, "content": _parts(message["content"])} for message in made["messages"]]
    for content in (system := _parts(made["system"]), messages[-1]["content"]):
        content[-1] |= MARK
    return {**made, "system": system, "messages": messages}


def _parts(content: Any) -> list[dict[str, Any]]:
    """As agents write it, be there one part or several."""
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def questions() -> Iterator[Body]:
    """Lines of a log, of a kilobyte each: one instruction, and a text that nobody sent before."""
    chance = random.Random(7)
    system = f"Name the subject of the text. Subjects: {', '.join(WORDS)}."
    for n in count():
        text = f"{n}: {' '.join(chance.choices(WORDS, k=80))}"
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        yield {"timestamp": START + n / 20, "model": "gpt-5-mini", "messages": messages}
