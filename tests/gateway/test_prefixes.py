"""``/v1/cache/prefixes``: a real engine in a real gateway, with tenants."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines import balanced
from gateway_upstreams import asks
from live import CHAT, Live, gateway

PATH, WARM = "/v1/cache/prefixes", "/v1/cache/prefixes/warm"
A, B, NOBODY = ({"authorization": f"Bearer sk-{name}"} for name in ("a", "b", "nobody"))
TEXT = "Our handbook. " + "h" * 200
SYSTEM = {"role": "system", "content": TEXT}
BODY = {"model": "default", "messages": [SYSTEM]}
TOOL = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}


def tenant(name: str, more: str = "") -> str:
    return f'[[tenant]]\nname = "{name}"\nkeys = ["sha256:{sha256(f"sk-{name}".encode()).hexdigest()}"]\n{more}\n'


@pytest.fixture
def live(tiny: Any, tmp_path: Path) -> Iterator[Live]:
    """A gateway before the tiny model, with nothing in any memory."""
    with gateway(tmp_path, tiny) as running:
        yield running


def warm(live: Live, body: dict[str, Any] = BODY, who: dict[str, str] = A, **more: Any) -> dict[str, Any]:
    answer = live.client.post(WARM, json={**body, **more}, headers=who)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def listed(live: Live, who: dict[str, str] = A, **body: Any) -> list[dict[str, Any]]:
    answer = live.client.post(PATH, json=body, headers=who) if body else live.client.post(PATH, headers=who)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def cached(live: Live, who: dict[str, str] = A, question: str = "Why?") -> int:
    """Tokens of a prompt that goes on from the handbook that were not computed."""
    body = {**BODY, "messages": [SYSTEM, {"role": "user", "content": question}], "max_tokens": 1}
    answer = live.client.post(CHAT, json=body, headers=who)
    return int(answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"])


def test_warm_list_ask_unpin(live: Live, tiny: Any) -> None:
    made = warm(live, pin=True)
    assert made == {
        "object": "cache.warmed",
        "model": "tiny-test",
        "id": made["id"],
        "tokens": made["tokens"],
        "computed": made["tokens"],
        "cached": 0,
        "pinned": True,
        "rewritten": False,
    }
    assert cached(live) == made["tokens"] > 200
    row = listed(live)[0]
    assert row == {
        "object": "cache.prefix",
        "model": "tiny-test",
        "id": made["id"],
        "tokens": made["tokens"],
        "tier": "memory",
        "on_disk": False,
        "hits": 1,
        "age": row["age"],
        "pinned": True,
        "begins": row["begins"],
        "ends": row["ends"],
    }
    assert 0 <= row["age"] < 60
    assert row["begins"].startswith("system\n" + TEXT[:60])
    assert row["ends"].endswith("hhh\nuser\n")
    gone = live.client.delete(f"{PATH}/{made['id']}", headers=A)
    assert (gone.status_code, gone.json()) == (200, {"object": "cache.unpinned", "id": made["id"]})
    assert live.client.delete(f"{PATH}/{made['id']}", headers=A).status_code == 404
    assert not any(row["pinned"] for row in listed(live))
    balanced(tiny)


FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "chat": ({"messages": [SYSTEM]}, CHAT),
    "messages": ({"system": TEXT}, "/v1/messages"),
    "messages with turns": ({"system": TEXT, "messages": []}, "/v1/messages"),
    "responses": ({"instructions": TEXT}, "/v1/responses"),
    "responses with items": ({"input": [SYSTEM]}, "/v1/responses"),
}
QUESTION = {"role": "user", "content": "Why?"}
ASKED: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [SYSTEM, QUESTION], "max_tokens": 1},
    "/v1/messages": {"system": TEXT, "messages": [QUESTION], "max_tokens": 1},
    "/v1/responses": {"instructions": TEXT, "input": "Why?", "max_output_tokens": 1},
}


@pytest.mark.parametrize("name", FORMS)
def test_a_prompt_is_warmed_in_the_form_in_which_it_is_sent(live: Live, name: str) -> None:
    """And what was warmed in one protocol is warm in all: it is the model's own tokens that count."""
    body, _ = FORMS[name]
    made = warm(live, {"model": "default", **body})
    assert made["tokens"] > 200
    for path, asked in ASKED.items():
        answer = live.client.post(path, json={"model": "default", **asked}, headers=A)
        assert answer.status_code == 200, answer.text
    rows = live.client.get("/stats", headers=A).json()["recent"]
    assert [row["prefix_cached"] >= made["tokens"] for row in rows] == [True] * 3


