"""Hypothesis strategies: chat requests as clients write them, with known and unknown members."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
numbers = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(-1e9, 1e9, allow_nan=False))
scalars = st.one_of(st.none(), st.booleans(), numbers, text)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)

schemas = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(
            names, st.fixed_dictionaries({"type": st.sampled_from(["string", "number"])}), max_size=4
        ),
    },
    optional={"required": st.lists(names, max_size=2), "additionalProperties": st.booleans()},
)
tools = st.fixed_dictionaries(
    {
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {"name": names}, optional={"description": text, "parameters": schemas, "strict": st.booleans()}
        ),
    }
)
parts = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": text}, optional={"cache_control": st.just({"type": "ephemeral"})}
    ),
    st.fixed_dictionaries({"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": text})}),
)
content = st.one_of(text, st.lists(parts, min_size=1, max_size=3))
plain_messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "developer"]), "content": content},
    optional={"name": names, "vendor": json_values},
)


@st.composite
def tool_turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """An assistant that calls one or two tools, and their results."""
    ids = draw(st.lists(st.text("abcdef0123456789", min_size=4, max_size=8), min_size=1, max_size=2, unique=True))
    calls = [{"id": i, "type": "function", "function": {"name": draw(names), "arguments": "{}"}} for i in ids]
    results = [{"role": "tool", "tool_call_id": i, "content": draw(text)} for i in ids]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    """A whole request body."""
    messages = draw(st.lists(plain_messages, min_size=1, max_size=3))
    if draw(st.booleans()):
        messages += draw(tool_turns())
    optional = {
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0.01, 1),
        "seed": st.integers(-(2**40), 2**40),
        "max_tokens": st.integers(1, 4000),
        "stop": st.one_of(
            st.text(min_size=1, max_size=4), st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=4)
        ),
        "logit_bias": st.dictionaries(st.integers(0, 50000).map(str), st.integers(-100, 100), max_size=3),
        "n": st.integers(1, 3),
        "stream": st.booleans(),
        "stream_options": st.fixed_dictionaries({"include_usage": st.booleans()}),
        "user": text,
        "metadata": st.dictionaries(names, text, max_size=3),
        "store": st.booleans(),
        "service_tier": st.sampled_from(["auto", "flex"]),
        "prompt_cache_key": text,
        "tools": st.lists(tools, min_size=1, max_size=2),
        "response_format": st.fixed_dictionaries(
            {"type": st.just("json_schema"), "json_schema": st.fixed_dictionaries({"name": names, "schema": schemas})}
        ),
        "vendor_extension": json_values,
    }
    chosen = draw(st.fixed_dictionaries({}, optional=optional))
    return {"model": draw(st.sampled_from(["default", "smollm2"])), "messages": messages, **chosen}
