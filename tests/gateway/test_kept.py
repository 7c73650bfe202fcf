"""Connections to upstreams that are kept for the next request: none gives it what is not its own, or loses it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from behind import CHAT, PATHS, Behind, behind, body, headers
from everwarm.gateway.upstreams import client
from gateway_upstreams import asks
from live import gateway
from providers import HEAD, faults


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with behind(tmp_path_factory.mktemp("gateway"), "retries = 0") as running:
        yield running


async def together(both: Behind, kind: str, number: int) -> list[httpx.Response]:
    """Different questions, all under way at the same time, so that each has a connection of its own."""
    asked = len(both.fake.asked)
    both.fake.go.clear()
    both.fake.hold_at = HEAD
    async with httpx.AsyncClient(base_url=both.live.url, timeout=30) as client:
        posts = (client.post(CHAT, json=body(CHAT, f"{kind} {i}"), headers=headers(CHAT)) for i in range(number))
        tasks = [asyncio.create_task(post) for post in posts]
        async with asyncio.timeout(20):
            while len(both.fake.asked) < asked + number:
                await asyncio.sleep(0.01)
        both.fake.go.set()
        both.fake.hold_at = None
        return await asyncio.gather(*tasks)


def test_requests_on_dead_connections_are_sent_again_at_once(both: Behind) -> None:
    """Though nothing is retried here: these were never seen. Neither do they open the circuit."""
    number = 12
    both.fake.plan = [faults.stale()] * number
    first = asyncio.run(together(both, "first", number))
    assert [a.status_code for a in first] == [200] * number
    stale, asked = both.fake.stale, len(both.fake.asked)
    one = both.ask(CHAT, "one")
    assert one.status_code == 200
    assert both.fake.stale > stale
    second = asyncio.run(together(both, "second", number))
    assert [a.status_code for a in second] == [200] * number
    assert [f"to second {i}" in a.text for i, a in enumerate(second)] == [True] * number
    assert len(both.fake.asked) == asked + 1 + number
    assert all(p.breaker.in_a_row == 0 for p in both.live.house.directory.providers)


def test_what_was_worked_on_is_not_sent_again(both: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is lost some time after a request was not dead before it."""
    monkeypatch.setattr(client, "AT_ONCE", 0.05)
    both.ask(CHAT, "work")
    asked = len(both.fake.asked)
    both.fake.plan = [faults.slow_first_byte(0.2) & faults.reset(HEAD)]
    assert both.ask(CHAT, "hard work").status_code == 502
    assert len(both.fake.asked) == asked + 1


def test_a_restart_of_the_upstream_is_not_noticed(both: Behind) -> None:
    asyncio.run(together(both, "before", 4))
    both.fake.drop_connections()
    assert [a.status_code for a in asyncio.run(together(both, "after", 4))] == [200] * 4


def test_an_upload_is_not_sent_twice(both: Behind) -> None:
    """What is passed on unread is gone once it was sent; the client may send it again."""
    both.fake.plan = [faults.stale()] * 12
    for i in range(3):
        both.ask(CHAT, f"upload {i}")
    asked = len(both.fake.asked)
    answer = both.live.client.post("/v1/files", content=b"x" * 1000, headers=headers(CHAT))
    assert answer.status_code in (200, 502)
    assert len(both.fake.asked) - asked == (1 if answer.status_code == 200 else 0)
    both.fake.plan = []


class Talkative:
    """An upstream that sends an answer that nobody asked for, some time after the first one."""

    def __init__(self) -> None:
        self.requests = 0
        self.said = threading.Event()
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}/v1"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        for sock in (self.sock, *self._open):
            sock.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.sock.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            while connection.recv(65536):
                self.requests += 1
                connection.sendall(completion(f"answer {self.requests}"))
                if not self.said.is_set():
                    time.sleep(0.05)
                    connection.sendall(completion("poison"))
                    self.said.set()
        except OSError:
            pass


def completion(text: str) -> bytes:
    choice = b'{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}' % text.encode()
    data = b'{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[%b]}' % choice
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)


def test_what_nobody_asked_for_answers_nobody(tmp_path: Path) -> None:
    """Else each later answer on that connection would go to the request after its own, whoever sent it."""
    upstream = Talkative()
    with gateway(tmp_path, toml=asks(upstream.url, more="retries = 0"), inside=False) as live:
        for i in (1, 2, 3):
            answer = live.ask(f"question {i}", headers={"authorization": f"Bearer sk-{i}"})
            assert answer.json()["choices"][0]["message"]["content"] == f"answer {i}"
            assert upstream.said.wait(10)
            time.sleep(0.05)
    upstream.close()


@pytest.mark.parametrize("path", PATHS)
def test_nor_does_what_follows_an_answer_directly(both: Behind, path: str) -> None:
    for i in range(3):
        both.fake.plan = [faults.junk_after_end()]
        assert f"to tail {i}" in both.ask(path, f"tail {i}").text
    assert "poison" not in both.ask(path, "tail").text
