"""r05, first form: kill -9 under load, 20 times. It starts each time, and every answer is absent or byte-identical.

And r06's first line: a corrupt database at start is said, set aside, and the gateway goes on.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
from pathlib import Path

import httpx
import pytest

from live import CHAT
from served import expected, served

KILLS = 20
QUESTIONS = [f"question {i} " + "x" * (i % 50) for i in range(120)]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")


class Load(threading.Thread):
    """Asks until the server is gone, and checks every answer that came whole."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__()
        self.url = url
        self.random = random.Random(seed)
        self.wrong: list[str] = []
        self.answered = self.hits = 0

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=10) as client:
            while True:
                question = self.random.choice(QUESTIONS)
                body = {"model": "default", "temperature": 0, "messages": [{"role": "user", "content": question}]}
                try:
                    response = client.post(CHAT, json=body)
                except httpx.HTTPError:
                    return
                self.answered += 1
                self.hits += response.headers["x-everwarm-cache"] == "hit"
                if response.json()["choices"][0]["message"]["content"] != expected(question):
                    self.wrong.append(question)


def test_twenty_kills_under_load(tmp_path: Path) -> None:
    chance = random.Random(5)
    hits_from_disk = 0
    for round_ in range(KILLS):
        with served(tmp_path / "data") as (url, process, _):
            first = Load(url, seed=round_)
            loads = [first, *(Load(url, seed=100 * round_ + i) for i in range(1, 3))]
            for load in loads:
                load.start()
            wait_until(first, 1)
            first.join(0.15 + 0.3 * chance.random())
            process.send_signal(signal.SIGKILL)
            for load in loads:
                load.join()
                assert load.wrong == []
            assert sum(load.answered for load in loads) > 0
            hits_from_disk += sum(load.hits for load in loads)
    assert hits_from_disk > KILLS, "the test must see answers from the cache, or it shows nothing"


def wait_until(load: Load, answers: int) -> None:
    """So many answers, of one of three; ten seconds at most."""
    for _ in range(2000):
        if load.answered >= answers:
            return
        load.join(0.005)


@pytest.mark.parametrize("name", ["cache.db", "ledger.db"])
def test_a_corrupt_database_is_set_aside(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    with served(data) as (url, _, _):
        ask(url)
    (data / name).write_bytes(b"this is no database" * 1000)
    for suffix in ("-wal", "-shm"):
        (data / (name + suffix)).unlink(missing_ok=True)
    with served(data) as (url, _, said):
        assert ask(url) == expected("hello")
        assert ask(url) == expected("hello")
    assert any("corrupt" in line and name in line for line in said), said
    assert list(data.glob(name + ".corrupt*"))


def ask(url: str) -> str:
    body = {"model": "default", "messages": [{"role": "user", "content": "hello"}]}
    response = httpx.post(url + CHAT, json=body, timeout=10)
    return str(response.json()["choices"][0]["message"]["content"])
