"""Traces of hashed blocks, from their lines to the report."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import orjson
import pytest

from everwarm.analyze.formats.hashes import FORMATS, Asked
from everwarm.analyze.reading.record import Unread
from everwarm.analyze.report import Trace
from everwarm.analyze.sums.traces import Taken, Traces
from everwarm.core.analysis.call import Place
from everwarm.core.analysis.runs import pack
from mooncake import NAME
from shared import unpacked


def asked(at: float | None, hashes: list[int], size: int = 4, scope: str = "") -> Asked:
    return Asked(at, len(hashes) * size, pack(hashes), size, scope)


def trace(*requests: Asked | Unread, note: str = "") -> Trace:
    traces = Traces()
    traces.take("one", requests, note)
    (found,) = traces.traces()
    return found


def conversations(count: int) -> Iterator[Asked]:
    """Some that go on, and some that begin as others do; no two requests at one time."""
    random, rows = Random(7), [[0]]
    for at in range(count):
        row = random.choice(rows[-20:])
        rows.append(row[: random.randint(1, len(row))] + [random.randint(0, 9) for _ in range(random.randint(0, 5))])
        yield asked(at * 10.0, rows[-1])


def test_a_trace_of_three_requests() -> None:
    found = trace(asked(0.0, [1, 2, 3]), asked(100.0, [1, 2, 4]), asked(4000.0, [1, 2, 3]))
    assert (found.requests, found.tokens, found.size, found.blocks) == (3, 36, 4, 4)
    assert found.unlimited == 20 / 36
    assert dict(found.ttl)[300.0] == 8 / 36
    assert dict(found.ttl)[3600.0] == 8 / 36
    assert dict(found.ttl)[86400.0] == 20 / 36
    assert {seconds: tokens for seconds, tokens in found.waits if tokens} == {300.0: 8, 21600.0: 12}
    assert dict(found.needed) == {0.5: 8, 0.9: 16, 0.99: 16}
    assert found.curve == [(20, 20 / 36)]
    assert found.note == ""


def test_the_same_hash_after_another_prefix_is_another_block() -> None:
    found = trace(asked(0.0, [1, 7, 8]), asked(1.0, [2, 7, 8]))
    assert (found.blocks, found.unlimited) == (6, 0.0)


def test_lines_in_any_order_give_the_same_trace() -> None:
    requests = list(conversations(500))
    found = trace(*requests)
    assert 0.1 < found.unlimited < 1.0
    for seed in range(3):
        Random(seed).shuffle(requests)
        assert trace(*requests) == found


def test_files_in_any_order_give_the_same_trace() -> None:
    requests = list(conversations(90))
    whole, parts = trace(*requests), Traces()
    for part in (requests[60:], requests[:30], requests[30:60]):
        parts.take("one", part)
    assert list(parts.traces()) == [whole]


def test_without_times_the_order_is_that_of_the_file() -> None:
    found = trace(asked(5.0, [1, 2]), asked(None, [1, 2]), asked(1.0, [1, 2]), note="Never mind.")
    assert found.note == "Not all requests have a time, so they are taken in the order of the files. Never mind."
    assert (found.ttl, found.waits) == ([], [])
    assert found.unlimited == 2 / 3


def test_what_was_no_request_is_counted_and_the_first_shown() -> None:
    wrong = [Unread(Place("f", n), "it is no JSON", "x") for n in (2, 3)]
    assert Traces().take("one", [asked(0.0, [1]), *wrong, asked(1.0, [1])]) == Taken(2, 2, wrong[0])


def test_blocks_of_two_sizes_are_two_traces() -> None:
    traces = Traces()
    traces.take("one", [asked(0.0, [1], 4), asked(1.0, [1], 8), asked(2.0, [1], 8)])
    assert [(each.size, each.unlimited) for each in traces.traces()] == [(4, 0.0), (8, 0.5)]


def test_two_scopes_share_nothing() -> None:
    assert trace(asked(0.0, [1], scope="a"), asked(1.0, [1], scope="b")).unlimited == 0.0


class Mooncake:
    name = NAME

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines

    def head(self) -> bytes:
        return self.whole()

    def pieces(self) -> Iterator[bytes]:
        return iter([self.whole()])

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        return iter(enumerate(self.lines, 1))

    def whole(self) -> bytes:
        return b"\n".join(self.lines)


def published(lines: list[bytes]) -> tuple[Taken, Any]:
    traces = Traces()
    taken = traces.take(NAME, FORMATS[0].requests(Mooncake(lines)))
    (found,) = traces.traces(blocks * 512 for blocks in (2_000, 5_000, 20_000, 50_000))
    return taken, (found.requests, round(found.unlimited, 4), [round(rate, 4) for _, rate in found.curve])


FIGURES = (12_031, 0.3736, [0.0554, 0.1140, 0.2935, 0.3615])


def test_mooncake_as_published() -> None:
    assert published(unpacked(NAME).splitlines()) == (Taken(12_031, 0, None), FIGURES)


def test_mooncake_with_every_twentieth_line_broken_is_told() -> None:
    lines = unpacked(NAME).splitlines()
    broken = [line for n, whole in enumerate(lines) for line in ([whole[:40], whole] if n % 20 == 0 else [whole])]
    taken, figures = published(broken)
    assert figures == FIGURES
    assert (taken.requests, taken.unread) == (12_031, 602)
    assert taken.first is not None
    assert taken.first.place == Place(NAME, 1)


def test_mooncake_in_another_order() -> None:
    """Of requests at the same time the order of the file counts, so those stay in order."""
    lines = unpacked(NAME).splitlines()
    groups: dict[int, list[bytes]] = {}
    for line in lines:
        groups.setdefault(orjson.loads(line)["timestamp"], []).append(line)
    order = list(groups)
    Random(1).shuffle(order)
    assert published([line for at in order for line in groups[at]])[1] == FIGURES


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_an_empty_file_is_no_trace(kind: Any) -> None:
    traces = Traces()
    assert traces.take("none", kind.requests(Mooncake([]))) == Taken(0, 0, None)
    assert list(traces.traces()) == []
