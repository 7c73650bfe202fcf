"""Bodies as pieces: all that the model reads, each text once, in rendered order; whatever the JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialect_requests import REQUESTS
from everwarm.core.layout.compact import compact
from everwarm.core.layout.outline import outline, rendered
from everwarm.core.layout.piece import Piece, name
from shared import unpacked

DIALECTS = ["anthropic_messages", "openai_chat", "openai_completions", "openai_responses"]

READ = {
    "anthropic_messages": {"tools", "system", "messages"},
    "openai_chat": {"tools", "functions", "messages"},
    "openai_completions": {"prompt", "suffix"},
    "openai_responses": {"tools", "instructions", "prompt", "input"},
}
"""Members of a body that hold what the model reads."""

UNREAD = {"role", "type", "id", "status", "call_id", "tool_call_id", "tool_use_id", "cache_control"}
"""What only says what belongs to what, how it came, or where a cache begins."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all strings, numbers and booleans."""
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for step, inner in steps for leaf in leaves(inner, (*path, step))]
    return [] if value is None else [path]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def check(dialect: str, body: dict[str, Any]) -> tuple[Piece, ...]:
    """What holds of every outline."""
    pieces = outline(dialect, body)
    for piece in pieces:
        inner = at(body, piece.path)
        assert piece.text == (inner if piece.kind in {"text", "arguments", "result"} else compact(inner).decode())
    for leaf in leaves({k: v for k, v in body.items() if k in READ[dialect]}):
        holders = [p for p in pieces if leaf[: len(p.path)] == p.path]
        assert len(holders) == 1 or (not holders and UNREAD & set(leaf)), name(leaf)
    tiers = ["tools", "system", "messages"]
    assert [p.tier for p in pieces] == sorted((p.tier for p in pieces), key=tiers.index)
    assert [p.message for p in pieces] == sorted(p.message for p in pieces)
    return pieces


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.data())
def test_every_text_of_a_request_is_in_one_piece(dialect: str, data: st.DataObject) -> None:
    check(dialect, data.draw(REQUESTS[dialect]))


WORDS = (
    *sorted({*UNREAD, *(member for members in READ.values() for member in members)}),
    *("content", "text", "tool_calls", "function", "function_call", "arguments", "name", "output", "custom"),
    *("input_text", "tool_use", "tool_result", "message", "function_call_output", "user", "system", "tool", "x"),
)
anything = st.recursive(
    st.one_of(st.sampled_from(WORDS), st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=30,
)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.data())
def test_whatever_the_json(dialect: str, data: st.DataObject) -> None:
    bodies = st.dictionaries(st.sampled_from([*sorted(READ[dialect]), "x"]), anything)
    check(dialect, data.draw(bodies))


def kinds(pieces: tuple[Piece, ...]) -> list[tuple[str, str, str, str]]:
    return [(name(p.path), p.tier, p.role, p.kind) for p in pieces]


def test_chat() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    body = {
        "messages": [
            {"role": "developer", "content": "d"},
            {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {}}]},
            {"role": "user", "content": [{"type": "text", "text": "u"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "refusal": "no", "tool_calls": [call, "?"]},
            {"role": "tool", "tool_call_id": "1", "content": "t"},
            {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "t", "vendor": 1}]},
            {"role": "system", "content": "late"},
        ],
        "functions": [{"name": "g"}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "response_format": {"type": "json_object"},
    }
    assert kinds(check("openai_chat", body)) == [
        ("tools[0]", "tools", "tools", "definition"),
        ("functions[0]", "tools", "tools", "definition"),
        ("messages[0].content", "system", "developer", "text"),
        ("messages[1].content[0].text", "system", "system", "text"),
        ("messages[2].content[0].text", "messages", "user", "text"),
        ("messages[2].content[1]", "messages", "user", "opaque"),
        ("messages[3].tool_calls[0].function.name", "messages", "assistant", "opaque"),
        ("messages[3].tool_calls[0].function.arguments", "messages", "assistant", "arguments"),
        ("messages[3].tool_calls[1]", "messages", "assistant", "opaque"),
        ("messages[3].refusal", "messages", "assistant", "opaque"),
        ("messages[4].content", "messages", "tool", "result"),
        ("messages[5].content[0].text", "messages", "tool", "result"),
        ("messages[5].content[0].vendor", "messages", "tool", "opaque"),
        ("messages[6].content", "messages", "system", "text"),
    ]


def test_messages_of_anthropic() -> None:
    content = [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "1", "name": "f", "input": {"b": 1, "a": 2}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "1", "content": "r", "is_error": True},
        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "r"}, {"type": "image"}]},
        {"type": "text", "text": "go on", "cache_control": {"type": "ephemeral"}},
    ]
    body = {
        "messages": [
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": content},
            {"role": "user", "content": results},
        ],
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "f", "input_schema": {}}],
    }
    pieces = check("anthropic_messages", body)
    assert kinds(pieces) == [
        ("tools[0]", "tools", "tools", "definition"),
        ("system[0].text", "system", "system", "text"),
        ("messages[0].content", "messages", "user", "text"),
        ("messages[1].content[0]", "messages", "assistant", "opaque"),
        ("messages[1].content[1].text", "messages", "assistant", "text"),
        ("messages[1].content[2].name", "messages", "assistant", "opaque"),
        ("messages[1].content[2].input", "messages", "assistant", "opaque"),
        ("messages[2].content[0].content", "messages", "tool", "result"),
        ("messages[2].content[0].is_error", "messages", "tool", "opaque"),
        ("messages[2].content[1].content[0].text", "messages", "tool", "result"),
        ("messages[2].content[1].content[1]", "messages", "tool", "opaque"),
        ("messages[2].content[2].text", "messages", "user", "text"),
    ]
    assert pieces[6].text == '{"b":1,"a":2}'
    assert kinds(check("anthropic_messages", {"system": "s"})) == [("system", "system", "system", "text")]


