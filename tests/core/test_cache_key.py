"""The key by which OpenAI routes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.cache_key import edits_for_cache_key, prompt_cache_key
from everwarm.core.layout.splice import Edit

some = st.text(st.characters(exclude_categories=[]), max_size=5)


def test_it_stays_the_same_from_version_to_version() -> None:
    assert prompt_cache_key("tenant", "stream") == "ew-b18433c8f08fdbdcd955dda1"


@given(some, some, some, some)
def test_one_a_tenant_and_stream(space: str, stream: str, other_space: str, other_stream: str) -> None:
    key, other = prompt_cache_key(space, stream), prompt_cache_key(other_space, other_stream)
    assert (key == other) == ((space, stream) == (other_space, other_stream))
    assert len(key) == 27
    assert key.isascii()


def test_borders_count() -> None:
    assert prompt_cache_key("ab", "c") != prompt_cache_key("a", "bc")


def test_it_is_set_only_where_the_client_says_nothing() -> None:
    assert edits_for_cache_key({"model": "m"}, "k") == (Edit((), "member", "k", "prompt_cache_key"),)
    assert edits_for_cache_key({"prompt_cache_key": "theirs"}, "k") == ()
    assert edits_for_cache_key({"prompt_cache_key": None}, "k") == ()
