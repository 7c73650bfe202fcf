"""Hypothesis strategies: requests for Messages as clients write them, and messages as providers give them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from requests_like import json_values, names, schemas, text

ids = st.text("abcdef0123456789", min_size=4, max_size=8)
_mark = st.fixed_dictionaries({"type": st.just("ephemeral")}, optional={"ttl": st.sampled_from(["5m", "1h"])})
_marked: dict[str, Any] = {"cache_control": _mark}
_named_like_a_mark = st.dictionaries(st.sampled_from(["cache_control", "a", "b"]), json_values, max_size=2)


def block(kind: str, /, optional: dict[str, Any] | None = None, **members: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Blocks of this type, with a mark or without."""
    return st.fixed_dictionaries({"type": st.just(kind), **members}, optional={**_marked, **(optional or {})})


# --- requests -------------------------------------------------------------------------------------------------------

_texts = block("text", text=text)
_images = block("image", source=st.fixed_dictionaries({"type": st.just("base64"), "data": text}))
_found = block("search_result", source=text, title=text, content=st.lists(_texts, min_size=1, max_size=2))
_asked = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "system"]),
        "content": st.one_of(text, st.lists(st.one_of(_texts, _images, _found), min_size=1, max_size=3)),
    },
    optional={"vendor": json_values},
)
_thoughts = st.one_of(block("thinking", thinking=text, signature=text), block("redacted_thinking", data=text))
_searches = block("server_tool_use", id=ids, name=st.just("web_search"), input=_named_like_a_mark)
_said = st.fixed_dictionaries(
    {
        "role": st.just("assistant"),
        "content": st.lists(st.one_of(_texts, _thoughts, _searches), min_size=1, max_size=3),
    }
)
_own_tools = st.fixed_dictionaries(
    {"name": names, "input_schema": schemas},
    optional={**_marked, "type": st.just("custom"), "description": text, "strict": st.booleans()},
)
_typed_tools = block("bash_20250124", name=st.just("bash"))
_marks_as_properties = st.just(
    {"name": "f", "input_schema": {"type": "object", "properties": {"cache_control": {"type": "string"}}}}
)
_added = st.fixed_dictionaries(
    {
        "role": st.just("system"),
        "content": st.lists(
            block(
                "tool_addition",
                tool=st.fixed_dictionaries({"type": st.just("tool_definition"), "definition": _own_tools}),
            ),
            min_size=1,
            max_size=1,
        ),
    }
)


@st.composite
def _calls(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One or two calls of tools, and their results."""
    found = draw(st.lists(ids, min_size=1, max_size=2, unique=True))
    calls = [draw(block("tool_use", id=st.just(i), name=names, input=_named_like_a_mark)) for i in found]
    content = st.one_of(text, st.lists(st.one_of(_texts, _images), min_size=1, max_size=2))
    optional = {"content": content, "is_error": st.booleans()}
    results = [draw(block("tool_result", tool_use_id=st.just(i), optional=optional)) for i in found]
    return [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]


@st.composite
def anthropic_requests(draw: st.DrawFn) -> dict[str, Any]:
    """A whole request body."""
    turns = draw(st.lists(st.one_of(_asked, _said, _added), min_size=1, max_size=3))
    if draw(st.booleans()):
        turns += draw(_calls())
    optional = {
        **_marked,
        "system": st.one_of(text, st.lists(_texts, min_size=1, max_size=2)),
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0.01, 1),
        "top_k": st.integers(0, 100),
        "stop_sequences": st.lists(st.text(min_size=1, max_size=4), max_size=4),
        "stream": st.booleans(),
        "metadata": st.fixed_dictionaries({"user_id": text}),
        "service_tier": st.sampled_from(["auto", "standard_only"]),
        "tools": st.lists(st.one_of(_own_tools, _typed_tools, _marks_as_properties), min_size=1, max_size=2),
        "tool_choice": st.fixed_dictionaries({"type": st.sampled_from(["auto", "any", "none"])}),
        "thinking": st.fixed_dictionaries({"type": st.just("enabled"), "budget_tokens": st.integers(1024, 4096)}),
        "output_config": st.fixed_dictionaries(
            {"format": st.fixed_dictionaries({"type": st.just("json_schema"), "schema": schemas})}
        ),
        "vendor_extension": json_values,
    }
    return {
        "model": draw(st.sampled_from(["default", "smollm2"])),
        "max_tokens": draw(st.integers(0, 4000)),
        "messages": turns,
        **draw(st.fixed_dictionaries({}, optional=optional)),
    }


# --- messages -------------------------------------------------------------------------------------------------------

_counts = st.integers(0, 10**6)
_cited = st.fixed_dictionaries(
    {
        "type": st.just("char_location"),
        "cited_text": text,
        "document_index": _counts,
        "document_title": st.none() | text,
        "start_char_index": _counts,
        "end_char_index": _counts,
    }
)
_inputs = st.dictionaries(
    text, st.one_of(json_values, st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
)
_caller = st.fixed_dictionaries({"type": st.just("direct")})
answered = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": text}, optional={"citations": st.none() | st.lists(_cited, max_size=2)}
    ),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": text, "signature": text}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": text}),
    st.fixed_dictionaries(
        {"type": st.just("tool_use"), "id": ids.map("toolu_".__add__), "name": names, "input": _inputs},
        optional={"caller": _caller},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("server_tool_use"),
            "id": ids.map("srvtoolu_".__add__),
            "name": st.just("web_search"),
            "input": st.fixed_dictionaries({"query": text}),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("web_search_tool_result"),
            "tool_use_id": ids.map("srvtoolu_".__add__),
            "content": st.lists(
                st.fixed_dictionaries(
                    {
                        "type": st.just("web_search_result"),
                        "encrypted_content": text,
                        "page_age": st.none() | text,
                        "title": text,
                        "url": text,
                    }
                ),
                max_size=2,
            ),
        }
    ),
    st.fixed_dictionaries({"type": st.just("block_of_the_future"), "held": json_values}),
)


@st.composite
def anthropic_messages(draw: st.DrawFn) -> dict[str, Any]:
    """A whole message, complete and with something in it."""
    short, long = draw(_counts), draw(_counts)
    written = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    optional = {
        "cache_creation": st.none() | st.just(written),
        "service_tier": st.just("standard"),
        "server_tool_use": st.none() | st.just({"web_search_requests": 1, "web_fetch_requests": 0}),
        "output_tokens_details": st.just({"thinking_tokens": 0}),
        "inference_geo": st.none(),
    }
    return {
        "id": "msg_" + draw(ids),
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [*draw(st.lists(answered, max_size=3)), {"type": "text", "text": "yes"}],
        "stop_reason": draw(st.sampled_from(["end_turn", "tool_use", "stop_sequence"])),
        "stop_sequence": draw(st.none() | text),
        "usage": {
            "input_tokens": draw(_counts),
            "cache_creation_input_tokens": short + long,
            "cache_read_input_tokens": draw(_counts),
            "output_tokens": draw(_counts),
            **draw(st.fixed_dictionaries({}, optional=optional)),
        },
        **draw(st.fixed_dictionaries({}, optional={"stop_details": st.none(), "container": st.none()})),
    }
