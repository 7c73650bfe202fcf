"""Whatever a file holds: no reader raises, and every line is a call, is told as none, or is empty."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everwarm.analyze.formats.format import Format
from everwarm.analyze.formats.registry import FORMATS
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.usage import Usage
from logged import CHAT, CHAT_ANSWER, CLAUDE, CLAUDE_ANSWER

OTHERS = (
    "Everwarm ledger",
    "HTTP archive",
    "Claude Code transcript",
    "Codex rollout",
    "opencode session",
    "opencode database",
    "pi session",
)
LINE_FORMATS = [form for form in FORMATS if form.name not in OTHERS]
"""Those in which a line is one call or none."""


class Kept:
    """A source in memory."""

    name = "log"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def head(self) -> bytes:
        return self._data

    def pieces(self) -> Iterator[bytes]:
        return iter([self._data])

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        return ((n, line) for n, line in enumerate(self._data.split(b"\n"), 1) if line.strip())

    def whole(self) -> bytes:
        return self._data


SEEDS: list[Any] = [
    {"ts": 1.76e9, "status": 200, "latency": 12, "request": CHAT, "response": CHAT_ANSWER, "session_id": "s"},
    {**CLAUDE, "response": CLAUDE_ANSWER, "usage": CLAUDE_ANSWER["usage"], "created_at": "2026-01-01T00:00:00Z"},
    {"request_body": json.dumps(CLAUDE), "response_body": 'data: {"usage": {"input_tokens": 3}}\n\n', "delay_ms": 3,
     "request_created_at": "2026", "request_properties": {"app": "a"}, "prompt_tokens": 3, "request_id": "q"},
    {"traceId": "t", "type": "GENERATION", "input": CHAT["messages"], "usageDetails": {"input": 3, "total": 4},
     "modelParameters": {"temperature": 0}, "output": [{"role": "assistant"}], "level": "ERROR"},
    {"call_type": "acompletion", "startTime": 1.0, "model_group": "m", "cache_hit": "x", "prompt_tokens": "12",
     "metadata": {"additional_usage_values": {"cache_read_input_tokens": 5}}, "messages": CHAT["messages"]},
    {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": [{"spanId": "s", "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}},
        {"key": "gen_ai.input.messages", "value": {"arrayValue": {"values": [{"kvlistValue": {"values": []}}]}}},
        {"key": "gen_ai.prompt.0.content", "value": {"stringValue": "x"}}]}]}]}]},
    {"log": {"entries": [{"request": {"postData": {"text": json.dumps(CHAT)}, "url": "u"}, "time": 1, "timings": {},
                          "response": {"status": 200, "content": {"encoding": "base64", "text": "e30="}}}]}},
]  # fmt: skip

ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        10**30,
        1e308,
        0.5,
        "",
        "x",
        "{",
        "[]",
        "9" * 30,
        "data: {",
        [],
        {},
        [[]],
        [{}],
        [None],
        {"a": 1},
    ]
)
JSON = st.recursive(
    ODD | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A call as some program logs it, in which a few members are something else, or gone."""
    value = json.loads(json.dumps(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(1, 4))):
        here: Any = value
        while isinstance(here, dict | list) and here:
            step = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
            inside = here[step]
            if not inside or not isinstance(inside, dict | list) or draw(st.booleans()):
                if draw(st.integers(0, 3)):
                    here[step] = json.loads(json.dumps(draw(JSON)))  # one that nobody else has
                else:
                    del here[step]
                break
            here = inside
    return value


def check(form: Format, data: bytes) -> list[Record | Unread]:
    """Reads it all, and looks whether what is found is what was promised."""
    got = list(form.read(Kept(data)))
    for each in got:
        assert each.place.file == "log"
        if isinstance(each, Record):
            assert (each.body is not None) == bool(each.dialect)
            assert each.usage is None or (type(each.usage) is Usage and min(each.usage) >= 0)
            assert all(isinstance(part, str) for part in each.line)
            assert all(at is None or isinstance(at, float) for at in (each.at, each.began, each.ended))
            assert isinstance(each.id, str)
        else:
            assert each.why
            assert len(each.sample) <= 80
    return got


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()) | st.just(b""), max_size=4))
@example([b"[" * 2000, b"{}"])
@example([b'{"a":' * 2000])
@example([b"a,b", b'"' + b"x" * 200_000])
def test_arbitrary_lines(form: Format, lines: list[bytes]) -> None:
    check(form, b"\n".join(lines))
    assert 0 <= form.fits(lines, "log") <= 1


@pytest.mark.parametrize("form", LINE_FORMATS, ids=lambda form: form.name)
@settings(max_examples=60, deadline=None)
@given(st.lists(mutated(), min_size=2, max_size=4))
def test_every_line_is_accounted_for(form: Format, values: list[Any]) -> None:
    got = check(form, b"\n".join(json.dumps(value).encode() for value in values))
    lines = Counter(each.place.line for each in got if each.place.line)
    if form.name == "OpenTelemetry":  # a line may hold any number of spans
        assert lines.keys() == set(range(1, len(values) + 1))
    else:
        assert lines == dict.fromkeys(range(1, len(values) + 1), 1)


@settings(max_examples=80, deadline=None)
@given(mutated())
def test_a_file_that_is_one_value(value: Any) -> None:
    for form in FORMATS:
        check(form, json.dumps(value, indent=2).encode())
