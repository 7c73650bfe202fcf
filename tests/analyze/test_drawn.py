"""What is drawn of a report: streams, moments, flames and the worst requests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from analyzed import analysed, entry, step, written
from everwarm.analyze.report import Flame, Report
from everwarm.analyze.sums.flames import Flames
from everwarm.analyze.sums.intervals import Stretch
from everwarm.analyze.sums.moments import MOST, Moments
from everwarm.analyze.sums.worst import Worsts
from everwarm.analyze.watch import Watch
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.loss import Account, Cause, Loss
from everwarm.core.analysis.prompts import Prompt, Prompts

POLICY = "Answer in one sentence, and say the price of what was asked for. " * 120


def chat(system: str, *said: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    talk = [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]
    return {"model": "gpt-5-mini", "messages": [{"role": "system", "content": system}, *talk]}


def report(tmp_path: Path, *bodies: dict[str, Any], every: float = 10.0) -> Report:
    return analysed(written(tmp_path / "log.jsonl", (entry(body, every * n) for n, body in enumerate(bodies))))


def test_streams_are_named_by_their_first_words(tmp_path: Path) -> None:
    """What changed in a system prompt makes no new one; another prompt does, and two of one name are numbered."""
    clock = [chat(f"It is 2026-11-26 10:00:{n:02}.\n{POLICY}", "Hi") for n in range(3)]
    other = chat("Translate into French, whatever comes. " * 30, "Hello")
    found = report(tmp_path, *clock, other, {"model": "gpt-5-mini", "messages": []})
    assert sorted((sums.name, sums.calls) for sums in found.streams) == [
        ("It is 2026-11-26 10:00:00. Answer in one", 3),
        ("Translate into French, whatever comes. T", 1),
    ]


def account(read: int, new: int, expired: int = 0) -> Account:
    losses = (Loss("expired", expired, "messages"), Loss("new", new, "messages"))
    return Account(read + new + expired, read, tuple(loss for loss in losses if loss.tokens))


@pytest.mark.parametrize(
    ("span", "long"), [(0, 1), (100, 1), (500, 5), (7_200, 300), (86_400, 1_800), (40 * 86_400, 43_200), (9e9, 604_800)]
)
def test_moments_are_as_long_as_a_picture_has_room_for(span: float, long: int) -> None:
    moments = Moments()
    for n in range(10):
        moments.add(1_764_000_000.0 + span * n / 9, account(5, 3, 2), 2)
    found = moments.done()
    assert moments.span == (1_764_000_000.0, 1_764_000_000.0 + span)
    assert {moment.seconds for moment in found} == {long}
    assert all(moment.at % long == 0 for moment in found)
    assert sum(moment.calls for moment in found) == 10
    assert (sum(m.prompt for m in found), sum(m.read for m in found)) == (100, 50)
    assert (sum(m.expired for m in found), sum(m.lost for m in found)) == (20, 20)
    assert len(found) <= MOST + 1


def test_no_calls_no_moments() -> None:
    assert Moments().done() == []
    assert Moments().span == (None, None)


def stretches(prompts: Prompts, *texts: str) -> list[Stretch]:
    """One block for each, of ten tokens, all read."""
    found, prefix = [], 0
    for text in texts:
        prefix = prompts.prefixes.after(prefix, prompts.number(Block("messages", "user", True, text)))
        found.append((prefix, 10, 10, 0, ""))
    return found


def test_flames_join_what_nearly_the_same_calls_have() -> None:
    prompts = Prompts()
    flames = Flames(prompts)
    for n in range(10):
        flames.add(stretches(prompts, "a", "b", "c", f"end {n % 2}"))
    (top,) = flames.done()
    assert (top.calls, top.tokens, top.read, top.lost) == (10, 30, 300, 0)
    assert [(inner.calls, inner.tokens) for inner in top.inside] == [(5, 10), (5, 10)]


def test_flames_are_told_by_what_took_most() -> None:
    prompts = Prompts()
    flames = Flames(prompts)
    ((prefix, *_),) = stretches(prompts, "a")
    for lost, name in ((4, "a clock"), (3, "lifetime over"), (2, "a clock")):
        flames.add([(prefix, 10, 10 - lost, lost, name)])
    (top,) = flames.done()
    assert (top.cause, top.lost, top.read) == ("a clock", 9, 21)


def depth(flames: list[Flame]) -> int:
    return 1 + max((depth(flame.inside) for flame in flames), default=0) if flames else 0


def test_flames_are_bounded_in_number_and_depth() -> None:
    """A conversation of 150 turns, at each of which one call goes another way: no picture of 150 floors."""
    prompts = Prompts()
    flames = Flames(prompts)
    for length in range(150):
        flames.add(stretches(prompts, *(f"turn {n}" for n in range(length)), f"aside {length}"))
    assert depth(flames.done()) == 100
    assert depth(flames.done(most=5)) <= 5


def test_the_worst_are_shown_in_bars_that_add_up(tmp_path: Path) -> None:
    bodies = [chat(f"It is 2026-11-26 10:00:{n:02}.\n{POLICY}", "Hi", "Yes?", f"Price of {n}?") for n in range(8)]
    found = report(tmp_path, *bodies)
    assert len(found.worst) == 4, "not too many of one kind"
    for worst in found.worst:
        assert worst.label == "system prompt changed: a clock"
        assert worst.path == "messages[0].content"
        assert (worst.was != worst.became, worst.prompt) == (True, sum(bar.tokens for bar in worst.bars))
        assert worst.bars[0].stability == "dynamic"
    assert [worst.lost for worst in found.worst] == sorted((worst.lost for worst in found.worst), reverse=True)


def test_of_a_long_log_one_call_in_some_is_in_the_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("everwarm.analyze.analysis.DRAWN", 4)
    found = report(tmp_path, *(chat(POLICY, f"Question {n}?") for n in range(10)))
    assert "The flame graph shows one call in 3." in found.notes
    assert sum(flame.calls for flame in found.flame) == 4
    assert found.total.calls == 10


def test_an_expired_prefix_says_how_long_it_was_idle(tmp_path: Path) -> None:
    found = report(tmp_path, chat(POLICY, "Hi"), chat(POLICY, "Hi again"), every=90_000.0)
    lost = step(found, "expired")
    assert lost.evidence == "1 d after the last call that began so"
    assert lost.where.endswith("log.jsonl:2")
    assert [day.name for day in found.days] == ["2025-11-24", "2025-11-25"]


def watched(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    out = Screen()
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setenv("COLUMNS", "100")
    with Watch(1000) as watch:
        watch.read(400)
        watch.anew(4)
        watch.read(1000)
        watch.step("what was read", 0.1)
        watch.step("what was read", 0.5)
        watch.step("repairs", 0.0)
    return out.getvalue()


def test_progress_is_shown_to_who_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = watched(monkeypatch, terminal=True)
    assert "more than memory holds: reading every 4th conversation" in shown
    assert "repairs" in shown
    assert watched(monkeypatch, terminal=False) == ""


@pytest.mark.parametrize("order", [1, -1])
def test_of_many_those_that_lost_most_are_shown_and_of_equal_ones_the_first(order: int) -> None:
    """There are more than are kept; ten lost most, all of these as much, and to the same."""
    kinds: tuple[Cause, ...] = ("expired", "evicted", "step", "parallel")
    calls = [Call(Place("log", n + 1), Line(), "", Prompt(0, 0, ()), 0) for n in range(2_000)]
    told = [n // 4 if n % 100 or n < 1_000 else 5_000 for n in range(len(calls))][::order]
    worsts = Worsts(Prompts())
    for n, each in enumerate(calls):
        loss = Loss(kinds[n % 4], told[n], "messages")
        worsts.add(n, each, Account(told[n], 0, (loss,) if told[n] else ()), told[n])
    most = [n for n in range(len(calls)) if told[n] == 5_000]
    shown = worsts.done(calls.__getitem__)
    assert [worst.lost for worst in shown[:4]] == [5_000] * 4
    assert [worst.where for worst in shown[:4]] == [f"log:{n + 1}" for n in most[:4]]
