"""The page in a browser: its figures are those of the report, its drawings answer, text of logs is inert."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from html import unescape
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from analyze.example import HOSTILE, report, steps, total
from everwarm.analyze.report import Moment, Report, Sums
from everwarm.analyze.showing.figures import percent, usd
from everwarm.analyze.showing.page import SCRIPTS, page
from everwarm.analyze.showing.page.flame import rows
from everwarm.analyze.showing.page.timeline import merged

Ask = Callable[..., Any]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def embedded(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="report">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_carries_the_whole_report() -> None:
    what = report()
    data = embedded(page(what))
    flat = data.pop("flame")
    assert data == {name: value for name, value in asdict(what).items() if name != "flame"}
    assert [tuple(row) for row in flat] == rows(what.flame)


def test_the_headline_is_that_of_the_report(ask: Ask) -> None:
    seen = ask(report(), "return [texts('h1')[0], texts('.hero .legend li'), document.title]")
    assert seen.page.console == []
    line, parts, title = seen.told
    assert line == "Read 62.0% of 38,400,000 prompt tokens from the cache. It could have been 85.7%."
    assert parts == ["62.0% read", "24.7% lost", "13.3% new: not sent before"]
    assert title == "Cache report: 62.0% read"
    text = seen.page.text
    assert (text["cost"], text["repaired"], text["lost"], text["per-day"]) == ("$61.42", "$40.36", "9,486,000", "$3.75")


def test_the_waterfall_adds_up_to_the_prompt_tokens(ask: Ask) -> None:
    script = (
        "return [...document.querySelectorAll('.step')].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    seen = ask(report(), script)
    first, *middle, last = seen.told
    data = embedded(seen.page.dom)["total"]
    assert first[2] == "23,800,000"
    assert [number(row[2]) for row in middle] == [step["tokens"] for step in data["steps"]]
    assert number(first[2]) + sum(number(row[2]) for row in middle) == number(last[2]) == data["prompt"]
    assert middle[0] == ["System prompt changed: a clock", "", "4,820,000", "12.6%", "$12.05"]
    assert [row[4] for row in middle] == [usd(step.money) if step.money else "" for step in steps()]


def test_the_bars_of_the_waterfall_join(ask: Ask) -> None:
    script = """const of = (bar) => [bar.getAttribute('x'), bar.getAttribute('width')].map(parseFloat);
      return [...document.querySelectorAll('.step rect')].map(of);"""
    bars = ask(report(), script).told
    wide = [bar for bar in bars[:-1] if bar[1] > 0.4]
    assert bars[0][0] == 0
    assert bars[-1] == [0, 100]
    assert all(a[0] + a[1] <= b[0] + 0.01 for a, b in pairwise(wide))
    assert bars[-2][0] + bars[-2][1] == pytest.approx(100, abs=0.01)


def test_a_row_opens_and_shows_both_values_with_what_differs(ask: Ask) -> None:
    script = """
      const row = document.querySelectorAll('.lost-step')[2], more = $(row.dataset.more);
      const button = row.querySelector('button'), open = () => !more.classList.contains('shut');
      const states = [open()];
      button.click();
      states.push(open(), button.getAttribute('aria-expanded'));
      return [states, more.innerText, [...more.querySelectorAll('mark')].map((one) => one.textContent)];"""
    states, text, marks = ask(report(), script).told
    assert states == [False, True, "true"]
    step = steps()[2]
    for words in (step.was, step.became, step.where, step.evidence, step.cure, "tools[0], characters 9 to 18"):
        assert words in text
    assert marks == ['read_file","parameters":{"path', 'bash","parameters":{"command']


def test_repairs_tables_and_sources_are_those_of_the_report(ask: Ask) -> None:
    script = """
      const words = (cell) => cell.innerText.replace(/\\s+/g, ' ').trim();
      const rows = (query) => [...document.querySelectorAll(query)].map((row) => [...row.cells].map(words));
      return ['repairs', 'models', 'answers', 'sources'].map((name) => rows(`#${name} tbody tr`));"""
    repairs, models, answers, sources = ask(report(), script).told
    assert repairs[0] == [
        "Move what changes to the end of the prompt",
        "1,640",
        "23,790,000 62.0%",
        "28,400,000 74.0%",
        "$61.40",
        "$49.71",
        "$11.69",
    ]
    assert [row[-1] for row in repairs] == ["$11.69", "$4.48", "$4.22", "$0.00", "$21.04"]
    assert models[0][:6] == ["claude-sonnet-4-5", "710", "0", "30,100,000", "21,400,000", "71.1%"]
    assert models[2][-2:] == ["–", "–"]
    assert answers[1] == ["1 hour", "74", "3.1%", "212,330", "$0.29"]
    assert sources[0][0] == 'support/2026-11-16.jsonl support/2026-11-16.jsonl:77: no JSON: {"model": "gpt-5-mi'
    assert sources[1][1] == "not understood"


def test_columns_sort_by_number_and_by_name(ask: Ask) -> None:
    script = """
      const names = () => texts('#models tbody th');
      const press = (n) => document.querySelectorAll('#models thead button')[n].click();
      const told = [];
      for (const n of [8, 8, 0]) { press(n); told.push(names()); }
      return [...told, document.querySelector('#models thead th').getAttribute('aria-sort')];"""
    down, up, named, said = ask(report(), script).told
    assert down == ["claude-sonnet-4-5", "gpt-5-mini", "llama-local"]
    assert up == down[::-1]
    assert named == sorted(down)
    assert said == "ascending"


def hostile(value: Any) -> Any:
    """The value with every text in it replaced, but for the words that the program itself writes."""
    if isinstance(value, str):
        return HOSTILE if value else ""
    if isinstance(value, list):
        return [hostile(one) for one in value]
    if is_dataclass(value):
        kept = {"cause", "tier", "stability"}
        return replace(value, **{f.name: hostile(getattr(value, f.name)) for f in fields(value) if f.name not in kept})
    return value


def test_text_of_logs_is_inert(ask: Ask) -> None:
    bad = hostile(report())
    script = """key('ArrowDown'); find('onerror'); click(0.2, 30);
      document.querySelectorAll('button').forEach((one) => one.click());
      await settled();
      return texts('.pair pre')[0];"""
    seen = ask(bad, script)
    assert seen.page.console == []
    assert seen.told == HOSTILE
    assert seen.page.tags["img"] == 0
    assert seen.page.tags["script"] == 3  # the data, the page's own, and that of this test
    assert "<title>Cache report: 62.0% read</title>" in seen.page.dom
    assert embedded(page(bad))["notes"][0] == HOSTILE


def test_a_violation_would_be_seen(ask: Ask) -> None:
    seen = ask(report(), "return 1", "<script>document.title = 'inline'</script><p style='color: red'></p>")
    assert sum("Content Security Policy" in line for line in seen.page.console) >= 2
    assert "<title>Cache report" in seen.page.dom


def test_what_no_file_can_hold_becomes_a_question_mark() -> None:
    text = page(report(notes=["half \ud83d of a pair"]))
    assert text.encode().decode() == text
    assert "half ? of a pair" in text


def test_it_tells_the_essentials_without_a_script() -> None:
    body = page(report()).split("</style>")[1].split("<script")[0]
    words = unescape(re.sub("<[^>]+>", " ", re.sub("</?(mark|code)>", "", body)))
    for step in steps():
        assert f"{step.tokens:,}" in words
        assert step.became in words
        assert step.cure.replace("`", "") in words
    for figure in ("38,400,000", "85.7%", "$61.42", "$21.04"):
        assert figure in words


CONTRAST = """
const linear = (x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
const light = (c) => {
  const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((x) => linear(x / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (a, b) => {
  const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
const color = (query, what) => getComputedStyle(document.querySelector(query))[what];
const measure = () => {
  const [card, paper] = ['section', 'body'].map((query) => color(query, 'backgroundColor'));
  const ink = color('#stretch', 'color');
  const all = { ink: ratio(ink, card), soft: ratio(color('h2 + .note', 'color'), card) };
  all.footer = ratio(color('footer', 'color'), paper);
  for (const tone of ['read', 'lost', 'new']) all[tone] = ratio(ink, color(`#tone-${tone}`, 'backgroundColor'));
  for (const tone of ['.read-ink', '.lost-ink']) all[tone] = ratio(color(tone, 'color'), card);
  return all;
};
const told = [measure()];
$('theme').click();
return [...told, measure(), root.dataset.theme, texts('#theme')[0]];"""


def test_it_has_contrast_in_light_and_in_dark(ask: Ask) -> None:
    light, dark, theme, button = ask(report(), CONTRAST).told
    assert light["ink"] != dark["ink"]
    assert (theme, button) == ("dark", "Light")
    low = {name: ratio for colours in (light, dark) for name, ratio in colours.items() if ratio < 4.5}
    assert low == {}


def test_it_is_named_for_those_who_hear_it(ask: Ask) -> None:
    script = """
      const lack = (query, has) => [...document.querySelectorAll(query)].filter((one) => !has(one)).length;
      const drawn = (s) => s.getAttribute('role') === 'img' && s.firstChild.nodeName === 'title';
      const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
      return [
        lack('table', (t) => t.caption && t.tHead.querySelector('th[scope=col]')),
        lack('tbody tr:not(.more)', (r) => r.cells[0].scope === 'row'),
        lack('svg', (s) => s.getAttribute('aria-hidden') === 'true' || drawn(s)),
        lack('section', (s) => s.classList.contains('hero') || $(s.getAttribute('aria-labelledby'))),
        lack('button', (b) => b.textContent),
        ids.length - new Set(ids).size,
      ];"""
    assert ask(report(), script).told == [0, 0, 0, 0, 0, 0]


def test_the_time_line_tells_each_moment(ask: Ask) -> None:
    script = """const bar = document.querySelector('.plot g rect');
      bar.dispatchEvent(new PointerEvent('pointermove', { bubbles: true }));
      return [texts('.plot g').length, texts('#moment')[0], document.querySelectorAll('.plot .expired').length];"""
    bars, first, expired = ask(report(), script).told
    moments = report().timeline
    assert bars == len(moments)
    assert first.startswith(
        f"2026-11-16 08:00: read {percent(moments[0].read, moments[0].prompt)} of {moments[0].prompt:,}"
    )
    assert expired == 2 * sum(one.expired > 0 for one in moments)  # in the bar, and the mark above it


def test_many_moments_become_fewer_with_the_same_sums() -> None:
    many = [Moment(60.0 * n, 60.0, 1, 100 + n, n, n % 3, n % 5) for n in range(1000)]
    few = merged(many[::-1], 240)
    assert len(few) <= 240
    for name in ("calls", "prompt", "read", "expired", "lost"):
        assert sum(getattr(one, name) for one in few) == sum(getattr(one, name) for one in many)
    assert (few[0].at, few[-1].at + few[-1].seconds) == (0.0, 60_000.0)
    assert merged([], 240) == []


def test_an_empty_report_says_so(ask: Ask) -> None:
    nothing = Report([], Sums(""), [], [], [], [], [], [], 0, [], [], [], [])
    seen = ask(nothing, "return texts('h1')[0]")
    assert seen.page.console == []
    assert seen.told == "No prompt was found in what was read."


def test_what_has_no_price_and_no_time_is_left_open(ask: Ask) -> None:
    bare = replace(total(), cost=None, uncached=None, steps=[replace(one, money=None) for one in steps()])
    seen = ask(report(total=bare, repairs=[], timeline=[], began=None, ended=None), "return texts('h1')[0]")
    assert seen.page.console == []
    assert (seen.page.text["cost"], seen.page.text["repaired"], seen.page.text["per-day"]) == ("–", "–", "–")
    assert "It could have been 64.8%" in seen.told
    assert "timeline" not in seen.page.text


@dataclass
class Trace:
    name: str = "conversation"
    requests: int = 12_031
    tokens: int = 144_000_000
    size: int = 512
    blocks: int = 190_312
    unlimited: float = 0.3736
    curve: list[tuple[int, float]] = field(
        default_factory=lambda: [(1_020_000, 0.0554), (2_560_000, 0.114), (10_240_000, 0.2935), (25_600_000, 0.3615)]
    )
    needed: list[tuple[float, int]] = field(default_factory=lambda: [(0.5, 5_100_000), (0.9, 18_000_000)])
    ttl: list[tuple[float, float]] = field(default_factory=lambda: [(300.0, 0.21), (3600.0, 0.37)])
    note: str = "Blocks were keyed by their whole prefix."


@dataclass
class Traced(Report):
    traces: list[Trace] = field(default_factory=lambda: [Trace()])


def test_a_trace_has_its_curve_and_its_numbers(ask: Ask) -> None:
    traced = Traced([], Sums(""), [], [], [], [], [], [], 0, [], [], [], [])
    script = """const points = document.querySelector('.curve polygon').getAttribute('points').split(' ');
      return [texts('h1')[0], points, texts('#trace-0 tbody tr')];"""
    seen = ask(traced, script)
    assert seen.page.console == []
    line, points, cells = seen.told
    assert line == "Of 144,000,000 prompt tokens, a cache that keeps everything would have read 37.4%."
    assert points[1] == "0.0,188.9"
    assert points[-2] == "1000.0,127.7"
    assert cells[3] == "25,600,00036.1%"
    assert cells[-1] == "1 hour37.0%"


def test_the_files_are_self_contained() -> None:
    package = files("everwarm.analyze.showing.page")
    script = "".join((package / name).read_text("utf-8") for name in SCRIPTS)
    assert {one.name for one in package.iterdir() if one.name.endswith(".js")} == set(SCRIPTS)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Storage|cookie|fetch\(|import\(", script
    )
    everything = script + (package / "style.css").read_text("utf-8") + (package / "page.html").read_text("utf-8")
    assert not re.search(r"https?:|url\(|@import|\ssrc=|\son\w+=|style=", everything)
    assert "default-src 'none'" in page(report())
