"""What calls cost, and would cost otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

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
    """Of one model on one day, under one rule: US dollars per million tokens."""

    rule: Rule | None
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
    """Prices of each model at the time of each call; US dollars. None where a model is not listed."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], Price | None] = {}
        self._rates: dict[tuple[str, str, int], _Rates] = {}

    def price(self, call: Call) -> Price | None:
        """The model's list price on the day of the call."""
        day = int((call.at or 0) // 86_400)
        key = call.line.provider, call.line.model, day
        if key not in self._known:
            self._known[key] = _find(call.line.provider, call.line.model, call.at or 0.0)
        return self._known[key]

    def cost(self, call: Call, rule: Rule | None, read: int, written: int, long: int) -> float | None:
        """Of a call that read and wrote so many tokens; ``long``: of the written, those for a longer lifetime."""
        rates = self._rates_of(call, rule)
        if rates is None:
            return None
        return _cost(rates, call.tokens, call.usage.output if call.usage else 0, read, written, long)

    def saved(self, call: Call, rule: Rule | None, tokens: int) -> float | None:
        """What reading so many tokens saves against computing them."""
        rates = self._rates_of(call, rule)
        return None if rates is None else tokens * ((rates.new - rates.read) / MILLION)

    def bill(self, call: Call, rule: Rule | None, account: Account) -> Bill:
        """Of a call that read and wrote what its account says."""
        rates = self._rates_of(call, rule)
        if rates is None:
            return _UNKNOWN
        tokens, output = call.tokens, call.usage.output if call.usage else 0
        cost = _cost(rates, tokens, output, account.read, account.written, account.written_long)
        _, new, read, _, _, out = rates
        return Bill(cost, (tokens * new + output * out) / MILLION, (new - read) / MILLION)

    def _rates_of(self, call: Call, rule: Rule | None) -> _Rates | None:
        line = call.line
        key = line.provider, line.model, int((call.at or 0) // 86_400)
        rates = self._rates.get(key)
        if rates is None or rates.rule is not rule:
            price = self.price(call)
            if price is None:
                return None
            short, longer = (
                (rule.ttls[0].write_factor, rule.ttls[-1].write_factor) if rule and rule.ttls else (1.0, 1.0)
            )
            rates = _Rates(rule, price.input, _read(price, rule), short, longer, price.output)
            self._rates[key] = rates
        return rates


def plus(one: float | None, other: float | None) -> float | None:
    """The sum; None if one is not known."""
    return None if one is None or other is None else one + other


def _cost(rates: _Rates, tokens: int, output: int, read: int, written: int, long: int) -> float:
    _, new, again, short, longer, out = rates
    weighted = max(tokens - read - written, 0) + (written - long) * short + long * longer
    return (weighted * new + read * again + output * out) / MILLION


def _read(price: Price, rule: Rule | None) -> float:
    """The list knows best; where it gives no discount, the provider's rule may."""
    if price.cache_read < price.input or rule is None:
        return price.cache_read
    return price.input * rule.read_factor


def _find(provider: str, model: str, at: float) -> Price | None:
    names = [f"{_LISTED[provider]}/{model}"] if provider in _LISTED else []
    for name in (*names, model):
        try:
            return Prices(name).find(at)
        except (ConfigError, ValueError, OverflowError, OSError):  # a time that no calendar has
            continue
    return None
