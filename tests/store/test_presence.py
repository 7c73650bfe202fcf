"""Presence: never absent what is there; mostly absent what is not."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from everwarm.store.presence import Presence

digests = st.binary(min_size=16, max_size=16)


def digest(n: int) -> bytes:
    return blake2b(b"%d" % n, digest_size=16).digest()


@given(st.lists(digests), st.lists(digests))
def test_what_is_there_is_never_called_absent(before: list[bytes], after: list[bytes]) -> None:
    presence = Presence(2**20)
    presence.fill(before)
    for one in after:
        presence.add(one)
    assert all(presence.may_hold(one) for one in before + after)


def test_nothing_is_absent_before_it_was_filled() -> None:
    presence = Presence(2**20)
    presence.add(digest(0))
    assert presence.may_hold(digest(1))
    presence.fill([])
    assert not presence.may_hold(digest(1))
    assert presence.may_hold(digest(0))


def test_most_of_what_is_absent_is_called_so() -> None:
    presence = Presence(2**24)
    presence.fill(digest(n) for n in range(2**14))
    mistaken = sum(presence.may_hold(digest(n)) for n in range(10**6, 10**6 + 5000))
    assert mistaken < 5000 * 0.06


def test_digests_of_a_broken_hash_are_all_alike_and_all_there() -> None:
    presence = Presence(2**20)
    presence.fill([bytes(16)])
    assert presence.may_hold(bytes(16))
