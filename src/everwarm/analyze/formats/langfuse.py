"""Langfuse's exports of observations: from the screen, the API or blob storage, as JSON or JSON lines.

Sources: Langfuse's documentation, "Export from UI", "Observations API" and "Token & cost tracking"; its issue 10592.
``usageDetails`` are buckets that do not overlap, and every name with ``input`` counts as one of the prompt; but some
SDKs have put what was cached into ``input`` as well, which the total betrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import orjson

from everwarm.analyze.formats.bodies import own, shown
from everwarm.analyze.formats.calls import record
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.told import Told
from everwarm.analyze.formats.values import values
from everwarm.analyze.reading.answers import answer_of
from everwarm.analyze.reading.record import Record, Unread
from everwarm.analyze.reading.usages import count, disjoint, usage_of
from everwarm.core.analysis.call import Place
from everwarm.core.dialects.guess import dialect_of
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_MARKS: Final = (b'"traceId"', b'"trace_id"', b'"usageDetails"', b'"usage_details"', b'"completionStartTime"')
_KINDS: Final = (b'"GENERATION"', b'"SPAN"', b'"EVENT"', b'"AGENT"', b'"usageDetails"', b'"usage_details"')

_READ: Final = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "cached_tokens")
_WRITTEN: Final = ("input_cache_creation", "cache_creation_input_tokens", "cache_write_tokens")
_LONG: Final = ("input_cache_creation_1h", "cache_creation_ephemeral_1h_input_tokens")
_SHORT: Final = ("input_cache_creation_5m", "cache_creation_ephemeral_5m_input_tokens")
_THOUGHT: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens", "reasoning")


class Langfuse:
    """See ``format.Format``."""

    name = "Langfuse export"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        text = b"\n".join(head)
        sure = any(mark in text for mark in _MARKS) and any(kind in text for kind in _KINDS)
        return 0.9 if sure else 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        for found in values(lines):
            if isinstance(found, Unread):
                yield found
                continue
            yield _call(found[1], Place(lines.name, found[0]))


FORMAT: Final[Format] = Langfuse()


def _call(value: Json, place: Place) -> Record | Unread:
    if not isinstance(value, dict):
        return Unread(place, "it is JSON, but no observation", shown(value))
    kind = value.get("type", "GENERATION")
    if kind != "GENERATION":
        return Unread(place, f"it is no generation, but {kind!r:.40}", shown(value))
    told = _told(value)
    body = body_of(value, told.text("model"))
    usage = _usage(value)
    answer = answer_of(_parsed(value.get("output")))
    if body is None and usage is None:
        return Unread(place, "it has neither messages nor tokens", shown(value))
    return record(place, told, body, answer, usage=usage)


def _told(value: Mapping[str, Json]) -> Told:
    failed = value.get("level") == "ERROR"
    return Told(
        value,
        id=value.get("id"),
        session=value.get("sessionId", value.get("session_id")) or value.get("traceId", value.get("trace_id")),
        app=value.get("traceName", value.get("trace_name")),
        status="error" if failed else None,
        took_s=value.get("latency"),
    )


def body_of(value: Mapping[str, Json], model: str) -> Mapping[str, Json] | None:
    """The input is a list of messages, or an object with them and the tools, or the body itself."""
    given = _parsed(value.get("input"))
    settings = _parsed(value.get("modelParameters", value.get("model_parameters")))
    beside = {k: v for k, v in settings.items() if k not in ("messages", "input")} if isinstance(settings, dict) else {}
    if isinstance(given, list) and given and all(isinstance(each, dict) and "role" in each for each in given):
        return {"model": model, **beside, "messages": given}
    if isinstance(given, dict) and dialect_of(given) is not None:
        return {"model": model, **beside, **own(given)}
    if isinstance(given, str) and given:
        return {"model": model, **beside, "prompt": given}
    return None


def _parsed(value: Json) -> Json:
    """Blob storage and tables have JSON as text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _usage(value: Mapping[str, Json]) -> Usage | None:
    details = _parsed(value.get("usageDetails", value.get("usage_details")))
    if not isinstance(details, dict) or not details:
        return _plain(value)
    return counted(details)


def counted(details: dict[str, Json]) -> Usage | None:
    """By its ``usageDetails``."""
    if "input" not in details and "output" not in details:
        return usage_of(details)
    read = count(details, *_READ) or 0
    long = count(details, *_LONG) or 0
    written = count(details, *_WRITTEN) or (count(details, *_SHORT) or 0) + long
    thought = count(details, *_THOUGHT) or 0
    prompt, output = count(details, "input") or 0, count(details, "output") or 0
    total = count(details, "total")
    if total is None or total != prompt + output:  # then reasoning stands apart, too
        output += thought
    return disjoint(
        prompt, output, read=read, written=written, long=long, reasoning=thought, total=total, includes=False
    )


def _plain(value: Mapping[str, Json]) -> Usage | None:
    """Of older versions, which knew no caches."""
    told = value.get("usage")
    held = told if isinstance(told, dict) else value
    prompt = count(held, "input", "promptTokens", "prompt_tokens", "inputUsage", "input_tokens")
    output = count(held, "output", "completionTokens", "completion_tokens", "outputUsage", "output_tokens")
    return None if prompt is None and output is None else Usage(prompt or 0, 0, output or 0)
