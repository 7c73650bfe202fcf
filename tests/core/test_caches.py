"""Simulated caches, each beside a list of all earlier requests."""

from __future__ import annotations

from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.caches import AnthropicCache, IdealCache, OpenAICache, Reading
from everwarm.core.rules import Rule, Ttl


def rule(minimum: int, step: int = 1, lookback: int = 0, refreshes: bool = True, forgets: bool = True) -> Rule:
    ttls = (Ttl(300, 1.25), Ttl(3600, 2.0)) if forgets else ()
    return Rule(
        "p", ("*",), minimum, 0.1, True, "s", "2026-11-25", "high", step=step, lookback=lookback, ttls=ttls,
        refreshes=refreshes,
    )  # fmt: skip


def alike(one: str, other: str) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


texts = st.text("ab", max_size=12)
gaps = st.sampled_from([0.0, 1.0, 200.0, 300.0, 3600.0, 4000.0])


@given(st.lists(texts, max_size=12))
def test_the_ideal_cache_has_the_longest_beginning_ever_seen(requests: list[str]) -> None:
    cache = IdealCache()
    for number, text in enumerate(requests):
        read = max((alike(text, other) for other in requests[:number]), default=0)
        assert cache.ask(text) == Reading(read, len(text) - read, len(text))


def test_the_ideal_cache_stands_long_conversations() -> None:
    cache, text = IdealCache(), ""
    for turn in range(3000):
        text += f"turn {turn}: "
        assert cache.ask(text).read == len(text) - len(f"turn {turn}: ")


@given(
    requests=st.lists(st.tuples(texts, gaps), max_size=10),
    minimum=st.integers(0, 4),
    step=st.integers(1, 3),
    ratio=st.sampled_from([1.0, 1.5, 2.0]),
    refreshes=st.booleans(),
    forgets=st.booleans(),
)
def test_the_automatic_cache(
    requests: list[tuple[str, float]], minimum: int, step: int, ratio: float, refreshes: bool, forgets: bool
) -> None:
    cache = OpenAICache(rule(minimum, step, refreshes=refreshes, forgets=forgets), ratio)
    held: dict[str, float] = {}  # a beginning of whole steps -> when it ends
    now = 0.0
    for text, gap in requests:
        now += gap
        total = int(len(text) / ratio)
        prefixes = [text[: int(n * step * ratio)] for n in range(1, total // step + 1)] if total >= minimum else []
        alive = [now < held.get(prefix, 0) for prefix in prefixes]
        count = [*alive, False].index(False)
        for number, prefix in enumerate(prefixes):
            if number >= count or refreshes:
                held[prefix] = now + 300 if forgets else float("inf")
        read = count * step if count * step >= minimum else 0
        assert cache.ask(text, now) == Reading(read, len(prefixes) * step - read, total)


def test_openai_reuses_steps_of_128_tokens_from_1024_on() -> None:
    cache = OpenAICache(rule(1024, 128))
    head = "x" * 4 * 1100
    assert cache.ask(head + "a" * 400, 0) == Reading(0, 1152, 1200)
    assert cache.ask(head + "b" * 400, 10) == Reading(1024, 128, 1200)
    assert cache.ask(head + "b" * 400, 309).read == 1152
    assert cache.ask(head + "b" * 400, 609).read == 0
    assert cache.ask("y" * 4000, 610) == cache.ask("y" * 4000, 610) == Reading(0, 0, 1000)


NAMES = ("a", "aa", "a", "a", "aa", "a")
elements = st.tuples(st.integers(0, 6), st.sampled_from(["", "b", "bb"])).map(
    lambda parts: [(name.encode(), len(name)) for name in (*NAMES[: parts[0]], *parts[1])]
)
asked = st.tuples(
    elements, gaps, st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["5m", "1h", "7m"])), max_size=4)
)


