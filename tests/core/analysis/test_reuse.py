"""What caches of all sizes have of a trace, beside published figures, plain caches, and the engine's own tree."""

from __future__ import annotations

from collections import OrderedDict

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis import recency
from everwarm.core.analysis.reuse import WAITS
from everwarm.core.key import PUBLIC
from everwarm.core.prefix import pack
from everwarm.core.radix import Radix
from mooncake import SIZE, Row, reuse, rows

PUBLISHED = {2_000: 0.0554, 5_000: 0.1140, 20_000: 0.2935, 50_000: 0.3615}
"""Blocks of a cache -> its token hit rate on the Mooncake conversations."""

BLOCK = 4


def tokens_of(blocks: int, row: Row, size: int) -> int:
    """What of a request these blocks are."""
    return min(blocks * size, row.tokens)


def plain(rows: list[Row], size: int, capacity: int) -> int:
    """The tokens that an LRU cache of so many blocks has, of which each is known by its whole prefix."""
    cache: OrderedDict[tuple[int, ...], None] = OrderedDict()
    read = 0
    for row in rows:
        prefixes = [tuple(row.hashes[: n + 1]) for n in range(len(row.hashes))]
        known = next((n for n, prefix in enumerate(prefixes) if prefix not in cache), len(prefixes))
        read += tokens_of(known, row, size)
        for prefix in reversed(prefixes):
            cache[prefix] = None
            cache.move_to_end(prefix)
        while len(cache) > capacity:
            cache.popitem(last=False)
    return read


def in_the_engines_tree(rows: list[Row], size: int, capacity: int) -> int:
    """The same in the tree of the engine, whose leaf that was not used longest goes first: its half-life is short."""
    tree, left, read = Radix(1, half_life=0.01), capacity, 0
    for now, row in enumerate(rows):
        match = tree.match(PUBLIC, pack(row.hashes))
        node = match.node
        read += tokens_of(node.end, row, size)
        for each in match.path():
            tree.warm(each, now)
        tree.use(node)
        for block in row.hashes[node.end :]:
            left += len(tree.evict(1)) if not left else 0
            if not left:
                break
            child, _ = tree.insert(node, pack([block]), 0, now)
            tree.hold(child)
            node, left = child, left - 1
        tree.release(node)
    return read


def living(rows: list[Row], size: int, seconds: float) -> int:
    """The tokens that are read where a block lives so long since its last use."""
    used: dict[tuple[int, ...], float] = {}
    read = 0
    for row in rows:
        prefixes = [tuple(row.hashes[: n + 1]) for n in range(len(row.hashes))]
        lives = [row.at - used.get(prefix, float("-inf")) <= seconds for prefix in prefixes]
        read += tokens_of([*lives, False].index(False), row, size)
        used.update(dict.fromkeys(prefixes, row.at))
    return read


steps = st.tuples(
    st.integers(0, 30),  # the earlier row that it begins as
    st.integers(0, 9),  # and for how long
    st.lists(st.integers(0, 3), max_size=4),  # then this: hashes come again after other ones
    st.integers(-6, 6),  # what its tokens are too many or too few
    st.sampled_from([0.0, 1.0, 10.0, 200.0, 4000.0]),  # seconds after the one before
)


def told(steps: list[tuple[int, int, list[int], int, float]]) -> list[Row]:
    found, at = [Row([], 0, 0.0)], 0.0
    for which, length, more, tokens, wait in steps:
        row = found[which % len(found)].hashes[:length] + more
        at += wait
        found.append(Row(row, max(0, len(row) * BLOCK + tokens), at))
    return found


traces = st.lists(steps, max_size=25).map(told)


@given(traces, st.sampled_from([1, 4, recency.FEWEST]))
def test_all_sizes_at_once_are_as_each_size_by_itself(trace: list[Row], room: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recency, "FEWEST", room)
        found = reuse(trace, BLOCK)
    for capacity in range(12):
        assert found.read(capacity * BLOCK) == plain(trace, BLOCK, capacity)
    assert found.known == found.read(10**9) == plain(trace, BLOCK, 10**9)
    assert found.tokens == sum(row.tokens for row in trace)
    assert found.requests == len(trace)


