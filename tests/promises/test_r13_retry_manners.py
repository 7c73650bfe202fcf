"""r13: Retry-After is obeyed, non-retryable errors are not retried, no retry storm.

And what belongs to it: fail-over, the circuit, weights, deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email.utils import formatdate
from itertools import pairwise
from math import ceil
from pathlib import Path
from time import time
from typing import Any, NamedTuple

import httpx
import pytest

from behind import CHAT, PATHS, Behind, behind, body, headers
from everwarm.core import manners
from everwarm.gateway.door import patience
from providers import HEAD, faults
from providers.faults import Fault

paths = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Two retries, as by default."""
    with behind(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(autouse=True)
def rested(both: Behind) -> None:
    """One test's failures are not the next one's."""
    for one in both.live.house.directory.providers:
        one.breaker.succeeded()
        one.budget.left = one.budget.spare
    both.fake.plan = []


class Asked(NamedTuple):
    """An answer, and how the upstream was asked for it."""

    answer: httpx.Response
    calls: int
    gaps: list[float]  # seconds between the calls


def asked(both: Behind, question: str, *plan: Fault, path: str = CHAT, **more: Any) -> Asked:
    """The answer to a question whose first calls fail so."""
    both.fake.plan = list(plan)
    before = len(both.fake.asked)
    answer = both.ask(path, question, **more)
    calls = both.fake.asked[before:]
    return Asked(answer, len(calls), [b.at - a.at for a, b in pairwise(calls)])


WAITS: dict[str, tuple[int, dict[str, str], float]] = {
    "seconds": (429, {"Retry-After": "1"}, 1.0),
    "parts of a second": (503, {"Retry-After": "0.4"}, 0.4),
    "milliseconds": (429, {"retry-after-ms": "350"}, 0.35),
    "milliseconds before seconds": (503, {"retry-after-ms": "350", "Retry-After": "20"}, 0.35),
}
"""All of them longer than the first pause that we would make without being told."""


@pytest.mark.parametrize("how", WAITS)
def test_retry_after_is_obeyed(both: Behind, how: str) -> None:
    code, said, seconds = WAITS[how]
    got = asked(both, how, faults.status(code, headers=said))
    assert (got.answer.status_code, got.calls) == (200, 2)
    assert got.gaps[0] >= seconds


def test_retry_after_may_be_a_date(both: Behind) -> None:
    now = time()
    date = ceil(now) + 1
    got = asked(both, "a date", faults.status(429, headers={"Retry-After": formatdate(date, usegmt=True)}))
    assert (got.answer.status_code, got.calls) == (200, 2)
    assert time() >= date


@pytest.mark.parametrize("said", ["31", "3600", "1e9", "a date"])
def test_a_wait_that_is_too_long_is_the_clients_to_decide(both: Behind, said: str) -> None:
    said = said.replace("a date", formatdate(time() + 900, usegmt=True))
    got = asked(both, "too long", faults.status(429, headers={"Retry-After": said}))
    assert (got.answer.status_code, got.calls) == (429, 1)
    assert got.answer.headers["retry-after"] == said
    assert got.answer.json()["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("said", ["soon", "-5", "nan", "²", ""])
def test_a_wait_that_cannot_be_read_is_none(both: Behind, said: str) -> None:
    got = asked(both, f"unreadable {said}", faults.status(429, headers={"Retry-After": said}))
    assert (got.answer.status_code, got.calls) == (200, 2)


@paths
@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 413, 422, 501])
def test_what_would_fail_again_is_not_tried_again(both: Behind, path: str, code: int) -> None:
    got = asked(both, f"wrong {code}", faults.status(code), path=path)
    assert (got.answer.status_code, got.calls) == (code, 1)


@pytest.mark.parametrize("code", sorted(manners.RETRYABLE))
def test_what_may_pass_is_tried_again_after_a_pause(both: Behind, code: int) -> None:
    got = asked(both, f"passes {code}", faults.status(code))
    assert (got.answer.status_code, got.calls) == (200, 2)
    assert got.gaps[0] > 0.1


