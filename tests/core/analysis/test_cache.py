"""The simulated cache of an analysis, against the simple ones as oracles.

By design it differs from them in this: what two messages have in common is their text, not the line that says whose
they are; of blocks that begin alike without being the same only neighbours and the latest are looked at, so that of
several with different ages not always the longest that is alive is found; a cache that does not refresh is followed
where it is automatic. So texts differ from their first character on here, where lifetimes play a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysed import RULES
from everwarm.core.analysis.asked import Asked, Found, salts
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.cache import Cache
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.scale import Places
from everwarm.core.caches import AnthropicCache, IdealCache, OpenAICache
from everwarm.core.layout.piece import Piece
from everwarm.core.rules import Rule, Ttl

SIZE = 100
"""Characters of a block of most tests, and as many tokens."""

Row = Sequence[str]


class Simulated:
    """Asked with texts. A token is a character."""

    def __init__(self, rule: Rule | None, keep: float = 0.0) -> None:
        self.prompts = Prompts()
        self.cache = Cache(self.prompts, rule, keep)
        self.asked = 0

    def ask(
        self,
        row: Row,
        at: float = 0.0,
        marks: Sequence[tuple[int, str]] | None = None,
        salts: tuple[int, int, int] = (0, 0, 0),
        ready: float | None = None,
        lifetime: str = "",
        heads: tuple[int, int] = (0, 0),
        ratio: float = 1.0,
    ) -> Found:
        blocks = [Block("messages", "user", False, text, (piece(text),), len(text)) for text in row]
        path = self.prompts.prefixes.path(self.prompts.prefixes.of(map(self.prompts.number, blocks)))
        sizes = self.prompts.sizes()
        self.asked += 1
        size = sizes[path[-1]] if path else 0
        places = Places([0, size or 1], [0, int(size / ratio)])
        return self.cache.ask(
            Asked(
                path, sizes, places, at, at if ready is None else ready, self.asked - 1, marks, salts, heads, lifetime
            )
        )


def depths(found: Found) -> tuple[int, int, int, int]:
    """Characters that are known, with the same settings, alive, ready."""
    return found.any, found.own, found.alive, found.ready


def piece(text: str) -> Piece:
    return Piece(("content",), "messages", "user", "text", text, 0)


def block(letter: str) -> str:
    return letter * SIZE


letters = st.text("abc", max_size=6)
texts = st.lists(st.text("ab", min_size=1, max_size=4), max_size=5)
gaps = st.sampled_from([0.0, 1.0, 200.0, 300.0, 3600.0, 4000.0])


@settings(deadline=None)  # machines are slow at times
@given(st.lists(texts, max_size=14))
def test_without_limits_it_has_what_the_ideal_cache_has_to_the_character(rows: list[list[str]]) -> None:
    """Each text ends with what is in no other place, for the ideal cache knows no blocks."""
    simulated, ideal = Simulated(None), IdealCache()
    for row in rows:
        ended = [text + "." for text in row]
        found = simulated.ask(ended)
        assert found.any == found.own == found.alive == found.ready == found.rules == ideal.ask("".join(ended)).read


@settings(deadline=None)  # machines are slow at times
@given(
    requests=st.lists(st.tuples(letters, gaps), max_size=14),
    minimum=st.sampled_from([0, 100, 250, 300]),
    step=st.sampled_from([1, 50, 64, 130]),
    ratio=st.sampled_from([1.0, 2.0]),
    refreshes=st.booleans(),
    forgets=st.booleans(),
)
def test_in_steps_it_reads_what_the_automatic_cache_reads(
    requests: list[tuple[str, float]], minimum: int, step: int, ratio: float, refreshes: bool, forgets: bool
) -> None:
    """A lifetime that nothing begins anew begins with a block, though its step may be whole only later: such a rule,
    which no provider has, is kept to the token only if there are no steps and no minimum."""
    if not refreshes:
        minimum, step = 0, 1
    ttls = (Ttl(300, 1.0),) if forgets else ()
    rule = replace(whole(), minimum=minimum, step=step, refreshes=refreshes, ttls=ttls)
    simulated, simple, now = Simulated(rule), OpenAICache(rule, ratio), 0.0
    for row, gap in requests:
        now += gap
        found = simulated.ask([block(letter) for letter in row], now, ratio=ratio)
        reading = simple.ask("".join(map(block, row)), now)
        assert found.rules == reading.read
        assert found.written == (reading.total - reading.read if reading.total >= minimum else 0)


def whole() -> Rule:
    rule = RULES["whole"]
    assert rule is not None
    return rule


marks = st.lists(st.tuples(st.integers(0, 25), st.sampled_from(["5m", "1h", "7m"])), max_size=4)
long_rows = st.tuples(st.integers(0, 24), letters).map(lambda parts: "abcdefghijklmnopqrstuvwx"[: parts[0]] + parts[1])


@settings(deadline=None)  # machines are slow at times
@given(
    requests=st.lists(st.tuples(long_rows, gaps, marks), max_size=14),
    minimum=st.sampled_from([0, 300, 1200]),
    lookback=st.sampled_from([0, 1, 3, 20]),
)
def test_with_marks_it_reads_and_writes_what_the_simple_cache_does(
    requests: list[tuple[str, float, list[tuple[int, str]]]], minimum: int, lookback: int
) -> None:
    rule = replace(marked(), minimum=minimum, lookback=lookback)
    simulated, simple, now = Simulated(rule), AnthropicCache(rule), 0.0
    for row, gap, places in requests:
        now += gap
        chosen = [(place, name) for place, name in places if place < len(row)]
        found = simulated.ask([block(letter) for letter in row], now, chosen)
        reading = simple.ask([(letter.encode(), SIZE) for letter in row], now, chosen)
        assert (found.rules, found.written, found.written_long) == (
            reading.read,
            reading.written,
            reading.written_long,
        )


def marked() -> Rule:
    rule = RULES["marked"]
    assert rule is not None
    return rule


salted = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)).map(
    lambda each: (each[0], each[0] * 2 + each[1], each[0] * 4 + each[1] * 2 + each[2])
)


@settings(deadline=None)  # machines are slow at times
@given(
    requests=st.lists(
        st.tuples(texts, gaps, marks | st.none(), salted, gaps, st.sampled_from(["", "1h", "2h"])), max_size=14
    ),
    rule=st.sampled_from(list(RULES.values())),
    keep=st.sampled_from([0.0, 1000.0]),
    refreshes=st.booleans(),
)
def test_whatever_is_asked_each_place_is_at_most_the_one_before(
    requests: list[tuple[list[str], float, list[tuple[int, str]] | None, tuple[int, int, int], float, str]],
    rule: Rule | None,
    keep: float,
    refreshes: bool,
) -> None:
    simulated, now = Simulated(rule and replace(rule, minimum=3, refreshes=refreshes), keep), 0.0
    for number, (row, gap, places, salt, wait, lifetime) in enumerate(requests):
        now += gap
        heads = min(len(row), 1), min(len(row), 2)
        found = simulated.ask(row, now, places, salt, now + wait, lifetime, heads)
        size = len("".join(row))
        assert size >= found.any >= found.own >= found.alive >= found.ready >= found.rules >= 0
        assert size >= found.rules + found.written
        assert found.written >= found.written_long >= 0
        assert found.ready >= found.beyond >= 0
        assert -1 <= found.pair < number
        assert (found.pair >= 0) == (found.any > 0)


def test_the_pair_is_the_last_one_that_has_all_of_what_was_there_before() -> None:
    simulated = Simulated(None)
    for row in (["aa", "bb"], ["aa", "bbcc"], ["aa"], ["aa", "dd"]):
        simulated.ask(row)
    assert depths(simulated.ask(["aa", "bbcx"]))[:1] == (5,)
    assert simulated.ask(["aa", "bbcy"]).pair == 4
    assert simulated.ask(["aa", "zz"]).pair == 5
    assert simulated.ask(["zz"]).pair == -1


def test_a_longer_lifetime_stays_whoever_uses_it_in_between() -> None:
    simulated, row = Simulated(marked()), [block("a"), block("b")]
    simulated.ask(row, 0.0, [(1, "1h")])
    simulated.ask(row, 10.0, [(0, "5m")])
    found = simulated.ask(row, 1000.0, [(1, "5m")])
    assert found.rules == found.alive == 200
    simulated.ask(row, 1000.0 + 3601, [(1, "5m")])
    assert simulated.ask(row, 1000.0 + 3601 + 301, []).alive == 0


def test_an_entry_that_is_read_lives_on() -> None:
    simulated, row = Simulated(marked()), [block(letter) for letter in "abc"]
    simulated.ask(row[:1], 0.0, [(0, "5m")])
    simulated.ask(row, 200.0, [(2, "5m")])
    assert simulated.ask([row[0], block("x")], 450.0, [(1, "5m")]).rules == 100


def test_what_one_has_made_ready_is_ready_whoever_else_makes_it_too() -> None:
    simulated = Simulated(None)
    simulated.ask(["aa"], 0.0, ready=100.0)
    assert depths(simulated.ask(["aa", "bb"], 1.0, ready=2.0))[2:4] == (2, 0)
    assert depths(simulated.ask(["aa", "bb"], 3.0))[2:4] == (4, 4)
    marks = Simulated(marked())
    marks.ask([block("a")], 0.0, [(0, "5m")], ready=100.0)
    marks.ask([block("a")], 1.0, [(0, "5m")], ready=2.0)
    assert marks.ask([block("a")], 3.0, [(0, "5m")]).rules == 100


def test_marks_that_are_not_known_are_where_they_should_be() -> None:
    simulated, system = Simulated(marked()), block("s")
    assert simulated.ask([system, block("a")], 0.0, heads=(0, 1)).written == 200
    assert simulated.ask([system, block("b")], 1.0, heads=(0, 1)).rules == 100
    assert simulated.ask([system, block("a"), block("c")], 2.0, heads=(0, 1)).rules == 200
    assert simulated.ask([system, block("a")], 400.0, heads=(0, 1), lifetime="1h").written_long == 200
    assert simulated.ask([system, block("a")], 4001.0, heads=(0, 1), lifetime="2h").rules == 0
    assert simulated.ask([system, block("a")], 4300.0, heads=(0, 1)).rules == 200


def test_a_rule_of_marks_without_lifetimes_never_forgets() -> None:
    simulated, row = Simulated(replace(marked(), ttls=())), [block("a")]
    assert simulated.ask(row, 0.0, [(0, "5m")]).written == 100
    assert simulated.ask(row, 1e9, [(0, "5m")]).rules == 100
    assert simulated.ask(row, 2e9).rules == 100


def test_what_is_kept_alive_does_not_expire() -> None:
    for keep, rules in ((0.0, 0), (900.0, 100)):
        simulated = Simulated(marked(), keep)
        simulated.ask([block("a")], 0.0, [(0, "5m")])
        assert simulated.ask([block("a")], 800.0, [(0, "5m")]).rules == rules


def test_an_entry_behind_all_marks_is_not_one_that_is_too_far_before_them() -> None:
    simulated, row = Simulated(replace(marked(), lookback=2)), [block(letter) for letter in "abcdef"]
    simulated.ask(row[:2], 0.0, [(1, "5m")])
    found = simulated.ask(row, 1.0, [(0, "5m"), (5, "5m")])
    assert (found.rules, found.beyond) == (0, 200)
    assert simulated.ask(row, 2.0, [(0, "5m")]).beyond == 0


def test_settings_part_what_depends_on_them_and_nothing_before() -> None:
    simulated, row = Simulated(whole()), ["tt", "ss", "mm"]
    simulated.ask(row, heads=(1, 2))
    assert depths(simulated.ask(row, heads=(1, 2), salts=(0, 0, 1)))[:3] == (6, 4, 4)
    assert depths(simulated.ask(row, heads=(1, 2), salts=(0, 2, 3)))[:3] == (6, 2, 2)
    assert depths(simulated.ask(row, heads=(1, 2)))[:3] == (6, 6, 6)
    assert simulated.ask(row, heads=(1, 2), salts=(0, 0, 1)).own == 6
    assert depths(simulated.ask(["tt", "ss", "mx"], heads=(1, 2), salts=(0, 0, 4)))[:3] == (5, 4, 4)
    assert simulated.ask(["tt", "ss", "mn"], heads=(1, 2), salts=(0, 0, 1)).own == 5


@given(
    heads=st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda counts: (counts[0], sum(counts))),
    calls=st.lists(st.tuples(letters, st.booleans(), st.sampled_from([(0, 0, 1), (0, 2, 3), (4, 4, 5)])), max_size=9),
)
def test_keys_of_a_prompt_that_goes_on_are_those_that_it_has_by_itself(
    heads: tuple[int, int], calls: list[tuple[str, bool, tuple[int, int, int]]]
) -> None:
    prefixes, cache, sizes, row = Prompts().prefixes, Simulated(whole()).cache, range(99), ""
    for more, grows, salted in calls:
        row = row + more if grows else more
        path = prefixes.path(prefixes.of(map(ord, row)))
        asked = Asked(path, sizes, Places([0, 1], [0, 1]), 0.0, 0.0, 0, None, salted, heads)
        assert cache._keys(asked) == asked.keys()


def test_keys_are_kept_of_the_prompts_that_came_last() -> None:
    simulated = Simulated(whole())
    for number in range(99):
        simulated.ask([str(number)], salts=(0, 0, 1))
    assert len(simulated.cache._keyed) == 64
    assert simulated.ask(["7"], salts=(0, 0, 1)).own == 1


def test_settings_that_were_never_without_a_value_at_first() -> None:
    """The first call has one, and a later one has none."""
    simulated = Simulated(whole())
    simulated.ask(["aa"], salts=(1, 1, 1))
    assert depths(simulated.ask(["aa"]))[:2] == (2, 0)


def test_what_a_tier_depends_on_those_behind_it_do_as_well() -> None:
    known: dict[object, int] = {}
    rule = replace(whole(), invalidates={"a": ("tools",), "b": ("messages",)})
    assert salts({"b": "1", "c": "1"}, rule, known) == (0, 0, 1)
    tools, system, messages = salts({"a": "1", "b": "1"}, rule, known)
    assert tools == system
    assert len({0, 1, tools, messages}) == 4
    assert salts({"a": "1", "b": "1"}, None, known) == (0, 0, 0)


@pytest.mark.parametrize("rule", [None, "whole", "steps", "marked"])
def test_nothing_is_known_of_nothing(rule: str | None) -> None:
    simulated = Simulated(RULES[rule] if rule else None)
    assert simulated.ask([], marks=[]) == simulated.ask([]) == Found(0, 0, 0, 0, 0, 0, -1)
    assert simulated.ask(["aa"]).any == 0


def test_where_reading_does_not_refresh_an_entry_ends_when_it_was_to() -> None:
    simulated, row = Simulated(replace(marked(), refreshes=False)), [block("a")]
    simulated.ask(row, 0.0, [(0, "5m")])
    assert simulated.ask(row, 299.0, [(0, "5m")]).rules == 100
    assert simulated.ask(row, 300.0, [(0, "5m")]).rules == 0
