"""What was learned is forgotten by all workers of a server: here two, on one folder, in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from everwarm.core.key import PUBLIC
from everwarm.gateway.furnish import alone, shared
from everwarm.gateway.house import House
from everwarm.gateway.serve import _Server, listening
from gateway_upstreams import asks
from live import CHAT, settings_of
from providers import Provider

RULES = "\n".join(f"Rule {n}: answer politely, and keep to yourself what you know of number {n}." for n in range(9))
WHO = {"authorization": "Bearer sk-a"}
PATIENCE = 20.0


class Worker:
    """One of several; asked by a client of its own."""

    def __init__(self, house: House, url: str) -> None:
        self.house = house
        self.client = httpx.Client(base_url=url, timeout=PATIENCE)
        self.name = url

    def ask(self, minute: int, headers: dict[str, str]) -> str:
        """Another time in each prompt; why it was sent on."""
        system = f"Current time: 2026-11-26 10:{minute:02}:01\n{RULES}"
        question = f"question {minute} to {self.name}"
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        answer = self.client.post(CHAT, json={"model": "gpt-x", "messages": messages}, headers=headers)
        answer.raise_for_status()
        return answer.headers["x-everwarm-why"]

    def answers(self, space: str) -> int:
        """From so many it has learned how many tokens prompts have."""
        return self.house.counter.tokens_of(space, "gpt-x", 5000).answers


@contextmanager
def worker(stack: ExitStack, data: Path, toml: str) -> Iterator[Worker]:
    house = stack.enter_context(shared(settings_of(data, toml), []))
    sock = stack.enter_context(listening("127.0.0.1", 0))
    ready, where = threading.Event(), list[str]()
    server = _Server(house, lambda url, _: (where.append(url), ready.set()))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    assert ready.wait(PATIENCE)
    made = Worker(house, where[0])
    try:
        yield made
    finally:
        made.client.close()
        server.should_exit = True
        thread.join()


@pytest.fixture
def workers(tmp_path: Path, fake: Provider) -> Iterator[tuple[Worker, Worker]]:
    toml = "workers = 2\n[layout]\nmode = 'rewrite'\n" + asks(fake.url)
    with ExitStack() as stack:
        stack.enter_context(alone(settings_of(tmp_path, toml)))
        one = stack.enter_context(worker(stack, tmp_path, toml))
        yield one, stack.enter_context(worker(stack, tmp_path, toml))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_what_one_is_told_to_forget_the_other_forgets(workers: tuple[Worker, Worker], fake: Provider) -> None:
    one, other = workers
    for number, each in enumerate(workers * 4):
        each.ask(number, WHO)
        why = each.ask(number + 20, {})
    assert "it no longer makes" in why
    (mine,) = {space for space, _ in other.house.counter._models} - {PUBLIC.id}
    wait_until(lambda: other.answers(mine) > 0)
    engine = other.house.arranger

    one.client.delete("/v1/cache/layout", headers=WHO).raise_for_status()
    wait_until(lambda: other.house.arranger is not engine)
    wait_until(lambda: other.answers(mine) == 0)
    assert "is a clock" not in other.ask(50, WHO), "the first of a stream is as it came"
    assert b"2026-11-26 10:50:01" in fake.asked[-1].body.partition(b"Rule 0")[0]
    other.ask(51, {})
    before, _, after = fake.asked[-1].body.partition(b"Rule 0")
    assert (b"10:51:01" in before, b"10:51:01" in after) == (False, True), "what others have taught is still there"


def test_a_worker_that_forgot_learns_anew_and_is_not_told_again(workers: tuple[Worker, Worker]) -> None:
    one, other = workers
    before = one.house.arranger, other.house.arranger
    for number in range(3):
        one.ask(number, WHO)
    one.client.delete("/v1/cache/layout", headers=WHO).raise_for_status()
    wait_until(lambda: other.house.arranger is not before[1])
    now = other.house.arranger
    for number in range(10, 14):
        why = other.ask(number, WHO)
    assert "is a clock" in why
    time.sleep(0.6)  # two looks
    assert (one.house.arranger, other.house.arranger) == (before[0], now)
