"""s10: every leaf of a request is in the key unless VOLATILE names it. Mutate each leaf: the key changes if and only if
it is not listed. Ids of tool calls (RENAMED) are mutated everywhere at once, as clients invent them: no change."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialect_requests import REQUESTS
from everwarm.core.body import read
from everwarm.core.canonical import RENAMED, VOLATILE, canonical
from everwarm.core.key import PUBLIC, exact_key

pytestmark = [pytest.mark.digest, pytest.mark.parametrize("dialect", REQUESTS)]

Path = tuple[str | int, ...]


def key_of(dialect: str, value: dict[str, Any]) -> bytes:
    body = read(orjson.dumps(value))
    return exact_key(PUBLIC, dialect, "engine:x", canonical(dialect, body, value["model"])).digest


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


def patterns(value: Any, path: Path) -> set[str]:
    """messages, 0, tool_calls, 1, id -> messages[].tool_calls[].id; and the same with the type of each: [function]"""
    steps: list[set[str]] = []
    for step in path:
        value = value[step]
        kind = value.get("type") if isinstance(value, dict) else None
        steps.append({f".{step}"} if isinstance(step, str) else {"[]", f"[{kind}]"})
    return {"".join(chosen).removeprefix(".") for chosen in product(*steps)}


def listed(dialect: str, value: Any, path: Path) -> bool:
    return any(
        name == v or name.startswith((v + ".", v + "[")) for v in VOLATILE[dialect] for name in patterns(value, path)
    )


def renamed(dialect: str, value: Any, path: Path) -> bool:
    return not patterns(value, path).isdisjoint(RENAMED[dialect])


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
@given(st.data())
def test_mutate_each_leaf(dialect: str, data: st.DataObject) -> None:
    value = data.draw(REQUESTS[dialect])
    before = key_of(dialect, value)
    for path in leaves(value):
        if renamed(dialect, value, path):
            continue
        changed = key_of(dialect, mutated(value, path)) != before
        assert changed != listed(dialect, value, path), path


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_ids_renamed_everywhere_do_not_count(dialect: str, data: st.DataObject) -> None:
    value = data.draw(REQUESTS[dialect])
    other = deepcopy(value)
    for path in leaves(value):
        if renamed(dialect, value, path):
            at(other, path[:-1])[path[-1]] = "new-" + at(value, path)
    assert key_of(dialect, other) == key_of(dialect, value)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_an_id_renamed_in_one_place_counts_if_it_stands_in_another(dialect: str, data: st.DataObject) -> None:
    value = data.draw(REQUESTS[dialect])
    ids = [p for p in leaves(value) if renamed(dialect, value, p)]
    for path in ids:
        alone = [at(value, p) for p in ids].count(at(value, path)) == 1
        assert (key_of(dialect, mutated(value, path)) == key_of(dialect, value)) == alone


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_member_more_counts(dialect: str, data: st.DataObject) -> None:
    value = data.draw(REQUESTS[dialect])
    dotted = [path for path in VOLATILE[dialect] if "." in path]  # as the name of a member they are not listed
    name = data.draw(st.sampled_from(["seed", "tools", "stop", "logprobs", "x_new_field", *dotted]))
    if name not in value:
        assert key_of(dialect, {**value, name: "there"}) != key_of(dialect, value)


def test_the_table_gives_a_reason_for_each(dialect: str) -> None:
    assert all(len(why) > 10 for why in VOLATILE[dialect].values())
