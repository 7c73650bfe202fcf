"""What is known by sight: it is the same as what was looked at, its bounds hold, and tools are looked at once."""

from __future__ import annotations

from copy import deepcopy

import orjson

from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.sights import LONGEST, Sights
from everwarm.core.layout.toolset import Toolsets, without

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("b", "a")]


def test_what_was_put_is_known_and_what_was_put_long_ago_is_forgotten() -> None:
    sights: Sights[str] = Sights(most=20)
    for number in range(4):
        sights.put(number, 5, f"seen {number}")
    assert [sights.get(number) for number in range(4)] == [f"seen {number}" for number in range(4)]
    sights.put(4, 5, "seen 4")
    assert [sights.get(number) for number in range(5)] == [None, None, "seen 2", "seen 3", "seen 4"]


def test_what_is_too_long_is_looked_at_each_time() -> None:
    sights: Sights[str] = Sights()
    sights.put("long", LONGEST + 1, "seen")
    sights.put("short", LONGEST, "seen")
    assert (sights.get("long"), sights.get("short")) == (None, "seen")


def test_tools_are_looked_at_once_and_those_of_another_model_are_others() -> None:
    sets = Toolsets()
    value = {"model": "m", "tools": TOOLS, "functions": "none", "messages": []}
    first = sets.of("public", "openai_chat", "m", value)
    assert sets.of("public", "openai_chat", "m", {**value, "messages": [1]}) is first
    assert sets.of("public", "openai_chat", "n", value).kin != first.kin
    assert sets.of("public", "openai_chat", "m", {**value, "functions": []}) != first
    assert [piece.path for piece in first.pieces if piece.kind == "definition"] == [("tools", 0), ("tools", 1)]
    sets.settle(sets.of("public", "openai_chat", "m", value))
    assert sets.of("public", "openai_chat", "m", value) == first._replace(settled=True)
    assert sets.of("public", "openai_chat", "m", deepcopy(value)) == first._replace(settled=True)
    assert without(value) == {"model": "m", "messages": []}


def test_the_name_of_a_tool_is_where_its_protocol_has_it() -> None:
    def kin(*tools: object) -> str:
        return Toolsets().of("public", "openai_chat", "m", {"tools": list(tools)}).kin

    assert kin(*TOOLS) == kin(*TOOLS[::-1]) == kin({"name": "a"}, {"name": "b"}, None)
    assert kin({"type": "web_search"}) == kin({"name": "web_search"}) != kin()


def test_settled_tools_in_another_order_go_out_in_the_first_one() -> None:
    layout = Layout(MemoryNotes())

    def sent(tools: list[dict[str, object]]) -> bytes:
        body = {"model": "m", "tools": tools, "messages": [{"role": "user", "content": "hello"}]}
        return layout.arrange("public", "openai_chat", "m", orjson.dumps(body), Wishes("rewrite"), 1e9).data

    first = sent(TOOLS)
    assert [sent(TOOLS), sent(TOOLS[::-1]), sent(TOOLS[::-1]), sent(TOOLS)] == [first] * 4