def test_the_upstream_has_the_last_word(both: Behind) -> None:
    never = [faults.status(code, headers={"x-should-retry": "false"}) for code in (429, 500, 503)]
    for fault in never:
        assert asked(both, "never", fault).calls == 1
    got = asked(both, "surely", faults.status(400, headers={"x-should-retry": "true"}))
    assert (got.answer.status_code, got.calls) == (200, 2)


def test_after_the_last_try_the_client_gets_what_the_upstream_said(both: Behind) -> None:
    got = asked(both, "three times", *[faults.status(429, b"%d" % i) for i in (1, 2, 3)])
    assert (got.answer.status_code, got.calls, got.answer.content) == (429, 3, b"3")


def test_a_lost_connection_is_tried_again(both: Behind) -> None:
    both.fake.drop_connections()
    assert asked(both, "lost", faults.reset(HEAD), faults.close(HEAD)).answer.status_code == 200


def test_retries_do_not_pile_up(both: Behind) -> None:
    """Of many who are refused together, few ask again: a quarter of them and ten."""
    number, before = 60, len(both.fake.asked)
    both.fake.plan = [faults.status(429)] * (3 * number)

    async def storm() -> list[int]:
        async with httpx.AsyncClient(base_url=both.live.url, timeout=30) as client:
            posts = [client.post(CHAT, json=body(CHAT, f"storm {i}"), headers=headers(CHAT)) for i in range(number)]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    assert asyncio.run(storm()) == [429] * number
    assert number < len(both.fake.asked) - before <= number + 10 + number / 4


def test_when_the_circuit_opens_the_client_gets_what_the_upstream_said(both: Behind) -> None:
    """Not that the circuit is open, which it opened itself."""
    got = asked(both, "own", *[faults.status(503, b"%d" % i) for i in range(3)])
    assert (got.answer.content, got.calls) == (b"2", 3)
    got = asked(both, "own", *[faults.status(503, b"%d" % i) for i in range(3)])
    assert (got.answer.content, got.calls) == (b"1", 2)


def test_the_circuit_opens_and_closes(both: Behind) -> None:
    one = both.live.house.directory.of_vendor("openai")[0]
    one.breaker.first = 30.0
    for i in range(5):
        asked(both, f"down {i}", faults.status(500, headers={"x-should-retry": "false"}))
    got = asked(both, "open")
    assert (got.answer.status_code, got.calls) == (503, 0)
    assert got.answer.json()["error"]["code"] == "overloaded"
    assert int(got.answer.headers["retry-after"]) >= 1
    one.breaker.until = 0.0
    assert asked(both, "half open", faults.status(500, headers={"x-should-retry": "false"})).calls == 1
    assert asked(both, "open again").calls == 0
    one.breaker.until = 0.0
    for question in ("closed", "closed indeed"):
        got = asked(both, question)
        assert (got.answer.status_code, got.calls) == (200, 1)


@pytest.fixture
def hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    monkeypatch.setattr(patience, "TICK", 0.02)
    with behind(tmp_path, "seconds = 0.6") as running:
        yield running
        running.fake.go.set()


def test_an_answer_has_a_deadline_from_the_first_try_to_the_last_byte(hurried: Behind) -> None:
    for stream in (False, True):
        late = asked(hurried, f"stalled {stream}", faults.stall(HEAD), stream=stream).answer
        assert late.status_code == 504
        assert "whole answer within 0.6 s" in late.json()["error"]["message"]
    dribbled = asked(hurried, "drop by drop " * 5, Fault(pause=0.1), stream=True).answer
    assert dribbled.status_code == 200
    assert "whole answer within 0.6 s" in dribbled.text
    assert "[DONE]" not in dribbled.text


def test_there_is_no_retry_beyond_the_deadline(hurried: Behind) -> None:
    got = asked(hurried, "later", faults.status(429, retry_after=2))
    assert (got.answer.status_code, got.calls) == (429, 1)
    got = asked(hurried, "slow", faults.status(503), faults.stall(HEAD))
    assert (got.answer.status_code, got.calls) == (504, 2)
