"""What a call cost, by list prices and a provider's factors: checked with the arithmetic of the price lists."""

from __future__ import annotations

import pytest

from everwarm.analyze.sums.money import Bill, Money
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import Prompt
from everwarm.core.usage import Usage
from everwarm.rules import load

AT = 1_764_000_000.0


def call(provider: str, model: str, tokens: int, output: int = 0, at: float | None = AT) -> Call:
    made = Call(Place("log", 1), Line(provider, model), "", Prompt(0, 0, ()), 0, at=at, tokens=tokens)
    made.usage = Usage(tokens, 0, output) if output else None
    return made


def test_writing_costs_what_its_lifetime_does() -> None:
    """Sonnet 4.5: 3 and 15 dollars a million; written 1.25 times for five minutes, twice for an hour; read a tenth."""
    rule = load().of("anthropic", "claude-sonnet-4-5")
    asked = call("anthropic", "claude-sonnet-4-5", 10_000, output=500)
    cost = Money().cost(asked, rule, 4_000, 5_000, 2_000)
    assert cost == pytest.approx((1_000 * 3 + 3_000 * 3.75 + 2_000 * 6 + 4_000 * 0.3 + 500 * 15) / 1e6)
    assert Money().cost(asked, None, 0, 0, 0) == pytest.approx((10_000 * 3 + 500 * 15) / 1e6)
    assert Money().saved(asked, rule, 1_000_000) == pytest.approx(2.7)


def test_a_bill_is_of_the_rule_that_it_is_asked_with() -> None:
    """Each of them, whichever came before; and what a call costs is the same however it is asked for."""
    rule = load().of("anthropic", "claude-sonnet-4-5")
    money, asked = Money(), call("anthropic", "claude-sonnet-4-5", 10_000, output=500)
    account = Account(10_000, 4_000, (), written=5_000, written_long=2_000)
    bills = [money.bill(asked, each, account) for each in (rule, None, rule)]
    assert [bill.cost for bill in bills] == [
        money.cost(asked, each, 4_000, 5_000, 2_000) for each in (rule, None, rule)
    ]
    assert bills[0] == bills[2]
    assert bills[0].cost != bills[1].cost
    assert [bill.uncached for bill in bills] == [money.cost(asked, None, 0, 0, 0)] * 3
    assert [bill.saving for bill in bills] == [money.saved(asked, each, 1) for each in (rule, None, rule)]


def test_where_writing_is_free_it_costs_as_any_token() -> None:
    rule = load().of("openai", "gpt-5-mini")
    asked = call("openai", "gpt-5-mini", 10_000)
    assert Money().cost(asked, rule, 4_096, 5_904, 0) == pytest.approx((5_904 * 0.25 + 4_096 * 0.025) / 1e6)


def test_a_cache_never_gives_back_more_than_was_asked() -> None:
    asked = call("openai", "gpt-5-mini", 100)
    assert Money().cost(asked, None, 90, 90, 0) == pytest.approx((90 * 0.25 + 90 * 0.025) / 1e6)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("", "house-7"), ("openai", "gpt-of-tomorrow-9"), ("anthropic", ""), ("vllm", "qwen-at-home")],
)
def test_what_is_not_listed_has_no_price(provider: str, model: str) -> None:
    money, asked = Money(), call(provider, model, 10)
    assert money.price(asked) is None
    assert money.cost(asked, None, 0, 0, 0) is None
    assert money.saved(asked, None, 10) is None
    assert money.bill(asked, None, Account(10, 0, ())) == Bill(None, None, None)


def test_a_call_without_a_time_or_with_an_impossible_one() -> None:
    assert Money().price(call("openai", "gpt-5-mini", 1, at=None)) is not None
    Money().price(call("openai", "gpt-5-mini", 1, at=9e17))


def test_where_the_list_gives_no_discount_the_rule_may() -> None:
    rule = load().of("openai", "gpt-4")
    asked = call("openai", "gpt-4", 1_000)
    price = Money().price(asked)
    assert price is not None
    assert price.cache_read == price.input
    assert rule is not None
    expected = 1_000 * price.input * (1 - rule.read_factor) / 1e6
    assert Money().saved(asked, rule, 1_000) == pytest.approx(expected)
    assert Money().saved(asked, None, 1_000) == 0
