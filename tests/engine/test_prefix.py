from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.key import PUBLIC, Namespace
from everwarm.engine.prefix import LastPrompt

CHUNK = 4
OTHER = Namespace("0" * 32)


def fill(last: LastPrompt, namespace: Namespace, prompt: list[int], stop: int | None = None) -> int:
    """Take and prefill ``prompt`` as the engine does, up to ``stop`` chunks of it."""
    at = reused = last.take(namespace, prompt)
    pieces = [prompt[i : i + CHUNK] for i in range(at, len(prompt), CHUNK)]
    for piece in pieces[:stop]:
        last.add(piece)
    return reused


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 1), min_size=1, max_size=14)), max_size=12))
def test_reuse_is_whole_chunks_of_the_last_prompt_of_the_same_namespace(turns: list[tuple[bool, list[int]]]) -> None:
    last = LastPrompt(CHUNK)
    before: tuple[bool, list[int]] = (False, [])
    for turn in turns:
        prompt = turn[1]
        reused = fill(last, OTHER if turn[0] else PUBLIC, prompt)
        whole = len(before[1]) // CHUNK * CHUNK  # a shorter piece ended the last prompt, and is not reused
        candidates = range(0, min(len(prompt) - 1, whole) + 1, CHUNK)
        same = [n for n in candidates if before[0] == turn[0] and before[1][:n] == prompt[:n]]
        assert reused == max(same, default=0)
        before = turn


def test_a_prompt_broken_off_leaves_what_was_computed() -> None:
    last = LastPrompt(CHUNK)
    fill(last, PUBLIC, list(range(20)), stop=2)
    assert last.take(PUBLIC, list(range(20))) == 8


def test_another_namespace_reuses_nothing_and_leaves_nothing() -> None:
    last = LastPrompt(CHUNK)
    fill(last, PUBLIC, list(range(20)))
    assert last.take(OTHER, list(range(20))) == 0
    assert last.take(PUBLIC, list(range(20))) == 0


def test_clear_forgets() -> None:
    last = LastPrompt(CHUNK)
    fill(last, PUBLIC, list(range(20)))
    last.clear()
    assert last.take(PUBLIC, list(range(20))) == 0
