"""Memory of bytes understood before: bounded, by tenant, by equality."""

from __future__ import annotations

from everwarm.core.key import PUBLIC, Namespace
from everwarm.gateway.memo import LARGEST, Memo, weight


def test_it_is_by_tenant_and_by_bytes() -> None:
    memo: Memo[int] = Memo()
    memo.keep(PUBLIC, b"a", 1)
    assert memo.get(PUBLIC, b"a") == 1
    assert memo.get(PUBLIC, b"b") is None
    assert memo.get(Namespace("other"), b"a") is None


def test_what_was_used_least_recently_goes_first() -> None:
    memo: Memo[int] = Memo(limit=3 * weight(b"0"))
    for i in range(3):
        memo.keep(PUBLIC, b"%d" % i, i)
    memo.get(PUBLIC, b"0")
    memo.keep(PUBLIC, b"3", 3)
    assert [memo.get(PUBLIC, b"%d" % i) for i in range(4)] == [0, None, 2, 3]


def test_small_bodies_are_bounded_too() -> None:
    memo: Memo[int] = Memo()
    for i in range(20_000):
        memo.keep(PUBLIC, b"%d" % i, i)
    assert len(memo._kept) < 6_000
    assert memo._held == sum(weight(data) for _, data in memo._kept)


def test_large_bodies_are_not_kept() -> None:
    memo: Memo[int] = Memo()
    memo.keep(PUBLIC, b"x" * (LARGEST + 1), 1)
    assert memo.get(PUBLIC, b"x" * (LARGEST + 1)) is None
