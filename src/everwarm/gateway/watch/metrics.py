"""What is counted for whoever watches the gateway, and how it is told: ``GET /metrics`` in Prometheus' text format.

Counting one request adds to a few plain numbers. The library's own counters take a lock for each, and its way to add
up several processes writes each number to a file: three and ten times the cost (measured). So its part is the format,
and ``board`` adds up the processes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from time import monotonic
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from everwarm.core.layout.finding import Arranged
from everwarm.gateway.flights import Tower
from everwarm.gateway.upstreams.directory import Directory
from everwarm.gateway.upstreams.provider import Provider
from everwarm.gateway.watch.board import Board
from everwarm.gateway.watch.figures import BUCKETS, FAMILIES, Family, Figures, Name
from everwarm.ledger.record import Row
from everwarm.store.tiered import TieredStore

CLASSES: Final = ("none", *(f"{hundred}xx" for hundred in range(1, 10)))
"""By the first digit of a status; "none": there was no answer."""

_BOUNDS: Final = (*map(str, BUCKETS), "+Inf")


class _Lane:
    """Requests of one dialect with one kind of answer."""

    __slots__ = ("first", "first_sum", "statuses", "total", "total_sum")

    def __init__(self) -> None:
        self.statuses = [0] * len(CLASSES)
        self.first = [0] * len(_BOUNDS)
        self.first_sum = 0.0
        self.total = [0] * len(_BOUNDS)
        self.total_sum = 0.0


class Metrics:
    """Of one process. ``observe`` belongs to the event loop's thread; the rest reads, and may run in another."""

    def __init__(self, board: Board | None = None) -> None:
        self.board = board  # None: this process is the only one
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._prompt = self._output = self._saved_prompt = self._saved_output = self._prefix_cached = 0
        self._saved_ms = 0.0
        self._found: Counter[tuple[str, str]] = Counter()  # findings, by cure and by whether that was done
        self._rewritten = 0

    def observe(self, row: Row) -> None:
        """One request has ended."""
        lane = self._lanes.get((row.dialect, row.cache))
        if lane is None:
            lane = self._lanes[row.dialect, row.cache] = _Lane()
        first, total = row.ttft_ms / 1000, row.total_ms / 1000
        lane.statuses[row.status // 100] += 1
        lane.first[bisect_left(BUCKETS, first)] += 1
        lane.first_sum += first
        lane.total[bisect_left(BUCKETS, total)] += 1
        lane.total_sum += total
        self._prompt += row.prompt
        self._output += row.output
        self._prefix_cached += row.prefix_cached
        if row.saved_ms:
            self._saved_ms += row.saved_ms
        if row.cache in ("hit", "joined"):
            self._saved_prompt += row.prompt
            self._saved_output += row.output

    def arranged(self, made: Arranged, *, changed: bool) -> None:
        """The layout engine has looked at a request; whether it goes out otherwise than it came."""
        self._rewritten += changed
        for finding in made.findings:
            self._found[finding.cure, "true" if finding.done else "false"] += 1

    def figures(self, tower: Tower, directory: Directory, store: TieredStore | None) -> Figures:
        """What this process has counted, and what is so now."""
        found: Figures = {
            ("everwarm_tokens", "prompt"): [self._prompt],
            ("everwarm_tokens", "output"): [self._output],
            ("everwarm_tokens", "saved_prompt"): [self._saved_prompt],
            ("everwarm_tokens", "saved_output"): [self._saved_output],
            ("everwarm_tokens", "prefix_cached"): [self._prefix_cached],
            ("everwarm_saved_seconds",): [self._saved_ms / 1000],
            ("everwarm_in_flight",): [len(tower)],
            ("everwarm_layout_rewritten",): [self._rewritten],
        }
        found.update((("everwarm_layout_findings", *labels), [number]) for labels, number in self._found.copy().items())
        for (dialect, cache), lane in list(self._lanes.items()):
            how = cache or "none"
            for name, number in zip(CLASSES, lane.statuses, strict=True):
                if number:
                    found["everwarm_requests", dialect, how, name] = [number]
            found["everwarm_ttft_seconds", dialect, how] = [*lane.first, lane.first_sum]
            found["everwarm_request_seconds", dialect, how] = [*lane.total, lane.total_sum]
        for inside in directory.upstreams:
            found.update(((f"everwarm_engine_{what}", kind), [n]) for (what, kind), n in inside.figures().items())
        for provider in directory.providers:
            found.update(_of_upstream(provider))
        if store is not None:
            found.update((("everwarm_store_faults", k), [n]) for k, n in store.faults()._asdict().items())
        return found

    def leave(self, tower: Tower, directory: Directory, store: TieredStore | None) -> None:
        """Where there are other processes: so that they can tell of this one. Writes the disk."""
        if self.board is not None:
            self.board.leave(self.figures(tower, directory, store))

    def text(self, tower: Tower, directory: Directory, store: TieredStore | None) -> bytes:
        """What all processes have counted, as ``GET /metrics`` tells it. Reads the disk."""
        figures = self.figures(tower, directory, store)
        if self.board is not None:
            figures = self.board.leave(figures)
        if store is not None:
            held = store.held()  # of one disk, that all share
            figures["everwarm_store_bytes",] = [held.bytes]
            figures["everwarm_store_entries",] = [held.entries]
        registry = CollectorRegistry()
        registry.register(_Told(figures))
        return generate_latest(registry)


def _of_upstream(provider: Provider) -> Iterator[tuple[Name, list[float]]]:
    upstream, now = provider.settings.name, provider.breaker.state(monotonic())
    for state in ("closed", "open", "half-open"):
        yield ("everwarm_upstream_state", upstream, state), [float(state == now)]
    for name, number in zip(CLASSES, provider.answered, strict=True):
        if number:
            yield ("everwarm_upstream_requests", upstream, name), [number]
    yield ("everwarm_upstream_retries", upstream), [provider.again]


class _Told(Collector):
    """Figures as the library wants to collect them."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Every family, in the order of the table."""
        for title, family in FAMILIES.items():
            rows = [(name[1:], values) for name, values in self._figures.items() if name[0] == title]
            yield _MAKERS[family.kind](title, family, sorted(rows))


Rows = list[tuple[tuple[str, ...], list[float]]]


def _counter(title: str, family: Family, rows: Rows) -> Metric:
    made = CounterMetricFamily(title, family.help, labels=family.labels)
    for labels, (value,) in rows:
        made.add_metric(labels, value)
    return made


def _gauge(title: str, family: Family, rows: Rows) -> Metric:
    made = GaugeMetricFamily(title, family.help, labels=family.labels)
    for labels, (value,) in rows:
        made.add_metric(labels, value)
    return made


def _histogram(title: str, family: Family, rows: Rows) -> Metric:
    made = HistogramMetricFamily(title, family.help, labels=family.labels)
    for labels, (*counts, total) in rows:
        made.add_metric(labels, list(zip(_BOUNDS, accumulate(counts), strict=True)), total)
    return made


_MAKERS: Final = {"counter": _counter, "gauge": _gauge, "histogram": _histogram}
