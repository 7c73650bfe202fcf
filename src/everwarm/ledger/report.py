"""The sums as ``GET /stats`` and ``everwarm stats`` show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from everwarm.core.layout import words
from everwarm.errors import ConfigError
from everwarm.ledger.findings import Found
from everwarm.ledger.prices import MILLION, Price, Prices
from everwarm.ledger.record import Row
from everwarm.ledger.sums import MODEL_KINDS, Latency, Sums, Tally
from everwarm.store.protocol import Accounting, Faults

if TYPE_CHECKING:
    from rich.console import RenderableType

VERSION = 1
DAY = 86400.0
RECENT_FIELDS = (
    "at", "model", "cache", "via", "status", "stream", "prompt", "output", "prefix_cached",
    "ttft_ms", "total_ms", "saved_ms", "reason",
)  # fmt: skip


def stats(
    sums: Sums, prices: Prices | None, held: Accounting | None = None, faults: Faults | None = None
) -> dict[str, Any]:
    """The JSON of ``GET /stats``; docs/formats.md has the shape. Of numbers, all are numbers.

    Every request with a status below 400 was a *hit* (answered from the response cache), *joined* (to the same request
    in flight), a *miss* or a *bypass* (both sent to a model; the cache was not to be asked). The rest are errors.

    ``hit_rate`` of exact and flight: their requests over all that could have been answered from the cache, which are
    hit + joined + miss. A bypass could not, and an error has no answer. Of prefix: cached prompt tokens over all prompt
    tokens that were sent to a model, errors included.

    Tokens: asked = computed + saved, for prompt and output. A request that failed before a model was asked counts none.

    Seconds saved are measured for exact and flight (what the original took less what this took). For prefix they are
    estimated: cached tokens over the rate at which the same model computed prompt tokens; zero where no rate is known.
    """
    hit, joined, asked = sums.of("hit"), sums.of("joined"), sums.of(*MODEL_KINDS)
    askable = hit.requests + joined.requests + sums.of("miss").requests
    layers = {
        "exact": _answered(hit, askable),
        "flight": _answered(joined, askable),
        "prefix": {
            "requests": asked.prefixed,
            "hit_rate": _ratio(asked.cached, asked.prompt),
            "tokens_saved": asked.cached,
            "seconds_saved": _prefix_seconds(sums),
            "estimated": True,
        },
    }
    return {
        "version": VERSION,
        "namespace": sums.namespace,
        "since": sums.since,
        "until": sums.until,
        "requests": sums.of().requests,
        "errors": sums.of("failed", "refused").requests,
        "layers": layers,
        "tokens": _tokens(hit + joined, asked),
        "seconds_saved": round(sum(layer["seconds_saved"] for layer in layers.values()), 3),
        **_money(sums, hit + joined, asked, prices),
        "findings": findings(sums.findings, sums.until, prices),
        "latency_ms": {"hit": _latency(sums.hit), "miss": _latency(sums.miss)},
        "recent": [_recent(row) for row in sums.recent],
        "store": _store(held, faults),
    }


def render_findings(stats: dict[str, Any]) -> RenderableType:
    """What the layout engine found, for a terminal."""
    from everwarm.ledger import screen

    return screen.findings(stats)


def render(stats: dict[str, Any]) -> RenderableType:
    """The same for a terminal of 80 columns or more."""
    from everwarm.ledger.screen import screen  # rich takes 0.1 seconds to load, and the gateway never needs it

    return screen(stats)


def _answered(tally: Tally, askable: int) -> dict[str, Any]:
    return {
        "requests": tally.requests,
        "hit_rate": _ratio(tally.requests, askable),
        "tokens_saved": tally.prompt + tally.output,
        "seconds_saved": round(tally.saved_ms / 1000, 3),
    }


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 6) if whole else 0.0


def _prefix_seconds(sums: Sums) -> float:
    models: dict[str, Tally] = {}
    for (model, kind), tally in sums.tallies.items():
        if kind in MODEL_KINDS:
            models[model] = models.get(model, Tally()) + tally
    saved_ms = sum(t.cached * t.prefill_ms / t.prefilled for t in models.values() if t.prefilled)
    return round(saved_ms / 1000, 3)


def _tokens(answered: Tally, asked: Tally) -> dict[str, dict[str, int]]:
    return {
        "asked": {"prompt": answered.prompt + asked.prompt, "output": answered.output + asked.output},
        "computed": {"prompt": asked.prompt - asked.cached, "output": asked.output},
        "saved": {"prompt": answered.prompt + asked.cached, "output": answered.output},
    }


def _money(sums: Sums, answered: Tally, asked: Tally, prices: Prices | None) -> dict[str, Any]:
    """Without Everwarm every token is paid in full; with it the computed ones are, and cached ones at their price."""
    if prices is None or not prices.name:
        return {"money": None, "why": "No model is named whose prices to use (setting stats.prices_of)."}
    try:
        price: Price = prices.find(sums.until)
    except ConfigError as error:
        return {"money": None, "why": error.message}
    without = price.of(answered.prompt + asked.prompt, 0, answered.output + asked.output)
    paid = price.of(asked.prompt - asked.cached, asked.cached, asked.output)
    money = {
        "prices_of": price.model,
        "provider": price.provider,
        "currency": price.currency,
        "without": round(without, 9),
        "with": round(paid, 9),
        "saved": round(without - paid, 9),
    }
    return {"money": money}


def findings(found: Sequence[Found], until: float, prices: Prices | None) -> list[dict[str, Any]]:
    """What the layout engine found until then, as ``/stats`` has it. ``lost`` and ``total`` are tokens of one request,
    in the mean of those in which it was ``seen``. ``a_day``: what the lost ones cost more than cached ones would have,
    on a day of those since it was first seen (on the first day: so far); null if no price is known. ``counted``:
    whether the tokens were calibrated by what providers reported. ``says``: all that but the price, in words."""
    price = _price(until, prices)
    return [_finding(each, until, price) for each in found]


def _finding(found: Found, until: float, price: Price | None) -> dict[str, Any]:
    days = max(1.0, (until - found.first) / DAY)
    a_day = None if price is None else round(found.lost * (price.input - price.cache_read) / MILLION / days, 9)
    marked = words.spelled(f"`{found.path}`", found.start, found.stop)
    lost, total = round(found.lost / found.seen), round(found.total / found.seen)
    share = min(1.0, _ratio(found.seen, found.requests))
    told = {name: value for name, value in found._asdict().items() if name not in ("namespace", "calibrated")}
    return told | {
        "place": words.spelled(found.path, found.start, found.stop),
        "lost": lost,
        "total": total,
        "share": share,
        "counted": _counted(found),
        "a_day": a_day,
        "currency": None if price is None else price.currency,
        "says": words.summary(marked, found.kind, lost, total, share, found.requests, done=found.done),
    }


def _counted(found: Found) -> str:
    """How its tokens were counted, in words. Never exactly: no prompt is tokenised on its way."""
    if not found.calibrated:
        return "estimated"
    return "calibrated" if found.calibrated >= found.seen else "partly calibrated"


def _price(until: float, prices: Prices | None) -> Price | None:
    """None where no model is named, or none of that name has a price."""
    try:
        return prices.find(until) if prices is not None and prices.name else None
    except ConfigError:
        return None


def _latency(latency: Latency) -> dict[str, Any]:
    """``p50`` and ``p95`` are to the last byte, those of ``ttft`` to the first; exact, over the newest 10,000 rows."""
    total, ttft = latency
    return {
        "n": total.n,
        "p50": round(total.p50, 3),
        "p95": round(total.p95, 3),
        "ttft": {"p50": round(ttft.p50, 3), "p95": round(ttft.p95, 3)},
    }


def _recent(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in RECENT_FIELDS}


def _store(held: Accounting | None, faults: Faults | None) -> dict[str, int] | None:
    if held is None:
        return None
    return {**held._asdict(), **(faults or Faults(0, 0, 0))._asdict()}
