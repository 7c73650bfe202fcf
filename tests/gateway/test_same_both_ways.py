"""What is answered at once is told, counted and taken down as if a task had done it; so is what is wrong."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from behind import MESSAGES, RESPONSES
from everwarm.gateway import app, converse
from everwarm.gateway.run import Run
from everwarm.ledger.record import Row
from live import CHAT, Live, gateway
from raw import Answer, chunked, connected, post, wait_for
from ways import Ways, chat, watched

JSON = "content-type: application/json"


@pytest.fixture(scope="module")
def ways() -> Iterator[Ways]:
    with watched() as made:
        yield made


@pytest.fixture(scope="module")
def served(ways: Ways, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def live(ways: Ways, served: Live) -> Live:
    ways.begin(served)
    return served


class Seen(NamedTuple):
    """All that a request leaves behind, without what is another each time: the clock's part."""

    status: int
    headers: dict[str, str]
    body: bytes
    rows: list[Row]
    lines: list[str]
    figures: dict[str, float]


def seen(live: Live, ways: Ways, caplog: pytest.LogCaptureFixture, request: bytes) -> Seen:
    """Of a connection of its own with this request."""
    before, figures = len(ways.rows(live)), _figures(live)
    caplog.clear()
    with connected(live.url) as client:
        client.send(request)
        answer = client.answer()
        wait_for(lambda: len(_lines(caplog)) == 1)
    after = _figures(live)
    taken = [row._replace(at=0.0, ttft_ms=0.0, total_ms=0.0, saved_ms=0.0) for row in ways.rows(live)[before:]]
    changed = {name: value - figures.get(name, 0.0) for name, value in after.items() if value != figures.get(name)}
    return Seen(answer.status, _timeless(answer), answer.body, taken, _lines(caplog), changed)


def _timeless(answer: Answer) -> dict[str, str]:
    headers = {k: re.sub(r"ms=\d+", "ms=", v) for k, v in answer.headers.items() if k not in ("date", "x-everwarm-age")}
    return headers | {name: "" for name in ("date", "x-everwarm-age") if name in answer.headers}


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    told = [r.getMessage() for r in caplog.records if r.name == "everwarm.access" and "/metrics" not in r.getMessage()]
    return [re.sub(r" [\d.]+ ms$", "", line) for line in told]


def _figures(live: Live) -> dict[str, float]:
    """What is counted, without times and how they are spread."""
    lines = [line.rpartition(" ") for line in live.client.get("/metrics").text.splitlines() if line[:1] != "#"]
    counts = re.compile(r"(?!\w+_seconds_total)\w+_(total|count)\b")
    return {name: float(value) for name, _, value in lines if counts.match(name)}


def both_ways(live: Live, ways: Ways, caplog: pytest.LogCaptureFixture, path: str, body: bytes, *headers: str) -> Seen:
    """What is seen of it, once it is the same at once, in a task, and by a task that comes late to it."""
    caplog.set_level(logging.DEBUG, "everwarm.access")
    ways.begin(live)
    at_once = seen(live, ways, caplog, post(path, body, *headers))
    tasks = ways.tasks
    in_chunks = seen(live, ways, caplog, chunked(path, body, headers=headers))
    late = seen(live, ways, caplog, post(path, body, "expect: x", *headers))
    assert at_once == in_chunks
    assert at_once == late
    assert ways.tasks - tasks >= 2
    assert len(at_once.lines) == 1
    return at_once


PATHS = (CHAT, RESPONSES, MESSAGES, "/v1/completions")


def body_of(path: str, question: str, **more: Any) -> bytes:
    """A request that the model inside answers."""
    messages = {"messages": [{"role": "user", "content": question}]}
    asked: dict[str, dict[str, Any]] = {
        CHAT: messages,
        RESPONSES: {"input": question},
        MESSAGES: {"max_tokens": 99, **messages},
        "/v1/completions": {"prompt": question},
    }
    return json.dumps({"model": "default", **asked[path], **more}).encode()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stored", [False, True], ids=["json", "sse"])
@pytest.mark.parametrize("wanted", [False, True], ids=["json", "sse"])
def test_a_hit(live: Live, ways: Ways, caplog: pytest.LogCaptureFixture, path: str, stored: bool, wanted: bool) -> None:
    """In the form in which it is stored, and in the other one."""
    question = ways.question()
    first, again = (body_of(path, question, stream=stream) for stream in (stored, wanted))
    tags = "x-everwarm-tags: one, zwei"
    with connected(live.url) as client:
        client.send(post(path, first, JSON, tags, "authorization: Bearer sk-a"))
        assert client.answer().headers["x-everwarm-cache"] == "miss"
    hit = both_ways(live, ways, caplog, path, again, JSON, "authorization: Bearer sk-a")
    assert ways.at_once == 1
    assert hit.status == 200
    assert {"x-everwarm-age", "x-everwarm-key", "x-everwarm-saved"} < set(hit.headers)
    assert (hit.headers["x-everwarm-cache"], hit.headers["x-everwarm-tags"]) == ("hit", "one,zwei")
    assert [(row.cache, row.via, row.stream) for row in hit.rows] == [("hit", "exact", wanted)]
    assert hit.lines == [f"POST {path} 200 hit"]
    assert sum(hit.figures.values()) > 1


