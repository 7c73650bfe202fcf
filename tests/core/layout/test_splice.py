"""Edits by path: what they say is done, and nothing else is touched."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from everwarm.core.layout.compact import compact
from everwarm.core.layout.scan import STRIDE
from everwarm.core.layout.splice import Edit, splice

spaces = st.text(" \t\n\r", max_size=2)
texts = st.text(st.one_of(st.sampled_from('\\"{}[],: \né日'), st.characters(exclude_categories=["Cs"])), max_size=8)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(-1e9, 1e9, allow_nan=False), texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """The value as some client might write it: any white space, any escapes."""
    space = draw(spaces)
    if isinstance(value, str):
        units = value.encode("utf-16-be").hex()
        escaped = "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
        return draw(st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False), f'"{escaped}"']))
    if isinstance(value, list):
        return f"[{space}" + ",".join(f"{space}{draw(written(v))}{draw(spaces)}" for v in value) + "]"
    if isinstance(value, dict):
        members = (f"{draw(written(k))}{space}:{draw(spaces)}{draw(written(v))}{space}" for k, v in value.items())
        return f"{{{space}" + ",".join(members) + "}"
    return json.dumps(value)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """All values inside, with their paths."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *(place for step, inner in steps for place in places(inner, (*path, step)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def edited(value: Any, edit: Edit) -> Any:
    """What the edit says, done to a parsed value: the oracle."""
    value = deepcopy(value)
    if edit.how == "append":
        at(value, edit.path).append(edit.value)
    elif edit.how == "member":
        at(value, edit.path)[edit.name] = edit.value
    elif edit.how == "before":
        at(value, edit.path[:-1]).insert(edit.path[-1], edit.value)
    elif not edit.path:
        return edit.value
    else:
        at(value, edit.path[:-1])[edit.path[-1]] = edit.value
    return value


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, bytes, Edit]:
    """A value, how it is written, and an edit that it has a place for."""
    value = draw(values)
    data = (draw(spaces) + draw(written(value)) + draw(spaces)).encode()
    path, inner = draw(st.sampled_from(places(value)))
    hows = ["replace", *(["append", "before"] if isinstance(inner, list) else ["member"] * isinstance(inner, dict))]
    how: Any = draw(st.sampled_from(hows))
    name = draw(texts.filter(lambda n: n not in inner)) if how == "member" else ""
    where = (*path, draw(st.integers(0, len(inner)))) if how == "before" else path
    return value, draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data, Edit(where, how, draw(values), name)


def parsed(data: bytes) -> Any:
    return json.loads(data.decode("utf-8-sig"))


@given(cases())
def test_what_is_parsed_afterwards_is_the_edited_value(case: tuple[Any, bytes, Edit]) -> None:
    value, data, edit = case
    assert parsed(splice(data, [edit])) == edited(value, edit)


@given(cases())
def test_all_other_bytes_stay(case: tuple[Any, bytes, Edit]) -> None:
    """The new text is a head of the old one, the value that was written, and a tail of the old one."""
    _, data, edit = case
    new = splice(data, [edit])
    value = compact(edit.value)
    begins = [i for i in range(len(new) + 1) if new.startswith(value, i)]
    frames = (b"", b",") if edit.how != "member" else (compact(edit.name) + b":", b"," + compact(edit.name) + b":")
    assert any(
        (head := new[:i].removesuffix(frame), tail := new[i + len(value) :])
        and data.startswith(head)
        and data.endswith(tail.removeprefix(b",") if edit.how == "before" else tail)
        for i in begins
        for frame in frames
    )


@given(values, st.data())
def test_an_edit_and_its_inverse_give_the_same_value(value: Any, data: st.DataObject) -> None:
    text = data.draw(written(value)).encode()
    path, inner = data.draw(st.sampled_from(places(value)))
    there = splice(text, [Edit(path, "replace", data.draw(values))])
    assert parsed(splice(there, [Edit(path, "replace", inner)])) == value


