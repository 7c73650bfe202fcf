"""s10: every leaf of a request is in the key unless VOLATILE names it. Mutate each leaf: the key changes if and only if
it is not listed. Ids of tool calls (RENAMED) are mutated everywhere at once, as clients invent them: no change."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.core.body import read
from everwarm.core.canonical import RENAMED, VOLATILE, canonical
from everwarm.core.key import PUBLIC, exact_key
from requests_like import chats

pytestmark = pytest.mark.digest

DIALECT = "openai_chat"
DOTTED = [path for path in VOLATILE[DIALECT] if "." in path]  # as the name of a member they are not listed
Path = tuple[str | int, ...]


def key_of(value: dict[str, Any]) -> bytes:
    body = read(orjson.dumps(value))
    return exact_key(PUBLIC, DIALECT, "engine:x", canonical(DIALECT, body, value["model"])).digest


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all scalars and of all empty containers."""
    if isinstance(value, dict) and value:
        for k, v in value.items():
            yield from leaves(v, (*path, k))
    elif isinstance(value, list) and value:
        for i, v in enumerate(value):
            yield from leaves(v, (*path, i))
    else:
        yield path


def pattern(path: Path) -> str:
    """messages, 0, tool_calls, 1, id -> messages[].tool_calls[].id"""
    out = ""
    for step in path:
        out += "[]" if isinstance(step, int) else f".{step}" if out else step
    return out


def listed(path: Path) -> bool:
    name = pattern(path)
    return any(name == v or name.startswith((v + ".", v + "[")) for v in VOLATILE[DIALECT])


def renamed(path: Path) -> bool:
    return pattern(path) in RENAMED[DIALECT]


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def other_than(old: Any) -> Any:
    """A value of another meaning."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return old - 1 if old > 0 else old + 1
    if isinstance(old, float):
        return 0.75 if old != 0.75 else 0.25
    if isinstance(old, str):
        return old + "~"
    return "was empty"


def mutated(value: dict[str, Any], path: Path) -> dict[str, Any]:
    out = deepcopy(value)
    at(out, path[:-1])[path[-1]] = other_than(at(value, path))
    return out


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chats())
def test_mutate_each_leaf(value: dict[str, Any]) -> None:
    before = key_of(value)
    for path in leaves(value):
        if renamed(path):
            continue
        changed = key_of(mutated(value, path)) != before
        assert changed != listed(path), pattern(path)


@settings(max_examples=50, deadline=None)
@given(chats())
def test_ids_renamed_everywhere_do_not_count(value: dict[str, Any]) -> None:
    other = deepcopy(value)
    for path in leaves(value):
        if renamed(path):
            at(other, path[:-1])[path[-1]] = "new-" + at(value, path)
    assert key_of(other) == key_of(value)


@settings(max_examples=50, deadline=None)
@given(chats(), st.data())
def test_an_id_renamed_in_one_place_counts(value: dict[str, Any], data: st.DataObject) -> None:
    ids = [p for p in leaves(value) if renamed(p)]
    if not ids:
        return
    path = data.draw(st.sampled_from(ids))
    assert key_of(mutated(value, path)) != key_of(value)


@settings(max_examples=50, deadline=None)
@given(
    chats(),
    st.sampled_from(["seed", "tools", "stop", "logprobs", "x_new_field", *DOTTED]),
)
def test_a_member_more_counts(value: dict[str, Any], name: str) -> None:
    if name not in value:
        assert key_of({**value, name: "there"}) != key_of(value)


def test_the_table_gives_a_reason_for_each() -> None:
    assert all(len(why) > 10 for why in VOLATILE[DIALECT].values())
