"""The response cache as a client sees it: what hits, what misses, and what every answer says of itself."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from everwarm.core.sse import Reader
from herd import text
from live import Live, gateway
from scripted import CARD, Scripted


def how(response: httpx.Response) -> tuple[str | None, ...]:
    return response.headers.get("x-everwarm-cache"), response.headers.get("x-everwarm-via")


def test_a_miss_then_a_hit(live: Live) -> None:
    first, second = live.ask(), live.ask()
    assert how(first) == ("miss", "engine")
    assert how(second) == ("hit", "exact")
    assert first.content == second.content
    assert len(live.upstream.asked) == 1
    assert first.headers["x-everwarm-key"] == second.headers["x-everwarm-key"]
    assert first.headers["x-everwarm-why"] == "nothing like it was asked before"
    assert "x-everwarm-why" not in second.headers
    assert int(second.headers["x-everwarm-age"]) >= 0


def test_an_answer_from_shifted_kv_says_so_and_is_no_other_requests(live: Live) -> None:
    asked = {"everwarm": {"reuse": "shifted"}}
    live.upstream.shifted = 744
    for stream in (False, True):
        approximate = live.ask(seed=int(stream), stream=stream, **asked)
        assert how(approximate) == ("miss", "engine")
        assert approximate.headers["x-everwarm-shifted"] == "744"
    live.upstream.shifted = 0
    exact = live.ask(seed=0)
    assert how(exact) == ("miss", "engine"), "it is another key"
    assert "x-everwarm-shifted" not in exact.headers
    assert how(live.ask(seed=0, **asked)) == ("hit", "exact")


HI = {"role": "user", "content": "hi"}
BASE: dict[str, Any] = {"model": "default", "messages": [HI], "temperature": 0}

HITS: dict[str, Any] = {
    "nothing": BASE,
    "order of keys": {"temperature": 0, "messages": [{"content": "hi", "role": "user"}], "model": "default"},
    "white space": json.dumps(BASE, indent=4),
    "escapes": json.dumps(BASE).replace("hi", "\\u0068i"),
    "0 and 0.0": json.dumps(BASE).replace(": 0", ": 0.0"),
    "one text part": {**BASE, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
    "n": {**BASE, "n": 1},
    "stream false": {**BASE, "stream": False},
    "user": {**BASE, "user": "u-17"},
    "metadata": {**BASE, "metadata": {"a": "b"}},
    "store": {**BASE, "store": True},
    "service_tier": {**BASE, "service_tier": "flex"},
    "prompt_cache_key": {**BASE, "prompt_cache_key": "k"},
    "stream": {**BASE, "stream": True},
    "stream with usage": {**BASE, "stream": True, "stream_options": {"include_usage": True}},
    "alias": {**BASE, "model": "tm"},
    "id": {**BASE, "model": CARD.id},
}


@pytest.mark.parametrize("name", HITS)
def test_the_same_request_hits(live: Live, name: str) -> None:
    first = live.post(json.dumps(BASE))
    other = HITS[name]
    second = live.post(other if isinstance(other, str) else json.dumps(other))
    assert how(second) == ("hit", "exact")
    assert text(second) == text(first)
    assert len(live.upstream.asked) == 1


@pytest.mark.parametrize("name", HITS)
def test_and_in_the_other_direction(live: Live, name: str) -> None:
    other = HITS[name]
    first = live.post(other if isinstance(other, str) else json.dumps(other))
    second = live.post(json.dumps(BASE))
    assert how(first) == ("miss", "engine")
    assert how(second) == ("hit", "exact")
    assert text(second) == text(first)


MISSES: dict[str, Any] = {
    "text": {"messages": [{"role": "user", "content": "hi!"}]},
    "role": {"messages": [{"role": "system", "content": "hi"}]},
    "a name": {"messages": [{**HI, "name": "x"}]},
    "temperature": {"temperature": 0.1},
    "max_tokens": {"max_tokens": 5},
    "seed": {"seed": 1},
    "stop": {"stop": "x"},
    "n": {"n": 2},
    "tools": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "logit_bias": {"logit_bias": {"1": 2}},
    "a part with cache_control": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {}}]}]
    },
    "an unknown member": {"vendor_thing": 1},
    "an unknown member that is null": {"vendor_thing": None},
    "an unknown stream option": {"stream_options": {"future": True}},
}


@pytest.mark.parametrize("name", MISSES)
def test_another_request_misses(live: Live, name: str) -> None:
    first = live.post(json.dumps(BASE))
    second = live.post(json.dumps({**BASE, **MISSES[name]}))
    assert how(second) == ("miss", "engine")
    assert text(second) != text(first)
    assert second.headers["x-everwarm-why"]


@pytest.mark.parametrize(
    "data",
    [
        '{"model":"default","messages":[{"role":"user","content":"hi"}],"seed":1,"seed":1}',
        '{"model":"default","messages":[{"role":"user","content":"hi \\ud800"}]}',
    ],
)
def test_what_has_two_meanings_is_answered_and_never_cached(live: Live, data: str) -> None:
    for n in (1, 2):
        answer = live.post(data)
        assert answer.status_code == 200
        assert how(answer) == ("bypass", "engine")
        assert text(answer).startswith(f"answer {n} ")
        assert "twice" in answer.headers["x-everwarm-why"] or "surrogate" in answer.headers["x-everwarm-why"]
    assert live.house.store is not None
    assert live.house.store.held().entries == 0


def test_the_entry_survives_a_restart(tmp_path: Path) -> None:
    with gateway(tmp_path) as live:
        first = live.ask(headers={"authorization": "Bearer sk-1"})
    with gateway(tmp_path, Scripted()) as live:
        second = live.ask(headers={"authorization": "Bearer sk-1"})
        assert how(second) == ("hit", "exact")
        assert second.content == first.content
        assert live.upstream.asked == []


def test_another_build_of_the_model_misses(tmp_path: Path) -> None:
    with gateway(tmp_path) as live:
        live.ask()
    with gateway(tmp_path, Scripted(CARD._replace(fingerprint="f" * 20))) as live:
        assert how(live.ask()) == ("miss", "engine")


def control(live: Live, directive: str, **more: Any) -> httpx.Response:
    return live.ask(headers={"cache-control": directive}, **more)


def test_no_cache_asks_anew_and_replaces(live: Live) -> None:
    first, anew, after = live.ask(), control(live, "no-cache"), live.ask()
    assert how(anew) == ("miss", "engine")
    assert text(anew) != text(first)
    assert "no-cache" in anew.headers["x-everwarm-why"]
    assert how(after) == ("hit", "exact")
    assert after.content == anew.content


def test_no_store_neither_reads_nor_writes(live: Live) -> None:
    first = control(live, "no-store")
    assert how(first) == ("bypass", "engine")
    assert how(live.ask()) == ("miss", "engine")
    assert how(control(live, "no-store")) == ("bypass", "engine")
    asked = [request.rests for request, _ in live.upstream.asked]
    assert asked.count(False) == 2, "what the model computes for it must not rest on disk"
    assert len(live.upstream.asked) == 3


def test_max_age_bounds_the_age(live: Live) -> None:
    live.ask()
    assert how(control(live, "max-age=60")) == ("hit", "exact")
    live.house.clock = lambda: time.time() + 61
    late = control(live, "max-age=60")
    assert how(late) == ("miss", "engine")
    assert "61 s old" in late.headers["x-everwarm-why"]
    assert how(control(live, "max-age=60")) == ("hit", "exact")


def test_entries_expire(tmp_path: Path) -> None:
    with gateway(tmp_path, toml='[cache]\nttl = "1h"\n[models."tm"]\nttl = "1d"') as live:
        live.ask("short")
        live.ask("long", model="tm")
        live.house.clock = lambda: time.time() + 3601
        assert how(live.ask("long", model="tm")) == ("hit", "exact")
        assert how(live.ask("short")) == ("miss", "engine")


@pytest.mark.digest
def test_a_miss_says_that_the_entry_expired(live: Live) -> None:
    live.ask()
    live.house.clock = lambda: time.time() + 86401
    assert "expired 1 s ago" in live.ask().headers["x-everwarm-why"]


def test_a_clock_that_runs_backwards_gives_no_negative_age(live: Live) -> None:
    live.ask()
    live.house.clock = lambda: time.time() - 86400
    assert live.ask().headers["x-everwarm-age"] == "0"


@pytest.mark.digest
def test_tags_and_dropping(live: Live) -> None:
    for text_, tags in (("a", "faq, de"), ("b", "faq"), ("c", "other")):
        live.ask(text_, headers={"x-everwarm-tags": tags})
    other = {"authorization": "Bearer someone-else"}
    live.ask("a", headers={**other, "x-everwarm-tags": "faq"})
    assert live.client.delete("/v1/cache?tag=faq").json() == {"object": "cache.dropped", "dropped": 2}
    assert how(live.ask("a")) == ("miss", "engine")
    assert how(live.ask("c")) == ("hit", "exact")
    assert how(live.ask("a", headers=other)) == ("hit", "exact")
    key = live.ask("c").headers["x-everwarm-key"]
    assert live.client.delete(f"/v1/cache?key={key}", headers=other).json()["dropped"] == 0
    assert live.client.delete(f"/v1/cache?key={key}").json()["dropped"] == 1
    dropped = live.ask("c")
    assert how(dropped) == ("miss", "engine")
    assert "dropped" in dropped.headers["x-everwarm-why"]


@pytest.mark.parametrize("query", ["", "?tag=a&key=b", "?tag=a&tag=b", "?key=xyz", "?key=00", "?all=1"])
def test_dropping_needs_one_name(live: Live, query: str) -> None:
    answer = live.client.delete(f"/v1/cache{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_sampled_answers_are_reused_unless_told_otherwise(tmp_path: Path) -> None:
    with gateway(tmp_path / "a") as live:
        live.ask(temperature=1)
        assert how(live.ask(temperature=1)) == ("hit", "exact")
    with gateway(tmp_path / "b", toml="[cache]\nreuse_sampled = false") as live:
        live.ask(temperature=1)
        again = live.ask(temperature=1)
        assert how(again) == ("bypass", "engine")
        assert "reuse_sampled" in again.headers["x-everwarm-why"]
        live.ask(temperature=0)
        assert how(live.ask(temperature=0)) == ("hit", "exact")


def test_the_cache_can_be_off(tmp_path: Path) -> None:
    with gateway(tmp_path, toml="[cache]\nenabled = false") as live:
        for _ in range(2):
            assert how(live.ask()) == ("bypass", "engine")
        assert live.client.delete("/v1/cache?tag=x").json()["dropped"] == 0


def test_a_miss_says_that_the_answer_was_cut_off(live: Live) -> None:
    live.upstream.finish = "length"
    live.ask()
    assert live.ask().headers["x-everwarm-why"].endswith("was not kept: it was cut off at max_tokens")


def test_choices_are_stored_together(live: Live) -> None:
    first, second = live.ask(n=2), live.ask(n=2)
    assert [c["index"] for c in first.json()["choices"]] == [0, 1]
    assert how(second) == ("hit", "exact")
    assert second.content == first.content


def test_a_stream_is_replayed_as_it_was(live: Live) -> None:
    first, second = live.ask(stream=True), live.ask(stream=True)
    assert how(second) == ("hit", "exact")
    assert second.content == first.content
    pieces = [c["delta"].get("content") for e in chunks(second) for c in e["choices"]]
    assert len([p for p in pieces if p]) == 3


def test_one_entry_serves_every_form(live: Live) -> None:
    """Asked as a stream without counts; then with them, as JSON, and without again."""
    first = live.ask(stream=True)
    counted = live.ask(stream=True, stream_options={"include_usage": True})
    whole = live.ask()
    assert [how(r) for r in (counted, whole, live.ask(stream=True))] == [("hit", "exact")] * 3
    assert len(live.upstream.asked) == 1
    assert chunks(counted)[-1]["usage"] == whole.json()["usage"]
    assert not any("usage" in c for c in chunks(first))
    text = "".join(c["delta"].get("content") or "" for e in chunks(first) for c in e["choices"])
    assert whole.json()["choices"][0]["message"]["content"] == text


def test_json_is_replayed_as_a_stream(live: Live) -> None:
    whole = live.ask().json()
    streamed = live.ask(stream=True, stream_options={"include_usage": True})
    assert how(streamed) == ("hit", "exact")
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    text = "".join(c["delta"].get("content") or "" for e in chunks(streamed) for c in e["choices"])
    assert text == whole["choices"][0]["message"]["content"]
    assert chunks(streamed)[-1]["usage"] == whole["usage"]


def chunks(response: httpx.Response) -> list[Any]:
    return [json.loads(e.data) for e in Reader().feed(response.content) if e.data != "[DONE]"]


def test_usage_says_what_the_original_took(live: Live) -> None:
    usages: list[Mapping[str, Any]] = [live.ask("one two three").json()["usage"] for _ in range(2)]
    assert usages[0] == usages[1]
    assert usages[0]["prompt_tokens"] == 3
    assert usages[0]["prompt_tokens_details"] == {"cached_tokens": 1}