def test_a_raw_prompt_and_a_body_that_is_asked_later_are_warmed(live: Live) -> None:
    assert warm(live, {"model": "default", "prompt": "once upon a time " * 9})["tokens"] > 100
    whole = {**BODY, "messages": [SYSTEM, QUESTION], "max_tokens": 1, "stream": False, "temperature": 0}
    made = warm(live, whole)
    usage = live.client.post(CHAT, json=whole, headers=A).json()["usage"]
    assert made["tokens"] == usage["prompt_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == made["tokens"] - 1


def test_tenants_have_their_own(live: Live) -> None:
    """Paired: the same prompt, and each sees and unpins only its own."""
    mine = warm(live, who=A, pin=True)
    assert listed(live, B) == []
    theirs = warm(live, who=B)
    assert (theirs["computed"], theirs["cached"]) == (mine["tokens"], 0), "nothing was warm for the other"
    assert theirs["id"] != mine["id"]
    assert (cached(live, A), cached(live, B)) == (mine["tokens"], mine["tokens"])
    other = live.client.delete(f"{PATH}/{mine['id']}", headers=B)
    never = live.client.delete(f"{PATH}/{'0' * 32}", headers=B)
    assert other.status_code == never.status_code == 404
    assert other.json()["error"]["message"].replace(mine["id"], "0" * 32) == never.json()["error"]["message"]
    assert listed(live, A)[0]["pinned"]
    assert not any(row["pinned"] for row in listed(live, B))


def test_no_member_of_a_body_chooses_a_namespace(live: Live) -> None:
    warm(live, who=A)
    assert listed(live, B, namespace="a", tenant="a", user="a") == []


def test_the_list_is_bounded_and_says_so(live: Live) -> None:
    for letter in "abcd":
        warm(live, {"model": "default", "messages": [{"role": "system", "content": letter * 100}]})
    answer = live.client.post(PATH, json={"limit": 2}, headers=A).json()
    assert (len(answer["data"]), answer["has_more"]) == (2, True)
    answer = live.client.post(PATH, headers=A).json()
    assert (len(answer["data"]), answer["has_more"]) == (4, False)


BAD: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "no limit": (PATH, {"limit": 0}, 400, "limit"),
    "a limit that is none": (PATH, {"limit": "many"}, 400, "limit"),
    "nothing": (WARM, {}, 400, "model"),
    "no messages": (WARM, {"model": "default"}, 400, "messages"),
    "no input": (WARM, {"model": "default", "input": []}, 400, "input"),
    "messages that are none": (WARM, {"model": "default", "messages": "hi"}, 400, "messages"),
    "an empty prompt": (WARM, {"model": "default", "prompt": ""}, 400, "prompt"),
    "a pin that is none": (WARM, {**BODY, "pin": "yes"}, 400, "pin"),
    "another model": (WARM, {**BODY, "model": "gpt-x"}, 404, "model"),
    "a picture": (
        WARM,
        {**BODY, "messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        400,
        "messages[0].content[0]",
    ),
    "too long": (WARM, {**BODY, "messages": [{"role": "system", "content": "x" * 2000}]}, 400, "messages"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named(live: Live, name: str) -> None:
    path, body, status, param = BAD[name]
    answer = live.client.post(path, json=body, headers=A)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text


def test_there_are_no_other_methods(live: Live) -> None:
    for method, path, allow in (("GET", PATH, "POST"), ("DELETE", WARM, "POST"), ("GET", PATH + "/x", "DELETE")):
        answer = live.client.request(method, path, headers=A)
        assert (answer.status_code, answer.headers["allow"]) == (405, allow)


def test_without_room_to_pin_it_is_refused_in_words(live: Live) -> None:
    """The tests' pool is large, so it is the whole of it that would be needed: here by a limit of none."""
    engine: Any = live.upstream
    engine._warming._pins.room = 4
    answer = live.client.post(WARM, json={**BODY, "pin": True}, headers=A)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "no_room_to_pin"
    assert listed(live) == []


def test_whoever_leaves_stops_the_work(live: Live, tiny: Any) -> None:
    held, begun, original = threading.Event(), threading.Event(), tiny.inside.model.step

    def step(spans: Any) -> Any:
        begun.set()
        assert held.wait(30)
        return original(spans)

    tiny.inside.model.step = step
    long = {**BODY, "messages": [{"role": "system", "content": "x" * 20}], "pin": True}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(live.url + WARM, json=long, headers=A, timeout=0.5)
    assert begun.is_set()
    until = time.monotonic() + 20
    while not all(s.answer.job.cancelled for s in tiny._scheduler._running) and time.monotonic() < until:
        time.sleep(0.005)
    held.set()
    assert not any(row["pinned"] for row in listed(live))
    balanced(tiny)


def test_with_no_model_inside_there_is_nothing_to_warm(tmp_path: Path) -> None:
    with gateway(tmp_path, toml=asks("http://127.0.0.1:9/v1"), inside=False) as live:
        answers = [
            live.client.post(PATH, headers=A),
            live.client.delete(PATH + "/x", headers=A),
            live.client.post(WARM, json={**BODY, "model": "gpt-x"}, headers=A),
        ]
    assert [a.status_code for a in answers] == [404, 404, 400]
    assert answers[2].json()["error"]["param"] == "model"
    assert "only a model inside can be warmed" in answers[2].json()["error"]["message"]


def test_tenants_without_the_model_are_told_nothing_of_it(tiny: Any, tmp_path: Path) -> None:
    toml = 'access = "tenants"\n' + tenant("a") + tenant("b", 'models = ["gpt-*"]')
    with gateway(tmp_path, tiny, toml) as live:
        made = warm(live, who=A, pin=True)
        theirs = [
            live.client.post(PATH, headers=B),
            live.client.post(WARM, json=BODY, headers=B),
            live.client.delete(f"{PATH}/{made['id']}", headers=B),
        ]
        strangers = [
            live.client.post(PATH, headers=NOBODY),
            live.client.post(WARM, json=BODY, headers=NOBODY),
            live.client.delete(f"{PATH}/{made['id']}", headers=NOBODY),
        ]
    assert [a.status_code for a in theirs] == [404, 403, 404]
    assert [a.status_code for a in strangers] == [401] * 3
    assert not any("tiny" in a.text for a in (*theirs, *strangers))


def test_tools_are_warmed_with_the_rest(live: Live) -> None:
    """The tiny model's template does not show tools; that they are read and may stand alone is what can be seen."""
    chat = {"model": "default", "messages": [], "tools": [{"type": "function", "function": TOOL}]}
    claude = {"model": "default", "system": "s", "tools": [{"name": "look_up", "input_schema": {"type": "object"}}]}
    assert warm(live, chat)["tokens"] > 0
    assert warm(live, claude)["tokens"] > 0


def test_what_must_not_rest_does_not(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """``Cache-Control: no-store`` reaches the engine."""
    seen: list[bool] = []
    engine: Any = live.upstream
    original = engine.warm
    monkeypatch.setattr(
        engine, "warm", lambda request, *a, **k: seen.append(request.rests) or original(request, *a, **k)
    )
    warm(live, who={**A, "cache-control": "no-store"})
    warm(live)
    assert seen == [False, True]
