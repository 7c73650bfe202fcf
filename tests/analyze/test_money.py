"""What a call cost, by list prices and a provider's factors: checked with the arithmetic of the price lists."""

from __future__ import annotations

import pytest

from everwarm.analyze.sums.money import Bill, Money, price_of
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import Prompt
from everwarm.core.rules import Rule
from everwarm.core.usage import Usage
from everwarm.rules import load

AT = 1_764_000_000.0


def call(provider: str, model: str, tokens: int, output: int = 0, at: float | None = AT) -> Call:
    made = Call(Place("log", 1), Line(provider, model), "", Prompt(0, 0, ()), 0, at=at, tokens=tokens)
    made.usage = Usage(tokens, 0, output) if output else None
    return made


def under(rule: Rule | None) -> Money:
    return Money(lambda provider, model: rule)


def test_writing_costs_what_its_lifetime_does() -> None:
    """Sonnet 4.5: 3 and 15 dollars a million; written 1.25 times for five minutes, twice for an hour; read a tenth."""
    money = Money(load().of)
    asked = call("anthropic", "claude-sonnet-4-5", 10_000, output=500)
    cost = money.cost(asked, 4_000, 5_000, 2_000)
    assert cost == pytest.approx((1_000 * 3 + 3_000 * 3.75 + 2_000 * 6 + 4_000 * 0.3 + 500 * 15) / 1e6)
    assert under(None).cost(asked, 0, 0, 0) == pytest.approx((10_000 * 3 + 500 * 15) / 1e6)
    assert money.saved(asked, 1_000_000) == pytest.approx(2.7)


def test_what_a_call_costs_is_the_same_however_it_is_asked_for() -> None:
    asked = call("anthropic", "claude-sonnet-4-5", 10_000, output=500)
    account = Account(10_000, 4_000, (), written=5_000, written_long=2_000)
    for money in (Money(load().of), under(None)):
        assert money.bill(asked, account) == Bill(
            money.cost(asked, 4_000, 5_000, 2_000), money.cost(asked, 0, 0, 0), money.saved(asked, 1)
        )


def test_each_model_has_its_own_price_and_rule_on_each_day() -> None:
    """Whatever was asked for before."""
    money, rules = Money(load().of), load()
    for provider, model in [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5-mini")] * 2:
        for at in (None, AT, AT + 86_400):
            asked = call(provider, model, 10_000, at=at)
            assert money.cost(asked, 5_000, 0, 0) == Money(rules.of).cost(asked, 5_000, 0, 0) is not None


def test_where_writing_is_free_it_costs_as_any_token() -> None:
    asked = call("openai", "gpt-5-mini", 10_000)
    assert Money(load().of).cost(asked, 4_096, 5_904, 0) == pytest.approx((5_904 * 0.25 + 4_096 * 0.025) / 1e6)


def test_a_cache_never_gives_back_more_than_was_asked() -> None:
    asked = call("openai", "gpt-5-mini", 100)
    assert under(None).cost(asked, 90, 90, 0) == pytest.approx((90 * 0.25 + 90 * 0.025) / 1e6)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("", "house-7"), ("openai", "gpt-of-tomorrow-9"), ("anthropic", ""), ("vllm", "qwen-at-home")],
)
def test_what_is_not_listed_has_no_price(provider: str, model: str) -> None:
    money, asked = under(None), call(provider, model, 10)
    assert price_of(asked) is None
    assert money.cost(asked, 0, 0, 0) is None
    assert money.saved(asked, 10) is None
    assert money.bill(asked, Account(10, 0, ())) == Bill(None, None, None)


def test_a_call_without_a_time_or_with_an_impossible_one() -> None:
    assert price_of(call("openai", "gpt-5-mini", 1, at=None)) is not None
    price_of(call("openai", "gpt-5-mini", 1, at=9e17))


def test_where_the_list_gives_no_discount_the_rule_may() -> None:
    rule = load().of("openai", "gpt-4")
    asked = call("openai", "gpt-4", 1_000)
    price = price_of(asked)
    assert price is not None
    assert price.cache_read == price.input
    assert rule is not None
    expected = 1_000 * price.input * (1 - rule.read_factor) / 1e6
    assert under(rule).saved(asked, 1_000) == pytest.approx(expected)
    assert under(None).saved(asked, 1_000) == 0