class Naive:
    """Entries as a list: the elements, the lifetime, the end."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.entries: list[tuple[list[tuple[bytes, int]], int, float]] = []

    def ask(self, request: list[tuple[bytes, int]], now: float, marks: dict[int, str]) -> Reading:
        self.entries = [e for e in self.entries if now < e[2]]
        names = lambda row: [name for name, _ in row]  # noqa: E731
        size = lambda row: sum(n for _, n in row)  # noqa: E731
        held = [len(e[0]) for e in self.entries if names(e[0]) == names(request[: len(e[0])])]
        reach = self.rule.lookback or 99
        seen = [n for n in held for place in marks if place + 1 - reach < n <= place + 1]
        found = max(seen, default=0)
        used = [found, *(place + 1 for place in marks)]
        if self.rule.refreshes:
            self.entries = [
                (e[0], e[1], now + e[1]) if any(names(e[0]) == names(request[:n]) for n in used) else e
                for e in self.entries
            ]
        paid, by_ttl = found, {"5m": 0, "1h": 0}
        for place in sorted(marks):
            if marks[place] in by_ttl and place + 1 not in held and size(request[: place + 1]) >= self.rule.minimum:
                seconds = {"5m": 300, "1h": 3600}[marks[place]]
                self.entries.append((request[: place + 1], seconds, now + seconds))
                by_ttl[marks[place]] += size(request[paid : place + 1])
                paid = max(paid, place + 1)
        return Reading(size(request[:found]), sum(by_ttl.values()), size(request), by_ttl["1h"])


@given(
    requests=st.lists(asked, max_size=8),
    minimum=st.integers(0, 5),
    lookback=st.integers(0, 3),
    refreshes=st.booleans(),
)
def test_the_cache_with_marks(
    requests: list[tuple[list[tuple[bytes, int]], float, list[tuple[int, str]]]],
    minimum: int,
    lookback: int,
    refreshes: bool,
) -> None:
    known = rule(minimum, lookback=lookback, refreshes=refreshes)
    cache, naive, now = AnthropicCache(known), Naive(known), 0.0
    for row, gap, wanted in requests:
        now += gap
        marks = {place: ttl for place, ttl in wanted if place < len(row)}
        assert cache.ask(row, now, list(marks.items())) == naive.ask(row, now, marks)


def blocks(count: int) -> list[tuple[bytes, int]]:
    return [(b"%d" % n, 1000) for n in range(count)]


@pytest.mark.parametrize(("grown", "read"), [(19, 5000), (20, 0)])
def test_a_mark_finds_an_earlier_entry_among_twenty_blocks_and_its_own_is_the_first(grown: int, read: int) -> None:
    cache = AnthropicCache(rule(1024, lookback=20))
    assert cache.ask(blocks(5), 0, [(4, "5m")]) == Reading(0, 5000, 5000)
    assert cache.ask(blocks(5 + grown), 1, [(4 + grown, "5m")]).read == read


def test_what_is_written_for_the_longer_lifetime_is_told_apart() -> None:
    cache = AnthropicCache(rule(1024, lookback=20))
    assert cache.ask(blocks(5), 0, [(1, "1h"), (4, "5m")]) == Reading(0, 5000, 5000, 2000)
    assert cache.ask(blocks(6), 400, [(1, "1h"), (5, "5m")]) == Reading(2000, 4000, 6000)
    assert cache.ask(blocks(6), 500, [(1, "1h")]) == Reading(2000, 0, 6000)
    assert cache.ask(blocks(1), 500, [(0, "5m")]) == Reading(0, 0, 1000)


def test_a_hit_refreshes_what_is_read_and_what_is_marked() -> None:
    cache = AnthropicCache(rule(1024, lookback=20))
    cache.ask(blocks(4), 0, [(1, "5m"), (3, "5m")])
    assert cache.ask(blocks(6), 200, [(1, "5m"), (5, "5m")]) == Reading(4000, 2000, 6000)
    assert cache.ask(blocks(4), 400, [(3, "5m")]).read == 4000  # was found from a later mark
    assert cache.ask(blocks(2), 450, [(1, "5m")]).read == 2000  # had a mark, though a longer one was read
    assert cache.ask(blocks(2), 750, [(1, "5m")]).read == 0


def test_a_new_mark_before_what_is_read_costs_nothing() -> None:
    cache = AnthropicCache(rule(1024, lookback=20))
    cache.ask(blocks(4), 0, [(3, "5m")])
    assert cache.ask(blocks(4), 1, [(1, "1h"), (3, "5m")]) == Reading(4000, 0, 4000)
    assert cache.ask(blocks(2), 3000, [(1, "1h")]).read == 2000
