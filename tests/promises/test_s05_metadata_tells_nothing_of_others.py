"""s05: what an answer says of itself (cache, age, key, id, why, saved, usage) tells only of one's own requests.

Paired: what a tenant learns of itself, another one, who asks the same, does not learn of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

import converted
from everwarm.errors import ModelError
from gateway_upstreams import asks
from live import CHAT, Live, gateway
from providers import provider
from raw import wait_for

A, B = {"authorization": "Bearer sk-a"}, {"authorization": "Bearer sk-b"}
TAGGED = {"x-everwarm-tags": "faq"}
NEW = "nothing like it was asked before"


def cache(answer: httpx.Response) -> str:
    return answer.headers["x-everwarm-cache"]


def told(answer: httpx.Response) -> dict[str, str]:
    """All headers but the moment, and the key, which is another test's."""
    return {k: v for k, v in answer.headers.items() if k not in ("date", "x-everwarm-key")}


def later(live: Live, seconds: float) -> None:
    live.house.clock = lambda: time.time() + seconds


def test_headers_are_those_of_somebody_who_asks_alone(live: Live) -> None:
    first = live.ask(headers={**A, **TAGGED})
    later(live, 60)
    again = live.ask(headers=A)
    theirs = live.ask(headers=B)
    assert told(theirs) == told(first)
    assert (cache(theirs), theirs.headers["x-everwarm-age"], theirs.headers["x-everwarm-why"]) == ("miss", "0", NEW)
    assert theirs.json()["usage"] == first.json()["usage"]
    assert theirs.json()["id"] != first.json()["id"]
    assert (cache(again), again.headers["x-everwarm-tags"]) == ("hit", "faq")
    assert int(again.headers["x-everwarm-age"]) >= 60
    assert again.headers["x-everwarm-saved"].startswith("prompt=")
    assert again.json()["id"] == first.json()["id"]


def drop(live: Live, what: str, who: dict[str, str]) -> int:
    return int(live.client.delete(f"/v1/cache?{what}", headers=who).json()["dropped"])


@pytest.mark.digest
def test_a_key_and_a_tag_are_good_for_their_owner_only(live: Live) -> None:
    mine, theirs = (live.ask(headers={**who, **TAGGED}).headers["x-everwarm-key"] for who in (A, B))
    assert mine != theirs
    assert (drop(live, f"key={mine}", B), cache(live.ask(headers=A))) == (0, "hit")
    assert (drop(live, f"key={mine}", A), cache(live.ask(headers={**A, **TAGGED}))) == (1, "miss")
    assert (drop(live, "tag=faq", B), cache(live.ask(headers=A))) == (1, "hit")
    assert (drop(live, "tag=faq", B), drop(live, "tag=faq", A)) == (0, 1)


class Case(NamedTuple):
    """A request of A's, what happens then, and what is asked next: by B, and by A, who alone may hear the reason."""

    reason: str
    more: dict[str, Any] = {}  # noqa: RUF012  (never changed)
    headers: dict[str, str] = {}  # noqa: RUF012
    finish: str = "stop"
    then: Callable[[Live], object] = lambda live: None


TALK = [{"role": "user", "content": text} for text in ("hi", "and?")]
REASONS = [
    Case("ago, but temperature differs", {"temperature": 0.5}),
    Case("ago; message 2 is new", {"messages": TALK}),
    Case("its stored answer expired", then=lambda live: later(live, 86_500)),
    Case("its stored answer was dropped", then=lambda live: drop(live, "tag=faq", A)),
    Case("was not kept: it was cut off", finish="length"),
    Case("s old, and max-age=60 was asked", headers={"cache-control": "max-age=60"}, then=lambda live: later(live, 90)),
]


@pytest.mark.digest  # what was asked before is remembered by it
@pytest.mark.parametrize("case", REASONS, ids=lambda case: case.reason)
def test_reasons_are_of_ones_own_requests(live: Live, case: Case) -> None:
    live.upstream.finish = case.finish
    live.ask(headers={**A, **TAGGED})
    case.then(live)
    theirs, mine = (live.ask(headers={**who, **case.headers}, **case.more) for who in (B, A))
    assert theirs.headers["x-everwarm-why"] == NEW
    assert case.reason in mine.headers["x-everwarm-why"]
    assert cache(mine) == cache(theirs) == "miss"


def test_who_wants_stored_answers_only_learns_of_its_own(live: Live) -> None:
    live.ask(headers=A)
    theirs, mine = (live.ask(headers={**who, "cache-control": "only-if-cached"}) for who in (B, A))
    assert (mine.status_code, theirs.status_code) == (200, 504)
    assert f"no stored answer ({NEW})" in theirs.text


def test_nobody_is_told_to_have_joined_anothers_call(live: Live) -> None:
    live.upstream.hold_at = 1
    heard: dict[str, list[str]] = {"sk-a": [], "sk-b": []}

    def ask(key: str) -> None:
        heard[key].append(cache(live.ask(headers={"authorization": f"Bearer {key}"})))

    threads = [threading.Thread(target=ask, args=(key,)) for key in ("sk-a", "sk-a", "sk-b")]
    for thread in threads:
        thread.start()
    wait_for(lambda: live.house.tower.aboard == 3)
    live.upstream.go.set()
    for thread in threads:
        thread.join()
    assert sorted(heard["sk-a"]) == ["joined", "miss"]
    assert heard["sk-b"] == ["miss"]


def test_of_a_batch_only_ones_own_inputs_were_stored(tmp_path: Path) -> None:
    with provider() as fake, gateway(tmp_path, toml=asks(fake.url), inside=False) as live:

        def embed(who: dict[str, str], *inputs: str) -> httpx.Response:
            body = {"model": "embed-fake", "input": inputs, "dimensions": 4}
            return live.client.post("/v1/embeddings", json=body, headers=who)

        embed(A, "one", "two")
        later(live, 60)
        theirs, mine = (embed(who, "one", "two", "three") for who in (B, A))
        assert theirs.headers["x-everwarm-why"] == "none of 3 inputs was stored"
        assert mine.headers["x-everwarm-why"] == "2 of 3 inputs were stored"
        assert int(theirs.headers["x-everwarm-age"]) == 0
        assert int(mine.headers["x-everwarm-age"]) >= 60


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """With the model that comes with Everwarm, where its weights are."""
    if find_spec("openvino_genai") is None:
        pytest.skip("OpenVINO is not installed: pip install 'everwarm[local]'")
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    try:
        engine = Engine.load(None, converted.DATA, converted.SECRET, Settings(context=1024))
    except ModelError as error:
        pytest.skip(str(error))
    with gateway(tmp_path, engine) as running:  # type: ignore[arg-type]  # an Upstream like any other
        yield running


@pytest.mark.model
def test_cached_tokens_are_of_ones_own_prompts(real: Live) -> None:
    handbook = {"role": "system", "content": "The pump is cleaned with warm water once a week. " * 16}

    def cached(who: dict[str, str], question: str) -> int:
        body = {"model": "default", "max_tokens": 1, "messages": [handbook, {"role": "user", "content": question}]}
        usage = real.client.post(CHAT, json=body, headers=who).json()["usage"]
        return int(usage["prompt_tokens_details"]["cached_tokens"])

    assert cached(A, "How is it cleaned?") == 0
    assert cached(A, "How often is it cleaned?") >= 128
    assert cached(B, "How often is it cleaned?") == 0
    assert cached(B, "What with?") >= 128
