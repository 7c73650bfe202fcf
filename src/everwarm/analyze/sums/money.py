"""What calls cost, and would cost otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from everwarm.core.analysis.account import RuleOf
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Account
from everwarm.core.rules import Rule
from everwarm.errors import ConfigError
from everwarm.ledger.prices import MILLION, Price, Prices

_LISTED: Final = {
    "anthropic": "anthropic",
    "openai": "openai",
    "gemini": "google",
    "deepseek": "deepseek",
    "xai": "x-ai",
}
"""Our name of a provider -> that of the price list."""


class _Rates(NamedTuple):
    """Of one model on one day: US dollars per million tokens."""

    new: float
    read: float
    short: float  # prices of a new token that writing one costs
    longer: float  # the same for the longest lifetime
    output: float


@dataclass(slots=True)
class Bill:
    """Of one call, in US dollars. None where the model is not listed."""

    cost: float | None
    uncached: float | None  # what it would have cost without a cache
    saving: float | None  # what reading one more token from the cache would have saved


_UNKNOWN: Final = Bill(None, None, None)


class Money:
    """Prices of each model at the time of each call, under its provider's rule; US dollars. None where a model is not
    listed."""

    def __init__(self, rule_of: RuleOf) -> None:
        self._rule_of = rule_of
        self._known: dict[tuple[str, str, int], _Rates | None] = {}

    def cost(self, call: Call, read: int, written: int, long: int) -> float | None:
        """Of a call that read and wrote so many tokens; ``long``: of the written, those for a longer lifetime."""
        rates = self._of(call)
        if rates is None:
            return None
        return _cost(rates, call.tokens, call.usage.output if call.usage else 0, read, written, long)

    def again(self, call: Call) -> float | None:
        """Of reading all of its prompt once more, for no answer."""
        rates = self._of(call)
        return None if rates is None else call.tokens * rates.read / MILLION

    def saved(self, call: Call, tokens: int) -> float | None:
        """What reading so many tokens saves against computing them."""
        rates = self._of(call)
        return None if rates is None else tokens * ((rates.new - rates.read) / MILLION)

    def bill(self, call: Call, account: Account) -> Bill:
        """Of a call that read and wrote what its account says."""
        rates = self._of(call)
        if rates is None:
            return _UNKNOWN
        tokens, output = call.tokens, call.usage.output if call.usage else 0
        cost = _cost(rates, tokens, output, account.read, account.written, account.written_long)
        new, read, _, _, out = rates
        return Bill(cost, (tokens * new + output * out) / MILLION, (new - read) / MILLION)

    def _of(self, call: Call) -> _Rates | None:
        """Those of the day of the call."""
        provider, model, _, _, _ = call.line
        key = provider, model, int((call.at or 0.0) // 86_400)
        try:
            return self._known[key]
        except KeyError:
            rates = self._known[key] = _rates(self._rule_of(provider, model), price_of(call))
            return rates


def price_of(call: Call) -> Price | None:
    """The list price of the call's model on its day."""
    provider, model = call.line.provider, call.line.model
    names = [f"{_LISTED[provider]}/{model}"] if provider in _LISTED else []
    for name in (*names, model):
        try:
            return Prices(name).find(call.at or 0.0)
        except (ConfigError, ValueError, OverflowError, OSError):  # a time that no calendar has
            continue
    return None


def plus(one: float | None, other: float | None) -> float | None:
    """The sum; None if one is not known."""
    return None if one is None or other is None else one + other


def _cost(rates: _Rates, tokens: int, output: int, read: int, written: int, long: int) -> float:
    new, again, short, longer, out = rates
    rest = tokens - read - written
    weighted = (rest if rest > 0 else 0) + (written - long) * short + long * longer
    return (weighted * new + read * again + output * out) / MILLION


def _rates(rule: Rule | None, price: Price | None) -> _Rates | None:
    """The list knows best; where it gives no discount for reading, the provider's rule may."""
    if price is None:
        return None
    ttls = rule.ttls if rule is not None else ()
    read = price.cache_read if rule is None or price.cache_read < price.input else price.input * rule.read_factor
    short, longer = (ttls[0].write_factor, ttls[-1].write_factor) if ttls else (1.0, 1.0)
    return _Rates(price.input, read, short, longer, price.output)
