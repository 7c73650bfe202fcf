"""Edits made on a parsed body: to the byte what splicing makes, and as much is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.amend import amend
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


def outcome(make: Any) -> Any:
    try:
        return make()
    except (LookupError, ValueError) as e:
        return type(e), str(e)


@given(st.data(), values, st.booleans())
def test_it_is_what_splicing_makes(data: st.DataObject, value: Any, compact: bool) -> None:
    body = orjson.dumps(value, option=None if compact else orjson.OPT_INDENT_2)
    row = data.draw(st.lists(edits(value), max_size=4))
    before = deepcopy(value)
    made = outcome(lambda: amend(body, value, row))
    spliced = outcome(lambda: splice(body, row))
    assert made == ((spliced, orjson.loads(spliced)) if isinstance(spliced, bytes) else spliced)
    assert value == before


MESSAGES = {"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}], "model": "m"}


@pytest.mark.parametrize(
    "row",
    [
        [Edit(("messages", 2), "before", 1), Edit(("messages", 2), "before", 2), Edit(("messages",), "append", 3)],
        [Edit(("messages", 1), "before", 1), Edit(("messages", 0), "before", 2), Edit((), "member", 3, "n")],
        [Edit(("messages", 0, "content"), "replace", "c"), Edit(("messages", 0), "before", 2)],
        [Edit(("messages", 0, "content"), "replace", 2**70)],
        [Edit((), "replace", 1)],
    ],
)
def test_edits_of_a_request(row: list[Edit]) -> None:
    body = orjson.dumps(MESSAGES)
    data, value = amend(body, MESSAGES, row)
    assert data == splice(body, row)
    assert value == orjson.loads(data)


@pytest.mark.parametrize("body", [b'{"n": 1}', b'{"n":1.50}', b'{"n":"\\u0061"}', b'{"n":1e2}'])
def test_bytes_that_orjson_would_write_otherwise_stay(body: bytes) -> None:
    data, value = amend(body, orjson.loads(body), [Edit((), "member", 1, "m")])
    assert data == body[:-1] + b',"m":1}'
    assert value["m"] == 1
