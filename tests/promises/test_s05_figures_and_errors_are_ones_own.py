"""s05: /stats, /metrics and errors show only one's own. Paired, on a gateway that serves its tenants only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from arranging import arranged
from live import CHAT, Live, gateway

A, B = {"authorization": "Bearer sk-a"}, {"authorization": "Bearer sk-b"}


def tenant(name: str, key: bytes, more: str = "") -> str:
    return f'[[tenant]]\nname = "{name}"\nkeys = ["sha256:{sha256(key).hexdigest()}"]\n{more}\n'


TWO = 'access = "tenants"\n' + tenant("acme", b"sk-a") + tenant("globex", b"sk-b")
SHARING = TWO.replace("keys", 'share = "group"\nkeys')
BOUNDED = 'access = "tenants"\n[aliases]\nhouse = "test-model"\n' + tenant("acme", b"sk-a")
BOUNDED += tenant("globex", b"sk-b", 'models = ["gpt-z*"]')


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Live]:
    with gateway(tmp_path, toml=TWO) as running:
        yield running


def stats(live: Live, who: dict[str, str]) -> dict[str, Any]:
    assert live.house.ledger is not None
    assert live.house.store is not None
    live.house.ledger.flush()
    live.house.store.flush()
    found: dict[str, Any] = live.client.get("/stats", headers=who).json()
    del found["until"]  # now
    return found


def test_stats_are_those_of_somebody_who_is_alone(two: Live) -> None:
    """To the last figure, while another asks, hits, errs, labels and drops."""
    two.ask(headers=B)
    alone = stats(two, B)
    for text in ("one", "two", "two", "three"):
        two.ask(text, headers={**A, "x-everwarm-tags": text})
    two.ask(model="no-such", headers=A)
    two.client.delete("/v1/cache?tag=three", headers=A)
    mine = stats(two, A)
    assert stats(two, B) == alone
    assert (alone["requests"], len(alone["recent"]), alone["store"]["entries"]) == (1, 1, 1)
    assert (mine["requests"], len(mine["recent"]), mine["store"]["entries"]) == (5, 5, 2)
    assert (mine["errors"], mine["layers"]["exact"]["requests"]) == (1, 1)
    assert mine["namespace"] != alone["namespace"]


def test_findings_of_the_layout_are_of_ones_own_requests(two: Live) -> None:
    """Neither what was found, nor in how many requests, nor a word of it in a header."""
    with arranged(two):
        two.ask("nothing to find", headers=B)
        alone = stats(two, B)
        for text in ("NOW 1", "NOW 2", "later"):
            two.ask(text, headers=A)
        mine = stats(two, A)
        assert stats(two, B) == alone
        assert alone["findings"] == []
        assert [(f["seen"], f["requests"]) for f in mine["findings"]] == [(2, 3)]
        two.ask("NOW 1", headers=B)
        assert [(f["seen"], f["requests"]) for f in stats(two, B)["findings"]] == [(1, 2)]
        assert stats(two, A) == mine


def test_nor_do_they_tell_that_an_answer_of_another_was_damaged(tmp_path: Path) -> None:
    """Else they would tell that there was one, and when it was asked for. The operator reads that in /metrics."""
    with gateway(tmp_path, toml=TWO) as live:
        for who in (A, B):
            live.ask(headers=who)
    with closing(sqlite3.connect(tmp_path / "cache.db", isolation_level=None)) as rows:
        rows.execute("UPDATE bodies SET payload = zeroblob(9)")
    with gateway(tmp_path, toml=TWO) as live:
        alone = stats(live, B)
        assert live.ask(headers=A).headers["x-everwarm-cache"] == "miss"
        assert live.house.store is not None
        assert live.house.store.faults().corrupt == 1
        assert stats(live, B) == alone


def test_who_shares_answers_shares_no_figures(tmp_path: Path) -> None:
    with gateway(tmp_path, toml=SHARING) as live:
        for who, cache in ((A, "miss"), (A, "hit"), (B, "hit")):
            assert live.ask(headers=who).headers["x-everwarm-cache"] == cache
        mine, theirs = stats(live, A), stats(live, B)
    assert [len(mine["recent"]), mine["layers"]["exact"]["requests"]] == [2, 1]
    assert [len(theirs["recent"]), theirs["layers"]["exact"]["requests"]] == [1, 1]


def test_sums_over_all_tenants_are_for_none_of_them(two: Live) -> None:
    """Nor of whom else, unless the operator says so. Other machines: tests/gateway/test_metrics.py."""
    for who in (A, B, {}):
        refused = two.client.get("/metrics", headers=who)
        assert refused.status_code == 403
        assert "metrics.access" in refused.text
        assert "everwarm_" not in refused.text


NAMES = ("test-model", "house", "default", "acme")
"""What globex may not use, and who else is there."""


def named(text: str, asked: str = "") -> list[str]:
    """What of it a text tells, besides what was asked."""
    return [name for name in NAMES if name in text.replace(asked, "")]


@pytest.fixture
def bounded(tmp_path: Path) -> Iterator[Live]:
    with gateway(tmp_path, toml=BOUNDED) as running:
        yield running


def test_an_error_names_no_model_and_no_tenant_but_ones_own(bounded: Live) -> None:
    """Whether a model is there that one may not use, nobody is told either."""
    answers = {name: bounded.ask(model=name, headers=B) for name in ("no-such", "test-model", "house")}
    for asked, answer in answers.items():
        assert not named(answer.text, asked)
        assert answer.status_code == 403
        assert "gpt-z*" in answer.text
    mine = bounded.ask(model="no-such", headers=A)
    assert mine.status_code == 404
    assert named(mine.text) == ["test-model", "house", "default"]
    assert not named(bounded.ask(model="gpt-z1", headers=B).text)


def test_nor_does_a_list_of_models(bounded: Live) -> None:
    mine, theirs = (bounded.client.get("/v1/models", headers=who) for who in (A, B))
    assert [row["id"] for row in mine.json()["data"]] == ["test-model"]
    assert not named(theirs.text)
    mine, theirs = (bounded.client.get("/v1/models/house", headers=who) for who in (A, B))
    assert mine.json()["id"] == "test-model"
    assert theirs.status_code in (403, 404)
    assert not named(theirs.text, "house")


@pytest.mark.parametrize(
    "path",
    [
        "/stats",
        "/v1/models",
        "/v1/models/test-model",
        "/v1/files",
        "/v1/cache?tag=a",
        CHAT,
        "/v1/messages/count_tokens",
    ],
)
@pytest.mark.parametrize("who", [{}, {"authorization": "Bearer sk-c"}], ids=["nobody", "a stranger"])
def test_who_is_no_tenant_is_told_nothing(bounded: Live, path: str, who: dict[str, str]) -> None:
    body = {"model": "house", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    method = "DELETE" if "cache" in path else "POST" if path in (CHAT, "/v1/messages/count_tokens") else "GET"
    answers = [bounded.client.request(method, path, json=body, headers=h) for h in (who, A)]
    assert answers[0].status_code == 401
    assert not named(answers[0].text)
    assert answers[1].status_code in (200, 404)
