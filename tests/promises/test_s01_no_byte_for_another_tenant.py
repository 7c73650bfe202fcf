"""s01: a tenant never receives a byte cached for another. Paired: the same tenant hits, another misses."""

from __future__ import annotations

from pathlib import Path

import pytest

from everwarm.core import key as key_module
from live import Live, gateway

A, B = {"authorization": "Bearer sk-a"}, {"authorization": "Bearer sk-b"}


def pair(live: Live, one: dict[str, str], other: dict[str, str]) -> None:
    """The same bytes of both: two calls, each answer with its own nonce."""
    first = live.ask(headers=one)
    theirs = live.ask(headers=other)
    assert theirs.headers["x-everwarm-cache"] == "miss"
    assert theirs.content != first.content
    assert theirs.headers["x-everwarm-key"] != first.headers["x-everwarm-key"] or key_module.hint(
        b"a"
    ) == key_module.hint(b"b")
    assert theirs.headers["x-everwarm-why"] == "nothing like it was asked before"
    for who, content in ((one, first.content), (other, theirs.content)):
        again = live.ask(headers=who)
        assert again.headers["x-everwarm-cache"] == "hit"
        assert again.content == content


@pytest.mark.parametrize(
    ("one", "other"), [(A, B), (A, {}), ({}, B), (A, {"x-api-key": "sk-b"}), (A, {"authorization": "sk-A"})]
)
def test_in_memory(live: Live, one: dict[str, str], other: dict[str, str]) -> None:
    pair(live, one, other)
    assert len(live.upstream.asked) == 2


def test_after_a_restart(tmp_path: Path) -> None:
    with gateway(tmp_path) as live:
        first = live.ask(headers=A)
    with gateway(tmp_path) as live:
        live.upstream.text = lambda n, r: "another nonce"
        assert live.ask(headers=A).content == first.content
        assert live.ask(headers=B).headers["x-everwarm-cache"] == "miss"


def test_one_credential_is_one_tenant_however_it_is_sent(live: Live) -> None:
    live.ask(headers={"authorization": "Bearer sk-a"})
    for same in (
        {"authorization": "bearer sk-a"},
        {"x-api-key": "sk-a"},
        {"authorization": "Bearer sk-a", "x-api-key": "sk-a"},
    ):
        assert live.ask(headers=same).headers["x-everwarm-cache"] == "hit"


def test_two_credentials_are_another_tenant_than_either(live: Live) -> None:
    """Both reach an upstream, which may judge by either."""
    both = {"authorization": "Bearer sk-a", "x-api-key": "sk-b"}
    live.ask(headers={"authorization": "Bearer sk-a"})
    live.ask(headers={"x-api-key": "sk-b"})
    assert live.ask(headers=both).headers["x-everwarm-cache"] == "miss"
    assert live.ask(headers=both).headers["x-everwarm-cache"] == "hit"
