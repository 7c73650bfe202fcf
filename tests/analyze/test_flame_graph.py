"""The prefix flame graph in a browser: it zooms, searches, and tells what the report has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analyze.example import bushy, report
from everwarm.analyze.report import Flame
from everwarm.analyze.showing.figures import percent
from everwarm.analyze.showing.page.flame import rows

Ask = Callable[..., Any]


def test_the_flame_graph_zooms_with_pointer_and_keys(ask: Ask) -> None:
    script = """const told = [];
      const state = () => told.push([texts('#crumbs li').at(-1), texts('#stretch code')[0], $('back').disabled]);
      state(); click(0.1, 30); await settled(); state(); click(0.1, 30); await settled(); state();
      $('back').click(); await settled(); state(); key('ArrowDown'); state(); key('Enter'); await settled(); state();
      key('Escape'); await settled(); state(); key('Home'); await settled(); state();
      key('ArrowDown'); key('ArrowRight'); key('ArrowRight'); state(); key('ArrowUp'); state();
      return told;"""
    seen = ask(report(), script)
    agent, desk = "tools: bash, edit_file, grep, list_dir, read_file", "こんにちは。日本語で答えてください。"
    coding = "You are a coding agent. Work in small steps and show your evidence."
    assert seen.page.console == []
    assert seen.told == [
        ["All prompts", "All prompts", True],
        [agent[:32], agent, False],
        [coding[:32], coding, False],
        [agent[:32], agent, False],
        [agent[:32], coding, False],
        [coding[:32], coding, False],
        [agent[:32], agent, False],
        ["All prompts", "All prompts", True],
        ["All prompts", desk, True],
        ["All prompts", "All prompts", True],
    ]


def test_the_flame_graph_tells_of_a_stretch_what_the_report_has(ask: Ask) -> None:
    told = ask(report(), "key('ArrowDown'); return texts('#stretch > *')").told
    agent = report().flame[0]
    own = agent.tokens * agent.calls
    assert told[1].startswith("tools · 9,100 tokens × 710 calls = 6,461,000; with what follows ")
    assert told[2] == f"read {percent(agent.read, own)} · lost {percent(agent.lost, own)} · new 2.0%"
    assert told[3] == "Lost to: tools changed: in another order"


def test_the_flame_graph_searches(ask: Ask) -> None:
    script = """find('novEMber 2026'); const told = [texts('#found')[0], flame.found.size];
      find('no such words'); told.push(texts('#found')[0]); find('');
      return [...told, texts('#found')[0], flame.tree.total[0]];"""
    some, size, none, nothing, whole = ask(report(), script).told
    own = 6 * 2_900 * 266
    assert (some, size) == (f"6 stretches, {own:,} tokens × calls: {percent(own, whole)} of all", 6)
    assert none == "0 stretches, 0 tokens × calls: 0.0% of all"
    assert nothing == ""


def test_five_thousand_stretches_need_few_elements(ask: Ask) -> None:
    script = """const pixels = () => flame.pen.getImageData(0, 0, flame.canvas.width, flame.canvas.height).data;
      const before = pixels(); click(0.5, 80); await settled(); const after = pixels();
      find('stretch 4999');
      const changed = before.some((v, i) => v !== after[i]), all = document.querySelectorAll('*').length;
      return [all, flame.tree.rows.length, changed, texts('#crumbs li').length, texts('#found')[0]];"""
    elements, stretches, changed, crumbs, found = ask(report(flame=bushy(5000)), script).told
    assert stretches == 5001
    assert elements < 1500
    assert changed
    assert crumbs > 1
    assert found.startswith("1 stretch, ")


def test_stretches_lie_within_and_beside_each_other(ask: Ask) -> None:
    script = """const { x, total, parent } = flame.tree, ends = new Map();
      return x.slice(1).map((at, index) => {
        const above = parent[index + 1], wanted = ends.get(above) ?? x[above];
        ends.set(above, at + total[index + 1]);
        return at === wanted && at + total[index + 1] <= x[above] + total[above];
      });"""
    told = ask(report(flame=bushy(500)), script).told
    assert told == [True] * 500


def test_a_tree_of_any_depth_is_drawn(ask: Ask) -> None:
    deep = Flame("turn 3000", "messages", 7, 1, 0, 0)
    for turn in range(3000):
        deep = Flame(f"turn {2999 - turn}", "messages", 7, 1, 7, 0, inside=[deep])
    flat = rows([deep])
    assert [row[0] for row in flat] == list(range(-1, 3000))
    told = ask(
        report(flame=[deep]), "click(0.5, 470); await settled(); return [texts('#crumbs li'), flame.box.scrollHeight]"
    )
    assert told.page.console == []
    assert told.told[0][0] == "All prompts"
    assert told.told[0][-1] == "turn 18"
    assert told.told[1] > 3000 * 20
