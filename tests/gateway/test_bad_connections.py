"""Upstreams whose connections fail: what the client is told, and that nothing of it reaches the next request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from behind import CHAT, MESSAGES, PATHS, Behind, behind, headers
from everwarm.core.sse import Reader
from everwarm.gateway.door import patience
from gateway_upstreams import asks
from live import gateway
from providers import HEAD, faults, nobody_listens
from providers.faults import Fault

paths = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with behind(tmp_path_factory.mktemp("gateway"), "retries = 0") as running:
        yield running


@pytest.fixture(autouse=True)
def closed(both: Behind) -> None:
    """One test's failures do not open the circuit for the next."""
    for provider in both.live.house.directory.providers:
        provider.breaker.succeeded()


def told(answer: httpx.Response, path: str) -> str:
    """The message of an error, whose shape is that of the dialect."""
    whole = answer.json()
    assert set(whole) == ({"type", "error"} if path == MESSAGES else {"error"})
    error = whole["error"]
    assert set(error) >= {"type", "message"}
    return str(error["message"])


LOST = {
    "reset before the head": (faults.reset(HEAD), "closed the connection before it answered"),
    "closed before the head": (faults.close(HEAD), "closed the connection before it answered"),
    "reset after the head": (faults.reset(0), "broke off"),
    "closed after the head": (faults.close(0), "broke off"),
    "reset in the body": (faults.reset(0, inside=True), "broke off"),
    "closed in the body": (faults.close(0, inside=True), "broke off"),
    "closed in the body, gzip": (faults.gzipped() & faults.close(0, inside=True), "broke off"),
    "reset in a body without length": (faults.until_close() & faults.reset(0, inside=True), "broke off"),
}


@paths
@pytest.mark.parametrize("how", LOST)
def test_a_json_answer_that_is_lost_is_an_error_in_the_dialect(both: Behind, how: str, path: str) -> None:
    fault, says = LOST[how]
    both.fake.drop_connections()
    both.fake.plan = [fault]
    before = len(both.fake.asked)
    answer = both.ask(path, how)
    assert answer.status_code == 502
    assert says in told(answer, path)
    assert len(both.fake.asked) == before + 1
    after = both.ask(path, how)
    assert (after.status_code, after.headers["x-everwarm-cache"]) == (200, "miss")
    assert f"answer {before + 2} to {how}" in after.text


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    """Waits for a tenth of a second for each thing."""
    monkeypatch.setattr(patience, "TICK", 0.02)
    with behind(tmp_path, "retries = 0\nfirst_byte_seconds = 0.1\nidle_seconds = 0.1") as running:
        yield running
        running.fake.go.set()


def test_a_slow_first_byte_is_a_time_out_in_the_dialect(impatient: Behind) -> None:
    for path in PATHS:
        for stream in (False, True):
            impatient.fake.plan = [faults.stall(HEAD)]
            answer = impatient.ask(path, "slow", stream=stream)
            assert answer.status_code == 504
            assert "did not begin to answer within 0.1 s" in told(answer, path)
    impatient.fake.until(lambda f: f.cancelled == 6)
    assert impatient.stored == 0


def test_who_falls_silent_in_the_middle_is_given_up(impatient: Behind) -> None:
    for path in PATHS:
        impatient.fake.plan = [faults.stall(0), faults.stall(2)]
        answer = impatient.ask(path, "silent")
        assert answer.status_code == 504
        assert "fell silent" in told(answer, path)
        streamed = impatient.ask(path, "silent", stream=True)
        assert streamed.status_code == 200
        events = list(Reader().feed(streamed.content))
        assert len(events) == 3
        assert "fell silent" in events[-1].data
        assert impatient.ask(path, "silent", send={"cache-control": "only-if-cached"}).status_code == 504
    impatient.fake.until(lambda f: f.cancelled == 6)


def test_a_stall_that_ends_in_time_is_none(both: Behind) -> None:
    both.fake.go.clear()
    both.fake.plan = [faults.stall(2)]
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(both.ask(CHAT, "later", stream=True)))
    asking.start()
    both.fake.until(lambda f: f.holding.is_set())
    both.fake.go.set()
    asking.join()
    assert answers[0].text.endswith("data: [DONE]\n\n")
    assert both.ask(CHAT, "later", stream=True).content == answers[0].content


@contextmanager
def nobody_accepts() -> Iterator[str]:
    """A base URL at which connections are never made: the line of those that wait is full."""
    with ExitStack() as stack, socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for _ in range(4):
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(sock.getsockname())
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"


def test_no_connection_is_told_as_such(tmp_path: Path) -> None:
    more = "retries = 0\nconnect_seconds = 0.1"
    with nobody_listens() as url, gateway(tmp_path / "a", toml=asks(url, more=more), inside=False) as live:
        answer = live.ask()
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
        assert "u0 cannot be reached" in answer.text
        assert url not in answer.text
    with nobody_accepts() as url, gateway(tmp_path / "b", toml=asks(url, more=more), inside=False) as live:
        answer = live.ask()
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")
        assert "gave no connection within 0.1 s" in answer.text


FILE = "/v1/files/file-1/content"


def test_a_file_that_breaks_off_is_not_taken_for_whole(both: Behind) -> None:
    """Of what is passed on unread only the connection's end can tell."""
    for fault in (faults.close(0, inside=True), faults.reset(0, inside=True), faults.until_close() & faults.reset(1)):
        both.fake.plan = [Fault(lambda a: replace(a, events=(b"x" * 100_000,))) & fault]
        with pytest.raises(httpx.RemoteProtocolError):
            both.live.client.get(FILE, headers=headers(CHAT))
    assert both.live.client.get(FILE, headers=headers(CHAT)).content == f"GET {FILE}\n".encode()


def test_a_long_json_answer_that_breaks_off_is_not_taken_for_whole(both: Behind) -> None:
    both.fake.plan = [faults.huge(4_000_000) & faults.reset(10)]
    with pytest.raises(httpx.RemoteProtocolError):
        both.ask(CHAT, "long")
    assert both.ask(CHAT, "long").headers["x-everwarm-cache"] == "miss"
