"""r01: an upstream that dies mid-stream gives the client an explicit error event (the official SDKs raise on it, and on
nothing less), followers too; nothing is stored, nothing is asked again after the first byte. Here over HTTP, at every
event, in all dialects; test_r01_upstream_dies_mid_stream.py has the model inside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from behind import CHAT, MESSAGES, PATHS, RESPONSES, Behind, behind, body, headers
from everwarm.core.sse import Reader, frames
from herd import all_aboard
from providers import HEAD, faults
from providers.faults import Fault

Death = Callable[[int], Fault]

DEATHS: dict[str, Death] = {
    "reset": faults.reset,
    "closed": faults.close,
    "reset within the event": lambda at: faults.reset(at, inside=True),
    "closed within the event": lambda at: faults.close(at, inside=True),
    "reset, without chunks": lambda at: faults.until_close() & faults.reset(at, inside=True),
    "closed, without chunks": lambda at: faults.until_close() & faults.close(at, inside=True),
    "ended as if it were whole": faults.truncated,
}
COUNTED = {"stream_options": {"include_usage": True}}
paths = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """With retries as they are by default: before the first byte they would be made."""
    with behind(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def places(both: Behind, path: str) -> range:
    """At which events of an answer to a question of one word the upstream can die such that it is not whole."""
    whole = len(frames(both.ask_twin(path, "one-word", faults.FINE, stream=True)))
    return range(whole - 1 if path == CHAT else whole)  # the last one but [DONE] says already that it is finished


def check_told(path: str, rest: bytes) -> None:
    """``rest`` is one event, an error of the dialect."""
    (event,) = Reader().feed(rest)
    told = json.loads(event.data)
    assert told["error"]["message"]
    if path == CHAT:
        assert event.event == ""
        assert set(told["error"]) == {"message", "type", "param", "code"}
    else:
        assert event.event == told["type"] == "error"


@pytest.mark.parametrize("how", DEATHS)
@paths
def test_it_is_told_at_every_event_and_not_stored(both: Behind, path: str, how: str) -> None:
    stored = both.stored
    for at in places(both, path):
        question = f"told-{at}-{how}".replace(" ", "-")
        before = both.ask_twin(path, question, faults.truncated(at), stream=True)
        asked = len(both.fake.asked)
        both.fake.plan = [DEATHS[how](at)]
        answer = both.ask(path, question, stream=True)
        assert answer.status_code == 200
        assert answer.content.startswith(before)
        check_told(path, answer.content[len(before) :])
        assert len(both.fake.asked) == asked + 1
        assert both.ask(path, question, stream=True, send={"cache-control": "only-if-cached"}).status_code == 504
    assert both.stored == stored
    assert both.ask(path, question, stream=True).headers["x-everwarm-cache"] == "miss"
    assert both.ask(path, question, stream=True).headers["x-everwarm-cache"] == "hit"


def test_before_the_first_byte_it_is_asked_again(both: Behind) -> None:
    """The power check: after it, it would have been as well."""
    both.fake.drop_connections()
    for path in PATHS:
        asked = len(both.fake.asked)
        both.fake.plan = [faults.reset(HEAD)]
        assert both.ask(path, "again", stream=True).status_code == 200
        assert len(both.fake.asked) == asked + 2


def streams(sdk: Any, path: str) -> Callable[..., Iterable[object]]:
    """The method of the official SDK that asks for an answer."""
    return {CHAT: lambda: sdk.chat.completions, RESPONSES: lambda: sdk.responses, MESSAGES: lambda: sdk.messages}[
        path
    ]().create


@paths
def test_the_official_sdk_raises_at_every_event(both: Behind, path: str) -> None:
    kind, url = (anthropic, "") if path == MESSAGES else (openai, "/v1")
    make = anthropic.Anthropic if path == MESSAGES else openai.OpenAI
    with make(base_url=both.live.url + url, api_key="sk-a", max_retries=0) as sdk:
        ask = streams(sdk, path)
        assert list(ask(**body(path, "all-is-well"), stream=True))
        for at in places(both, path):
            both.fake.plan = [list(DEATHS.values())[at % len(DEATHS)](at)]
            with pytest.raises(kind.APIError):
                list(ask(**body(path, f"sdk-{at}"), stream=True))


async def waiting(both: Behind, path: str, question: str, asks: list[bool]) -> list[httpx.Response]:
    """All ask the same, as streams or not, and wait for one answer before it comes."""
    both.fake.go.clear()
    both.fake.hold_at = HEAD
    async with httpx.AsyncClient(base_url=both.live.url, timeout=30) as client:
        tasks = []
        for number, stream in enumerate(asks, 1):
            asked = body(path, question, stream=stream, **(COUNTED if stream and path == CHAT else {}))
            tasks.append(asyncio.create_task(client.post(path, json=asked, headers=headers(path))))
            await all_aboard(both.live, number)
        both.fake.hold_at = None
        both.fake.go.set()
        return await asyncio.gather(*tasks)


@pytest.mark.parametrize("how", ["reset within the event", "closed", "ended as if it were whole"])
@paths
def test_those_who_wait_are_told_too_and_later_ones_are_not(both: Behind, path: str, how: str) -> None:
    more = COUNTED if path == CHAT else {}
    for at in (0, 2, len(places(both, path)) - 1):
        question = f"wait-{at}-{how}".replace(" ", "-")
        asked = len(both.fake.asked)
        before = both.ask_twin(path, question, faults.truncated(at), stream=True, **more)
        both.fake.plan = [DEATHS[how](at)]
        answers = asyncio.run(waiting(both, path, question, [True] * 4))
        for answer in answers:
            assert answer.content.startswith(before)
            check_told(path, answer.content[len(before) :])
        assert len(both.fake.asked) == asked + 1
        after = both.ask(path, question, stream=True, **more)
        assert after.status_code == 200
        assert b"broke off" not in after.content


@paths
def test_who_waits_for_another_form_gets_an_error_with_its_status(both: Behind, path: str) -> None:
    for at in (0, 2):
        asked = len(both.fake.asked)
        both.fake.plan = [faults.reset(at)]
        answers = asyncio.run(waiting(both, path, f"forms-{at}", [True, False, False]))
        assert [a.status_code for a in answers] == [200, 502, 502]
        assert len(both.fake.asked) == asked + 1
