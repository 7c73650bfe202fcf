"""The terminal's screen: the figures of the report, in as many columns as there are, with and without colour."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from analyze.example import repairs, report, steps, total
from everwarm.analyze.report import Report, Source, Sums, Trace
from everwarm.analyze.showing.screen import screen


def shown(what: Report, width: int = 100, **options: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, **options).print(screen(what, width))
    return out.getvalue()


def row(text: str, label: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(label))


def test_it_says_what_was_read_and_what_it_costs() -> None:
    lines = shown(report()).splitlines()
    assert lines[0] == "Read 62.0% of 38,400,000 prompt tokens from the cache. It could have been 85.7%."
    assert lines[1].startswith("2,412 calls, 7 failed, 2026-11-16 08:00 to 2026-11-22 20:00 UTC, from 3 sources")
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
    labels = [line.split("  ")[0] for line in lines[at + 1 : at + 5]]
    assert labels[0].startswith("Move what changes")
    assert labels[-1] == "All of these together"
    assert len(labels) == len(repairs()) - 1
    assert lines[at + 5] == "Tried, but would hardly be felt: one `prompt_cache_key` a conversation."
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


def test_nothing() -> None:
    empty = report(total=Sums(""), repairs=[], sources=[], notes=[])
    assert shown(empty).strip() == "No prompt was found in what was read."
    failed = report(total=Sums("", failed=3), repairs=[], sources=[], notes=[])
    assert shown(failed).strip() == "No prompt was found in what was read: 3 calls, all failed or empty."


def test_what_only_rules_say_is_not_told_as_paid() -> None:
    lines = shown(report(total=replace(total(), reported=0))).splitlines()
    assert lines[0] == (
        "By the provider's rules 62.0% of 38,400,000 prompt tokens come from the cache. It could be 85.7%."
    )
    assert lines[2].startswith("It would cost $61.42; $118.93 without any cache")


def test_where_nothing_more_can_be_had_it_is_said() -> None:
    most = replace(total(), ideal=23_800_000)
    first = shown(report(total=most, repairs=[])).splitlines()[0]
    assert first == "Read 62.0% of 38,400,000 prompt tokens from the cache. That is all that can be had."


def test_repairs_that_cost_more_are_only_named() -> None:
    dear = replace(repairs()[1], label="the longer lifetime", cost=70.0)
    text = shown(report(repairs=[repairs()[0], dear]))
    assert "Tried, but would cost more: the longer lifetime." in text
    assert "$70.00" not in text
    assert "Repairs, replayed" not in shown(report(repairs=[dear]))


def test_all_that_would_cost_more_are_named_however_many_help() -> None:
    cheap = [replace(repairs()[0], label=f"repair {n}") for n in range(9)]
    dear = [replace(repairs()[1], label=f"dear {n}", cost=70.0 + n) for n in range(2)]
    text = shown(report(repairs=[*cheap, *dear]))
    assert "Tried, but would cost more: dear 0, dear 1." in text


TRACE = Trace(
    name="conversation",
    requests=12_031,
    tokens=144_000_000,
    size=512,
    blocks=183_166,
    unlimited=0.3736,
    curve=[(10**n, 0.04 * n) for n in range(4, 10)] + [(2 * 10**9, 0.3736), (5 * 10**9, 0.3736)],
    needed=[],
    ttl=[(1.0, 0.04), (60.0, 0.1), (3600.0, 0.3736)],
    waits=[],
    note="Blocks are those of the trace.",
)


@pytest.mark.parametrize("width", [60, 100])
def test_a_trace_alone_shows_its_curve(width: int) -> None:
    """What caches of some sizes and lifetimes read; no more lines than fit, none twice."""
    text = shown(report(total=Sums(""), repairs=[], sources=[], notes=[], traces=[TRACE]), width)
    lines = text.splitlines()
    assert " ".join(text.split()).startswith("Hashes of blocks, without their text: they tell how much, not why.")
    assert "conversation: 12,031 requests, 144,000,000 tokens in blocks of 512" in " ".join(text.split())
    assert "A cache that keeps everything reads 37.4%." in lines
    rates = [re.findall(r"(\d+ [a-z]+(?: tokens)?) +([\d.]+)%", line)[0] for line in lines if "█" in line]
    assert rates[0] == ("10 thousand tokens", "16.0")
    assert ("1 million tokens", "24.0") in rates
    assert ("2 billion tokens", "37.4") in rates
    assert "5 billion" not in text, "it reads no more than a smaller one"
    assert rates[-3:] == [("1 second", "4.0"), ("1 minute", "10.0"), ("1 hour", "37.4")]
    assert len(lines) <= 24
    assert max(map(len, lines)) <= width
    assert "Blocks are those of the trace." in text


def test_of_a_long_curve_some_points_are_shown() -> None:
    curve = [(10**6 * n, n / 40) for n in range(1, 40)]
    text = shown(
        report(total=Sums(""), repairs=[], sources=[], notes=[], traces=[replace(TRACE, curve=curve, ttl=[], note="")])
    )
    assert len(re.findall("million tokens", text)) == 7
    assert "1 million tokens" in text
    assert "39 million tokens" in text