def test_responses() -> None:
    items = [
        {"role": "developer", "content": [{"type": "input_text", "text": "d"}]},
        {"role": "user", "content": "u"},
        {"type": "reasoning", "id": "r", "encrypted_content": "x"},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "o"},
        {"type": "custom_tool_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "o"}]},
        {"type": "local_shell_call_output", "output": "o"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
    ]
    body = {"input": items, "tools": [{"type": "web_search"}], "instructions": "i", "prompt": {"id": "p"}}
    assert kinds(check("openai_responses", body)) == [
        ("tools[0]", "tools", "tools", "definition"),
        ("instructions", "system", "system", "text"),
        ("prompt", "system", "system", "opaque"),
        ("input[0].content[0].text", "system", "developer", "text"),
        ("input[1].content", "messages", "user", "text"),
        ("input[2]", "messages", "assistant", "opaque"),
        ("input[3].name", "messages", "assistant", "opaque"),
        ("input[3].arguments", "messages", "assistant", "arguments"),
        ("input[4].output", "messages", "tool", "result"),
        ("input[5].output[0].text", "messages", "tool", "result"),
        ("input[6]", "messages", "tool", "opaque"),
        ("input[7].content[0].text", "messages", "assistant", "text"),
        ("input[7].content[0].annotations", "messages", "assistant", "opaque"),
    ]
    assert kinds(check("openai_responses", {"input": "u"})) == [("input", "messages", "user", "text")]


def test_completions() -> None:
    assert kinds(check("openai_completions", {"prompt": "p", "suffix": "s"})) == [
        ("prompt", "messages", "user", "text"),
        ("suffix", "messages", "user", "opaque"),
    ]
    assert kinds(check("openai_completions", {"prompt": ["p", "q"]})) == [("prompt", "messages", "user", "opaque")]


def test_a_body_without_a_prompt_has_no_pieces() -> None:
    assert outline("openai_embeddings", {"input": "x"}) == ()


def test_what_is_rendered_begins_alike_as_far_as_the_requests_are_alike() -> None:
    tools = [{"type": "function", "function": {"name": n}} for n in "fg"]
    say = [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": t} for t in "ab"]}]
    one = rendered(outline("openai_chat", {"messages": say, "tools": tools}))
    assert one == (
        '\n<|tools|>\n{"type":"function","function":{"name":"f"}}\n<|tools|>\n{"type":"function","function":'
        '{"name":"g"}}\n<|system|>\ns\n<|user|>\nab'
    )
    more = [*say, {"role": "user", "content": "c"}]
    assert rendered(outline("openai_chat", {"tools": tools, "messages": more})) == one + "\n<|user|>\nc"


def test_real_agents_requests() -> None:
    """Trajectories of tau-bench: messages of Chat Completions as an agent sent them."""
    found: set[str] = set()
    for trajectory in json.loads(unpacked("tau-bench/gpt-4o-airline.json.gz"))[:20]:
        pieces = check("openai_chat", {"model": "m", "messages": trajectory["traj"]})
        found |= {p.kind for p in pieces}
    assert found == {"text", "arguments", "result", "opaque"}


def test_real_coding_sessions() -> None:
    """Sessions of a coding agent, as requests in Anthropic's protocol."""
    lines = unpacked("pi-sessions/large-session.jsonl.gz").splitlines()
    entries = [json.loads(line) for line in lines if line]
    messages = [_as_anthropic(e["message"]) for e in entries if e["type"] == "message"]
    pieces = check("anthropic_messages", {"messages": messages})
    assert {"text", "opaque", "result"} <= {p.kind for p in pieces}


def _as_anthropic(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    if message["role"] == "toolResult":
        result = {"type": "tool_result", "tool_use_id": message["toolCallId"], "content": content}
        return {"role": "user", "content": [result]}
    if isinstance(content, list):
        content = [
            {"type": "tool_use", "id": b["id"], "name": b["name"], "input": b["arguments"]}
            if b["type"] == "toolCall"
            else b
            for b in content
        ]
    return {"role": message["role"], "content": content}


@pytest.mark.parametrize("calls", [{"id": "c"}, "c", 5, False])
def test_calls_that_are_no_list_are_read_as_they_are(calls: Any) -> None:
    pieces = check("openai_chat", {"messages": [{"role": "assistant", "content": "a", "tool_calls": calls}]})
    assert [(name(p.path), p.kind) for p in pieces][1:] == [("messages[0].tool_calls", "opaque")]
