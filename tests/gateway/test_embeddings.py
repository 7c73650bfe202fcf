"""Embeddings through the gateway: only what was not asked before goes up, and the answer is that of the provider."""

from __future__ import annotations

import base64
import re
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.ledger.record import Row
from gateway_upstreams import asks
from live import Live, gateway
from providers import Provider, faults, provider

PATH = "/v1/embeddings"
MODEL = "embed-fake"


@pytest.fixture
def live(tmp_path: Path, fake: Provider) -> Iterator[Live]:
    with gateway(tmp_path, toml=asks(fake.url, more="retries = 0"), inside=False) as running:
        yield running


def ask(live: Live, value: Any, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    """Short vectors as numbers, unless ``more`` says otherwise."""
    body = {"model": MODEL, "input": value, "dimensions": 4, **more}
    return live.client.post(PATH, json=body, headers=headers)


def cache(response: httpx.Response) -> str:
    return response.headers["x-everwarm-cache"]


def asked(fake: Provider) -> list[Any]:
    """The inputs of each request that reached the provider."""
    return [a.json["input"] for a in fake.asked]


def vectors(response: httpx.Response) -> list[Any]:
    """In order, with indexes that must fit it."""
    data = response.json()["data"]
    assert [d["index"] for d in data] == list(range(len(data)))
    return [d["embedding"] for d in data]


def direct(value: Any, **more: Any) -> Any:
    """What a provider answers that nobody has asked before."""
    with provider() as alone:
        return httpx.post(
            f"{alone.url}/embeddings", json={"model": MODEL, "input": value, "dimensions": 4, **more}
        ).json()


# --- what goes up, and what comes back ------------------------------------------------------------------------------


def test_what_was_never_asked_goes_through_byte_for_byte_both_ways(live: Live, fake: Provider) -> None:
    body = b'{ "input" : [ "h\\u00e9", "b" ] ,"model":"embed-fake", "dimensions":4.0 }\n'
    answer = live.client.post(PATH, content=body, headers={"content-type": "application/json", "x-own": "1"})
    (got,) = fake.asked
    assert got.body == body
    assert got.header("x-own") == "1"
    again = httpx.post(f"{fake.url}/embeddings", content=body)
    assert answer.content == again.content
    assert answer.headers["x-request-id"]
    assert cache(answer) == "miss"
    assert answer.headers["x-everwarm-via"] == "upstream:u0"
    assert answer.headers["x-everwarm-why"] == "none of 2 inputs was stored"
    assert "x-everwarm-key" not in answer.headers


def test_a_batch_that_is_stored_asks_nobody(live: Live, fake: Provider) -> None:
    first = ask(live, ["one", "two words", "three"])
    second = ask(live, ["one", "two words", "three"])
    assert cache(second) == "hit"
    assert second.headers["x-everwarm-via"] == "exact"
    assert second.headers["x-everwarm-age"] == "0"
    assert re.fullmatch(r"prompt=4, output=0, ms=\d+", second.headers["x-everwarm-saved"])
    assert "x-everwarm-key" not in second.headers
    assert second.json() == first.json()
    assert len(fake.asked) == 1


def test_only_the_missing_inputs_of_a_batch_are_asked_for(live: Live, fake: Provider) -> None:
    ask(live, "b")
    body = b'{"dimensions":4, "vendor":null,"input":["a","b","c"],"model":"embed-fake"}'
    plain = b'{"model":"embed-fake","dimensions":4,"vendor":null,"input":"b"}'
    for data in (plain, body):
        answer = live.client.post(PATH, content=data)
    assert fake.asked[-1].body == b'{"dimensions":4, "vendor":null,"input":["a","c"],"model":"embed-fake"}'
    assert answer.json() == direct(["a", "b", "c"])
    assert cache(answer) == "miss"
    assert answer.headers["x-everwarm-why"] == "1 of 3 inputs was stored"
    assert answer.headers["x-everwarm-via"] == "upstream:u0"
    assert cache(live.client.post(PATH, content=body)) == "hit"


def test_an_input_that_stands_twice_is_asked_once(live: Live, fake: Provider) -> None:
    answer = ask(live, ["a", "b", "a", "a"])
    assert asked(fake) == [["a", "b"]]
    assert answer.json() == direct(["a", "b", "a", "a"])
    assert cache(ask(live, ["b", "a"])) == "hit"


def test_token_ids_are_inputs_too(live: Live, fake: Provider) -> None:
    ask(live, [1, 2])
    answer = ask(live, [[3], [1, 2]])
    assert asked(fake) == [[1, 2], [[3]]]
    assert answer.json() == direct([[3], [1, 2]])
    assert cache(ask(live, [[1, 2]])) == "hit"
    assert cache(ask(live, ["1 2"])) == "miss"


def test_numbers_come_back_as_they_were_written(live: Live) -> None:
    first, second = ask(live, ["x", "y"], dimensions=64), ask(live, ["x", "y"], dimensions=64)
    number = re.compile(rb"-?\d+\.\d+(?:e-?\d+)?")
    assert len(number.findall(first.content)) == 128
    assert number.findall(first.content) == number.findall(second.content)


def test_base64_and_numbers_are_stored_apart(live: Live, fake: Provider) -> None:
    packed = ask(live, ["x"], encoding_format="base64")
    plain = ask(live, ["x"])
    assert (cache(packed), cache(plain)) == ("miss", "miss")
    assert list(struct.unpack("<4f", base64.b64decode(vectors(packed)[0]))) == vectors(plain)[0]
    assert vectors(ask(live, ["x"], encoding_format="base64")) == vectors(packed)
    assert cache(ask(live, ["x"], encoding_format="float")) == "hit"  # as if it had not been said
    assert len(fake.asked) == 2


@pytest.mark.parametrize(
    ("more", "expect"),
    [({"user": "u"}, "hit"), ({"dimensions": 5}, "miss"), ({"model": "other"}, "miss"), ({"vendor": 1}, "miss")],
)
def test_what_makes_another_embedding(live: Live, more: dict[str, Any], expect: str) -> None:
    ask(live, ["x", "y"])
    assert cache(ask(live, ["y"], **more)) == expect


few = st.sampled_from(["a", "b", "c d", "e f g", "é"])
requests = st.lists(
    st.tuples(st.one_of(few, st.lists(few, min_size=1, max_size=4)), st.sampled_from([2, 3])), min_size=1, max_size=6
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests, st.integers())
def test_whatever_was_asked_before_vectors_are_those_of_the_provider(live: Live, given_: Any, salt: int) -> None:
    for value, dimensions in given_:
        got = ask(live, value, dimensions=dimensions, vendor=str(salt))
        want = httpx.post(address(live), json={"model": MODEL, "input": value, "dimensions": dimensions}).json()
        assert got.json()["data"] == want["data"]
        assert got.json()["model"] == want["model"]


def address(live: Live) -> str:
    """The provider's own address."""
    return live.house.directory.providers[0].settings.url + "/embeddings"


def test_tokens_of_a_batch_are_shared_out_and_add_up(live: Live) -> None:
    def tokens(value: Any) -> int:
        usage = ask(live, value).json()["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"]
        return int(usage["prompt_tokens"])

    batch = ["one", "two words", "and now three"]
    assert tokens(batch) == 6
    assert sum(tokens(text) for text in batch) == 6
    assert tokens(batch) == 6
    assert tokens("four words at once") == 4  # of one input it is known exactly


# --- what is not stored ---------------------------------------------------------------------------------------------


def test_an_error_comes_through_and_leaves_nothing(live: Live, fake: Provider) -> None:
    first = ask(live, ["x"], dimensions=9999)
    again = httpx.post(f"{fake.url}/embeddings", json={"model": MODEL, "input": ["x"], "dimensions": 9999})
    assert (first.status_code, first.json()["error"]["param"]) == (400, "dimensions")
    assert len(first.content) == len(again.content)
    assert cache(ask(live, ["x"], dimensions=9999)) == "miss"


def test_an_error_for_the_missing_ones_is_told_as_it_is(live: Live, fake: Provider) -> None:
    ask(live, ["a"])
    fake.plan = [faults.status(400, b'{"error": {"message": "too long"}}')]
    answer = ask(live, ["a", "b"])
    assert (answer.status_code, answer.content) == (400, b'{"error": {"message": "too long"}}')
    assert cache(ask(live, ["a", "b"])) == "miss"


@pytest.mark.parametrize("odd", [b'{"data": []}', b"[1", b'{"object": "list", "data": [{"embedding": [1]}]}'])
def test_an_answer_that_is_not_understood_is_relayed_and_not_stored(live: Live, fake: Provider, odd: bytes) -> None:
    fake.plan = [faults.status(200, odd)]
    assert ask(live, ["a"]).content == odd
    second = ask(live, ["a"])
    assert cache(second) == "miss"
    assert "was not kept" in second.headers["x-everwarm-why"]


def test_where_the_rest_is_not_understood_all_is_asked_anew(live: Live, fake: Provider) -> None:
    ask(live, ["a"])
    fake.plan = [faults.status(200, b'{"data": []}')]
    answer = ask(live, ["a", "b"])
    assert asked(fake)[1:] == [["b"], ["a", "b"]]
    assert answer.json() == direct(["a", "b"])
    assert cache(answer) == "miss"
    assert "does not fit" in answer.headers["x-everwarm-why"]
    assert cache(ask(live, ["a", "b"])) == "hit"


def test_vectors_of_two_models_are_never_mixed(live: Live, fake: Provider) -> None:
    ask(live, ["a"])
    renamed = httpx.post(f"{fake.url}/embeddings", json={"model": "embed-2", "input": ["b"], "dimensions": 4})
    fake.plan = [faults.status(200, renamed.content)]
    answer = ask(live, ["a", "b"])
    assert asked(fake)[2:] == [["b"], ["a", "b"]]
    assert answer.json() == direct(["a", "b"])


def test_a_broken_connection_is_told_and_leaves_nothing(live: Live, fake: Provider) -> None:
    for batch in (["x"], ["x", "y"]):
        fake.plan = [faults.reset(at=0, inside=True)]
        assert ask(live, batch).status_code == 502
        assert cache(ask(live, batch)) == "miss"


# --- what a client may say ------------------------------------------------------------------------------------------


def test_cache_control(live: Live, fake: Provider) -> None:
    def said(words: str, value: Any) -> httpx.Response:
        return ask(live, value, headers={"cache-control": words})

    refused = said("only-if-cached", ["a"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (504, "not_stored")
    assert cache(said("no-store", ["a"])) == "bypass"
    assert cache(ask(live, ["a"])) == "miss"
    assert cache(said("only-if-cached", "a")) == "hit"
    assert said("only-if-cached", ["a", "b"]).status_code == 504
    assert cache(said("max-age=60", ["a"])) == "hit"
    calls = len(fake.asked)
    for words in ("max-age=0", "no-cache"):
        assert cache(said(words, ["a"])) == "miss"
        calls += 1
        assert asked(fake)[calls - 1 :] == [["a"]]
    assert cache(ask(live, ["a"])) == "hit"


def test_who_asks_anew_and_gets_an_error_does_not_leave_the_old_one(live: Live, fake: Provider) -> None:
    ask(live, ["a"])
    fake.plan = [faults.status(400, b"{}"), faults.status(200, b"{}")]
    for _ in range(2):
        ask(live, ["a"], headers={"cache-control": "no-cache"})
        assert cache(ask(live, ["a"], headers={"cache-control": "only-if-cached"})) == "miss"


@pytest.mark.digest
def test_an_entry_can_be_dropped_by_key(live: Live) -> None:
    ask(live, ["a", "b"])
    key = ask(live, ["a"]).headers["x-everwarm-key"]
    assert live.client.delete(f"/v1/cache?key={key}").json()["dropped"] == 1
    assert ask(live, ["a", "b"]).headers["x-everwarm-why"] == "1 of 2 inputs was stored"


def test_entries_can_be_dropped_by_tag(live: Live) -> None:
    ask(live, ["a"], headers={"x-everwarm-tags": "faq"})
    ask(live, ["b"])
    assert ask(live, ["a"]).headers["x-everwarm-tags"] == "faq"
    assert live.client.delete("/v1/cache?tag=faq").json()["dropped"] == 1
    assert ask(live, ["a", "b"]).headers["x-everwarm-why"] == "1 of 2 inputs was stored"


def test_entries_expire(tmp_path: Path, fake: Provider) -> None:
    with gateway(tmp_path, toml=asks(fake.url) + "[cache]\nttl = 100", inside=False) as live:
        clock = live.house.clock
        ask(live, ["a"])
        live.house.clock = lambda: clock() + 50
        assert ask(live, ["a"]).headers["x-everwarm-age"] in ("49", "50")
        ask(live, ["b"])
        assert ask(live, ["b", "a"]).headers["x-everwarm-age"] in ("49", "50")
        assert ask(live, ["b", "a"], headers={"cache-control": "max-age=10"}).headers["x-everwarm-age"] == "0"
        live.house.clock = lambda: clock() + 120
        assert ask(live, ["a"]).headers["x-everwarm-cache"] == "hit"  # it was asked anew 70 s ago
        live.house.clock = lambda: clock() + 300
        assert ask(live, ["a"]).headers["x-everwarm-why"].startswith("its stored answer expired")


# --- together -------------------------------------------------------------------------------------------------------


def test_those_who_miss_the_same_share_one_call(live: Live, fake: Provider) -> None:
    ask(live, ["a"])
    fake.hold_at = 0
    with ThreadPoolExecutor(8) as pool:
        batches = [["b", "c"]] * 4 + [["b", "a", "c"]] * 4
        waiting = [pool.submit(ask, live, batch) for batch in batches]
        fake.until(lambda _: live.house.tower.aboard == 8)
        fake.go.set()
        answers = [w.result(20) for w in waiting]
    assert asked(fake) == [["a"], ["b", "c"]]
    assert sorted(cache(a) for a in answers) == ["joined"] * 7 + ["miss"]
    for batch, answer in zip(batches, answers, strict=True):
        assert answer.json() == direct(batch)


def test_what_is_dropped_while_it_is_made_is_not_stored(live: Live, fake: Provider) -> None:
    fake.hold_at = 0
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, live, ["a", "b"])
        fake.until(lambda p: len(p.asked) == 1)
        live.client.delete("/v1/cache?tag=any")
        fake.go.set()
        assert waiting.result(20).json() == direct(["a", "b"])
    assert ask(live, ["a", "b"]).headers["x-everwarm-why"] == "none of 2 inputs was stored"


def test_a_newer_vector_stands(live: Live, fake: Provider) -> None:
    fake.plan = [faults.stall(at=0)]
    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(ask, live, ["a", "b"], headers={"x-everwarm-tags": "older"})
        fake.until(lambda p: len(p.asked) == 1)
        ask(live, ["a"], headers={"x-everwarm-tags": "newer"})
        fake.go.set()
        assert older.result(20).json() == direct(["a", "b"])
    assert [ask(live, [t]).headers["x-everwarm-tags"] for t in ("a", "b")] == ["newer", "older"]


def test_a_slow_disk_is_not_waited_for(tmp_path: Path, fake: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = asks(fake.url)
    with gateway(tmp_path, toml=toml, inside=False) as live:
        ask(live, ["a", "b"])
    with gateway(tmp_path, toml=toml, inside=False) as live:
        go = threading.Event()
        monkeypatch.setattr(live.house.store, "recall", lambda key, now: go.wait(20) and None)
        answer = ask(live, ["a", "b"])  # it comes, though the disk says nothing before it has come
        go.set()
        assert cache(answer) == "miss"
        assert answer.json() == direct(["a", "b"])


def test_tenants_share_nothing(live: Live, fake: Provider) -> None:
    mine, other = {"authorization": "Bearer sk-a"}, {"authorization": "Bearer sk-b"}
    ask(live, ["a", "b"], headers=mine)
    assert cache(ask(live, ["a"], headers=mine)) == "hit"
    assert cache(ask(live, ["a"], headers=other)) == "miss"
    assert cache(ask(live, ["b", "a"], headers=other)) == "miss"
    assert asked(fake) == [["a", "b"], ["a"], ["b"]]


def test_they_survive_a_restart(tmp_path: Path, fake: Provider) -> None:
    batch = [f"text {i}" for i in range(60)]
    toml = asks(fake.url)
    with gateway(tmp_path, toml=toml, inside=False) as live:
        first = ask(live, batch)
    with gateway(tmp_path, toml=toml, inside=False) as live:
        second = ask(live, [*batch, "new"])
        assert second.headers["x-everwarm-why"] == "60 of 61 inputs were stored"
        assert vectors(second)[:60] == vectors(first)
    assert asked(fake)[1:] == [["new"]]


def test_a_large_batch_is_taken_apart_and_put_together_beside_the_event_loop(live: Live, fake: Provider) -> None:
    batch = [f"text {i}" for i in range(300)]
    first = ask(live, batch, dimensions=1536)
    assert len(first.content) > 8 * 2**20
    second = ask(live, [*reversed(batch), "new"], dimensions=1536)
    assert second.headers["x-everwarm-why"] == "300 of 301 inputs were stored"
    assert vectors(second)[:300] == vectors(first)[::-1]


# --- who answers, and what is counted -------------------------------------------------------------------------------

ODD: list[dict[str, Any]] = [
    {"input": [{"text": "a"}]},
    {"input": []},
    {"input": ["a", [1]]},
    {"input": "a", "vendor": 1e300},
    {"input": ["a", "b"], "vendor": "x" * 5 * 2**20},
]


@pytest.mark.parametrize("body", ODD, ids=["objects", "nothing", "mixed", "huge number", "much around"])
def test_what_is_not_understood_passes_as_it_is(live: Live, fake: Provider, body: dict[str, Any]) -> None:
    for _ in range(2):
        answer = live.client.post(PATH, json={"model": MODEL, **body})
        assert cache(answer) == "bypass"
        assert answer.headers["x-everwarm-why"]
    assert len(fake.asked) == 2
    assert fake.asked[0].body == fake.asked[1].body


def test_a_key_that_stands_twice_is_no_key(live: Live, fake: Provider) -> None:
    body = b'{"model":"embed-fake","input":["a"],"input":["b"]}'
    for _ in range(2):
        assert cache(live.client.post(PATH, content=body)) == "bypass"
    assert [a.body for a in fake.asked] == [body, body]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"input": "a"}', b'{"model": 7, "input": "a"}'])
def test_what_is_no_request_is_refused(live: Live, fake: Provider, body: bytes) -> None:
    answer = live.client.post(PATH, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert not fake.asked


def test_the_model_inside_makes_none_and_says_who_does(tmp_path: Path, fake: Provider) -> None:
    with gateway(tmp_path) as live:
        answer = ask(live, ["a"])
        assert answer.status_code == 404
        assert "[[upstream]]" in answer.json()["error"]["message"]
    with gateway(tmp_path, toml=asks(fake.url)) as live:
        for headers in ({}, {"cache-control": "no-store"}):
            answer = ask(live, ["a"], model="default", headers=headers)
            assert answer.status_code == 400
            assert "[[upstream]]" in answer.json()["error"]["message"]
        assert cache(ask(live, ["a"])) == "miss"


def test_without_a_cache_all_passes(tmp_path: Path, fake: Provider) -> None:
    with gateway(tmp_path, toml=asks(fake.url) + "[cache]\nenabled = false", inside=False) as live:
        assert [cache(ask(live, ["a", "a"])) for _ in range(2)] == ["bypass", "bypass"]
    assert asked(fake) == [["a", "a"], ["a", "a"]]


def test_each_request_is_one_row_and_a_hit_only_if_all_was_stored(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = []
    monkeypatch.setattr(live.house.ledger, "add", rows.append)
    for batch in (["a b"], ["a b", "c"], ["c", "a b"]):
        ask(live, batch)
    ask(live, ["x"], headers={"cache-control": "no-store"})
    assert [(r.cache, r.via, r.prompt, r.output) for r in rows] == [
        ("miss", "upstream:u0", 2, 0),
        ("miss", "upstream:u0", 3, 0),
        ("hit", "exact", 3, 0),
        ("bypass", "upstream:u0", 1, 0),
    ]
    assert {(r.dialect, r.model, r.status, r.stream) for r in rows} == {("openai_embeddings", MODEL, 200, False)}
    assert rows[2].saved_ms > 0 == rows[1].saved_ms


def test_the_official_client_cannot_tell(live: Live, fake: Provider) -> None:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="sk-x", max_retries=0) as client:
        first = client.embeddings.create(model=MODEL, input=["one", "two"])
        second = client.embeddings.create(model=MODEL, input=["two", "three", "one"])
        third = client.embeddings.create(model=MODEL, input=["three", "one", "two"])
    with openai.OpenAI(base_url=fake.url, api_key="sk-x", max_retries=0) as client:
        assert client.embeddings.create(model=MODEL, input=["one", "two"]) == first
        assert client.embeddings.create(model=MODEL, input=["two", "three", "one"]) == second
        assert client.embeddings.create(model=MODEL, input=["three", "one", "two"]) == third
    assert asked(fake)[:2] == [["one", "two"], ["three"]]
