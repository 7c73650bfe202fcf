"""``everwarm serve --workers N``: several processes, one service."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway_upstreams import asks
from live import CHAT
from program import Program, program
from providers import Provider, provider

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it looks for the workers in /proc")

TWO = ("--workers", "2")


@pytest.fixture
def running(tmp_path: Path, fake: Provider) -> Iterator[Program]:
    with program(tmp_path / "data", asks(fake.url), *TWO) as started:
        started.wait(lambda: len(started.workers()) == 2)
        both_answer(started)
        yield started


def boards(running: Program) -> list[dict[tuple[str, ...], list[float]]]:
    """What each worker has left for the others."""
    found = sorted((running.data / "workers").glob("*.json"))
    return [{tuple(name): values for name, values in orjson.loads(path.read_bytes())} for path in found]


def asked(board: dict[tuple[str, ...], list[float]]) -> float:
    """Requests that this worker has answered."""
    return sum(values[0] for name, values in board.items() if name[0] == "everwarm_requests")


def both_answer(running: Program) -> None:
    """Ask until each of the two has answered something."""

    def work() -> bool:
        running.ask("a question that both get", key="sk-warm")
        told = boards(running)
        return len(told) == 2 and all(asked(board) > 0 for board in told)

    running.wait(work)


def counted(running: Program) -> float:
    """Requests, as whoever is asked for ``/metrics`` tells them."""
    families = text_string_to_metric_families(running.get("/metrics").text)
    return sum(s.value for f in families for s in f.samples if s.name == "everwarm_requests_total")


def stored(running: Program) -> int:
    """Answers on disk, where all processes find them."""
    with closing(sqlite3.connect(running.data / "cache.db")) as database:
        return int(database.execute("SELECT COUNT(*) FROM entries").fetchone()[0])


def test_an_answer_of_one_is_a_hit_from_the_other(running: Program, fake: Provider) -> None:
    running.wait(lambda: stored(running) == 1)
    before = len(fake.asked), [asked(board) for board in boards(running)]
    first = running.ask("new question")
    running.wait(lambda: stored(running) == 2)
    again = [running.ask("new question") for _ in range(40)]
    assert len(fake.asked) == before[0] + 1
    assert {a.headers["x-everwarm-cache"] for a in again} == {"hit"}
    assert {a.content for a in again} == {first.content}
    running.wait(lambda: sum(map(asked, boards(running))) == running.asks)
    assert all(asked(now) > then for then, now in zip(before[1], boards(running), strict=True)), "both have answered"


def test_any_of_them_tells_the_figures_of_all(running: Program) -> None:
    for n in range(10):
        running.ask(f"{n % 3}")
    running.wait(lambda: sum(map(asked, boards(running))) == running.asks)
    assert [counted(running) for _ in range(10)] == [running.asks] * 10


def test_what_one_drops_the_other_forgets(running: Program) -> None:
    headers = {"authorization": "Bearer sk-a"}
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": "tagged"}]}
    first = httpx.post(running.url + CHAT, json=body, headers={**headers, "x-everwarm-tags": "t"}).content
    running.wait(lambda: stored(running) == 2)
    for _ in range(10):
        assert running.ask("tagged").content == first
    httpx.delete(running.url + "/v1/cache?tag=t", headers=headers)
    running.wait(lambda: all(running.ask("tagged").content != first for _ in range(10)))


def test_one_that_is_killed_is_replaced_and_service_goes_on(running: Program) -> None:
    running.wait(lambda: sum(map(asked, boards(running))) == running.asks)
    victim = running.workers()[0]
    os.kill(victim, signal.SIGKILL)
    for n in range(20):
        assert running.ask(f"{n}").status_code == 200
    running.wait(lambda: len(running.workers()) == 2 and victim not in running.workers())
    assert f"({victim}) has ended (signal 9)" in running.said
    both_answer(running)
    running.wait(lambda: counted(running) == running.asks)  # what was counted before goes on


def test_a_ledger_that_both_write_has_every_request(running: Program) -> None:
    for n in range(30):
        assert running.ask(f"{n % 7}", key="sk-counted").status_code == 200
    headers = {"authorization": "Bearer sk-counted"}
    running.wait(lambda: httpx.get(running.url + "/stats", headers=headers).json()["requests"] == 30)


def test_a_reload_reaches_all(running: Program) -> None:
    with provider() as other:
        running.file.write_text(asks(other.url))
        running.reload()
        running.wait(lambda: [running.ask(f"{i}").status_code for i in range(4)] and len(other.asked) >= 2)
        before = len(other.asked)
        for n in range(20):
            running.ask(f"after {n}")
        assert len(other.asked) == before + 20


def test_workers_end_with_their_parent(running: Program) -> None:
    workers = running.workers()
    running.process.kill()
    running.process.wait()
    running.wait(lambda: not any(alive(pid) for pid in workers))


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_ctrl_c_finishes_all_once(running: Program) -> None:
    """The terminal sends it to every process of the group."""
    for pid in (*running.workers(), running.process.pid):
        os.kill(pid, signal.SIGINT)
    assert running.process.wait(20) == 0
    assert "Traceback" not in running.said


def test_a_first_worker_that_cannot_start_is_the_end(tmp_path: Path) -> None:
    (tmp_path / "data" / "cache.db").mkdir(parents=True)
    command = [sys.executable, "-m", "everwarm", "serve", "--port", "0", "--model", "none", "--data"]
    done = subprocess.run([*command, str(tmp_path / "data"), *TWO], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "cache.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_server_for_a_folder(running: Program) -> None:
    command = [sys.executable, "-m", "everwarm", "serve", "--port", "0", "--model", "none", "--data"]
    done = subprocess.run([*command, str(running.data)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "Another Everwarm runs" in done.stderr
