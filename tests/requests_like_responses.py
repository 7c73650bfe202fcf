"""Hypothesis strategies: requests to Responses as clients write them, and responses as providers give them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from requests_like import json_values, names, schemas, text

ids = st.text("abcdef0123456789", min_size=4, max_size=8)

# --- requests -------------------------------------------------------------------------------------------------------

_functions = st.fixed_dictionaries(
    {"type": st.just("function"), "name": names},
    optional={"description": text, "parameters": schemas, "strict": st.booleans()},
)
_customs = st.fixed_dictionaries({"type": st.just("custom"), "name": names}, optional={"description": text})
_tools = st.one_of(_functions, _customs)
_parts = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("input_text"), "text": text},
        optional={"prompt_cache_breakpoint": st.just({"mode": "explicit"})},
    ),
    st.fixed_dictionaries({"type": st.just("input_image"), "image_url": text}),
)
_asked = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "system", "developer"]),
        "content": st.one_of(text, st.lists(_parts, min_size=1, max_size=3)),
    },
    optional={"type": st.just("message"), "vendor": json_values},
)
_said = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "role": st.just("assistant"),
        "content": st.lists(
            st.fixed_dictionaries(
                {"type": st.just("output_text"), "text": text, "annotations": st.just([])},
            ),
            min_size=1,
            max_size=2,
        ),
    },
    optional={"id": ids, "status": st.just("completed"), "phase": st.just("final_answer")},
)
_thought = st.fixed_dictionaries(
    {
        "type": st.just("reasoning"),
        "id": ids,
        "summary": st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": text}), max_size=2),
    },
    optional={"encrypted_content": text},
)
_others = st.one_of(
    st.fixed_dictionaries({"type": st.just("item_reference"), "id": ids}),
    st.fixed_dictionaries({"type": st.just("vendor_item"), "id": ids, "tools": st.lists(_tools, max_size=2)}),
)


@st.composite
def _calls(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One or two calls of tools, and their results."""
    kind, said = draw(st.sampled_from([("function_call", "arguments"), ("custom_tool_call", "input")]))
    found = draw(st.lists(ids, min_size=1, max_size=2, unique=True))
    optional = {"id": ids, "status": st.just("completed")}
    calls = [
        {
            "type": kind,
            "call_id": i,
            "name": draw(names),
            said: "{}",
            **draw(st.fixed_dictionaries({}, optional=optional)),
        }
        for i in found
    ]
    return [*calls, *({"type": f"{kind}_output", "call_id": i, "output": draw(text)} for i in found)]


@st.composite
def responses_requests(draw: st.DrawFn) -> dict[str, Any]:
    """A whole request body."""
    items = draw(st.lists(st.one_of(_asked, _said, _thought, _others), min_size=1, max_size=4))
    if draw(st.booleans()):
        items += draw(_calls())
    optional = {
        "instructions": text,
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0.01, 1),
        "max_output_tokens": st.integers(16, 4000),
        "max_tool_calls": st.integers(1, 9),
        "parallel_tool_calls": st.booleans(),
        "previous_response_id": ids,
        "store": st.booleans(),
        "include": st.lists(st.just("reasoning.encrypted_content"), max_size=1),
        "reasoning": st.fixed_dictionaries({"effort": st.sampled_from(["low", "high"])}),
        "truncation": st.sampled_from(["auto", "disabled"]),
        "stream": st.booleans(),
        "stream_options": st.fixed_dictionaries({"include_obfuscation": st.booleans()}),
        "user": text,
        "safety_identifier": text,
        "metadata": st.dictionaries(names, text, max_size=3),
        "service_tier": st.sampled_from(["auto", "flex"]),
        "prompt_cache_key": text,
        "prompt_cache_retention": st.just("24h"),
        "prompt_cache_options": st.fixed_dictionaries(
            {}, optional={"mode": st.just("explicit"), "ttl": st.just("30m"), "prewarm": st.booleans()}
        ),
        "tools": st.lists(_tools, min_size=1, max_size=2),
        "text": st.fixed_dictionaries(
            {"format": st.fixed_dictionaries({"type": st.just("json_schema"), "name": names, "schema": schemas})}
        ),
        "vendor_extension": json_values,
    }
    chosen = draw(st.fixed_dictionaries({}, optional=optional))
    return {
        "model": draw(st.sampled_from(["default", "smollm2"])),
        "input": draw(st.one_of(text, st.just(items))),
        **chosen,
    }


# --- responses ------------------------------------------------------------------------------------------------------

_citation = st.fixed_dictionaries(
    {
        "type": st.just("url_citation"),
        "start_index": st.integers(0, 9),
        "end_index": st.integers(9, 20),
        "title": text,
        "url": text,
    }
)
_logprob = st.fixed_dictionaries(
    {
        "token": text,
        "bytes": st.lists(st.integers(0, 255), max_size=3),
        "logprob": st.floats(-20, 0),
        "top_logprobs": st.just([]),
    }
)
_text_part = st.fixed_dictionaries(
    {"type": st.just("output_text"), "text": text, "annotations": st.lists(_citation, max_size=2)},
    optional={"logprobs": st.lists(_logprob, max_size=2)},
)
_refusal_part = st.fixed_dictionaries({"type": st.just("refusal"), "refusal": text})
_done = st.just("completed")
_message = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "id": ids.map("msg_".__add__),
        "role": st.just("assistant"),
        "status": _done,
        "content": st.lists(st.one_of(_text_part, _refusal_part), max_size=3),
    }
)
_reasoning = st.fixed_dictionaries(
    {
        "type": st.just("reasoning"),
        "id": ids.map("rs_".__add__),
        "summary": st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": text}), max_size=2),
    },
    optional={
        "content": st.lists(st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": text}), max_size=2),
        "encrypted_content": text,
        "status": _done,
    },
)
_function_call = st.fixed_dictionaries(
    {
        "type": st.just("function_call"),
        "id": ids.map("fc_".__add__),
        "call_id": ids.map("call_".__add__),
        "name": names,
        "arguments": text,
        "status": _done,
    }
)
_custom_call = st.fixed_dictionaries(
    {
        "type": st.just("custom_tool_call"),
        "id": ids.map("ctc_".__add__),
        "call_id": ids.map("call_".__add__),
        "name": names,
        "input": text,
    }
)
_search_call = st.fixed_dictionaries(
    {
        "type": st.just("web_search_call"),
        "id": ids.map("ws_".__add__),
        "status": _done,
        "action": st.fixed_dictionaries({"type": st.just("search"), "query": text}),
    }
)
output_items = st.one_of(_message, _reasoning, _function_call, _custom_call, _search_call)
_counts = st.integers(0, 10**6)


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    """A whole response, complete and with something in it."""
    items = draw(st.lists(output_items, max_size=3, unique_by=lambda item: item.get("call_id", item["id"])))
    prompt, read, output = draw(_counts), draw(_counts), draw(_counts)
    said = {"type": "output_text", "text": "yes", "annotations": []}
    return {
        "id": "resp_" + draw(ids),
        "object": "response",
        "created_at": draw(st.integers(0, 2**31)),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": draw(st.none() | text),
        "metadata": {},
        "model": "gpt-x",
        "output": [
            *items,
            {"type": "message", "id": "msg_last", "role": "assistant", "status": "completed", "content": [said]},
        ],
        "parallel_tool_calls": True,
        "temperature": draw(st.none() | st.floats(0, 2)),
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": prompt + read,
            "input_tokens_details": {"cached_tokens": read, "cache_write_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + read + output,
        },
        **draw(st.fixed_dictionaries({}, optional={"completed_at": _counts, "store": st.booleans()})),
    }
