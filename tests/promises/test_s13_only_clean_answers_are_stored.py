"""s13: only complete, clean answers are stored: no error, truncation, missing finish, abort, emptiness."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from everwarm.errors import Broken, Overloaded
from herd import all_aboard
from live import Live

FLAWS: dict[str, dict[str, Any]] = {
    "cut off": {"finish": "length"},
    "filtered": {"finish": "content_filter"},
    "empty": {"text": lambda n, r: ""},
    "no end": {"stop_at": 5},
    "broke": {"fail_at": {4: Broken("x")}},
    "refused": {"fail_at": {0: Overloaded("x")}},
}


def stored(live: Live) -> int:
    assert live.house.store is not None
    live.house.store.flush()
    return live.house.store.held().entries


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", FLAWS)
def test_a_flawed_answer_is_not_stored(live: Live, name: str, stream: bool) -> None:
    for attribute, value in FLAWS[name].items():
        setattr(live.upstream, attribute, value)
    for call in (1, 2):
        answer = live.ask(stream=stream)
        assert answer.headers.get("x-everwarm-cache", "miss") == "miss"
        assert len(live.upstream.asked) == call
    assert stored(live) == 0


def test_nor_is_one_whose_client_went_away(live: Live) -> None:
    live.upstream.hold_at = 3
    with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=live.url, timeout=0.3) as client:
        client.post("/v1/chat/completions", json={"model": "default", "messages": [{"role": "user", "content": "hi"}]})
    asyncio.run(all_aboard(live, 0))
    live.upstream.go.set()
    assert live.ask().headers["x-everwarm-cache"] == "miss"
    assert live.ask().headers["x-everwarm-cache"] == "hit"
    assert stored(live) == 1


def test_a_clean_one_is(live: Live) -> None:
    """The power check: the tests above could not pass with a cache that is off."""
    live.ask()
    assert stored(live) == 1
    assert live.ask().headers["x-everwarm-cache"] == "hit"
