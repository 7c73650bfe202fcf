"""The answer to a call as a log has it: whole, as the text of a stream, as a list of its chunks, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import orjson

from everwarm.analyze.reading.usages import usage_of
from everwarm.core import sse
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_CONTENT: Final = ("content", "output", "candidates", "completion", "output_text")
"""Members of an answer that are what the model said; the first that is there."""

_FLEETING: Final = frozenset(("id", "call_id", "tool_call_id", "status", "index", "signature", "encrypted_content"))
"""Members of it that are other ones each time."""

_MUTE: Final = _FLEETING | {"type", "role"}
"""Members of a delta that are nothing said."""

_MARKS: Final = (b'id":', b'"status":', b'"index":', b'"signature":', b'"encrypted_content":')
"""How their names look in JSON."""

_DEEP: Final = 32
"""Levels of nesting that are looked into."""


@dataclass(slots=True)
class Answer:
    """What is read of it."""

    usage: Usage | None = None
    digest: bytes = b""  # of what the model said
    id: str = ""
    model: str = ""
    at: float | None = None  # when it was made, seconds since 1970
    failed: bool = False


def answer_of(value: Json) -> Answer | None:
    """None if there is nothing in it. Text that is neither JSON nor a stream is an answer by itself."""
    if isinstance(value, dict):
        return _whole(value) if value else None
    if isinstance(value, list):
        return _list(value)
    if not isinstance(value, str) or not value:
        return None
    text = value.lstrip()
    if text.startswith(("{", "[")):
        try:
            return answer_of(orjson.loads(text))
        except orjson.JSONDecodeError:
            pass  # a text that begins so
    elif text.startswith(("data:", "event:")):
        return _streamed(_events(text))
    return Answer(digest=_digest(value))


def _whole(value: dict[str, Json]) -> Answer:
    inner = value.get("response")
    if isinstance(inner, dict) and "usage" in inner:  # the last event of a stream of Responses
        value = inner
    made = value.get("created", value.get("created_at"))
    content = _content(value)
    return Answer(
        usage=usage_of(value.get("usage", value.get("usageMetadata"))),
        digest=b"" if content is None else _digest(content),
        id=_text(value, "id", "responseId"),
        model=_text(value, "model", "modelVersion"),
        at=float(made) if isinstance(made, int | float) and 1e9 < made < 1e10 else None,
        failed=_is_error(value),
    )


def _content(value: dict[str, Json]) -> Json:
    """What the model said. Of choices, which are numbered, the messages or texts."""
    choices = value.get("choices")
    if isinstance(choices, list):
        said = [c.get("message", c.get("text")) if isinstance(c, dict) else c for c in choices]
        return said or None
    return next((value[name] for name in _CONTENT if value.get(name)), None)


def _is_error(value: dict[str, Json]) -> bool:
    return bool(value.get("error")) or value.get("type") == "error" or value.get("status") == "failed"


def _list(value: list[Json]) -> Answer | None:
    """Chunks of a stream, or what the model said in parts or messages."""
    rows = [each for each in value if isinstance(each, dict)]
    if not rows:
        return Answer(digest=_digest(value)) if value else None
    if any("delta" in each or "usage" in each or "choices" in each for each in rows):
        return _streamed(rows)
    return Answer(digest=_digest(value))


def _events(text: str) -> Iterator[dict[str, Json]]:
    """What is no JSON in a stream (``[DONE]``, a line that was cut) says nothing."""
    for data in _data(text.encode("utf-8", "replace")):
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            yield value


def _data(text: bytes) -> list[bytes] | list[str]:
    """That of each event. Where each has one line of it, as vendors write them, they are cut at the empty lines."""
    found, plain = [], b"\r" not in text
    for event in text.removesuffix(b"\n\n").split(b"\n\n"):
        line = event.partition(b"\n")[2] if event.startswith(b"event:") else event
        plain = plain and line.startswith(b"data:") and b"\n" not in line
        found.append(line[5:])
    return found if plain else [each.data for each in sse.Reader().feed(text + b"\n\n")]


def _streamed(events: Iterable[dict[str, Json]]) -> Answer:
    """Later counts win. What was said is put together of its pieces, as far as the protocols have them alike."""
    answer = Answer()
    counts: dict[str, Json] = {}
    said: list[str] = []
    for event in events:
        head = _head(event)
        answer.id = answer.id or _text(head, "id")
        answer.model = answer.model or _text(head, "model")
        answer.failed = answer.failed or _is_error(head) or _is_error(event)
        for told in (head.get("usage"), event.get("usage")):
            if isinstance(told, dict):
                counts.update((name, count) for name, count in told.items() if count is not None)
        _hear(event, said)
    answer.usage = usage_of(counts)
    if said:
        answer.digest = blake2b("".join(said).encode("utf-8", "replace"), digest_size=16).digest()
    return answer


def _head(event: dict[str, Json]) -> dict[str, Json]:
    """Where an event says whose it is: in the answer that it begins or ends, or in itself."""
    for name in ("message", "response"):
        found = event.get(name)
        if isinstance(found, dict):
            return found
    return event


def _hear(event: dict[str, Json], said: list[str]) -> None:
    """The texts of a delta: of chat, of completions, of messages, of Responses."""
    choices = event.get("choices")
    for holder in choices if isinstance(choices, list) else (event,):
        if not isinstance(holder, dict):
            continue
        delta = holder.get("delta")
        if isinstance(delta, str):
            said.append(delta)
        elif isinstance(delta, dict):
            _texts(delta, said)
        elif isinstance(holder.get("text"), str) and holder is not event:
            said.append(holder["text"])


def _texts(value: Json, said: list[str], room: int = _DEEP) -> None:
    if isinstance(value, str):
        said.append(value)
    elif isinstance(value, dict) and room:
        for name, each in value.items():
            if name not in _MUTE:
                _texts(each, said, room - 1)
    elif isinstance(value, list) and room:
        for each in value:
            _texts(each, said, room - 1)


def _lasting(value: Json, room: int = _DEEP) -> Json:
    """Without what is another one each time."""
    if isinstance(value, dict) and room:
        return {name: _lasting(each, room - 1) for name, each in value.items() if name not in _FLEETING}
    if isinstance(value, list) and room:
        return [_lasting(each, room - 1) for each in value]
    return value


def _digest(value: Json) -> bytes:
    """Of what lasts. Most answers have nothing else, and are looked at only once they are written."""
    try:
        data = orjson.dumps(value)
        if any(map(data.__contains__, _MARKS)):
            data = orjson.dumps(_lasting(value))
    except TypeError:  # it is nested too deeply to be written
        return b""
    return blake2b(data, digest_size=16).digest()


def _text(value: dict[str, Json], *names: str) -> str:
    for name in names:  # a loop, as in ``dialects.counts``: this is asked for each answer
        found = value.get(name)
        if isinstance(found, str):
            return found
    return ""
