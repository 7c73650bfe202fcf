from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from everwarm.demo.request import body, plain_bytes, shuffled_bytes
from everwarm.demo.script import person


def normal(data: bytes) -> Any:
    """What the bytes mean, with the three other spellings of the shuffling client undone."""
    asked = json.loads(data)
    asked.pop("n", None)
    for message in asked["messages"]:
        if isinstance(message["content"], list):
            assert [part["type"] for part in message["content"]] == ["text"]
            message["content"] = message["content"][0]["text"]
    return asked


@given(st.integers(0, 2**32), st.text(max_size=40), st.text(max_size=40))
def test_shuffled_bytes_mean_the_same(seed: int, system: str, question: str) -> None:
    session = [{"role": "user", "content": "é/x"}, {"role": "assistant", "content": "…"}]
    asked = body(person("Chiyo"), "default", system, session, question)
    assert normal(shuffled_bytes(asked, seed)) == normal(plain_bytes(asked))


def test_shuffled_bytes_differ_in_key_order_white_space_and_escapes() -> None:
    asked = body(person("Chiyo"), "default", "Grüße", [], "and/or?")
    plain, seen = plain_bytes(asked), {shuffled_bytes(asked, seed) for seed in range(20)}
    assert len(seen) > 10
    assert len({tuple(json.loads(data)) for data in seen}) > 10
    assert all(b"\\u00fc" in data and b"\\/" in data for data in seen)
    assert b"\\u" not in plain
    assert b"\\/" not in plain


def test_one_seed_gives_the_same_bytes() -> None:
    asked = body(person("Chiyo"), "default", "s", [], "q")
    assert shuffled_bytes(asked, 7) == shuffled_bytes(asked, 7)


def test_only_who_streams_asks_for_a_stream_with_usage() -> None:
    stream = body(person("Amara"), "m", "s", [], "q")
    assert (stream["stream"], stream["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in body(person("Ben"), "m", "s", [], "q")


def test_static_comes_first_and_the_newest_question_last() -> None:
    session = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    asked = body(person("Ben"), "m", "s", session, "3")
    assert [m["content"] for m in asked["messages"]] == ["s", "1", "2", "3"]
    assert asked["temperature"] == 0