@pytest.mark.parametrize("control", ["max-age=60", "only-if-cached", "max-stale", "no-cache=x"])
def test_a_hit_that_is_asked_for_in_a_certain_way(
    live: Live, ways: Ways, caplog: pytest.LogCaptureFixture, control: str
) -> None:
    body = chat(ways.question())
    live.post(body)
    assert both_ways(live, ways, caplog, CHAT, body, f"cache-control: {control}").rows[0].cache == "hit"
    assert ways.at_once == 1


@pytest.mark.parametrize("control", ["only-if-cached", "only-if-cached, max-age=0"])
def test_only_what_is_stored_is_wanted_and_nothing_is(
    live: Live, ways: Ways, caplog: pytest.LogCaptureFixture, control: str
) -> None:
    body = chat(ways.question())
    if "max-age" in control:
        live.post(body)
    live.post(body, cache_control=control)  # the first time it is noted that it was asked
    told = both_ways(live, ways, caplog, CHAT, body, f"cache-control: {control}")
    assert (told.status, ways.at_once) == (504, 0)


WRONG = {
    "no JSON": (chat("hi")[:-1], (JSON,), 400),
    "no body": (b"", (JSON,), 400),
    "no object": (b"[]", (), 400),
    "no UTF-8": (b'{"model":"\xff"}', (), 400),
    "too deep": (b"[" * 30_000, (), 400),
    "another type": (chat("hi"), ("content-type: text/plain",), 415),
    "compressed": (chat("hi"), ("content-encoding: gzip",), 415),
    "no such model": (chat("hi", model="nothing"), (), 404),
    "no model": (b'{"messages":[]}', (), 400),
    "another's page": (chat("hi"), ("origin: https://evil.example",), 403),
    "a header twice": (chat("hi"), ("x-api-key: a", "x-api-key: b"), 400),
    "a type twice": (chat("hi"), (JSON, JSON), 400),
}


@pytest.mark.parametrize(("body", "headers", "status"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_what_is_wrong(
    live: Live,
    ways: Ways,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    headers: tuple[str, ...],
    status: int,
    path: str,
) -> None:
    live.post(chat("hi"))
    before = len(live.upstream.asked)
    told = both_ways(live, ways, caplog, path, body, *headers)
    assert (told.status, ways.at_once) == (status, 0)
    assert len(told.rows) <= 1
    assert "error" in json.loads(told.body)
    assert len(live.upstream.asked) == before


def test_who_is_not_known(ways: Ways, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with gateway(tmp_path, toml='access = "tenants"') as live:
        assert both_ways(live, ways, caplog, CHAT, chat("hi"), "authorization: Bearer sk-a").status == 401


# Bugs of ours


def broken(*args: object) -> bool:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("where", [(Run, "at_once"), (app, "at_once"), (converse, "understand_now")])
def test_a_bug_on_the_short_way_costs_the_client_nothing(
    live: Live,
    ways: Ways,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    where: tuple[Any, str],
) -> None:
    body = chat(ways.question())
    with monkeypatch.context() as patch, connected(live.url) as client:
        patch.setattr(*where, broken)
        for i, cache in enumerate(("miss", "hit", "hit"), 1):
            client.send(post(CHAT, body))
            assert client.answer().headers["x-everwarm-cache"] == cache
            ways.wait_for_rows(live, ["miss", "hit", "hit"][:i])
    assert sum("could not be answered at once" in record.message for record in caplog.records) == 3


def test_a_bug_after_the_answer_does_not_answer_twice(
    live: Live, ways: Ways, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the answer taken down as one that its client did not wait for."""
    body = chat(ways.question())
    live.post(body)
    ways.begin(live)
    with connected(live.url) as client:
        with monkeypatch.context() as patch:
            patch.setattr(converse, "take_down", broken)
            client.send(post(CHAT, body))
            assert client.answer().headers["x-everwarm-cache"] == "hit"
        client.send(post(CHAT, body))
        assert client.answer().headers["x-everwarm-cache"] == "hit"
    ways.wait_for_rows(live, ["hit"])
    assert [record.message for record in caplog.records] == ["a request could not be answered at once"]
    assert ways.tasks == 0
