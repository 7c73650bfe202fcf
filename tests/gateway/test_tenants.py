"""Tenants that may use some models only: on every path, whatever the name is spelled like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256

import httpx
import pytest

from behind import CHAT, MESSAGES, PATHS, VERSION, body, upstreams
from live import Live, gateway
from providers import Provider, provider

COUNT = "/v1/messages/count_tokens"
BOUNDED, FREE = {"authorization": "Bearer sk-bounded"}, {"authorization": "Bearer sk-free"}


def tenant(name: str, more: str = "") -> str:
    return f'[[tenant]]\nname = "{name}"\nkeys = ["sha256:{sha256(f"sk-{name}".encode()).hexdigest()}"]\n{more}\n'


TENANTS = tenant("bounded", 'models = ["gpt-a*", "claude-a*"]') + tenant("free")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Provider]]:
    with ExitStack() as stack:
        fake = stack.enter_context(provider())
        toml = '[aliases]\nhouse = "test-model"\n' + upstreams(fake) + TENANTS
        yield stack.enter_context(gateway(tmp_path_factory.mktemp("data"), toml=toml)), fake


def ask(live: Live, who: dict[str, str], path: str, model: str) -> httpx.Response:
    more = VERSION if path in (MESSAGES, COUNT) else {}
    asked = body(MESSAGES if path == COUNT else path, f"{path} {model}", model=model)
    return live.client.post(path, json=asked, headers={**who, **more})


@pytest.mark.parametrize("path", [*PATHS, COUNT])
@pytest.mark.parametrize("model", ["gpt-b", "test-model", "default", "house"])
def test_a_model_that_is_not_its_own_is_refused(both: tuple[Live, Provider], path: str, model: str) -> None:
    """By id or alias, inside or not; and nothing of it reaches an upstream."""
    live, fake = both
    asked = len(fake.asked)
    refused = ask(live, BOUNDED, path, model)
    assert refused.status_code == 403
    assert "gpt-a*" in refused.json()["error"]["message"]
    assert len(fake.asked) == asked
    assert ask(live, FREE, path, model).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, COUNT])
def test_one_of_its_own_is_answered(both: tuple[Live, Provider], path: str) -> None:
    live, _ = both
    assert ask(live, BOUNDED, path, "claude-a" if path in (MESSAGES, COUNT) else "gpt-a").status_code == 200


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/audio/speech", "/v1/batches", "/v1/files"])
def test_what_is_passed_on_unread_may_name_any_model(both: tuple[Live, Provider], path: str) -> None:
    live, fake = both
    asked = len(fake.asked)
    refused = live.client.post(path, json={"model": "gpt-b"}, headers=BOUNDED)
    assert refused.status_code == 403
    assert "bounded" in refused.json()["error"]["message"]
    assert len(fake.asked) == asked
    live.client.post(path, json={"model": "gpt-b"}, headers=FREE)
    assert len(fake.asked) == asked + 1


def test_what_has_no_body_names_none(both: tuple[Live, Provider]) -> None:
    live, fake = both
    asked = len(fake.asked)
    live.client.get("/v1/files", headers=BOUNDED)
    assert len(fake.asked) == asked + 1


def test_a_gateway_with_tenants_still_serves_others(both: tuple[Live, Provider]) -> None:
    live, _ = both
    assert ask(live, {"authorization": "Bearer sk-nobody"}, CHAT, "gpt-b").status_code == 200
