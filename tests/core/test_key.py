"""Keys: injective, frozen, and never trusting a hash. The promises s08 to s11 test them further."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.key import DIGEST_BYTES, PUBLIC, Namespace, exact_key, hint, namespace_of

word = st.text("ab1:", max_size=4)


@given(st.tuples(word, word, word, word), st.tuples(word, word, word, word))
def test_different_parts_give_different_proofs(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    first, second = (exact_key(Namespace(a), b, c, d.encode()) for a, b, c, d in (one, other))
    assert (first.proof == second.proof) == (one == other)
    assert (first == second) == (one == other)


def test_the_digest_is_short_and_shown_as_hexadecimal() -> None:
    key = exact_key(PUBLIC, "openai_chat", "engine:x", b"{}")
    assert len(key.digest) == DIGEST_BYTES
    assert bytes.fromhex(key.text) == key.digest == hint(key.proof)


def test_a_namespace_is_keyed_by_the_installation() -> None:
    assert namespace_of(b"sk-1", b"s" * 32) == namespace_of(b"sk-1", b"s" * 32)
    assert namespace_of(b"sk-1", b"s" * 32) != namespace_of(b"sk-2", b"s" * 32)
    assert namespace_of(b"sk-1", b"s" * 32) != namespace_of(b"sk-1", b"t" * 32)
    assert "sk-1" not in namespace_of(b"sk-1", b"s" * 32).id


def test_a_display_name_is_no_identity() -> None:
    assert Namespace("x", "Acme") == Namespace("x", "Other")
    assert hash(Namespace("x", "Acme")) == hash(Namespace("x"))


@given(st.tuples(word, word, word), st.tuples(word, word, word))
def test_the_context_is_framed_too(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Dialect, canonical form, and what else counts: an absent context is not an empty canonical form."""
    first, second = (exact_key(PUBLIC, a, "t", b.encode(), c.encode()) for a, b, c in (one, other))
    assert (first.proof == second.proof) == (one == other)


def test_no_context_is_the_key_as_it_was() -> None:
    assert exact_key(PUBLIC, "d", "t", b"c", b"") == exact_key(PUBLIC, "d", "t", b"c")
