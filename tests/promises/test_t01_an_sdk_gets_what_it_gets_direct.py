"""t01: what a client's SDK gets through the gateway equals what it gets direct, cold and warm."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from clients import node_sdk
from clients.every import TURNS
from clients.through import three
from clients.turn import Turn


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_direct_cold_and_warm_are_equal_in_python(turn: Turn, tmp_path: Path) -> None:
    seen = three(turn.take, tmp_path)
    assert turn.says in str(seen.direct)
    assert seen.cold == seen.direct
    assert seen.warm == seen.direct
    assert seen.calls_direct == seen.calls_cold == turn.calls
    assert seen.calls_warm == turn.calls


@node_sdk.needs_node
@pytest.mark.parametrize("program", node_sdk.PROGRAMS)
def test_direct_cold_and_warm_are_equal_in_node(program: str, tmp_path: Path) -> None:
    seen = three(partial(node_sdk.run, program), tmp_path)
    assert len(seen.direct) == node_sdk.PROGRAMS[program]
    for name, direct in seen.direct.items():
        assert seen.cold[name] == direct, name
        assert seen.warm[name] == direct, name
    assert seen.calls_direct == seen.calls_cold == seen.calls_warm
