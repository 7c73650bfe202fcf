"""The streams of requests that were seen: counted over all namespaces, and listed."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from everwarm.ledger.book import RECENTLY, Ledger
from everwarm.ledger.findings import Counted, Looked
from everwarm.ledger.streams import MOST, listed
from ledger_rows import NOW

Opener = Callable[..., Ledger]
SOME = [Counted(f"{n:016x}", "gpt-x", 1000 - n, NOW) for n in range(MOST + 3)]


def looked(stream: str, *, at: float = NOW, namespace: str = "a", weight: int = 1) -> Looked:
    return Looked(at, namespace, stream, "m", (), weight)


def shown(counted: Sequence[Counted], modes: Mapping[str, str] | None = None) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80).print(listed(counted, modes or {}))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_they_are_counted_over_all_namespaces(opened: Opener) -> None:
    ledger = opened()
    for one in (looked("s"), looked("s", namespace="b", at=NOW - 9, weight=8), looked("t", weight=10), looked("")):
        ledger.look(one)
    assert ledger.streams() == [Counted("t", "m", 10, NOW), Counted("s", "m", 9, NOW)]


def test_what_nobody_asked_for_a_week_is_left_out(opened: Opener) -> None:
    now = [NOW]
    ledger = opened(clock=lambda: now[0])
    ledger.look(looked("s"))
    now[0] += RECENTLY
    assert [one.stream for one in ledger.streams()] == ["s"]
    now[0] += 1
    assert ledger.streams() == []


def test_those_with_most_requests_are_listed_and_those_with_a_mode() -> None:
    last = SOME[-1].stream
    lines = shown(SOME, {last: "rewrite", SOME[0].stream: "off"})
    rows = [line.split() for line in lines if line.startswith(" 0")]
    assert [row[0] for row in rows] == [*(one.stream for one in SOME[:MOST]), last]
    assert rows[0][-2:] == ["off", "gpt-x"]
    assert rows[-1][-2:] == ["rewrite", "gpt-x"]
    assert not {"off", "rewrite"} & {word for row in rows[1:-1] for word in row}
    assert lines[-2:] == ["and 2 more", f"everwarm layout stream {SOME[0].stream} shows what was learned of one"]


def test_a_long_name_of_a_model_breaks_and_80_columns_do() -> None:
    lines = shown([SOME[0]._replace(model="[red]" + "model-" * 20)])
    assert max(map(len, lines)) <= 80
    assert "".join(line.split()[-1] for line in lines if "model-" in line).startswith("[red]model-model-")
    assert not any(line.endswith("more") for line in lines)


def test_nothing_seen_says_so() -> None:
    assert shown([]) == ["No stream of requests was seen in the last week."]
