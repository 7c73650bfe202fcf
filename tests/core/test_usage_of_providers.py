"""One normal form of token counts: what each provider reports, read once and never twice.

The blocks are written after the providers' references and after answers that their users have published.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.answer import JSON, Stored, pack, unpack
from everwarm.core.dialects import anthropic_usage, openai_usage
from everwarm.core.usage import Usage
from everwarm.core.wire import Done
from requests_like import json_values

ANTHROPIC = [
    pytest.param({"input_tokens": 12, "output_tokens": 6}, 12, Usage(12, 0, 6), id="before caching"),
    pytest.param(
        {
            "input_tokens": 50,
            "cache_creation_input_tokens": 248,
            "cache_read_input_tokens": 1800,
            "output_tokens": 503,
        },
        2098,
        Usage(50, 1800, 503, cache_write=248),
        id="before one hour",
    ),
    pytest.param(
        {
            "input_tokens": 2048,
            "cache_read_input_tokens": 1800,
            "cache_creation_input_tokens": 248,
            "output_tokens": 503,
            "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
            "service_tier": "standard",
        },
        4096,
        Usage(2048, 1800, 503, cache_write=148, cache_write_long=100),
        id="both lifetimes",
    ),
    pytest.param(
        {
            "input_tokens": 11,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 36,
            "service_tier": "batch",
            "inference_geo": "global",
            "server_tool_use": None,
        },
        11,
        Usage(11, 0, 36),
        id="batch",
    ),
    pytest.param(
        {"input_tokens": 20, "output_tokens": 900, "output_tokens_details": {"thinking_tokens": 850}},
        20,
        Usage(20, 0, 900, reasoning=850),
        id="thinking told apart",
    ),
    pytest.param(
        {"input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 7}, "output_tokens": 1},
        12,
        Usage(5, 0, 1, cache_write=7),
        id="parts without a total",
    ),
    pytest.param(
        {
            "input_tokens": 3,
            "cache_creation_input_tokens": 60,
            "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20},
            "cache_read_input_tokens": None,
            "output_tokens": 1,
        },
        63,
        Usage(3, 0, 1, cache_write=40, cache_write_long=20),
        id="a total that a stream brought up to date",
    ),
]


@pytest.mark.parametrize(("block", "prompt", "usage"), ANTHROPIC)
def test_anthropic(block: dict[str, Any], prompt: int, usage: Usage) -> None:
    assert anthropic_usage.read_usage(block) == usage
    assert usage.prompt == prompt


OPENAI = [
    pytest.param(
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 64,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        Usage(86, 1920, 300, reasoning=64),
        id="OpenAI up to 5.5",
    ),
    pytest.param(
        {
            "prompt_tokens": 4995,
            "completion_tokens": 19,
            "total_tokens": 5014,
            "prompt_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 3900, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        Usage(71, 1024, 19, cache_write=3900),
        id="OpenAI 5.6",
    ),
    pytest.param(
        {
            "input_tokens": 328,
            "input_tokens_details": {"cached_tokens": 128, "cache_write_tokens": 100},
            "output_tokens": 52,
            "output_tokens_details": {"reasoning_tokens": 32},
            "total_tokens": 380,
        },
        Usage(100, 128, 52, cache_write=100, reasoning=32),
        id="OpenAI Responses",
    ),
    pytest.param({"prompt_tokens": 8, "total_tokens": 8}, Usage(8, 0, 0), id="OpenAI embeddings"),
    pytest.param(
        {
            "prompt_tokens": 2872,
            "completion_tokens": 993,
            "total_tokens": 3865,
            "prompt_tokens_details": {"cached_tokens": 2816},
            "prompt_cache_hit_tokens": 2816,
            "prompt_cache_miss_tokens": 56,
        },
        Usage(56, 2816, 993),
        id="DeepSeek",
    ),
    pytest.param(
        {
            "prompt_tokens": 12,
            "completion_tokens": 3,
            "total_tokens": 15,
            "prompt_cache_hit_tokens": 4,
            "prompt_cache_miss_tokens": 8,
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        Usage(8, 4, 3, reasoning=2),
        id="DeepSeek without details",
    ),
    pytest.param(
        {
            "completion_tokens": 744,
            "prompt_tokens": 1469,
            "total_tokens": 2496,
            "completion_tokens_details": {"accepted_prediction_tokens": None, "reasoning_tokens": None},
            "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": 1020},
        },
        Usage(449, 1020, 1027, reasoning=283),
        id="Gemini, thoughts in the total only",
    ),
    pytest.param(
        {
            "prompt_tokens": 2640,
            "completion_tokens": 182,
            "total_tokens": 3494,
            "prompt_tokens_details": {
                "text_tokens": 2640,
                "audio_tokens": 0,
                "image_tokens": 0,
                "cached_tokens": 473,
            },
            "completion_tokens_details": {"reasoning_tokens": 672, "audio_tokens": 0},
            "num_sources_used": 0,
        },
        Usage(2167, 473, 854, reasoning=672),
        id="xAI, reasoning beside the completion",
    ),
    pytest.param(
        {
            "prompt_tokens": 125,
            "completion_tokens": 48,
            "total_tokens": 173,
            "prompt_tokens_details": {"text_tokens": 125, "cached_tokens": 98},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        Usage(27, 98, 48),
        id="xAI without reasoning",
    ),
    pytest.param(
        {
            "prompt_tokens": 3019,
            "completion_tokens": 104,
            "total_tokens": 3123,
            "prompt_tokens_details": {"cached_tokens": 2048},
        },
        Usage(971, 2048, 104),
        id="Qwen, implicit cache",
    ),
    pytest.param(
        {
            "prompt_tokens": 3019,
            "completion_tokens": 104,
            "total_tokens": 3123,
            "prompt_tokens_details": {
                "cached_tokens": 1000,
                "cache_creation": {"ephemeral_5m_input_tokens": 1500},
                "cache_creation_input_tokens": 1500,
                "cache_type": "ephemeral",
            },
        },
        Usage(519, 1000, 104, cache_write=1500),
        id="Qwen, explicit cache",
    ),
    pytest.param(
        {
            "prompt_tokens": 3019,
            "completion_tokens": 104,
            "total_tokens": 3123,
            "prompt_tokens_details": {
                "cached_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1500},
                "cache_creation_input_tokens": 1500,
            },
        },
        Usage(1519, 0, 104, cache_write_long=1500),
        id="Qwen, one hour",
    ),
    pytest.param(
        {
            "prompt_tokens": 368,
            "completion_tokens": 19,
            "total_tokens": 10923,
            "cache_read_input_tokens": 10536,
            "cache_creation_input_tokens": 0,
        },
        Usage(368, 10536, 19),
        id="Bedrock through a gateway, the cache beside the prompt",
    ),
    pytest.param(
        {
            "prompt_tokens": 10904,
            "completion_tokens": 19,
            "total_tokens": 10923,
            "prompt_tokens_details": {"cached_tokens": 10536, "cache_creation_tokens": 100},
            "cache_read_input_tokens": 10536,
            "cache_creation_input_tokens": 100,
        },
        Usage(268, 10536, 19, cache_write=100),
        id="Bedrock through a gateway, the cache in the prompt",
    ),
    pytest.param(
        {"prompt_tokens": 45, "total_tokens": 285, "completion_tokens": 240, "prompt_tokens_details": None},
        Usage(45, 0, 240),
        id="vLLM, as it is started by default",
    ),
    pytest.param(
        {
            "prompt_tokens": 45,
            "total_tokens": 285,
            "completion_tokens": 240,
            "prompt_tokens_details": {"cached_tokens": 32},
        },
        Usage(13, 32, 240),
        id="vLLM with details",
    ),
    pytest.param(
        {
            "prompt_tokens": 60,
            "total_tokens": 160,
            "completion_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 59},
            "reasoning_tokens": 80,
        },
        Usage(1, 59, 100, reasoning=80),
        id="SGLang",
    ),
    pytest.param(
        {
            "completion_tokens": 35,
            "prompt_tokens": 237,
            "total_tokens": 272,
            "prompt_tokens_details": {"cached_tokens": 236},
        },
        Usage(1, 236, 35),
        id="llama.cpp",
    ),
    pytest.param(
        {"prompt_tokens": 26, "completion_tokens": 298, "total_tokens": 324}, Usage(26, 0, 298), id="Ollama, LM Studio"
    ),
    pytest.param(
        {
            "completion_tokens": 2,
            "completion_tokens_details": {"reasoning_tokens": 0},
            "cost": 0.95,
            "cost_details": {"upstream_inference_cost": 19},
            "prompt_tokens": 194,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 100, "audio_tokens": 0},
            "total_tokens": 196,
        },
        Usage(94, 0, 2, cache_write=100),
        id="OpenRouter",
    ),
    pytest.param(
        {
            "queue_time": 0.026,
            "prompt_tokens": 4641,
            "prompt_time": 0.009,
            "completion_tokens": 1817,
            "completion_time": 5.57,
            "total_tokens": 6458,
            "total_time": 5.58,
            "prompt_tokens_details": {"cached_tokens": 4608},
            "completion_tokens_details": {"reasoning_tokens": 700},
        },
        Usage(33, 4608, 1817, reasoning=700),
        id="Groq",
    ),
    pytest.param(
        {
            "prompt_tokens": 1013,
            "total_tokens": 1043,
            "completion_tokens": 30,
            "num_cached_tokens": 1008,
            "prompt_tokens_details": {"cached_tokens": 1008},
            "prompt_token_details": {"cached_tokens": 1008},
        },
        Usage(5, 1008, 30),
        id="Mistral",
    ),
    pytest.param(
        {"prompt_tokens": 1013, "total_tokens": 1043, "completion_tokens": 30, "num_cached_tokens": 1008},
        Usage(5, 1008, 30),
        id="Mistral without details",
    ),
    pytest.param(
        {"prompt_tokens": 2989, "completion_tokens": 11, "total_tokens": 3000, "cached_tokens": 2989},
        Usage(0, 2989, 11),
        id="Moonshot",
    ),
    pytest.param(
        {
            "prompt_tokens": 2989,
            "completion_tokens": 11,
            "total_tokens": 3000,
            "cached_tokens": 2989,
            "prompt_tokens_details": {"cached_tokens": 2989},
        },
        Usage(0, 2989, 11),
        id="Moonshot in both spellings",
    ),
]


@pytest.mark.parametrize(("block", "usage"), OPENAI)
def test_openai_and_all_who_speak_like_it(block: dict[str, Any], usage: Usage) -> None:
    assert openai_usage.read_usage(block) == usage
    assert usage.total == block["total_tokens"]


@pytest.mark.parametrize(
    "block", [None, 5, [], {}, {"prompt_tokens": None}, {"input_tokens": "5"}, {"output_tokens": -1}]
)
def test_what_holds_no_counts_is_none(block: Any) -> None:
    assert openai_usage.read_usage(block) is None
    assert anthropic_usage.read_usage(block) is None


_counts = st.one_of(st.integers(-5, 100), st.integers(-(2**40), 2**40), json_values)
_names = [
    *("prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "total_tokens", "cached_tokens"),
    *("prompt_cache_hit_tokens", "num_cached_tokens", "reasoning_tokens"),
    *("cache_read_input_tokens", "cache_creation_input_tokens"),
]
_details = st.dictionaries(
    st.sampled_from(["cached_tokens", "cache_write_tokens", "reasoning_tokens", "thinking_tokens"]), _counts
)
_written = st.dictionaries(st.sampled_from(["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]), _counts)
_blocks = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(_names, _counts),
        "prompt_tokens_details": _details,
        "output_tokens_details": _details,
        "cache_creation": _written,
    },
)


@given(_blocks)
def test_whatever_is_reported_no_part_is_negative_or_counted_twice(block: dict[str, Any]) -> None:
    usages = [openai_usage.read_usage(block), anthropic_usage.read_usage(block)]
    for usage in usages:
        if usage is not None:
            assert min(usage) >= 0
            assert usage.reasoning <= usage.output
            stored = Stored(JSON, b"{}", usage, 1.0)
            assert unpack(pack(stored)) == stored
    if usages[0] is not None and type(block.get("total_tokens")) is not int:
        assert usages[0].prompt in (block.get("prompt_tokens"), block.get("input_tokens"), 0)


@given(st.tuples(*[st.integers(0, 2**30)] * 6))
def test_what_we_report_is_read_as_it_was(counts: tuple[int, ...]) -> None:
    uncached, read, output, _, thought, _ = counts
    usage = Usage(uncached, read, output, 0, min(thought, output))
    assert openai_usage.read_usage(openai_usage.write_chat(Done(usage, 3, 1))) == usage
    assert anthropic_usage.read_usage(anthropic_usage.write_usage(usage)) == usage._replace(reasoning=0)