@given(values, st.data())
def test_edits_at_many_places_are_as_good_as_one_by_one(value: Any, data: st.DataObject) -> None:
    """Replacing, which moves no path, at places none of which is inside another."""
    text = data.draw(written(value)).encode()
    chosen: list[tuple[Any, ...]] = []
    for path in data.draw(st.lists(st.sampled_from([p for p, _ in places(value)]), max_size=6, unique=True)):
        if all(path[: len(c)] != c and c[: len(path)] != path for c in chosen):
            chosen.append(path)
    edits = [Edit(path, "replace", data.draw(values)) for path in chosen]
    one_by_one = text
    for edit in edits:
        value = edited(value, edit)
        one_by_one = splice(one_by_one, [edit])
    assert splice(text, edits) == one_by_one
    assert parsed(one_by_one) == value


@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from(["x", {"a": [{"b": "]"}]}, [[]]]))
@example(3 * STRIDE, 3 * STRIDE - 1, "x")
def test_any_element_of_a_long_array(length: int, index: int, element: Any) -> None:
    value = {"a": [element] * length, "z": 1}
    data = json.dumps(value).encode()
    if index < length:
        assert parsed(splice(data, [Edit(("a", index), "replace", 7)])) == edited(
            value, Edit(("a", index), "replace", 7)
        )
        return
    with pytest.raises(LookupError, match=rf"a\[{index}\] is not in the body"):
        splice(data, [Edit(("a", index), "replace", 7)])


def test_no_edit_gives_the_very_bytes() -> None:
    data = b' {"a" : 1e2}\n'
    assert splice(data, []) is data


def test_numbers_escapes_and_white_space_stay() -> None:
    data = '{ "n":1.50e+2, "t": "\\u00e9é\\/" ,\n"x": [ 1 ,2 ] , "y":-0.0}'.encode()
    assert splice(data, [Edit(("x",), "append", "3")]) == data.replace(b"2 ]", b'2,"3" ]')
    assert splice(data, [Edit(("x", 0), "before", 0)]) == data.replace(b"[ 1", b"[ 0,1")
    assert splice(data, [Edit((), "member", None, "z")]) == data.replace(b"-0.0}", b'-0.0,"z":null}')


def test_several_additions_at_one_place_stand_in_the_order_given() -> None:
    data = b'{"a":[1],"b":[ ],"c":{ }}'
    edits = [
        Edit(("a",), "append", 4),
        Edit(("a", 1), "before", 2),
        Edit(("a",), "append", 5),
        Edit(("a", 1), "before", 3),
        Edit(("a", 0), "before", -1),
        Edit(("a", 0), "before", 0),
        Edit(("a", 0), "replace", 1.5),
        Edit(("b",), "append", 1),
        Edit(("b",), "append", 2),
        Edit(("b", 0), "before", 0),
        Edit(("c",), "member", 1, "x"),
        Edit(("c",), "member", 2, "y"),
    ]
    assert splice(data, edits) == b'{"a":[-1,0,1.5,2,3,4,5],"b":[0,1,2 ],"c":{"x":1,"y":2 }}'


def test_edits_inside_one_container_and_at_its_end() -> None:
    data = b'{"m":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}'
    edits = [
        Edit(("m", 1), "member", 1, "n"),
        Edit(("m", 1, "content"), "replace", "B"),
        Edit(("m",), "append", 3),
        Edit(("m", 1), "before", 2),
    ]
    assert splice(data, edits) == (b'{"m":[{"role":"user","content":"a"},2,{"role":"user","content":"B","n":1},3]}')


def test_what_is_behind_the_last_edit_in_a_container_is_passed_over() -> None:
    deep = "[" * 20 + '"]"' + "]" * 20
    data = f'{{"a":[1,{{"b":1,"c":{deep}}},{deep}],"d":{{"e":[1,2,3],"f":{deep}}},"g":1}}'.encode()
    edits = [Edit(("a", 1, "b"), "replace", 2), Edit(("d", "e", 0), "replace", 2), Edit(("g",), "replace", 2)]
    new = data.replace(b'"b":1', b'"b":2').replace(b"[1,2,3]", b"[2,2,3]").replace(b'"g":1', b'"g":2')
    assert splice(data, edits) == new


