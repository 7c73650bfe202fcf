"""Serialization memory: one meaning goes out in one form, and no meaning is ever changed."""

from __future__ import annotations

import json
import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.finding import Finding
from everwarm.core.layout.meaning import meaning
from everwarm.core.layout.notes import MemoryNotes, Notes
from everwarm.core.layout.outline import outline
from everwarm.core.layout.spelling import LONGEST, MOST_OBJECTS, respell
from everwarm.core.layout.splice import splice
from everwarm.core.layout.tools import MOST
from requests_like import json_values, names, schemas
from shared import unpacked

remembered = pytest.mark.digest
"""Of what is given back: with a constant for a hash, all meanings have one place, and only the first is remembered."""


def sent(
    notes: Notes, body: dict[str, Any], dialect: str = "openai_chat", *, space: str = "s", stream: bytes = b"t"
) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The body as it goes out, and what was found."""
    data = orjson.dumps(body)
    edits, findings = respell(notes, space, stream, dialect, body, outline(dialect, body))
    return orjson.loads(splice(data, edits)), findings


def out(notes: Notes, body: dict[str, Any], dialect: str = "openai_chat", **where: Any) -> dict[str, Any]:
    return sent(notes, body, dialect, **where)[0]


def as_bytes(value: Any) -> bytes:
    """As written, with the order of keys."""
    return orjson.dumps(value)


def sorted_tools(body: dict[str, Any]) -> list[bytes]:
    return sorted(orjson.dumps(tool, option=orjson.OPT_SORT_KEYS) for tool in body.get("tools", []))


def shuffled(value: Any, chance: random.Random) -> Any:
    """The value with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {k: shuffled(value[k], chance) for k in keys}
    return [shuffled(v, chance) for v in value] if isinstance(value, list) else value


def function(name: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["a"]}
    return {"type": "function", "function": {"name": name, "parameters": schema, **more}}


tool_lists = st.lists(names, max_size=6, unique=True).flatmap(
    lambda chosen: st.tuples(*(st.builds(lambda s, n=n: function(n, parameters=s), schemas) for n in chosen))
)

# --- tools ----------------------------------------------------------------------------------------------------------


@given(tool_lists.map(list), st.randoms(use_true_random=False))
@remembered
def test_shuffled_tools_go_out_as_they_were_first(tools: list[dict[str, Any]], chance: random.Random) -> None:
    notes = MemoryNotes()
    first = as_bytes(out(notes, {"tools": tools})["tools"])
    assert first == as_bytes(tools)
    for _ in range(3):
        again = shuffled(tools, chance)
        chance.shuffle(again)
        assert as_bytes(out(notes, {"tools": again})["tools"]) == first


@given(st.lists(tool_lists.map(list), max_size=4), st.randoms(use_true_random=False))
def test_no_tool_is_lost_or_changed(lists: list[list[dict[str, Any]]], chance: random.Random) -> None:
    notes = MemoryNotes()
    for tools in lists:
        body = {"tools": shuffled(tools, chance)}
        new = out(notes, body)
        assert sorted_tools(new) == sorted_tools(body)
        assert out(notes, new) == new


@remembered
def test_number_forms_and_white_space_count_for_nothing() -> None:
    notes = MemoryNotes()
    out(notes, {"tools": [function("f", parameters={"default": 1.0, "max": 2})]})
    new, findings = sent(notes, {"tools": [function("f", parameters={"default": 1, "max": 2.0})]})
    assert as_bytes(new["tools"]) == as_bytes([function("f", parameters={"default": 1.0, "max": 2})])
    assert [(f.path, f.kind, f.cure, f.done) for f in findings] == [(("tools", 0), "another spelling", "respell", True)]


@remembered
def test_what_is_found_is_said() -> None:
    notes = MemoryNotes()
    one, two = function("f"), function("g")
    assert sent(notes, {"tools": [one, two]})[1] == ()
    assert sent(notes, {"tools": [one, two]})[1] == ()
    other = {"function": dict(reversed(one["function"].items())), "type": "function"}
    _, findings = sent(notes, {"tools": [two, other]})
    assert [(f.path, f.kind, f.cure) for f in findings] == [
        (("tools", 1), "shuffled keys", "respell"),
        (("tools", 0), "shuffled tools", "reorder"),
    ]
    assert findings[0][1:3] == (0, len(as_bytes(other)))


