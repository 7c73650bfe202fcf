"""What holds for every reader of transcripts, whatever stands in the file."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.formats import claude_code, codex, opencode, pi
from everwarm.analyze.formats.entries import seconds
from everwarm.analyze.formats.format import Format
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.prompts import Prompts
from transcripts import Lines, prompts, told

USER = [{"type": "text", "text": "Hi."}]
TOKENS = {"input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 2}
FILES: dict[str, tuple[Format, list[Any]]] = {
    "pi": (
        pi.FORMAT,
        [
            {"type": "session", "version": 3, "id": "s", "timestamp": "2026-01-01T00:00:00Z", "cwd": "/c"},
            {"type": "message", "id": "a", "parentId": None, "message": {"role": "user", "content": USER}},
            {
                "type": "message",
                "id": "b",
                "parentId": "a",
                "timestamp": "2026-01-01T00:00:01Z",
                "message": {
                    "role": "assistant",
                    "content": [{"type": "toolCall", "id": "t", "name": "ls", "arguments": {"path": "."}}],
                    "provider": "anthropic",
                    "model": "claude-sonnet-4-5",
                    "usage": {"input": 1, "output": 2, "cacheRead": 3, "cacheWrite": 4},
                    "stopReason": "toolUse",
                    "timestamp": 1767225600000,
                },
            },
            {"type": "thinking_level_change", "id": "l", "parentId": "b", "thinkingLevel": "high"},
            {"type": "compaction", "id": "c", "parentId": "l", "summary": "So.", "firstKeptEntryId": "a"},
            {"type": "message", "id": "d", "parentId": "c", "message": {"role": "assistant", "content": "Yes."}},
        ],
    ),
    "claude_code": (
        claude_code.FORMAT,
        [
            {
                "type": "user",
                "uuid": "u",
                "parentUuid": None,
                "sessionId": "s",
                "timestamp": "2026-01-01T00:00:00Z",
                "message": {"role": "user", "content": USER},
                "thinkingMetadata": {"level": "high"},
            },
            {
                "type": "assistant",
                "uuid": "a",
                "parentUuid": "u",
                "sessionId": "s",
                "timestamp": "2026-01-01T00:00:01Z",
                "message": {
                    "id": "m",
                    "model": "claude-opus-4-6",
                    "content": [{"type": "tool_use", "id": "t", "name": "ls", "input": {}}],
                    "usage": {
                        "input_tokens": 1,
                        "output_tokens": 2,
                        "cache_creation": {"ephemeral_5m_input_tokens": 3},
                    },
                },
            },
            {
                "type": "user",
                "uuid": "r",
                "parentUuid": "a",
                "timestamp": "2026-01-01T00:00:02Z",
                "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
            },
            {
                "type": "system",
                "subtype": "microcompact_boundary",
                "uuid": "m",
                "parentUuid": "r",
                "microcompactMetadata": {"compactedToolIds": ["t"]},
            },
            {
                "type": "system",
                "subtype": "compact_boundary",
                "uuid": "k",
                "parentUuid": None,
                "compactMetadata": {"preservedSegment": {"headUuid": "u", "tailUuid": "a", "anchorUuid": "k"}},
            },
            {"type": "assistant", "uuid": "b", "parentUuid": "a", "message": {"id": "n", "content": USER}},
        ],
    ),
    "codex": (
        codex.FORMAT,
        [
            {"type": "session_meta", "payload": {"id": "s", "cwd": "/c", "base_instructions": {"text": "You code."}}},
            {"type": "turn_context", "payload": {"model": "gpt-5", "effort": "high"}},
            {"type": "response_item", "payload": {"type": "message", "role": "user", "content": USER}},
            {"type": "response_item", "payload": {"type": "function_call", "name": "ls", "arguments": "{}"}},
            {
                "type": "event_msg",
                "timestamp": "2026-01-01T00:00:02Z",
                "payload": {"type": "token_count", "info": {"last_token_usage": TOKENS, "total_token_usage": TOKENS}},
            },
            {"type": "compacted", "payload": {"message": "So.", "replacement_history": [{"role": "user"}]}},
            {"type": "event_msg", "payload": {"type": "thread_rolled_back", "num_turns": 1}},
            {"type": "event_msg", "payload": {"type": "turn_aborted"}},
        ],
    ),
}
SESSION = {
    "info": {"id": "ses_1", "directory": "/c", "version": "1"},
    "messages": [
        {"info": {"id": "msg_1", "role": "user", "time": {"created": 1}}, "parts": USER},
        {
            "info": {"id": "msg_2", "role": "assistant", "summary": True, "parentID": "msg_1", "time": {"created": 2}},
            "parts": [
                {
                    "type": "tool",
                    "tool": "ls",
                    "state": {"output": "x", "time": {"start": 3, "end": 4, "compacted": 5}},
                },
                {"type": "step-finish", "tokens": {"input": 1, "output": 2, "cache": {"read": 3}}},
            ],
        },
        {"info": {"id": "msg_3", "role": "assistant", "time": {"created": 6}}, "parts": USER},
    ],
}

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with something in it that is another value, or not there."""
    if not isinstance(value, dict | list) or not value:
        return draw(values)
    holder = value = copy.deepcopy(value)
    while True:
        key = draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
        if not isinstance(holder[key], dict | list) or not holder[key] or draw(st.booleans()):
            break
        holder = holder[key]
    if draw(st.booleans()):
        holder[key] = draw(values)
    else:
        del holder[key]
    return value


