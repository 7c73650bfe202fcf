"""What is known of one stream: by the ledger who asked, by the notes what was learned, by the settings what is done."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from time import time
from typing import Any, Final, NamedTuple

from everwarm import rules
from everwarm.config import Config
from everwarm.config.problems import hint, nearest
from everwarm.core.arrivals import Arrivals
from everwarm.core.breakpoints import askable
from everwarm.core.dialects.registry import CONVERSING
from everwarm.core.layout.finding import Mode
from everwarm.core.layout.stream import Stream
from everwarm.core.rules import Rule
from everwarm.errors import ConfigError
from everwarm.gateway.allowed import Allowed
from everwarm.gateway.rulebook import Rulebook
from everwarm.gateway.upstreams.directory import Directory
from everwarm.gateway.upstreams.provider import Provider
from everwarm.ledger.book import Ledger
from everwarm.ledger.findings import Asked
from everwarm.ledger.prices import Prices
from everwarm.ledger.report import findings
from everwarm.store.noted import noted

_ID: Final = re.compile(r"[0-9a-f]{16}")


class Lifetimes(NamedTuple):
    """Of the marks that the stream's own gaps speak for: names as ``5m``; None: no mark pays."""

    provider: str
    minimum: int  # tokens: a shorter prefix gets none
    shared: str | None  # at the ends of what all its requests share
    talks: str | None  # at the ends of conversations


class Known(NamedTuple):
    """All that is known of one stream. What was learned is of one namespace each; values of prompts are nowhere."""

    stream: str
    model: str | None  # None: no ledger tells it
    dialect: str | None  # None: nothing that was learned tells it
    asked: Sequence[Asked]
    findings: Sequence[Mapping[str, Any]]  # of the last week, as ``GET /stats`` has them
    learned: Mapping[str, Stream]  # by namespace
    mode: Mode  # what is done, as the settings are now and the model's own name is asked for
    own: bool  # whether that is the stream's own
    rule: Rule | None  # of the cache that it goes to; None: not known, or nothing may be marked

    def lifetimes(self, stream: Stream) -> Lifetimes | None:
        """None where the cache is not known, or takes no marks."""
        rule = self.rule
        if rule is None or not rule.mark or not rule.ttls:
            return None
        asked = askable(stream.dialect, rule)
        return Lifetimes(rule.provider, rule.minimum, *(_chosen(each, asked) for each in stream.arrivals))


def _chosen(arrivals: Arrivals, rule: Rule) -> str | None:
    return arrivals.choose(rule, rule.minimum)


def known(config: Config, stream: str) -> Known:
    """Raises ``ConfigError`` for a stream that nobody has seen, ``StoreError`` where a file cannot be read."""
    learned, (asked, findings_, others) = _learned(config, stream), _counted(config, stream)
    if not asked and not learned:
        raise ConfigError(_unknown(config, stream, others))
    model = asked[0].model if asked else None
    dialect = next((each.dialect for each in learned.values()), None)
    usual, rule = _usual(config, dialect, model)
    own = stream in config.layout.streams and usual != "off"
    mode = config.layout.streams[stream] if own else usual
    rule = rule if config.layout.breakpoints else None
    return Known(stream, model, dialect, asked, findings_, learned, mode, own, rule)


def _learned(config: Config, stream: str) -> dict[str, Stream]:
    """By namespace."""
    if not _ID.fullmatch(stream):
        return {}
    notes = noted(config.data / "layout.db", "stream", stream.encode())
    loaded = {space: Stream.load(stream.encode(), data) for space, data in sorted(notes.items())}
    return {space: each for space, each in loaded.items() if each is not None}


def _counted(config: Config, stream: str) -> tuple[Sequence[Asked], Sequence[Mapping[str, Any]], list[str]]:
    """Who has asked, what was found, and the ids of all streams of the last week."""
    path = config.data / "ledger.db"
    if not path.exists():
        return (), (), []
    with closing(Ledger(path)) as ledger:
        asked, found = ledger.stream(stream) if _ID.fullmatch(stream) else ((), ())
        others = [each.stream for each in ledger.streams()]
    return asked, findings(found, time(), Prices(config.stats.prices_of)), others


def _unknown(config: Config, stream: str, others: Sequence[str]) -> str:
    if not (config.data / "ledger.db").exists():
        return f"No stream {stream!r} is known: nothing was asked yet in {config.data}. Another folder: --data."
    return (
        f"No stream {stream!r} is known. `everwarm layout` lists those of the last week, with their ids."
        f"{hint(nearest(stream, others))}"
    )


def _usual(config: Config, dialect: str | None, model: str | None) -> tuple[Mode, Rule | None]:
    """What is done with requests of this kind that have no mode of their stream's; the rule of the cache they go to.

    The model inside is not loaded to ask for its name: what no upstream serves is taken for its.
    """
    spoken = next((each for each in CONVERSING if each.name == dialect), None)
    if spoken is None or model is None:
        return config.layout.mode, None
    book = Rulebook(rules.load(config.data / "rules"))
    directory = Directory([], {}, (), [Provider(settings, None) for settings in config.upstreams])
    if not directory.serving(model, spoken.vendor):
        return config.cache.layout_of(model) or config.layout.mode, None
    wishes = Allowed(config, book).of(spoken, model, directory.find(model, spoken))
    return wishes.mode, wishes.rule
