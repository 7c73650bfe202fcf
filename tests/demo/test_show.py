from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from rich.console import Console
from rich.table import Table

from everwarm.demo import show
from everwarm.demo.script import SCRIPT, Ask
from everwarm.demo.tally import Result, tally

Make = Callable[..., Result]


def printed(table: Table, width: int = 80) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def results(made: Make) -> list[Result]:
    blue = "What does the blinking blue light mean?"
    big = {"prompt": 10_000, "output": 1000}
    warm = {**big, "key": "b", "cached": 9000}
    return [
        made(1, **big, key="a", first_ms=2000.0, total_ms=2500.0),
        made(2, **warm, total_ms=800.0),
        made(3, Ask("Chiyo", blue), **warm, total_ms=5.0, cache="hit"),
        made(4, Ask("Elif", "[b]Now?"), **warm, total_ms=700.0, cache="joined"),
    ]


def test_the_summary_fits_a_terminal_of_80_columns(made: Make) -> None:
    lines = printed(show.summary(tally(results(made))))
    assert "Asked 4 40,000 100.0 % 4,000 4.0 s" in lines
    assert "Computed by the model 2 11,000 27.5 % 2,000 3.3 s" in lines
    assert "Saved: response cache 1 10,000 25.0 % 1,000 795 ms" in lines
    assert "Saved: joined in flight 1 10,000 25.0 % 1,000 100 ms" in lines
    assert "Saved: KV prefix cache 1 9,000 22.5 % about 1.8 s" in lines


def test_samples_show_one_of_each_kind(made: Make) -> None:
    lines = printed(show.samples([*results(made), *(r._replace(number=9) for r in results(made))]))
    assert "1 Ben Why? 10,000 computed 2.5 s" in lines
    assert "2 Ben Why? 1,000 computed, 9,000 reused 800 ms" in lines
    assert "4 Elif [b]Now? joined in flight 700 ms" in lines
    assert any(
        line.startswith("3 Chiyo, shuffled What does") and line.endswith("response cache 5.0 ms") for line in lines
    )
    assert not any(line.startswith("9 ") for line in lines)


def test_one_handbook_three_times(made: Make) -> None:
    cold = made(1, prompt=2000, first_ms=1700.0)
    warm = [made(n, prompt=2010, cached=1990, first_ms=60.0 + n) for n in (2, 3)]
    after = made(5, prompt=2100, cached=2080, first_ms=140.0, restarted=True)
    silent = made(4, prompt=2010, cached=1990)  # no stream, so no time to its first word
    table = show.restart([cold, *warm, silent, after])
    assert table is not None
    lines = printed(table)
    assert "Nothing known yet 2,000 computed 1.7 s" in lines
    assert "The handbook in memory 20 computed, 1,990 from memory 63 ms" in lines
    assert "After the restart 20 computed, 2,080 from disk 140 ms" in lines
    assert show.restart([cold, *warm]) is None
    assert any("20 computed, 2,080 from disk" in line for line in printed(show.samples([after])))
    assert "Saved: KV from disk 1 2,080" in " ".join(printed(show.summary(tally([cold, after]))))


def test_times_say_what_is_measured_and_what_is_estimated(made: Make) -> None:
    said = " ".join(show.times(tally(results(made))))
    assert "4.0 s in all" in said
    assert "4.9 s (measured" in said
    assert "10.3 s (estimated at 5,000" in said
    assert "estimated" not in " ".join(show.times(tally([made()])))
    assert "1 answer came from before" in " ".join(show.times(tally([made(cache="hit")])))


def test_the_bar_of_a_terminal_and_the_lines_of_a_pipe(made: Make) -> None:
    for terminal in (True, False):
        console = Console(file=StringIO(), width=100, force_terminal=terminal)
        with show.Watch(console, 12) as watch:
            for number in range(12):
                watch.asking([Ask("Ben", "[red]Why?")])
                watch.answered([made(number)])
        assert isinstance(console.file, StringIO)
        text = console.file.getvalue()
        assert ("12/12" in text) == terminal
        assert ("12 of 12 requests answered" in text) != terminal
        assert ("[red]Why?" in text) == terminal
    assert len(SCRIPT) > show.EVERY


def test_a_start_is_told_line_by_line_in_a_pipe_and_each_line_once() -> None:
    for terminal in (True, False):
        console = Console(file=StringIO(), width=100, force_terminal=terminal)
        with show.Starting(console) as starting:
            for line in ("[1/2] one", "[1/2] one", "[2/2] two"):
                starting.say(line)
        assert isinstance(console.file, StringIO)
        lines = console.file.getvalue().splitlines()
        assert (lines == ["  [1/2] one", "  [2/2] two"]) != terminal
