"""Cache rules as data: read, refused with a reason, and found by model."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.rules import Rule, Rules, Ttl, parse
from everwarm.errors import ConfigError

ROW = """
[[rule]]
provider = "p"
models = ["m-*"]
minimum = 1024
read_factor = 0.1
automatic = true
source = "somewhere"
checked = 2026-11-25
confidence = "high"
"""


def with_line(line: str, row: str = ROW) -> str:
    name = line.split(" =")[0]
    return re.sub(rf"(?m)^{name} =.*\n", "", row) + line + "\n"


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "mine.toml")
    return caught.value.message


def test_a_row_in_full() -> None:
    more = """
step = 128
mark = "cache_control"
marks = 4
considered = 80
lookback = 20
ttls = [{ seconds = 300, write_factor = 1.25 }, { seconds = 3600, write_factor = 2 }]
refreshes = false
usage = ["cached_tokens"]
reasons = ["model_changed"]
conflicts = ["others say 2,048"]
invalidates = { tool_choice = ["messages"] }
"""
    (rule,) = parse(ROW + more, "mine.toml")
    assert rule == Rule(
        provider="p",
        models=("m-*",),
        minimum=1024,
        read_factor=0.1,
        automatic=True,
        source="somewhere",
        checked="2026-11-25",
        confidence="high",
        step=128,
        mark="cache_control",
        marks=4,
        considered=80,
        lookback=20,
        ttls=(Ttl(300, 1.25), Ttl(3600, 2.0)),
        refreshes=False,
        invalidates={"tool_choice": ("messages",)},
        usage=("cached_tokens",),
        reasons=("model_changed",),
        conflicts=("others say 2,048",),
        origin="mine.toml",
    )
    assert [ttl.name for ttl in rule.ttls] == ["5m", "1h"]
    assert rule.ttl("1h") == Ttl(3600, 2.0)
    assert rule.ttl("2h") is None


def test_what_is_common_holds_where_a_row_says_nothing_else() -> None:
    first, second = parse('[common]\nstep = 16\nprovider = "q"\n' + ROW + "step = 2\n" + ROW, "f")
    assert (first.step, second.step) == (2, 16)
    assert first.provider == "p"
    (third,) = parse(ROW.replace("[[rule]]", "[common]") + "\n[[rule]]", "f")
    assert third.minimum == 1024
    assert parse("", "f") == ()


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('provider = ""', "must be a text"),
        ("models = []", "must name at least one"),
        ("models = [1]", "must be a list of texts"),
        ("minimum = -1", "a whole number, 0 or more"),
        ("minimum = true", "a whole number, 0 or more"),
        ("minimum = 1.5", "a whole number, 0 or more"),
        ("step = 0", "a whole number, 1 or more"),
        ("read_factor = nan", "from 0 to 100"),
        ('read_factor = "0.1"', "from 0 to 100"),
        ("automatic = 1", "must be true or false"),
        ('checked = "2026-11-25"', "a day, without quotes"),
        ("checked = 2026-11-25T10:00:00", "a day, without quotes"),
        ('mark = "here"', '"cache_control" or "prompt_cache_breakpoint"'),
        ('confidence = "sure"', '"high", "medium" or "low"'),
        ("ttls = 300", "{ seconds, write_factor }"),
        ("ttls = [{ seconds = 300 }]", "{ seconds, write_factor }"),
        ("ttls = [300]", "{ seconds, write_factor }"),
        ("ttls = [{ seconds = 0, write_factor = 1 }]", "60 or more"),
        ("ttls = [{ seconds = 90, write_factor = 1 }]", "whole number of minutes"),
        ("ttls = [{ seconds = 600, write_factor = 1 }, { seconds = 300, write_factor = 1 }]", "shorter lifetimes"),
        ("ttls = [{ seconds = 300, write_factor = 1 }, { seconds = 300, write_factor = 2 }]", "each once"),
        ("invalidates = 1", "a table of what changes"),
        ('invalidates = { "Tool Choice" = ["messages"] }', "a table of what changes"),
        ('invalidates = { tools = ["prompt"] }', "the tiers are tools, system, messages"),
        ("lookbak = 20", "no rule has such a member. Did you mean lookback?"),
        ("origin = 'x'", "no rule has such a member."),
    ],
)
def test_what_is_wrong_is_named_by_file_row_and_member(line: str, word: str) -> None:
    said = refused(ROW + with_line(line))
    assert said.startswith(f"mine.toml, rule 2: {line.split(' =')[0]}: ")
    assert word in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]", "mine.toml: is not valid TOML: "),
        ("a = " + "1" * 5000, "mine.toml: is not valid TOML: "),
        ("a = " + "[" * 4000, "mine.toml: is not "),
        ("rules = []", "mine.toml: 'rules' is unknown here; there are [common] and [[rule]]."),
        ("rule = 1", "mine.toml: [common] is one table, and [[rule]] a list of them."),
        ("rule = [1]", "mine.toml: [common] is one table, and [[rule]] a list of them."),
        ("common = 1", "mine.toml: [common] is one table, and [[rule]] a list of them."),
        ("[common]\nsteps = 1", "mine.toml, [common]: steps: no rule has such a member. Did you mean step?"),
        (ROW.replace('source = "somewhere"\n', ""), "mine.toml, rule 1: source is missing."),
        (ROW + "marks = 4", "mine.toml, rule 1: mark and marks go together"),
        (with_line("automatic = false"), "mine.toml, rule 1: a cache is automatic, or has marks."),
    ],
    ids=range(11),
)
def test_what_is_wrong_with_a_table(text: str, said: str) -> None:
    assert refused(text).startswith(said)


def test_all_that_is_wrong_is_told_at_once() -> None:
    said = refused(with_line("minimum = -1") + with_line("step = 0"))
    assert said.splitlines()[0] == "2 things are wrong with the rules:"
    assert [line.split(":")[0] for line in said.splitlines()[1:]] == ["  mine.toml, rule 1", "  mine.toml, rule 2"]


def test_a_member_that_is_wrong_is_not_called_missing() -> None:
    assert "missing" not in refused(with_line("minimum = -1"))


def rules(*patterns: str) -> tuple[Rule, ...]:
    return tuple(
        Rule("p", (pattern,), number, 0.1, True, "s", "2026-11-25", "high") for number, pattern in enumerate(patterns)
    )


@pytest.mark.parametrize(
    ("model", "number"),
    [
        ("claude-opus-4-5-20251101", 2),
        ("Claude-Opus-4.5", 2),
        ("claude-opus-4", 1),
        ("claude-haiku", 3),
        ("us.anthropic.claude-haiku-v1:0", 4),
        ("gpt", 0),
        ("claude-opus\n", 1),
    ],
)
def test_the_most_specific_pattern_counts(model: str, number: int) -> None:
    known = Rules(rules("*", "claude-opus*", "claude-opus-4.5*", "claude-haiku", "*.claude-haiku*", "claude-opus-4-5*"))
    found = known.of("p", model)
    assert found
    assert found.minimum == number
    assert known.of("q", model) is None


def test_no_rule_fits() -> None:
    assert Rules(rules("claude*", "x.y")).of("p", "xzy") is None
    assert Rules().of("p", "m") is None


def test_an_earlier_layer_hides_a_later_one() -> None:
    known = Rules(rules("claude-*"), rules("-", "claude-opus-4.5", "gpt*"))
    assert [known.of("p", model) for model in ("claude-opus-4.5", "gpt-5")] == [known.layers[0][0], known.layers[1][2]]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConfigError):
        assert parse(text, "f") == ()


def test_whose_caches_are_known() -> None:
    rows = parse(ROW + ROW.replace('"p"', '"q"'), "mine.toml")
    assert Rules(rows, parse(ROW, "ours.toml")).providers == {"p", "q"}
    assert Rules().providers == frozenset()