STRICT = [
    ("openai_chat", {"type": "function", "function": {"name": "f", "strict": True, "b": 1}}),
    ("openai_responses", {"type": "function", "name": "f", "strict": True, "b": 1}),
    ("openai_responses", {"type": "function", "name": "f", "b": 1}),  # strict unless it says not
    ("anthropic_messages", {"name": "f", "strict": True, "b": 1}),
]


@pytest.mark.parametrize(("dialect", "tool"), STRICT)
def test_strict_tools_keep_their_keys(dialect: str, tool: dict[str, Any]) -> None:
    notes = MemoryNotes()
    for seed in range(9):
        other = shuffled(tool, random.Random(seed))
        assert as_bytes(out(notes, {"tools": [other]}, dialect)) == as_bytes({"tools": [other]})


@remembered
@pytest.mark.parametrize(
    ("dialect", "tool"),
    [
        ("openai_chat", {"type": "function", "function": {"name": "f", "strict": False, "b": 1}}),
        ("openai_responses", {"type": "function", "name": "f", "strict": False, "b": 1}),
        ("anthropic_messages", {"name": "f", "input_schema": {"b": 1, "a": 2}}),
    ],
)
def test_loose_tools_do_not(dialect: str, tool: dict[str, Any]) -> None:
    notes = MemoryNotes()
    out(notes, {"tools": [tool]}, dialect)
    for seed in range(9):
        other = shuffled(tool, random.Random(seed))
        assert as_bytes(out(notes, {"tools": [other]}, dialect)) == as_bytes({"tools": [tool]})


def test_schemas_of_answers_are_not_touched() -> None:
    notes = MemoryNotes()
    shape = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"b": 1, "a": 2}}}
    for seed in range(9):
        schema = shuffled(shape, random.Random(seed))
        body = {"response_format": schema, "text": {"format": schema}}
        assert as_bytes(out(notes, body)) == as_bytes(body)


def called(body: dict[str, Any]) -> str:
    return "".join(tool.get("name") or tool["function"]["name"] for tool in body["tools"])


def listed(tools: str, **more: Any) -> dict[str, Any]:
    return {"tools": [function(name, **more) for name in tools]}


def test_new_tools_stand_last_and_lost_ones_leave_no_gap() -> None:
    notes = MemoryNotes()
    assert [called(out(notes, listed(names))) for names in ("bca", "abc", "ca", "dcab", "aebd")] == [
        "bca",
        "bca",
        "ca",
        "bcad",
        "bade",
    ]
    assert called(out(notes, listed("cab", description="changed"))) == "bca"


def test_a_tool_without_a_name_goes_by_its_type() -> None:
    notes = MemoryNotes()
    out(notes, {"tools": [{"type": "web_search"}, function("f")]})
    assert out(notes, {"tools": [function("f"), {"type": "web_search"}]})["tools"][0] == {"type": "web_search"}


@pytest.mark.parametrize(
    "tools",
    [
        [function("g"), function("f"), function("f")],
        [function("g"), {"function": 3}, function("f")],
        [function("g"), "f"],
        [function("g"), function("f") | {"cache_control": {"type": "ephemeral"}}],
        [function("g"), function("f", parameters={"default": 1e30})],
    ],
)
def test_where_places_are_meaning_or_in_doubt_tools_stay(tools: list[Any]) -> None:
    notes = MemoryNotes()
    out(notes, listed("fg"))
    assert as_bytes(out(notes, {"tools": tools})["tools"]) == as_bytes(tools)


@remembered
def test_a_mark_moves_and_the_form_stays() -> None:
    notes = MemoryNotes()
    mark = {"cache_control": {"type": "ephemeral"}}
    out(notes, {"tools": [function("f"), function("g") | mark]})
    other = {"function": function("f")["function"], "type": "function"}
    new = out(notes, {"tools": [mark | other, {"function": function("g")["function"], "type": "function"}]})
    assert as_bytes(new["tools"]) == as_bytes([function("f") | mark, function("g")])


