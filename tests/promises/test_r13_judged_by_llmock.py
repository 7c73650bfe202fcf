"""r13: retry manners, as llmock judges them: it fails as providers do, and tells from the requests what was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from llmock.pytest_plugin import LLMock

from behind import CHAT, MESSAGES, PATHS, body, headers
from gateway_upstreams import asks
from live import Live, gateway

paths = pytest.mark.parametrize("path", PATHS)


@pytest.fixture
def live(tmp_path: Path, llmock: LLMock) -> Iterator[Live]:
    toml = asks(llmock.base_url("openai"))
    toml += asks(llmock.base_url("anthropic"), dialect="anthropic").replace('"u0"', '"a0"')
    with gateway(tmp_path, toml=toml, inside=False) as running:
        yield running


def ask(live: Live, path: str, question: object, **more: Any) -> httpx.Response:
    """Each question is another one: llmock takes equal bodies for tries of one call."""
    return live.client.post(path, json=body(path, f"question {question}", **more), headers=headers(path))


@paths
def test_rate_limits_are_waited_for(live: Live, llmock: LLMock, path: str) -> None:
    for number, stream in enumerate((False, True), 1):
        llmock.rate_limit(retry_after=0.4)
        assert ask(live, path, number, stream=stream).status_code == 200
        assert len(llmock.requests) == 2 * number
    llmock.assert_resilient(strict=True)


@paths
def test_outages_are_not_made_worse(live: Live, llmock: LLMock, path: str) -> None:
    """Three tries of the first, two of the second, and then the circuit is open."""
    llmock.fail(503, times=None, retry_after=0.1)
    for i in range(8):
        assert ask(live, path, i).status_code == 503
    assert len(llmock.requests) == 5
    llmock.assert_resilient(strict=True)


@paths
def test_what_would_fail_again_is_not_asked_again(live: Live, llmock: LLMock, path: str) -> None:
    for number, status in enumerate((400, 401, 403, 404, 422), 1):
        llmock.fail(status)
        assert ask(live, path, number).status_code == status
        assert len(llmock.requests) == number
    llmock.assert_resilient(strict=True)


@paths
def test_broken_streams_are_told_and_asked_again_by_the_client_alone(live: Live, llmock: LLMock, path: str) -> None:
    """What llmock wants repeated was half sent already: the client learns of it, and repeats it."""
    for number, fault in enumerate((llmock.disconnect, llmock.truncate, llmock.corrupt)):
        fault(after_chunks=2)
        broken = ask(live, path, number, stream=True)
        assert broken.status_code == 200
        assert ("broke off" in broken.text) == (fault != llmock.corrupt)
        assert len(llmock.requests) == 2 * number + 1
        again = ask(live, path, number, stream=True)
        assert (again.status_code, again.headers["x-everwarm-cache"]) == (200, "miss")
    llmock.assert_resilient()


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_its_own_quota_is_kept(live: Live, llmock: LLMock, path: str) -> None:
    """One a minute. That is too long a wait for us: the client learns of it, and nobody knocks in between."""
    llmock.limits(rpm=1)
    answers = [ask(live, path, i) for i in range(3)]
    assert [a.status_code for a in answers] == [200, 429, 429]
    assert all(30 < float(a.headers["retry-after"]) <= 60 for a in answers[1:])
    assert len(llmock.requests) == 3
    llmock.assert_resilient()
