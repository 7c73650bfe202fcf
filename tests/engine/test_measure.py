"""What is measured at the first start: kept, used, and made anew for anything else. Times are a made-up clock's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converted import SECRET
from everwarm.engine import measure, measured
from everwarm.engine.measured import Measured
from everwarm.engine.model import Span
from everwarm.engine.settings import Settings

SEEN = Measured("this machine", 2, 256, 0.001, {1: 0.02, 4: 0.03, 8: 0.04, 16: 0.07, 32: 0.12})


class Clock:
    """Stands still but for steps of models."""

    now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``machine(cpus, token, row, disturbed)``: loads models whose steps take so long, and counts what it loads.

    ``token`` and ``row`` give the seconds of one with so many threads; each step whose number is in ``disturbed`` takes
    five times as long.
    """
    clock = Clock()
    monkeypatch.setattr(measure, "time", clock)
    monkeypatch.setattr(measure, "crowded", lambda cpus: False)

    def make(
        cpus: int, token: Callable[[int], float], row: Callable[[int], float], disturbed: Sequence[int] = ()
    ) -> Any:
        monkeypatch.setattr(measure.runtime, "available_cpus", lambda: cpus)
        loaded: list[int] = []
        steps = iter(range(1_000_000))

        def load(threads: int) -> Any:
            loaded.append(threads)

            def step(spans: Sequence[Span]) -> None:
                count = sum(len(span.tokens) for span in spans)
                decoding = spans[0].past > 0
                seconds = row(threads) * (1 + count / 8) if decoding else token(threads) * count + 0.001
                clock.now += seconds * (5 if next(steps) in disturbed else 1)

            return SimpleNamespace(threads=threads, step=step, pool=SimpleNamespace(size=32, blocks=64))

        return SimpleNamespace(load=load, loaded=loaded, clock=clock)

    return make


def quiet(what: str, done: float) -> None:
    pass


def test_all_cpus_compute_where_that_is_fastest(machine: Callable[..., Any]) -> None:
    two = machine(2, lambda threads: 0.001 / threads, lambda threads: 0.02 / threads)
    model, seen, calm = measure.measure(two.load, "it", Settings(), quiet)
    assert two.loaded == [1, 2], "the best one is the last, and need not be loaded again"
    assert (model.threads, seen.threads, seen.of, calm) == (2, 2, "it", True)
    assert seen.steps[8] == pytest.approx(0.02)
    assert seen.token == pytest.approx(0.0005, rel=0.01)


def test_one_fewer_does_where_all_stand_in_each_others_way(machine: Callable[..., Any]) -> None:
    four = machine(4, lambda threads: 0.001, lambda threads: 0.05 if threads == 4 else 0.02)
    model, seen, calm = measure.measure(four.load, "it", Settings(), quiet)
    assert four.loaded == [3, 4, 3], "one at a time is in memory"
    assert (model.threads, seen.threads, calm) == (3, 3, True)


@pytest.mark.parametrize(("look", "loaded"), [(0, [4]), (1, [3, 4])], ids=["before", "meanwhile"])
def test_in_a_crowd_nothing_is_decided(
    machine: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, look: int, loaded: list[int]
) -> None:
    four = machine(4, lambda threads: 0.001, lambda threads: 0.05 if threads == 4 else 0.02)
    looks = iter(range(2))
    monkeypatch.setattr(measure, "crowded", lambda cpus: next(looks) == look)
    model, seen, calm = measure.measure(four.load, "it", Settings(), quiet)
    assert four.loaded == loaded
    assert (model.threads, seen.threads, seen.of, calm) == (4, 4, "it", False)
    assert seen.rate(1) > 0


@pytest.mark.parametrize(
    ("settings", "cpus", "threads"),
    [(Settings(threads=3), 8, 3), (Settings(mode="exact"), 8, 8), (Settings(), 1, 1)],
    ids=["set", "exact", "one"],
)
def test_nothing_is_tried_where_there_is_no_choice(
    machine: Callable[..., Any], settings: Settings, cpus: int, threads: int
) -> None:
    some = machine(cpus, lambda threads: 0.001, lambda threads: 0.02 * threads)
    assert measure.measure(some.load, "it", settings, quiet)[1].threads == threads
    assert some.loaded == [threads]


def test_what_else_runs_does_not_count(machine: Callable[..., Any]) -> None:
    """Most steps are disturbed, each kind of them in other rounds."""
    calm = machine(1, lambda threads: 0.0001, lambda threads: 0.002)
    undisturbed = measure.measure(calm.load, "it", Settings(), quiet)[1]
    busy = machine(1, lambda threads: 0.0001, lambda threads: 0.002, disturbed=[n for n in range(200) if n % 3])
    assert measure.measure(busy.load, "it", Settings(), quiet)[1].steps == pytest.approx(undisturbed.steps)


@pytest.mark.parametrize(("token", "most"), [(0.001, 512), (0.003, 256), (0.006, 128), (0.5, 64)])
def test_no_piece_of_a_prompt_takes_longer_than_a_second_if_it_can_be_smaller(
    machine: Callable[..., Any], token: float, most: int
) -> None:
    slow = machine(1, lambda threads: token, lambda threads: 0.02)
    assert measure.measure(slow.load, "it", Settings(), quiet)[1].chunk == most


def test_a_slow_model_is_measured_in_few_steps(machine: Callable[..., Any]) -> None:
    slow = machine(1, lambda threads: 0.1, lambda threads: 1.0)
    before = slow.clock.now
    measure.measure(slow.load, "it", Settings(), quiet)
    prompts, decoding = 4 * 6.4, 2 * sum(1 + rows / 8 for rows in measure.ROWS)
    assert slow.clock.now - before == pytest.approx(prompts + decoding, rel=0.01)


def test_it_is_kept_as_it_was_seen(tmp_path: Path) -> None:
    measured.dump(SEEN, tmp_path, SECRET)
    assert measured.load(tmp_path, SECRET, "this machine") == SEEN
    assert measured.load(tmp_path, SECRET, "another machine") is None
    assert measured.load(tmp_path, SECRET[::-1], "this machine") is None
    assert measured.load(tmp_path / "absent", SECRET, "this machine") is None


def test_what_was_measured_with_something_else_does_not_take_its_place(tmp_path: Path) -> None:
    other = replace(SEEN, of="another machine", threads=7)
    for one in (SEEN, other):
        measured.dump(one, tmp_path, SECRET)
    files = sorted(tmp_path.iterdir())
    assert [measured.load(tmp_path, SECRET, one.of) for one in (SEEN, other)] == [SEEN, other]
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents[::-1], strict=True):
        file.write_bytes(content)
    assert [measured.load(tmp_path, SECRET, one.of) for one in (SEEN, other)] == [None, None], "swapped"


def test_with_any_byte_changed_it_is_dropped(tmp_path: Path) -> None:
    measured.dump(SEEN, tmp_path, SECRET)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert measured.load(tmp_path, SECRET, "this machine") is None


@given(st.lists(st.floats(1e-4, 10), min_size=5, max_size=5))
def test_more_rows_never_cost_less(seconds: list[float]) -> None:
    costs = Measured("it", 1, 64, 1.0, dict(zip(measure.ROWS, seconds, strict=True))).costs
    assert costs(1) == 1.0
    assert all(costs(rows) <= costs(rows + 1) for rows in range(1, 64))


def test_rates() -> None:
    assert [SEEN.rate(rows) for rows in (1, 8, 16)] == pytest.approx([50, 200, 16 / 0.07])
