from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.seal import SEAL_BYTES, check, seal

SECRET = bytes(range(32))
PARTS = st.lists(st.binary(max_size=20), max_size=5)


def test_the_seal_is_what_it_was() -> None:
    """Frozen: stored rows depend on it."""
    assert seal(SECRET, [b"answer", b"", b"x"]).hex() == "767567ac09875038385d9b8c8baf5bb7"


@given(PARTS, PARTS)
def test_two_lists_share_a_seal_only_if_they_are_equal(a: list[bytes], b: list[bytes]) -> None:
    assert (seal(SECRET, a) == seal(SECRET, b)) == (a == b)


@given(PARTS, st.integers(0, SEAL_BYTES * 8 - 1))
def test_any_bit_of_the_seal_counts(parts: list[bytes], bit: int) -> None:
    mac = seal(SECRET, parts)
    other = (int.from_bytes(mac, "big") ^ (1 << bit)).to_bytes(SEAL_BYTES, "big")
    assert check(SECRET, parts, mac)
    assert not check(SECRET, parts, other)
    assert not check(SECRET, parts, mac[:-1])
    assert not check(SECRET[::-1], parts, mac)
