"""LiteLLM's logs: rows of its table of spend (JSON, JSON lines or CSV), and what its callbacks log.

Sources: LiteLLM's ``schema.prisma``, ``LiteLLM_SpendLogs``; its documentation, "StandardLoggingPayload Specification";
its issues 11364, 15056 and 23342: what the provider's cache gave stands in the metadata, and whether the prompt's count
holds it depends on the version. ``cache_hit`` tells of LiteLLM's own cache.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import orjson

from everwarm.analyze.formats.bodies import own, shown
from everwarm.analyze.formats.calls import record
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.told import Told
from everwarm.analyze.formats.values import values
from everwarm.analyze.reading.answers import answer_of
from everwarm.analyze.reading.files import sample
from everwarm.analyze.reading.record import Record, Unread
from everwarm.analyze.reading.usages import count, disjoint
from everwarm.core.analysis.call import Place
from everwarm.core.dialects.counts import inner
from everwarm.core.dialects.guess import dialect_of
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_MARKS: Final = (
    "call_type",
    "custom_llm_provider",
    "startTime",
    "completionStartTime",
    "model_group",
    "litellm_call_id",
    "cache_hit",
    "request_tags",
    "api_base",
)
_ENOUGH: Final = 4
_JSON: Final = ("messages", "response", "metadata", "proxy_server_request", "model_parameters", "request_tags")
"""Columns that hold JSON; in CSV, and in what some tools export, as text."""

_USAGES: Final = ("usage_object", "additional_usage_values")
"""Members of the metadata that have the provider's counts; older versions have none, and only the answer tells."""

_BEYOND: Final = 1 << 24
"""Characters of one field of CSV."""


class Litellm:
    """See ``format.Format``."""

    name = "LiteLLM log"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        rows = [line for line in head if line.strip()]
        if not rows:
            return 0.0
        text = rows[0] if _is_table(rows[0]) else b"\n".join(rows)
        return 0.95 if sum(mark.encode() in text for mark in _MARKS) >= _ENOUGH else 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        if _is_table(lines.head().lstrip()):
            yield from _table(lines)
            return
        for found in values(lines):
            yield found if isinstance(found, Unread) else _call(found[1], Place(lines.name, found[0]))


FORMAT: Final[Format] = Litellm()


def _is_table(line: bytes) -> bool:
    """Whether it is the head of CSV."""
    return line.lstrip()[:1] not in (b"{", b"[") and b"," in line.partition(b"\n")[0]


def _table(lines: Lines) -> Iterator[Record | Unread]:
    """CSV. A field may go on over several lines; its place is the last of them."""
    file, rows = lines.name, lines.numbered()
    last, head = next(rows)

    def texts() -> Iterator[str]:
        nonlocal last
        for number, line in rows:
            last = number
            yield line.decode("utf-8", "replace") + "\n"

    names = next(csv.reader([head.decode("utf-8", "replace")]), [])
    limit = csv.field_size_limit(_BEYOND)
    try:
        for fields in csv.reader(texts()):
            if len(fields) != len(names):
                why = f"it has {len(fields)} fields, and the table {len(names)} columns"
                yield Unread(Place(file, last), why, sample(",".join(fields).encode()))
            else:
                yield _call(dict(zip(names, fields, strict=True)), Place(file, last))
    except csv.Error as e:
        yield Unread(Place(file, last), f"the table cannot be read beyond this: {e}")
    finally:
        csv.field_size_limit(limit)


def _call(value: Json, place: Place) -> Record | Unread:
    if isinstance(value, dict) and isinstance(value.get("standard_logging_object"), dict):
        value = value["standard_logging_object"]
    if not isinstance(value, dict):
        return Unread(place, "it is JSON, but no row", shown(value))
    row = {**value, **{name: _parsed(value[name]) for name in _JSON if name in value}}
    metadata = inner(row, "metadata")
    body = _body(row)
    answer = answer_of(row.get("response"))
    counts = _counts(row, metadata)
    usage = _usage(row, counts)
    if body is None and usage is None:
        return Unread(place, "it has neither messages nor tokens", shown(value))
    told = _told(row, metadata)
    made = record(place, told, body, answer, usage=usage)
    made.line = made.line._replace(space="")  # its teams and keys share the accounts that it has with providers
    answered = str(row.get("cache_hit")).lower() == "true"  # by LiteLLM: the provider's cache was not asked
    if answered or (body is not None and _is_own(counts)):
        made.usage = None
    return made


def _told(row: Mapping[str, Json], metadata: Mapping[str, Json]) -> Told:
    aliases = ("user_api_key_alias", "user_api_key_team_alias", "user_api_key_team_id")
    return Told(
        row,
        status="failure" if metadata.get("status") == "failure" else None,
        session=row.get("session_id") or row.get("trace_id"),
        app=next((metadata[name] for name in aliases if metadata.get(name)), row.get("team_id")),
    )


def _parsed(value: Json) -> Json:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value


def _body(row: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """What a client sent to the proxy, where that was kept; else put together of messages and parameters."""
    sent = row.get("proxy_server_request")
    for held in (sent, sent.get("body") if isinstance(sent, dict) else None):
        if isinstance(held, dict) and dialect_of(held) is not None:
            return {**own(held), "model": row.get("model") or held.get("model")}
    messages = row.get("messages")
    if isinstance(messages, dict) and dialect_of(messages) is not None:
        return {"model": row.get("model"), **own(messages)}
    if not isinstance(messages, list) or not messages:
        return None
    given = inner(dict(row), "model_parameters")
    return {**given, "model": row.get("model"), "messages": messages}


def _counts(row: Mapping[str, Json], metadata: dict[str, Json]) -> dict[str, Json]:
    """All that stands in one or the other place, by the names that providers have for it."""
    told = (inner(inner(dict(row), "response"), "usage"), *(inner(metadata, name) for name in _USAGES))
    return {name: value for usage in told for name, value in usage.items() if value is not None}


def _is_own(counts: dict[str, Json]) -> bool:
    """Whether LiteLLM counted a stream by itself, as its provider told nothing: it tells texts of the answer then, and
    no part of the prompt. What was read of a cache nobody knows."""
    parts = ("prompt_tokens_details", "cache_read_input_tokens", "cache_creation_input_tokens")
    spoken = count(inner(counts, "completion_tokens_details"), "text_tokens")
    return spoken is not None and not any(name in counts for name in parts)


def _usage(row: Mapping[str, Json], apart: dict[str, Json]) -> Usage | None:
    prompt, output = count(row, "prompt_tokens"), count(row, "completion_tokens")
    if prompt is None and output is None:
        return None
    details = inner(apart, "prompt_tokens_details")
    parts = inner(details, "cache_creation_token_details") or inner(apart, "cache_creation")
    read = count(apart, "cache_read_input_tokens") or count(details, "cached_tokens") or 0
    written = count(apart, "cache_creation_input_tokens") or count(details, "cache_creation_tokens") or 0
    return disjoint(
        prompt or 0,
        output or 0,
        read=read,
        written=written,
        long=count(parts, "ephemeral_1h_input_tokens") or 0,
        reasoning=count(inner(apart, "completion_tokens_details"), "reasoning_tokens") or 0,
        total=count(row, "total_tokens"),
    )
