"""Hypothesis strategies: requests to completions and embeddings as clients write them, and answers of completions."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from requests_like import json_values, text

tokens = st.lists(st.integers(0, 200_000), min_size=1, max_size=4)
texts = st.one_of(text, st.lists(text, min_size=1, max_size=3), tokens, st.lists(tokens, min_size=1, max_size=3))
stops = st.text(min_size=1, max_size=4)

_completions = {
    "best_of": st.integers(1, 4),
    "echo": st.booleans(),
    "frequency_penalty": st.floats(-2, 2),
    "logit_bias": st.dictionaries(st.integers(0, 50000).map(str), st.integers(-100, 100), max_size=3),
    "logprobs": st.integers(0, 5),
    "max_tokens": st.integers(1, 4000),
    "n": st.integers(1, 3),
    "presence_penalty": st.floats(-2, 2),
    "seed": st.integers(-(2**40), 2**40),
    "stop": st.one_of(stops, st.lists(stops, min_size=1, max_size=4)),
    "stream": st.booleans(),
    "stream_options": st.fixed_dictionaries({}, optional={"include_usage": st.booleans()}),
    "suffix": text,
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0.01, 1),
    "user": text,
    "vendor_extension": json_values,
}

_embeddings = {
    "dimensions": st.integers(1, 3072),
    "encoding_format": st.sampled_from(["float", "base64"]),
    "user": text,
    "vendor_extension": json_values,
}


@st.composite
def completions(draw: st.DrawFn) -> dict[str, Any]:
    """A whole request body for completions."""
    return {"model": "gpt-x", "prompt": draw(texts), **draw(st.fixed_dictionaries({}, optional=_completions))}


@st.composite
def embeddings(draw: st.DrawFn) -> dict[str, Any]:
    """A whole request body for embeddings."""
    return {"model": "embed-x", "input": draw(texts), **draw(st.fixed_dictionaries({}, optional=_embeddings))}
