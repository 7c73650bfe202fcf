"""``/readyz``: whether requests may be sent here; ``/healthz``: whether the process answers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from gateway_upstreams import asks
from live import Live, gateway
from providers import nobody_listens, provider


def in_front_of(data: Path, *urls: str) -> AbstractContextManager[Live]:
    """A gateway that asks each of these once."""
    return gateway(data, toml=asks(*urls, more="retries = 0"), inside=False)


def test_a_gateway_that_runs_is_ready(live: Live) -> None:
    assert live.client.get("/readyz").json() == {"status": "ready"}
    assert live.client.get("/healthz").json() == {"status": "ok"}


def test_from_when_it_is_told_to_stop_it_is_not(live: Live) -> None:
    live.house.stopping = True
    answer = live.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "reasons": ["it was told to stop"]}
    assert live.client.get("/healthz").status_code == 200


def test_nor_while_no_upstream_answers(tmp_path: Path) -> None:
    with nobody_listens() as nowhere, in_front_of(tmp_path, nowhere) as live:
        assert live.client.get("/readyz").status_code == 200
        for n in range(5):
            live.ask(f"{n}", model="gpt-x")
        answer = live.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["no upstream answers: u0"]


def test_one_upstream_that_answers_is_enough(tmp_path: Path) -> None:
    with provider() as fake, nobody_listens() as nowhere, in_front_of(tmp_path, nowhere, fake.url) as live:
        for n in range(6):
            assert live.ask(f"{n}", model="gpt-x").status_code == 200
        assert live.house.directory.providers[0].breaker.in_a_row >= 5
        assert live.client.get("/readyz").status_code == 200