@pytest.mark.parametrize("levels", [7, 8, 9, 10, 11, 60])
def test_deep_values_are_passed_over(levels: int) -> None:
    deep = '[{"]":' * levels + '"}\\\\"' + "}]" * levels
    data = f'{{"a": {deep}, "b": [{deep}, {deep}, 1], "c": 2, "d": {deep}}}'.encode()
    edits = [Edit(("c",), "replace", 3), Edit(("b", 2), "replace", 4)]
    assert splice(data, edits) == data.replace(b" 1]", b" 4]").replace(b'"c": 2', b'"c": 3')
    inner = (0, "]") * levels
    assert splice(data, [Edit(("a", *inner), "replace", 0), Edit(("d", *inner), "replace", 1)]).count(b'\\\\"') == 2


def test_backslashes_before_quotes() -> None:
    for n in range(9):
        text = "\\" * n + '"' + "\\" * (8 - n)
        data = json.dumps({"a": text, "b": [text, json.dumps(json.dumps(text))], text: 1, "z": 2}).encode()
        assert splice(data, [Edit(("z",), "replace", 3)]) == data.replace(b'"z": 2', b'"z": 3')
        assert splice(data, [Edit((text,), "replace", 3)]) == data.replace(b": 1,", b": 3,")


def test_what_orjson_cannot_write_is_written() -> None:
    assert splice(b"[1]", [Edit((0,), "replace", 2**70)]) == b"[%d]" % 2**70
    assert splice(b"[1]", [Edit((0,), "replace", "\ud800")]) == b'["\\ud800"]'


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (Edit(("a", "b"), "replace", 1), "a.b is not in the body"),
        (Edit(("a", 0), "replace", 1), r"a\[0\] is not in the body"),
        (Edit(("l", 2), "replace", 1), r"l\[2\] is not in the body"),
        (Edit(("l", -1), "replace", 1), r"l\[-1\] is not in the body"),
        (Edit(("l", 3), "before", 1), r"l\[3\] is not in the body"),
        (Edit(("l", 2, "x"), "replace", 1), r"l\[2\] is not in the body"),
        (Edit(("l", "x"), "replace", 1), "l.x is not in the body"),
        (Edit(("l", 0, "x"), "replace", 1), r"l\[0\] is neither"),
        (Edit(("a",), "append", 1), "a is an object, and has no elements"),
        (Edit(("l",), "member", 1, "x"), "l is an array, and has no members"),
        (Edit((), "append", 1), "the body is an object"),
    ],
)
def test_a_place_that_is_not_there_is_named(edit: Edit, says: str) -> None:
    with pytest.raises(LookupError, match=says):
        splice(b'{"a":{"c":1},"l":[1,2],"z":1}', [edit, Edit(("z",), "replace", 2)])


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(("a",), "replace", 1), Edit(("a",), "replace", 2)],
        [Edit(("a",), "replace", 1), Edit(("a", "b"), "replace", 2)],
        [Edit(("a", "b"), "replace", 1), Edit(("a",), "replace", 2)],
        [Edit(("a",), "replace", 1), Edit(("a",), "member", 2, "x")],
        [Edit(("a",), "member", 1, "x"), Edit(("a",), "replace", 2)],
        [Edit((), "replace", 1), Edit(("a",), "replace", 2)],
        [Edit(("l",), "replace", 1), Edit(("l", 0), "before", 2)],
    ],
)
def test_edits_that_contradict_each_other_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="Two edits change"):
        splice(b'{"a":{"b":1},"l":[1]}', edits)


def test_a_member_that_is_there_is_refused() -> None:
    for name in ("a", "é"):
        with pytest.raises(ValueError, match=f"{name} is there already"):
            splice(b'{"a":1,"\\u00e9":2}', [Edit((), "member", 3, name)])
    with pytest.raises(ValueError, match="n is there already"):
        splice(b"{}", [Edit((), "member", 3, "n"), Edit((), "member", 4, "n")])


@pytest.mark.parametrize("path", [(), ("a",)])
def test_nothing_stands_before_what_is_no_element(path: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="which is no element of an array"):
        splice(b'{"a":1}', [Edit(path, "before", 1)])


def test_it_is_orjson_that_writes() -> None:
    assert (
        splice(b"[0]", [Edit((0,), "replace", {"b": 1.0, "a": "é"})])
        == b"[" + orjson.dumps({"b": 1.0, "a": "é"}) + b"]"
    )
