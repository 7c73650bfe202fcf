"""What calls cost, and would cost otherwise."""

from __future__ import annotations

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


class Bill(NamedTuple):
    """Of one call, in US dollars. None where the model is not listed."""

    cost: float | None
    uncached: float | None  # what it would have cost without a cache
    saving: float | None  # what reading one more token from the cache would have saved


_UNKNOWN: Final = Bill(None, None, None)


class Money:
    """Prices of each model at the time of each call; US dollars. None where a model is not listed."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], Price | None] = {}

    def price(self, call: Call) -> Price | None:
        """The model's list price on the day of the call."""
        day = int((call.at or 0) // 86_400)
        key = call.line.provider, call.line.model, day
        if key not in self._known:
            self._known[key] = _find(call.line.provider, call.line.model, call.at or 0.0)
        return self._known[key]

    def cost(self, call: Call, rule: Rule | None, read: int, written: int, long: int) -> float | None:
        """Of a call that read and wrote so many tokens; ``long``: of the written, those for a longer lifetime."""
        price = self.price(call)
        return None if price is None else _cost(price, rule, call, read, written, long)

    def saved(self, call: Call, rule: Rule | None, tokens: int) -> float | None:
        """What reading so many tokens saves against computing them."""
        price = self.price(call)
        return None if price is None else tokens * ((price.input - _read(price, rule)) / MILLION)

    def bill(self, call: Call, rule: Rule | None, account: Account) -> Bill:
        """Of a call that read and wrote what its account says."""
        price = self.price(call)
        if price is None:
            return _UNKNOWN
        cost = _cost(price, rule, call, account.read, account.written, account.written_long)
        output = call.usage.output if call.usage else 0
        uncached = (max(call.tokens, 0) * price.input + output * price.output) / MILLION
        return Bill(cost, uncached, (price.input - _read(price, rule)) / MILLION)


def _cost(price: Price, rule: Rule | None, call: Call, read: int, written: int, long: int) -> float:
    weighted: float = max(call.tokens - read - written, 0)
    if written:
        ttls = rule.ttls if rule is not None else ()
        short, longer = (ttls[0].write_factor, ttls[-1].write_factor) if ttls else (1.0, 1.0)
        weighted = weighted + (written - long) * short + long * longer
    output = call.usage.output if call.usage else 0
    return (weighted * price.input + read * _read(price, rule) + output * price.output) / MILLION


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
