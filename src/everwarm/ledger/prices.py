"""What tokens cost, from the price list of ``genai-prices``, which is bundled and needs no network.

Prices are per million tokens, in US dollars. Where a price depends on the length of a single request, the base is
taken: sums over many requests do not know their lengths.
"""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

from everwarm.errors import ConfigError

MILLION = 1_000_000


class Price(NamedTuple):
    """Of one model, per million tokens."""

    model: str
    provider: str
    currency: str
    input: float  # of a prompt token that the provider computes
    cache_read: float  # of one that it has cached; as input, where it gives no discount
    output: float

    def of(self, uncached: int, cached: int, output: int) -> float:
        """The price of so many tokens."""
        return (uncached * self.input + cached * self.cache_read + output * self.output) / MILLION


class Prices:
    """The prices of the model that savings are counted in: "gpt-5-mini", or with its provider "openai/gpt-5-mini".

    Nothing is looked up before it is needed: the list takes 0.4 seconds and 30 MB to load.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def find(self, at: float) -> Price:
        """The prices at a time (seconds since 1970). Raises ConfigError with near names if it is not listed."""
        return _find(self.name, datetime.fromtimestamp(at, UTC).date().toordinal())


@lru_cache(maxsize=16)
def _find(name: str, day: int) -> Price:
    from genai_prices import Usage, calc_price

    at = datetime.fromordinal(day).replace(tzinfo=UTC)
    nothing = Usage(input_tokens=0, output_tokens=0)
    for provider, model in _readings(name):
        try:
            found = calc_price(nothing, model, provider_id=provider, genai_request_timestamp=at)
        except LookupError:
            continue
        listed = found.model_price
        full = _base(listed.input_mtok)
        read = full if listed.cache_read_mtok is None else _base(listed.cache_read_mtok)
        return Price(found.model.id, found.provider.id, "USD", full, read, _base(listed.output_mtok))
    raise ConfigError(_unknown(name), param="stats.prices_of")


def _readings(name: str) -> list[tuple[str | None, str]]:
    """ "a/b" may be b of the provider a, or a model whose name has a slash."""
    provider, slash, model = name.partition("/")
    return [(provider, model), (None, name)] if slash else [(None, name)]


def _base(price: Any) -> float:
    """A price per million tokens: none, a Decimal, or tiers by length of which the first counts."""
    return 0.0 if price is None else float(getattr(price, "base", price))


def _unknown(name: str) -> str:
    from genai_prices.data import providers

    listed = {f"{provider.id}/{model.id}" for provider in providers for model in provider.models}
    bare = {model.id for provider in providers for model in provider.models}
    near = get_close_matches(name.lower(), sorted(listed if "/" in name else bare), n=5, cutoff=0.6)
    hint = f"Did you mean {', '.join(near)}?" if near else "Name one as PROVIDER/MODEL, such as openai/gpt-5-mini."
    return f"There is no price for the model {name!r} (setting stats.prices_of). {hint}"
