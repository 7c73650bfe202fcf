"""The terminal's screen: the figures of the report, in as many columns as there are, with and without colour."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from analyze.example import repairs, report, steps, total
from everwarm.analyze.report import Report, Source, Sums
from everwarm.analyze.screen import screen


def shown(what: Report, width: int = 100, **options: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, **options).print(screen(what, width))
    return out.getvalue()


def row(text: str, label: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(label))


def test_it_says_what_was_read_and_what_it_costs() -> None:
    lines = shown(report()).splitlines()
    assert lines[0] == "Read 62.0% of 38,400,000 prompt tokens from the cache. It could have been 85.7%."
    assert lines[1].startswith(
        "2,412 calls, 7 of them failed, 2026-11-16 08:00 to 2026-11-22 20:00 UTC, from 3 sources"
    )
    assert lines[2] == "Paid $61.42; $118.93 without any cache, $40.36 with the best repairs. Lost per day: $3.75."
    assert len(lines) <= 40


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_the_waterfall_has_all_tokens_in_every_width(width: int) -> None:
    text = shown(report(), width)
    assert max(map(len, text.splitlines())) <= width
    tokens = [
        int(n.replace(",", "")) for n in re.findall(r"([\d,]+) +[<\d.]+%", text.split("Repairs")[0].split("went")[1])
    ]
    assert tokens == [23_800_000, *(step.tokens for step in steps())]
    assert sum(tokens) == total().prompt


def test_a_row_has_label_bar_tokens_share_money_and_path() -> None:
    clock = row(shown(report()), "System prompt changed: a clock")
    assert re.search(r"▓+ +4,820,000 +12\.6% +\$12\.05 +messages\[0\]\.content", clock)
    assert re.search(r"█{10,} +23,800,000 +62\.0%", row(shown(report()), "Read from the cache"))
    assert re.search(r"░+ +3,904,000 +10\.2%", row(shown(report()), "New text"))
    assert "messages[0]" not in shown(report(), 60)


def test_bars_stand_behind_each_other() -> None:
    text = shown(report())
    ends = [m.end() for line in text.splitlines() for m in re.finditer("[█▓░]+", line)]
    assert ends == sorted(ends)
    assert len(ends) == 1 + len(steps())


def test_repairs_are_those_that_save_most_and_all_together() -> None:
    lines = shown(report()).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Repairs, replayed"))
    labels = [line.split("  ")[0] for line in lines[at + 1 : at + 6]]
    assert labels[0].startswith("Move what changes")
    assert labels[-1] == "All of these together"
    assert len(labels) == len(repairs())
    assert re.search(r"62\.0% +74\.0% +\$61\.40 +\$49\.71 +\$11\.69", lines[at + 1])
    assert re.search(r"85\.7% +\$40\.36 +\$21\.04", row(shown(report(), 60), "All of these"))


def test_colours_are_only_colours() -> None:
    plain = shown(report())
    coloured = shown(report(), force_terminal=True, color_system="standard")
    assert "\x1b[" in coloured
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_what_could_not_be_read_is_said() -> None:
    text = shown(report())
    assert "No call was found in 4 lines of 2 sources:" in text
    assert 'support/2026-11-16.jsonl:77: no JSON: {"model": "gpt-5-mi' in text
    assert "No call was found" not in shown(report(sources=[Source("a", "x", 1, 1)]))


def test_a_log_commands_no_terminal() -> None:
    evil = "a\x1b[2J\x07\u202eb\nc[bold]d[/]"
    bad = [replace(one, label=evil, path=evil) for one in steps()]
    what = report(
        total=replace(total(), steps=bad),
        repairs=[replace(one, label=evil) for one in repairs()],
        sources=[Source(evil, evil, 0, 1, 1, evil)],
        notes=[evil],
    )
    text = shown(what, 160)
    assert not re.search("[\x1b\x07\u202e]", text)
    assert "A�[2J��b c[bold]d[/]" in text


def test_much_is_cut_to_a_screen() -> None:
    many = [replace(one, tokens=one.tokens // 5) for one in steps()[:6] for _ in range(5)] + steps()[6:]
    what = report(total=replace(total(), steps=many), repairs=repairs()[:4] * 5 + repairs()[4:], notes=["Short."] * 9)
    text = shown(what)
    assert len(text.splitlines()) <= 40
    assert re.search(r"23 smaller losses .*▓", text)
    assert "6 more notes in --html and --json." in text


def test_what_has_no_price_and_no_time_is_left_open() -> None:
    free = [replace(one, money=None) for one in steps()]
    bare = replace(total(), cost=None, uncached=None, steps=free)
    text = shown(report(total=bare, repairs=[], began=None, ended=None))
    assert "Paid –; – without any cache. Lost: –." in text
    assert "It could have been 64.8%." in text
    assert "Repairs" not in text


def test_nothing_and_traces() -> None:
    trace = SimpleNamespace(name="conversation", requests=12_031, tokens=144_000_000, unlimited=0.3736)
    empty = report(total=Sums(""), repairs=[], sources=[], notes=[])
    assert shown(empty).strip() == "No prompt was found in what was read."

    class Traced(Report):
        traces = (trace,)

    traced = Traced(**{name: getattr(empty, name) for name in Report.__slots__})
    assert "Trace conversation: 12,031 requests, 144,000,000 tokens; a cache that keeps everything reads 37.4%." in (
        shown(traced).replace("\n", " ")
    )
