"""``GET /metrics``: what is counted, who may see it, and how processes add up."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from everwarm.core.dialects.registry import CONVERSING
from everwarm.gateway.watch.board import Board, clean
from everwarm.gateway.watch.figures import BUCKETS, FAMILIES, Figures, add, read, written
from everwarm.gateway.watch.metrics import CLASSES, Metrics
from everwarm.gateway.watch.operate import ADMITS
from everwarm.ledger.record import Row
from gateway_upstreams import asks
from live import Live, gateway
from providers import faults, nobody_listens, provider

Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """(name, value of each label in the order of their names ...) -> value."""
    return {
        (s.name, *(value for _, value in sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def figures(live: Live) -> Samples:
    answer = live.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.text)


def row(**more: Any) -> Row:
    plain = Row(0.0, "n", "openai_chat", "m", 200, "miss", "u", False, 1, 1, 10, 5, 0, 20.0, 40.0, 0.0, 0.0, "")
    return plain._replace(**more)


def test_requests_tokens_and_times_are_counted(live: Live) -> None:
    for _ in range(3):
        live.ask("what is a cache")
    live.ask("no such", model="nothing")
    assert live.house.store is not None
    live.house.store.flush()
    found = figures(live)
    assert found["everwarm_requests_total", "hit", "openai_chat", "2xx"] == 2
    assert found["everwarm_requests_total", "miss", "openai_chat", "2xx"] == 1
    assert found["everwarm_requests_total", "none", "openai_chat", "4xx"] == 1
    assert found["everwarm_tokens_total", "prompt"] == 3 * 4
    assert found["everwarm_tokens_total", "saved_prompt"] == 2 * 4
    assert found["everwarm_tokens_total", "prefix_cached"] == 1
    assert found["everwarm_tokens_total", "saved_output"] * 3 == found["everwarm_tokens_total", "output"] * 2
    assert found["everwarm_request_seconds_count", "hit", "openai_chat"] == 2
    assert found["everwarm_request_seconds_bucket", "hit", "openai_chat", "+Inf"] == 2
    assert found["everwarm_request_seconds_sum", "hit", "openai_chat"] > 0
    assert found["everwarm_in_flight",] == 0
    assert found["everwarm_store_entries",] == 1
    assert found["everwarm_store_bytes",] > 0
    assert found["everwarm_store_faults_total", "corrupt"] == 0


def test_what_is_under_way_is_told(live: Live) -> None:
    live.upstream.hold_at = 1
    asking = threading.Thread(target=live.ask)
    asking.start()
    assert live.upstream.holding.wait(10)
    assert figures(live)["everwarm_in_flight",] == 1
    live.upstream.go.set()
    asking.join()
    assert figures(live)["everwarm_in_flight",] == 0


def test_upstreams_are_counted_by_what_they_answered(tmp_path: Path) -> None:
    with provider() as fake, nobody_listens() as nowhere:
        fake.plan = [faults.status(429, retry_after=0), faults.FINE, faults.status(400)]
        with gateway(tmp_path, toml=asks(nowhere, fake.url, more="retries = 1"), inside=False) as live:
            assert live.ask("one", model="gpt-x").status_code == 200
            assert live.ask("two", model="gpt-x").status_code == 400
            found = figures(live)
    assert found["everwarm_upstream_requests_total", "none", "u0"] >= 2
    assert found["everwarm_upstream_requests_total", "4xx", "u1"] == 2
    assert found["everwarm_upstream_requests_total", "2xx", "u1"] == 1
    again = [found["everwarm_upstream_retries_total", name] for name in ("u0", "u1")]
    assert sum(again) >= 1
    assert found["everwarm_upstream_state", "closed", "u1"] == 1
    assert found["everwarm_upstream_state", "open", "u1"] == 0


def in_front_of(data: Path, *urls: str) -> AbstractContextManager[Live]:
    """A gateway that asks each of these once."""
    return gateway(data, toml=asks(*urls, more="retries = 0"), inside=False)


def test_an_open_breaker_is_told(tmp_path: Path) -> None:
    with nobody_listens() as nowhere, in_front_of(tmp_path, nowhere) as live:
        for n in range(5):
            live.ask(f"{n}", model="gpt-x")
        assert figures(live)["everwarm_upstream_state", "open", "u0"] == 1


def test_labels_have_no_value_that_a_client_has_chosen(live: Live) -> None:
    for name in ("model-zq1", "test-model"):
        live.ask("zq2", model=name, user="zq3", headers={"x-everwarm-tags": "zq4", "x-zq5": "zq6"})
    live.client.get("/v1/zq7")
    live.client.request("ZQ8", "/v1/chat/completions")
    assert "zq" not in live.client.get("/metrics").text.lower()
    assert {label for f in FAMILIES.values() for label in f.labels} == {
        "dialect", "cache", "status_class", "kind", "upstream", "state", "cure", "done",
    }  # fmt: skip


@pytest.mark.parametrize("status", [99, 200, 404, 499, 529, 599, 999])
def test_any_status_has_a_class(status: int) -> None:
    metrics = Metrics()
    metrics.observe(row(status=status))
    (lane,) = metrics._lanes.values()
    assert sum(lane.statuses) == 1
    assert len(CLASSES) == 10


@given(st.floats(0, 500_000))
def test_a_time_is_in_the_bucket_that_holds_it(ms: float) -> None:
    metrics = Metrics()
    metrics.observe(row(total_ms=ms))
    (lane,) = metrics._lanes.values()
    at = lane.total.index(1)
    assert at == len(BUCKETS) or ms / 1000 <= BUCKETS[at]
    assert at == 0 or ms / 1000 > BUCKETS[at - 1]


def test_dialects_are_few_and_known(live: Live) -> None:
    for dialect in CONVERSING:
        live.client.post(dialect.path, json={})
    names = {name[2] for name in figures(live) if name[0] == "everwarm_requests_total"}
    assert names == {dialect.name for dialect in CONVERSING}


# --- who may see it ---------------------------------------------------------------------------------------------------


class Peer:
    """As much of a request as the rule looks at."""

    def __init__(self, address: str | None) -> None:
        self.scope = {"client": (address, 1234) if address else None}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_admitted(live: Live, address: str) -> None:
    assert ADMITS["auto"](live.house, Peer(address))  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.1", "fe80::1%eth0", "2001:db8::1", "0.0.0.0", None])
def test_another_machine_is_not(live: Live, address: str | None) -> None:
    assert not ADMITS["auto"](live.house, Peer(address))  # type: ignore[arg-type]
    assert not ADMITS["local"](live.house, Peer(address))  # type: ignore[arg-type]
    assert ADMITS["open"](live.house, Peer(address))  # type: ignore[arg-type]


def test_where_only_tenants_may_ask_it_takes_a_word_of_the_operator(tmp_path: Path) -> None:
    with gateway(tmp_path / "a", toml='access = "tenants"') as live:
        refused = live.client.get("/metrics")
        assert refused.status_code == 403
        assert "metrics.access" in refused.text
        assert "everwarm_" not in refused.text
    with gateway(tmp_path / "b", toml='access = "tenants"\n[metrics]\naccess = "local"') as live:
        assert live.client.get("/metrics").status_code == 200


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    with gateway(tmp_path, toml="[metrics]\nenabled = false") as live:
        live.ask()
        assert live.client.get("/metrics").status_code == 404


def test_a_page_of_somebody_else_gets_nothing(live: Live) -> None:
    answer = httpx.get(live.url + "/metrics", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


# --- several processes ------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([("everwarm_tokens", "prompt"), ("everwarm_in_flight",), ("everwarm_upstream_retries", "a")])


@given(st.lists(st.dictionaries(NAMES, st.lists(st.integers(0, 9).map(float), min_size=1, max_size=1))))
def test_figures_add_up_and_survive_being_written(all_of_them: list[Figures]) -> None:
    total: Figures = {}
    for some in all_of_them:
        add(total, read(json.loads(json.dumps(written(some)))))
    for name in {name for some in all_of_them for name in some}:
        assert total[name] == [sum(some.get(name, [0.0])[0] for some in all_of_them)]


COUNT, NOW = ("everwarm_tokens", "prompt"), ("everwarm_in_flight",)


def test_whoever_is_asked_tells_the_sum(tmp_path: Path) -> None:
    clean(tmp_path / "w")
    first, second = Board(tmp_path / "w", 0), Board(tmp_path / "w", 1)
    assert first.leave({COUNT: [3.0], NOW: [1.0]}) == {COUNT: [3.0], NOW: [1.0]}
    assert second.leave({COUNT: [4.0], NOW: [2.0]}) == {COUNT: [7.0], NOW: [3.0]}
    assert first.leave({COUNT: [5.0], NOW: [0.0]}) == {COUNT: [9.0], NOW: [2.0]}


def test_who_takes_the_place_of_a_process_that_died_goes_on_from_its_counts(tmp_path: Path) -> None:
    clean(tmp_path / "w")
    Board(tmp_path / "w", 0).leave({COUNT: [3.0], NOW: [1.0]})
    assert Board(tmp_path / "w", 0).leave({COUNT: [2.0], NOW: [0.0]}) == {COUNT: [5.0], NOW: [0.0]}


def test_a_new_start_counts_from_zero(tmp_path: Path) -> None:
    clean(tmp_path / "w")
    Board(tmp_path / "w", 0).leave({COUNT: [3.0]})
    clean(tmp_path / "w")
    assert Board(tmp_path / "w", 0).leave({COUNT: [1.0]}) == {COUNT: [1.0]}


@pytest.mark.parametrize("content", [b"", b"[[", b"3", b"[3]", b'[["x"]]', b"\xff"])
def test_a_file_that_cannot_be_read_is_told_once_and_the_rest_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    clean(tmp_path / "w")
    (tmp_path / "w" / "1.json").write_bytes(content)
    board = Board(tmp_path / "w", 0)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert board.leave({COUNT: [3.0]}) == {COUNT: [3.0]}
    assert len(caplog.records) == 1


def test_a_folder_that_is_gone_costs_no_scrape(tmp_path: Path) -> None:
    clean(tmp_path / "w")
    board = Board(tmp_path / "w", 0)
    (tmp_path / "w").rmdir()
    assert board.leave({COUNT: [3.0]}) == {COUNT: [3.0]}
