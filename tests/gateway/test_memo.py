"""Memory of bytes understood before: bounded, by tenant, by equality."""

from __future__ import annotations

from everwarm.gateway.memo import EDGE, LARGEST, SEEN, Memo, Name, weight


def keep(memo: Memo[int], name: Name, value: int) -> None:
    """Seen twice: only then is it worth the room."""
    memo.keep(name, value)
    memo.keep(name, value)


def name(data: bytes, space: str = "public", dialect: str = "openai_chat", context: bytes = b"") -> Name:
    return space, dialect, context, data


def test_it_is_by_tenant_and_by_bytes() -> None:
    memo: Memo[int] = Memo()
    keep(memo, name(b"a"), 1)
    assert memo.get(name(b"a")) == 1
    assert memo.get(name(b"b")) is None
    assert memo.get(name(b"a", space="other")) is None
    assert memo.get(name(b"a", dialect="openai_responses")) is None
    assert memo.get(name(b"a", context=b"x-beta: 1\n")) is None


def test_what_came_once_is_not_kept() -> None:
    memo: Memo[int] = Memo()
    for i in range(3):
        memo.keep(name(b"%d" % i), i)
    assert [memo.get(name(b"%d" % i)) for i in range(3)] == [None] * 3
    memo.keep(name(b"1"), 1)
    assert memo.get(name(b"1")) == 1


def test_what_is_noted_is_bounded() -> None:
    memo: Memo[int] = Memo()
    for i in range(3 * SEEN):
        memo.keep(name(b"%d" % i), i)
    assert len(memo._seen) <= SEEN
    assert memo._held == 0


def test_what_was_kept_again_counts_once() -> None:
    memo: Memo[int] = Memo()
    keep(memo, name(b"a"), 1)
    keep(memo, name(b"a"), 2)
    assert memo.get(name(b"a")) == 2
    assert memo._held == weight(b"a")
    memo.clear()
    assert memo.get(name(b"a")) is None
    assert memo._held == 0


def test_bodies_that_look_alike_at_both_ends_are_not_taken_for_each_other() -> None:
    memo: Memo[int] = Memo()
    one, other = (name(b"{" * EDGE + middle + b"}" * EDGE) for middle in (b"1", b"2"))
    keep(memo, one, 1)
    assert (memo.get(one), memo.get(other)) == (1, None)
    keep(memo, other, 2)
    assert (memo.get(one), memo.get(other)) == (None, 2)
    assert memo._held == weight(one[-1])


def test_what_was_used_least_recently_goes_first() -> None:
    memo: Memo[int] = Memo(limit=3 * weight(b"0"))
    for i in range(3):
        keep(memo, name(b"%d" % i), i)
    memo.get(name(b"0"))
    keep(memo, name(b"3"), 3)
    assert [memo.get(name(b"%d" % i)) for i in range(4)] == [0, None, 2, 3]


def test_small_bodies_are_bounded_too() -> None:
    memo: Memo[int] = Memo()
    for i in range(20_000):
        keep(memo, name(b"%d" % i), i)
    assert len(memo._kept) < 6_000
    assert memo._held == sum(weight(data) for (*_, data), _ in memo._kept.values())


def test_large_bodies_are_not_kept() -> None:
    memo: Memo[int] = Memo()
    keep(memo, name(b"x" * (LARGEST + 1)), 1)
    assert memo.get(name(b"x" * (LARGEST + 1))) is None