def test_what_is_remembered_of_the_order_is_bounded() -> None:
    notes = MemoryNotes()
    many = [{"type": "function", "function": {"name": f"f{i}"}} for i in range(MOST + 2)]
    assert out(notes, {"tools": many})["tools"] == many
    assert out(notes, {"tools": many[::-1]})["tools"] == [*many[:MOST], many[MOST + 1], many[MOST]]
    assert out(notes, {"tools": [many[MOST], *many[1::-1]]})["tools"] == [*many[:2], many[MOST]]


def test_legacy_functions_are_tools() -> None:
    notes = MemoryNotes()
    f, g = {"name": "f"}, {"name": "g"}
    out(notes, {"functions": [f, g]})
    assert out(notes, {"functions": [g, f]})["functions"] == [f, g]
    assert out(notes, {"functions": "no list", "tools": {"f": 1}}) == {"functions": "no list", "tools": {"f": 1}}


@pytest.mark.parametrize("where", [{"space": "other"}, {"stream": b"other"}, {"stream": b""}])
def test_namespaces_and_streams_share_nothing(where: dict[str, Any]) -> None:
    notes = MemoryNotes()
    one = {**listed("fg"), "messages": conversation('{"a":1,"b":2}')}
    other = {**shuffled(one, random.Random(1)), "messages": conversation('{"b":2,"a":1}')}
    other["tools"].reverse()
    out(notes, one)
    assert as_bytes(out(notes, other, **where)) == as_bytes(other)


# --- texts ----------------------------------------------------------------------------------------------------------


def conversation(arguments: str, result: str = "done", opening: str = "hi", system: str = "s") -> list[dict[str, Any]]:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": opening},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": result},
    ]


objects = st.dictionaries(names, json_values, min_size=1, max_size=4)


def said(value: Any, chance: random.Random) -> str:
    """The value as JSON, in any order of keys, style and spelling of whole numbers."""
    if chance.random() < 0.5:
        value = _other_numbers(value)
    separators = chance.choice([(",", ":"), (", ", ": ")])
    indent = chance.choice([None, 1])
    return json.dumps(shuffled(value, chance), ensure_ascii=chance.random() < 0.5, separators=separators, indent=indent)


def _other_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _other_numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_other_numbers(v) for v in value]
    return float(value) if type(value) is int and abs(value) < 2**53 else value


@given(objects, objects, objects, st.randoms(use_true_random=False))
@remembered
def test_texts_that_are_json_go_out_as_they_were_first(
    arguments: Any, result: Any, within: Any, chance: random.Random
) -> None:
    notes = MemoryNotes()

    def body() -> dict[str, Any]:
        system = f"Facts:\n{said(within, chance)}\nBe kind."
        return {"messages": conversation(said(arguments, chance), said(result, chance), system=system)}

    first = body()
    assert out(notes, first) == first
    clear = [meaning(said(v, chance)) is not None for v in (arguments, result, within)]
    for _ in range(3):
        new = out(notes, body())["messages"]
        same = [
            new[2] == first["messages"][2],
            new[3] == first["messages"][3],
            new[0] == first["messages"][0] or len(within) < 2,
        ]
        assert all(s or not c for s, c in zip(same, clear, strict=True))