@given(traces, st.integers(0, 12))
def test_the_engines_tree_lets_go_of_the_same_blocks(trace: list[Row], capacity: int) -> None:
    assert reuse(trace, BLOCK).read(capacity * BLOCK) == in_the_engines_tree(trace, BLOCK, capacity)


@given(traces)
def test_lifetimes_are_as_each_by_itself(trace: list[Row]) -> None:
    found = reuse(trace, BLOCK)
    rates = [living(trace, BLOCK, seconds) / max(found.tokens, 1) for seconds in WAITS[:-1]]
    assert [rate for _, rate in found.ttl()] == rates
    assert [seconds for seconds, _ in found.ttl()] == list(WAITS[:-1])
    assert sum(found.waits) == found.known


@given(traces, st.floats(0, 1))
def test_what_is_needed_for_a_share_is_enough_and_no_more(trace: list[Row], share: float) -> None:
    found = reuse(trace, BLOCK)
    needed = found.needed(share)
    assert found.read(needed) >= share * found.known
    assert needed == 0 or found.read(needed - BLOCK) < share * found.known


def test_many_requests_of_few_blocks() -> None:
    """The order is made anew several times, and its sums have several levels."""
    trace = [Row([n * n % 97, n % 5, n % 1009], 3 * BLOCK, float(n)) for n in range(3 * recency.FEWEST)]
    found = reuse(trace, BLOCK)
    for capacity in (1, 50, 97, 400, 1500, 3000):
        assert found.read(capacity * BLOCK) == plain(trace, BLOCK, capacity)


def test_rows_may_be_very_long() -> None:
    long = list(range(70_000))
    found = reuse([Row(long, len(long) * BLOCK, 0.0), Row(long, len(long) * BLOCK, 1.0)], BLOCK)
    assert [found.read(blocks * BLOCK) // BLOCK for blocks in (1, 65_535, 65_536, 65_537, 80_000)] == [
        1, 65_535, 65_536, 65_537, 70_000,
    ]  # fmt: skip


def test_sizes_go_from_one_request_to_all_that_can_be_had() -> None:
    trace = [Row(list(range(n, n + 10)), 10 * BLOCK, 0.0) for n in [*range(0, 1000, 10), *range(0, 1000, 10)]]
    curve = reuse(trace, BLOCK).curve()
    assert curve == [(50, 0.0), (100, 0.0), (200, 0.0), (500, 0.0), (1000, 0.0), (2000, 0.0), (5000, 0.5)]
    assert reuse(trace, BLOCK).curve([4000, 3999]) == [(4000, 0.5), (3999, 0.45)]  # only ends go


def test_of_no_requests_there_is_nothing() -> None:
    found = reuse([], BLOCK)
    assert (found.unlimited, found.rate(100), found.curve(), found.needed(0.9)) == (0.0, 0.0, [], 0)


def test_the_published_figures_of_mooncake() -> None:
    found = reuse(rows(), SIZE)
    assert round(found.unlimited, 4) == 0.3736
    assert {blocks: round(found.rate(blocks * SIZE), 4) for blocks in PUBLISHED} == PUBLISHED


def test_the_engines_tree_on_mooncake() -> None:
    capacity = 20_000
    assert reuse(rows(), SIZE).read(capacity * SIZE) == in_the_engines_tree(rows(), SIZE, capacity)


@pytest.mark.parametrize("capacity", PUBLISHED)
def test_as_another_simulator_has_it(capacity: int) -> None:
    """It counts the second half of the requests only, and knows neither times nor lifetimes."""
    simulator = pytest.importorskip("kvcache_sim.policies", reason="kvcache-simulator is not installed")
    plans, reader = (pytest.importorskip(f"kvcache_sim.{name}") for name in ("plan", "trace"))
    lines = (orjson.dumps({"hash_ids": row.hashes, "input_length": row.tokens}).decode() for row in rows())
    plan = plans.build_execution_plan(reader.parse_trace_lines(lines, block_size=SIZE))
    found, half = reuse(rows(), SIZE), reuse(rows()[: plan.warmup_requests], SIZE)
    assert simulator.simulate_ceiling(plan).hitTokens == found.known - half.known
    theirs = simulator.simulate_policy(plan, "lru", capacity)
    assert theirs.hitTokens == found.read(capacity * SIZE) - half.read(capacity * SIZE)
    assert theirs.totalTokens == found.tokens - half.tokens
