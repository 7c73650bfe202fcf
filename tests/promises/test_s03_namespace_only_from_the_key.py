"""s03: the namespace comes only from the authenticated key: no header, body or query field moves it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from live import CHAT, Live, gateway

ME = {"authorization": "Bearer sk-me"}

HEADERS = [
    "x-tenant",
    "x-everwarm-namespace",
    "x-everwarm-tenant",
    "openai-organization",
    "openai-project",
    "x-forwarded-for",
    "cookie",
    "x-user-id",
]
MEMBERS = ["user", "prompt_cache_key", "safety_identifier", "metadata"]


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_moves_it(live: Live, name: str) -> None:
    live.ask(headers=ME)
    assert live.ask(headers={**ME, name: "other"}).headers["x-everwarm-cache"] == "hit"
    assert live.ask(headers={name: "sk-me"}).headers["x-everwarm-cache"] == "miss"


@pytest.mark.parametrize("name", [*MEMBERS, "cache_salt", "namespace", "tenant"])
def test_no_member_of_the_body_moves_it(live: Live, name: str) -> None:
    """A volatile member changes nothing; an unknown one makes another request, of the same tenant."""
    value: Any = {"a": "sk-me"} if name == "metadata" else "sk-me"
    live.ask(headers=ME)
    stranger = live.ask(**{name: value})
    assert stranger.headers["x-everwarm-cache"] == "miss"
    assert stranger.headers["x-everwarm-why"] == "nothing like it was asked before"
    mine = live.ask(headers=ME, **{name: value}).headers["x-everwarm-cache"]
    assert mine == ("hit" if name in MEMBERS else "miss")


def test_no_query_moves_it(live: Live) -> None:
    live.ask(headers=ME)
    body = {"model": "default", "messages": [{"role": "user", "content": "hi"}]}
    assert live.client.post(f"{CHAT}?tenant=other", json=body, headers=ME).headers["x-everwarm-cache"] == "hit"
    assert live.client.post(f"{CHAT}?api_key=sk-me", json=body).headers["x-everwarm-cache"] == "miss"


def test_the_configuration_maps_keys_to_a_tenant(tmp_path: Path) -> None:
    digests = ", ".join(f'"sha256:{hashlib.sha256(k).hexdigest()}"' for k in (b"sk-1", b"sk-2"))
    with gateway(tmp_path, toml=f'[[tenant]]\nname = "acme"\nkeys = [{digests}]') as live:
        live.ask(headers={"authorization": "Bearer sk-1"})
        assert live.ask(headers={"authorization": "Bearer sk-2"}).headers["x-everwarm-cache"] == "hit"
        assert live.ask(headers={"authorization": "Bearer sk-3"}).headers["x-everwarm-cache"] == "miss"
        assert live.ask(headers={"authorization": "Bearer acme"}).headers["x-everwarm-cache"] == "miss"
        assert live.ask().headers["x-everwarm-cache"] == "miss"