@given(st.lists(st.tuples(objects, objects), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_no_text_changes_its_meaning(pairs: list[tuple[Any, Any]], chance: random.Random) -> None:
    """Whatever was seen before: read as JSON, each text is what it was. Twice gives the same bytes."""
    notes = MemoryNotes()
    for _ in range(2):
        for arguments, result in pairs:
            body = {"messages": conversation(said(arguments, chance), said(result, chance))}
            new = out(notes, body)
            assert json.loads(new["messages"][3]["content"]) == json.loads(body["messages"][3]["content"])
            call, before = (b["messages"][2]["tool_calls"][0]["function"] for b in (new, body))
            assert json.loads(call.pop("arguments")) == json.loads(before.pop("arguments"))
            assert call == before
            assert out(notes, new) == new


@remembered
def test_white_space_around_a_text_stays() -> None:
    notes = MemoryNotes()
    out(notes, {"messages": conversation("{}", ' {"a":1,"b":2}\n')})
    new = out(notes, {"messages": conversation("{}", '\n{"b":2,"a":1}')})
    assert new["messages"][3]["content"] == '\n{"a":1,"b":2}'


@remembered
@pytest.mark.parametrize("levels", [100, 126, 127, 128, 129, 252, 253, 254])
@pytest.mark.parametrize("inner", ["1", "1.5"])
def test_deep_values_do_no_harm(levels: int, inner: str) -> None:
    notes = MemoryNotes()
    deep = "[" * levels + inner + "]" * levels
    one, other = f'{{"a":{deep},"b":1}}', f'{{"b":1,"a":{deep}}}'
    out(notes, {"messages": conversation("{}", one)})
    new = out(notes, {"messages": conversation("{}", other)})
    assert new["messages"][3]["content"] in (one, other)


@remembered
def test_anthropic_input_and_responses_items() -> None:
    notes = MemoryNotes()

    def messages(value: Any) -> dict[str, Any]:
        call = {"type": "tool_use", "id": "1", "name": "f", "input": value}
        say = [{"role": "user", "content": "u"}, {"role": "assistant", "content": [call]}]
        return {"messages": say}

    first = out(notes, messages({"a": 1, "b": 2}), "anthropic_messages")
    assert as_bytes(out(notes, messages({"b": 2, "a": 1}), "anthropic_messages")) == as_bytes(first)

    def items(text: str) -> dict[str, Any]:
        call = {"type": "function_call", "call_id": "1", "name": "f", "arguments": text}
        return {"input": [{"role": "user", "content": "u"}, call, {"type": "function_call_output", "output": text}]}

    first = out(notes, items('{"a":1,"b":2}'), "openai_responses")
    assert out(notes, items('{"b":2,"a":1}'), "openai_responses") == first
    assert out(notes, {"input": '{"b":2,"a":1}'}, "openai_responses") == {"input": '{"b":2,"a":1}'}


UNCERTAIN = [
    ('{"a":1,"a":2}', '{"a":2}'),
    ('{"x":1,"a":9007199254740993}', '{"a":9007199254740993,"x":1}'),
    ('{"x":1,"a":18446744073709551617}', '{"a":18446744073709551617,"x":1}'),
    ('{"x":1,"a":1e400}', '{"a":1e400,"x":1}'),
    ('{"x":1,"a":0.1234567890123456789}', '{"a":0.1234567890123456789,"x":1}'),
    ('{"x":1,"a":NaN}', '{"a":NaN,"x":1}'),
    ('{"x":1,"a":"\\ud800"}', '{"a":"\\ud800","x":1}'),
    ('{"x":1,"a":' + "[" * 300 + "]" * 300 + "}", '{"a":' + "[" * 300 + "]" * 300 + ',"x":1}'),
    ('{"x":1,"a":' + "[" * 9000 + "]" * 9000 + "}", '{"a":' + "[" * 9000 + "]" * 9000 + ',"x":1}'),
    ('{"x":1,"a":', '{"a":,"x":1}'),
    ('{"x":1,"a":"' + "y" * LONGEST + '"}', '{"a":"' + "y" * LONGEST + '","x":1}'),
    ('{"a":1,"b":2}', '{"b":2,"a":true}'),
    ('{"a":1,"b":2}', '{"b":2,"a":"1"}'),
    ("[1,2]", "[2,1]"),
    ("{}", "[]"),
]


@pytest.mark.parametrize(("one", "other"), UNCERTAIN, ids=range(len(UNCERTAIN)))
def test_what_is_not_beyond_doubt_the_same_stays(one: str, other: str) -> None:
    notes = MemoryNotes()
    out(notes, {"messages": conversation(one, one)})
    assert out(notes, {"messages": conversation(other, other)}) == {"messages": conversation(other, other)}


@remembered
def test_the_newest_user_message_stays_now_and_later() -> None:
    notes = MemoryNotes()
    one, other, third = '{"a":1,"b":2}', '{"b":2,"a":1}', '{ "b":2, "a":1 }'

    def asked(*texts: str) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": text} for text in ("hi", *texts)]}

    assert out(notes, asked(one, "x")) == asked(one, "x")
    assert out(notes, asked(other)) == asked(other)
    assert out(notes, asked(other, "x")) == asked(other, "x")  # it went out so
    assert out(notes, asked(third, "x")) == asked(one, "x")
    assert out(notes, asked(third)) == asked(third)


@remembered
def test_what_a_conversation_shows_twice_may_differ_on_purpose() -> None:
    """A file, sorted, and shown again: the model must see that it is sorted."""
    notes = MemoryNotes()

    def shown(*results: str) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": "sort it"}, *({"role": "tool", "content": r} for r in results)]
        }

    one, other = '{"b":2,"a":1}', '{"a":1,"b":2}'
    assert out(notes, shown(one)) == shown(one)
    assert out(notes, shown(one, other)) == shown(one, other)
    assert out(notes, shown(one, other)) == shown(one, other)
    assert out(notes, shown("cleared", other)) == shown("cleared", other)  # it went out so
    assert out(notes, shown(one, one)) == shown(one, one)
    assert out(notes, shown(one, '{"b": 2,"a":1}')) == shown(one, other)


@remembered
def test_what_another_conversation_was_shown_is_nothing_to_this_one() -> None:
    notes = MemoryNotes()
    one, other = '{"b":2,"a":1}', '{"a":1,"b":2}'
    out(notes, {"messages": conversation(one, one)})
    elsewhere = {"messages": conversation(other, other, opening="something else")}
    assert out(notes, elsewhere) == elsewhere


@remembered
def test_an_opening_that_is_json_is_one_conversation_in_any_spelling() -> None:
    notes = MemoryNotes()
    one, other = '{"b":2,"a":1}', '{"a":1,"b":2}'

    def turns(opening: str, result: str) -> dict[str, Any]:
        return {"messages": [*conversation("{}", result, opening), {"role": "user", "content": "go on"}]}

    first = out(notes, turns(one, one))
    assert out(notes, turns(other, other)) == first


@remembered
def test_objects_within_a_system_text() -> None:
    notes = MemoryNotes()

    def system(*objects: str) -> dict[str, Any]:
        return {"messages": [{"role": "system", "content": "\n".join(("You know:", *objects, "That is all."))}]}

    one, two = '{"a": 1,\n "b": 2}', '{"c":\n{"y":1,"x":2},"d":4} and more'
    other, second = '{"b":2,"a":1}', '{"d":4,"c":{"x":2,"y":1}} and more'
    assert out(notes, system(one, two)) == system(one, two)
    body = system("{", '{"lonely": 1}', " " + other, other, second, second)
    new, findings = sent(notes, body)
    assert new == system("{", '{"lonely": 1}', " " + other, one, two, second)
    text = body["messages"][0]["content"]
    assert [text[f.start : f.end] for f in findings] == [other, second.removesuffix(" and more")]


@remembered
def test_a_system_text_that_is_json_is_one_whole() -> None:
    notes = MemoryNotes()

    def system(text: str) -> dict[str, Any]:
        return {"messages": [{"role": "system", "content": text}]}

    first = out(notes, system('[\n{"a":1,"b":2},\n{"c":1}]'))
    assert out(notes, system('[\n{"b":2,"a":1},\n{"c":1.0}]')) == first
    assert out(notes, system('{"b":2,"a":1}\n{"c":1}')) == system('{"b":2,"a":1}\n{"c":1}')


@remembered
def test_a_text_with_many_braces_is_tried_a_bounded_number_of_times() -> None:
    notes = MemoryNotes()
    one, other = '{"a":1,"b":2}', '{"b":2,"a":1}'
    before = '{"a":\n' * MOST_OBJECTS

    def system(text: str) -> dict[str, Any]:
        return {"messages": [{"role": "system", "content": text}]}

    out(notes, system(one + "\n"))
    assert out(notes, system(f"{other}\n{before[:6]}\n{other}")) == system(f"{one}\n{before[:6]}\n{other}")
    assert out(notes, system(f"{before}{other}\n")) == system(f"{before}{other}\n")
    assert out(notes, system("x" * LONGEST + f"\n{other}\n")) == system("x" * LONGEST + f"\n{other}\n")


def test_half_a_character_does_no_harm() -> None:
    notes = MemoryNotes()
    body = {"messages": [{"role": "user", "content": '["\ud800"]'}, {"role": "tool", "content": '["\ud800"]'}]}
    assert respell(notes, "s", b"t", "openai_chat", body, outline("openai_chat", body)).edits == ()


def test_digests_alone_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("everwarm.core.key.hint", lambda data: bytes(16))
    notes = MemoryNotes()
    out(notes, {**listed("fg"), "messages": conversation('{"a":1,"b":2}', '{"c":1,"d":2}')})
    other = {**listed("hi"), "messages": conversation('{"x":1,"y":2}', '{"z":1,"d":2}')}
    assert as_bytes(out(notes, other)) == as_bytes(other)


def test_where_all_digests_are_one_what_is_known_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("everwarm.core.key.hint", lambda data: bytes(16))
    notes = MemoryNotes()
    out(notes, listed("f"))
    other = {"tools": [shuffled(function("f"), random.Random(1))]}
    assert as_bytes(other) != as_bytes(listed("f")) == as_bytes(out(notes, other))


@given(objects, st.randoms(use_true_random=False))
def test_one_value_has_one_meaning_however_it_is_written(value: Any, chance: random.Random) -> None:
    one, other = said(value, chance), said(value, chance)
    assert meaning(one) == meaning(other) or None in (meaning(one), meaning(other))
    assert meaning(one) != meaning(said({**value, "more": 1}, chance)) or meaning(one) is None or "more" in value


# --- real tools -----------------------------------------------------------------------------------------------------


@remembered
def test_real_tools_in_any_order_go_out_as_they_were_first() -> None:
    """Live questions about functions, with the functions that their askers offered."""
    lines = unpacked("tool-schemas/BFCL_v4_live_multiple.json.gz").splitlines()
    chance = random.Random(5)
    notes = MemoryNotes(2**28)
    moved = 0
    for number, line in enumerate(lines):
        functions = json.loads(line)["function"]
        tools = [{"type": "function", "function": f} for f in functions]
        where: dict[str, Any] = {"stream": b"%d" % number}
        first = as_bytes(out(notes, {"tools": tools}, **where))
        for _ in range(2):
            again = shuffled(tools, chance)
            chance.shuffle(again)
            moved += as_bytes({"tools": again}) != first
            assert as_bytes(out(notes, {"tools": again}, **where)) == first
    assert moved > len(lines)


@remembered
def test_where_nobody_looks_nothing_is_found_and_as_much_is_changed() -> None:
    def asked(names: str, arguments: str) -> dict[str, Any]:
        call = {"id": "1", "type": "function", "function": {"name": "a", "arguments": arguments}}
        said = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]}]
        return {"tools": [function(n) for n in names], "messages": said}

    first, other = asked("ab", '{"x": 1, "y": 2}'), asked("ba", '{"y": 2, "x": 1}')
    other["tools"] = [dict(reversed(tool.items())) for tool in other["tools"]]
    made = []
    for closely in (True, False):
        notes = MemoryNotes()
        for body in (first, other):
            pieces = outline("openai_chat", body)
            found = respell(notes, "s", b"t", "openai_chat", body, pieces, closely=closely)
        made.append(found)
    assert made[0].edits == made[1].edits
    assert len(made[0].edits) == 3
    assert {finding.cure for finding in made[0].findings} == {"respell", "reorder"}
    assert made[1].findings == ()


def test_tools_that_cannot_be_written_again_stay_in_their_order() -> None:
    notes = MemoryNotes()
    tools = [function("a", default=2**70), function("b")]
    for row in (tools, tools[::-1]):
        body = {"tools": row}
        assert respell(notes, "s", b"t", "openai_chat", body, outline("openai_chat", body)) == ((), ())
