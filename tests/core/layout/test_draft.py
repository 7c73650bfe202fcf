"""A body that is edited: to the byte what splicing makes, as much is refused, and the outline is that of the result."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.body import read
from everwarm.core.layout.draft import Draft
from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.splice import Edit, splice

texts = st.text('ab\\"é日', max_size=3)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | texts
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(texts, v, max_size=4), max_leaves=12)
steps = st.integers(-1, 4) | texts


@st.composite
def edits(draw: st.DrawFn, value: Any) -> Edit:
    """One that has a place in the value, mostly."""
    path: tuple[Any, ...] = ()
    while isinstance(value, (dict, list)) and value and draw(st.booleans()):
        step = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        path, value = (*path, step), value[step]
    how: Any = draw(st.sampled_from(["replace", "append", "before", "member"]))
    path = (*path, draw(steps)) if how == "before" or not draw(st.integers(0, 9)) else path
    return Edit(path, how, draw(values), draw(texts) if how == "member" else "")


def draft(body: bytes, dialect: str = "openai_chat") -> Draft:
    _, value, _, plain = read(body)
    return Draft(dialect, body, value, outline(dialect, value), plain)


def outcome(make: Any) -> Any:
    try:
        return make()
    except (LookupError, ValueError) as e:
        return type(e), str(e)


@given(st.data(), values, st.booleans())
def test_it_is_what_splicing_makes(data: st.DataObject, value: Any, compact: bool) -> None:
    body = orjson.dumps({"m": value}, option=None if compact else orjson.OPT_INDENT_2)
    row = [edit._replace(path=("m", *edit.path)) for edit in data.draw(st.lists(edits(value), max_size=4))]
    came = draft(body)
    before = deepcopy(came)
    made = outcome(lambda: came.edited(row))
    spliced = outcome(lambda: splice(body, row))
    assert outcome(lambda: came.written(row)[0]) == spliced
    assert not isinstance(spliced, bytes) or came.written(row)[1] in (None, orjson.loads(spliced))
    assert made[1:3] == (spliced, orjson.loads(spliced)) if isinstance(spliced, bytes) else made == spliced
    assert came == before


MESSAGES = {"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}], "model": "m"}


@pytest.mark.parametrize(
    "row",
    [
        [Edit(("messages", 2), "before", 1), Edit(("messages", 2), "before", 2), Edit(("messages",), "append", 3)],
        [Edit(("messages", 1), "before", 1), Edit(("messages", 0), "before", 2), Edit((), "member", 3, "n")],
        [Edit(("messages", 0, "content"), "replace", "c"), Edit(("messages", 0), "before", 2)],
        [Edit(("messages", 0, "content"), "replace", 2**70)],
    ],
)
def test_edits_of_a_request(row: list[Edit]) -> None:
    body = orjson.dumps(MESSAGES)
    made = draft(body).edited(row)
    assert made.data == draft(body).written(row)[0] == splice(body, row)
    assert made.value == orjson.loads(made.data)


@pytest.mark.parametrize(
    "edit",
    [
        Edit((), "member", 1, "model"),
        Edit(("messages", 3), "before", 1),
        Edit(("messages", -1), "before", 1),
        Edit(("messages", -1), "replace", 1),
        Edit(("model", "of"), "replace", 1),
        Edit(("messages",), "member", 1, "n"),
        Edit(("nothing",), "replace", 1),
    ],
)
def test_as_much_is_refused(edit: Edit) -> None:
    came = draft(orjson.dumps(MESSAGES))
    refused = outcome(lambda: splice(came.data, [edit]))
    assert not isinstance(refused, bytes)
    assert outcome(lambda: came.edited([edit])) == outcome(lambda: came.written([edit])[0]) == refused


def test_one_value_is_not_replaced_twice() -> None:
    with pytest.raises(ValueError, match="Two edits change model"):
        draft(orjson.dumps(MESSAGES)).written([Edit(("model",), "replace", new) for new in "ab"])


def test_what_replaces_the_whole_body() -> None:
    assert draft(b"{}").written([Edit((), "replace", 1)]) == (b"1", 1)


@pytest.mark.parametrize("body", [b'{"n": 1}', b'{"n":1.50}', b'{"n":"\\u0061"}', b'{"n":1e2}'])
def test_bytes_that_orjson_would_write_otherwise_stay(body: bytes) -> None:
    made = draft(body).edited([Edit((), "member", 1, "m")])
    assert made.data == body[:-1] + b',"m":1}'
    assert made.value["m"] == 1


TOOLS: dict[str, Any] = {
    "tools": [{"name": "a", "input_schema": {}}, {"name": "b", "input_schema": {}}],
    "system": [{"type": "text", "text": "s"}],
    "messages": [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "a", "input": {"x": 1, "y": 2}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "r"}]},
    ],
}
MESSAGES_API = "anthropic_messages"


@pytest.mark.parametrize(
    "row",
    [
        [Edit(("system", 0, "text"), "replace", "t"), Edit(("messages", 0, "content"), "replace", "v")],
        [Edit(("tools", 0), "replace", TOOLS["tools"][1]), Edit(("tools", 1), "replace", TOOLS["tools"][0])],
        [Edit(("tools", 0), "replace", "no tool")],
        [Edit(("messages", 1, "content", 0, "input"), "replace", {"y": 2, "x": 1})],
        [Edit(("messages", 1, "content", 0), "replace", {"type": "text", "text": "t"})],
        [Edit(("messages", 0, "content"), "replace", [{"type": "text", "text": "u"}])],
        [Edit(("messages", 0, "content"), "replace", None)],
        [
            Edit(("messages", 2, "content", 0, "content"), "replace", "q"),
            Edit(("messages", 0), "before", {"role": "x"}),
        ],
        [Edit(("messages", 0, "role"), "replace", "assistant")],
        [Edit(("messages",), "append", {"role": "user", "content": "more"})],
    ],
)
def test_the_outline_is_that_of_the_result(row: list[Edit]) -> None:
    made = draft(orjson.dumps(TOOLS), MESSAGES_API).edited(row)
    assert made.pieces == outline(MESSAGES_API, made.value)
    again = made.edited([Edit(("system", 0, "text"), "replace", "once more")])
    assert again.data == splice(made.data, [Edit(("system", 0, "text"), "replace", "once more")])
    assert again.pieces == outline(MESSAGES_API, again.value)


def test_only_what_is_replaced_is_outlined_again() -> None:
    came = draft(orjson.dumps(TOOLS), MESSAGES_API)
    made = came.edited([Edit(("system", 0, "text"), "replace", "t")])
    new = [piece for piece, old in zip(made.pieces, came.pieces, strict=True) if piece is not old]
    assert new == [Piece(("system", 0, "text"), "system", "system", "text", "t", -1)]
