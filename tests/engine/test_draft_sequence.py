"""What the draft model keeps of its guesses: the KV that a step wrote is compared with what was said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.key import PUBLIC

np = pytest.importorskip("numpy", reason="the package numpy is not installed: pip install 'everwarm[local]'")
from everwarm.engine.cache import TO_THE_TOKEN, KvCache  # noqa: E402
from everwarm.engine.draft_sequence import DraftSequence  # noqa: E402
from everwarm.engine.model import Span  # noqa: E402
from everwarm.engine.pool import BlockPool  # noqa: E402

SIZE, BLOCKS = 4, 40
TOKENS = st.integers(1, 2)


class Tensor:
    """Memory for KV, into which computing writes the tokens themselves."""

    def __init__(self) -> None:
        self.data = np.zeros((BLOCKS + 1, 1, SIZE, 1), np.int32)

    def compute(self, span: Span) -> None:
        for at, token in enumerate(span.tokens, span.past):
            self.data[span.blocks[at // SIZE], 0, at % SIZE, 0] = token

    def read(self, blocks: list[int], tokens: int) -> list[int]:
        return [int(self.data[blocks[at // SIZE], 0, at % SIZE, 0]) for at in range(tokens)]


@given(
    prompt=st.lists(TOKENS, min_size=1, max_size=9),
    rounds=st.lists(
        st.tuples(st.lists(TOKENS, min_size=1, max_size=5), st.lists(TOKENS, min_size=1, max_size=6)), max_size=10
    ),
    piece=st.integers(1, 5),
)
def test_the_kv_that_it_keeps_is_of_what_was_said(
    prompt: list[int], rounds: list[tuple[list[int], list[int]]], piece: int
) -> None:
    """Whatever is guessed, and however much of it comes true: none, some, or all, and more than was asked for."""
    memory = Tensor()
    cache = KvCache(BlockPool({"value": memory}), TO_THE_TOKEN, lambda: 0.0)
    tokens = list(prompt)
    lease: Any = cache.lease(PUBLIC, tokens, len(prompt) + 60 + 6)
    reader = DraftSequence(None, lease)  # type: ignore[arg-type]  # whose it is does not matter here
    for guesses, said in rounds:
        while lease.pending:
            span = reader.next(min(piece, lease.pending))
            assert bool(span.sampled) is (len(span.tokens) == lease.pending)
            memory.compute(span)
            lease.advance(len(span.tokens))
        reader.guesses = guesses[:1]
        for guess in guesses[1:]:
            memory.compute(reader.behind())
            reader.guesses.append(guess)
        tokens += said
        kept = next((i for i, (a, b) in enumerate(zip(guesses[:-1], said[:-1], strict=False)) if a != b), None)
        kept = min(len(guesses), len(said)) - 1 if kept is None else kept
        reader.settle()
        assert lease.pending == len(said) - kept > 0
        assert memory.read(lease.blocks, lease.computed) == tokens[: lease.computed]
        assert not reader.guesses
        cache.check_integrity([lease])
    lease.close()
    cache.check_integrity()