def check(found: list[Record | Unread]) -> None:
    """Records that can be taken as they are."""
    numbers = Prompts()
    for row in prompts(found):
        numbers.prefixes.of(map(numbers.number, row))
    for one in found:
        if isinstance(one, Record):
            assert one.usage is None or min(one.usage) >= 0
            assert all(type(value) is str for pair in one.settings.items() for value in pair)
            assert all(type(value) is str for value in (*one.line, one.id, one.hides))
        else:
            assert len(one.sample) <= 80
            assert one.why


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_changed_lines(name: str, data: st.DataObject) -> None:
    """Every line is a call, one that cannot be read, or knowingly none; nothing raises."""
    reader, rows = FILES[name]
    rows = list(rows)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(rows) - 1))
        rows[place] = data.draw(changed(rows[place]) if data.draw(st.integers(0, 4)) else values)
    found = told(reader, rows)
    check(found)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            assert [one.place.line for one in found if isinstance(one, Unread)].count(number) == 1


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_lines_that_are_cut_off(name: str, data: st.DataObject) -> None:
    """The line is told of, and all others are read as if it were not there."""
    reader, rows = FILES[name]
    lines = [orjson.dumps(row) for row in rows]
    place = data.draw(st.integers(0, len(lines) - 1))
    lines[place] = lines[place][: data.draw(st.integers(1, len(lines[place]) - 1))]
    found = told(reader, lines)
    check(found)
    assert [one.place.line for one in found if isinstance(one, Unread)] == [place + 1]


@given(changed(SESSION))
def test_changed_sessions(value: Any) -> None:
    """One JSON value."""
    check(list(opencode.FORMAT.read(Lines("nowhere/x.json", orjson.dumps(value)))))


@given(st.sampled_from(["pi", "claude_code", "codex"]), st.lists(st.binary(max_size=20) | values.map(orjson.dumps)))
def test_what_it_is_never_raises(name: str, head: list[bytes]) -> None:
    for reader in (FILES[name][0], opencode.FORMAT):
        assert 0 <= reader.fits(head, "x") <= 1


def test_only_one_of_them_fits() -> None:
    """A file of one format is none of another."""
    heads = {name: [orjson.dumps(row) for row in rows] for name, (_, rows) in FILES.items()}
    heads["opencode"] = [orjson.dumps(SESSION)]
    readers = {name: reader for name, (reader, _) in FILES.items()} | {"opencode": opencode.FORMAT}
    sure = {(name, other) for name, head in heads.items() for other in readers if readers[other].fits(head, "x") > 0}
    assert sure == {(name, name) for name in heads}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.250", 1.25),
        ("1970-01-01T01:00:00+01:00", 0.0),
        (1500, 1.5),
        ("soon", None),
        ("0001-01-01T00:00:00+14:00", None),
        (-5, None),
        (1e300, None),
        (True, None),
        (None, None),
    ],
)
def test_moments(value: object, expected: float | None) -> None:
    assert seconds(value) == expected
