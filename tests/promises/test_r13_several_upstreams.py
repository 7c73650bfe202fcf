"""r13: retry manners, with several upstreams: the next one is asked at once, each one's own Retry-After is obeyed,
weights keep a session where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from behind import CHAT, body, headers
from gateway_upstreams import asks
from live import Live, gateway
from providers import HEAD, Provider, faults, nobody_listens, provider
from providers.faults import Fault


class Several(NamedTuple):
    live: Live
    fakes: list[Provider]

    def ask(self, question: str, **more: Any) -> httpx.Response:
        return self.live.client.post(CHAT, json=body(CHAT, question, **more), headers=headers(CHAT))

    @property
    def calls(self) -> list[int]:
        return [len(f.asked) for f in self.fakes]


@contextmanager
def several(data: Path, *more: str) -> Iterator[Several]:
    """As many upstreams as there are settings, named u0, u1 ..."""
    with ExitStack() as stack:
        fakes = [stack.enter_context(provider()) for _ in more]
        parts = [
            asks(f.url, more=m).replace('"u0"', f'"u{i}"') for i, (f, m) in enumerate(zip(fakes, more, strict=True))
        ]
        yield Several(stack.enter_context(gateway(data, toml="".join(parts), inside=False)), fakes)


@pytest.mark.parametrize(
    "fault", [faults.status(429, retry_after=20), faults.status(503), faults.status(529), faults.reset(HEAD)]
)
def test_the_next_upstream_is_asked_at_once(tmp_path: Path, fault: Fault) -> None:
    with several(tmp_path, "", "") as both:
        both.fakes[0].plan = [fault]
        answer = both.ask("over")
        assert (answer.status_code, both.calls) == (200, [1, 1])
        assert answer.headers["x-everwarm-via"] == "upstream:u1"
        assert both.ask("over").headers["x-everwarm-cache"] == "hit"
        assert both.ask("first again").headers["x-everwarm-via"] == "upstream:u0"


def test_an_upstream_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    with nobody_listens() as url, provider() as fake:
        toml = asks(url) + asks(fake.url).replace('"u0"', '"u1"')
        with gateway(tmp_path, toml=toml, inside=False) as live:
            for i in range(7):  # and soon not asked at all
                assert live.ask(f"there {i}").status_code == 200
            assert [p.breaker.in_a_row for p in live.house.directory.providers] == [5, 0]


def test_each_upstreams_own_wait_is_obeyed(tmp_path: Path) -> None:
    """The first asks for a second, the second for nothing: it is the second that is asked again before that."""
    with several(tmp_path, "", "") as both:
        both.fakes[0].plan = [faults.status(429, retry_after=1)]
        both.fakes[1].plan = [faults.status(503)]
        assert both.ask("patience").headers["x-everwarm-via"] == "upstream:u1"
        assert both.calls == [1, 2]
        both.fakes[0].plan = [faults.status(429, retry_after=60)]
        both.fakes[1].plan = [faults.status(503)] * 3
        last = both.ask("no patience")
        assert (last.status_code, both.calls) == (503, [2, 5])


def test_an_upstream_that_is_being_tried_is_no_reason_to_hurry_the_other(tmp_path: Path) -> None:
    with several(tmp_path, "retries = 0", "") as both:
        other = both.live.house.directory.providers[1]
        other.breaker.in_a_row, other.breaker.trying = 5, True  # half open, and somebody tries it
        both.fakes[0].plan = [faults.status(429)]
        assert both.ask("hurry").status_code == 429
        assert both.calls == [1, 0]


def test_what_is_the_requests_fault_goes_nowhere_else(tmp_path: Path) -> None:
    with several(tmp_path, "", "") as both:
        both.fakes[0].plan = [faults.status(400)]
        assert (both.ask("wrong").status_code, both.calls) == (400, [1, 0])
        both.fakes[0].plan = [faults.reset(0, inside=True)]  # nor does what was begun
        assert (both.ask("begun").status_code, both.calls) == (502, [2, 0])


def test_weights_share_out_sessions_and_keep_each_where_it_is(tmp_path: Path) -> None:
    with several(tmp_path, "weight = 3", "weight = 1") as both:
        where: dict[int, set[str]] = {}
        for turn in range(3):
            for session in range(60):
                messages = [{"role": "user", "content": f"session {session}"}]
                for i in range(turn):
                    messages += [{"role": "assistant", "content": f"so {i}"}, {"role": "user", "content": f"and {i}"}]
                answer = both.ask("", messages=messages)
                where.setdefault(session, set()).add(answer.headers["x-everwarm-via"])
        assert all(len(at) == 1 for at in where.values())
        first = sum(at == {"upstream:u0"} for at in where.values())
        assert 33 <= first <= 56  # of 60, where 45 are expected: beyond four standard deviations is no chance
        both.fakes[0].plan = [faults.status(503)]
        assert all(both.ask(f"session {s} fails over").status_code == 200 for s in range(3))
