"""s16: redirects never carry credentials: they are given back as they came, and followed by nobody here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from behind import MESSAGES, PATHS, body, headers
from bystander import ENV, KEYED, OURS, World, world
from gateway_upstreams import asks
from live import gateway
from providers import faults, provider


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("s16")) as running:
        yield running
        running.check()


POSTS: dict[str, dict[str, Any]] = {
    **{path: body(path, "") for path in PATHS},
    "/v1/embeddings": {"model": "gpt-x", "input": "x", "dimensions": 4},
    "/v1/completions": {"model": "gpt-x", "prompt": "x"},
    "/v1/messages/count_tokens": body(MESSAGES, "hi"),
    "/v1/files": {},
}
ROUTES = [*(("POST", path) for path in POSTS), ("GET", "/v1/files"), ("GET", "/v1/models/x"), ("DELETE", "/v1/files/x")]
CODES = (300, 301, 302, 303, 305, 307, 308)
PLACES = ("http://EVIL/v1/chat/completions", "//EVIL/v1", "http://user:pass@EVIL/", "/v1/elsewhere")


def ask(both: World, method: str, path: str, **more: Any) -> httpx.Response:
    sent = {**POSTS[path], **more} if method == "POST" else None
    return both.live.client.request(method, path, json=sent, headers=headers(path))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_redirect_is_given_back_and_not_followed(both: World, method: str, path: str) -> None:
    for number, code in enumerate(CODES):
        place = both.filled(PLACES[number % len(PLACES)])
        both.fake.plan = [faults.redirect(place, code)]
        before = len(both.fake.asked)
        with both.untouched():
            answer = ask(both, method, path, seed=code)
        assert (answer.status_code, answer.headers["location"]) == (code, place)
        assert len(both.fake.asked) == before + 1
        assert OURS not in f"{answer.headers} {answer.text}"
        assert "location" not in ask(both, method, path, seed=code).headers, "and it is not remembered"
        assert len(both.fake.asked) == before + 2


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_is_not_led_elsewhere_either(both: World, path: str) -> None:
    both.fake.plan = [faults.redirect(both.filled(PLACES[0]), 307)]
    with both.untouched():
        answer = ask(both, "POST", path, stream=True)
    assert (answer.status_code, answer.headers["location"]) == (307, both.filled(PLACES[0]))


ELSEWHERE = {
    "Alt-Svc": 'h2="EVIL"; ma=3600; persist=1',
    "Refresh": "0; url=http://EVIL/",
    "Content-Location": "http://EVIL/v1",
    "Link": "<http://EVIL/>; rel=preconnect",
    "Strict-Transport-Security": "max-age=3600",
    "Set-Cookie": "host=EVIL",
    "Location": "http://EVIL/",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_an_answer_says_of_other_places_is_not_taken_up(both: World, name: str) -> None:
    both.fake.plan = [faults.with_headers({name: both.filled(ELSEWHERE[name])})]
    with both.untouched():
        for number in range(2):
            assert ask(both, "POST", PATHS[0], seed=f"{name} {number}").status_code == 200
    assert not both.fake.asked[-1].all("cookie")


def test_an_upstream_that_is_elsewhere_lists_no_models(both: World) -> None:
    """Asked for by us, and not on behalf of one client's path."""
    with provider() as moved:
        toml = asks(both.fake.url, moved.url, more=KEYED)
        with gateway(both.file.parent / "list", toml=toml, inside=False, env=ENV) as live, both.untouched():
            moved.plan = [faults.redirect(both.filled("http://EVIL/v1/models"), 302)]
            answer = live.client.get("/v1/models")
    assert answer.json()["data"]
    assert "u1" in answer.headers["x-everwarm-why"]
    assert len(moved.asked) == 1
