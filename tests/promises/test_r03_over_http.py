"""r03: 1,000 identical requests make one upstream call and 1,000 equal answers, streams joined midway included; k
tenants make k calls; a cancelled leader hands over. Here over HTTP, in all dialects and forms."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from behind import CHAT, MESSAGES, PATHS, VERSION, Behind, behind, body
from everwarm.core.sse import Reader
from herd import all_aboard
from live import Live
from providers import HEAD
from providers.bare import chunks

paths = pytest.mark.parametrize("path", PATHS)


RESET = struct.pack("ii", 1, 0)


class Got(NamedTuple):
    """An answer. ``cache``: miss, joined or hit."""

    status: int
    cache: str
    text: str


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Asks for token counts in streams, so that every answer can be had in every form."""
    with behind(tmp_path_factory.mktemp("gateway"), "count_streams = true") as running:
        yield running


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with behind(tmp_path_factory.mktemp("gateway")) as running:
        yield running


async def ask(live: Live, path: str, question: str, *, stream: bool = False, who: str = "sk-a", **more: Any) -> Got:
    """One request on a socket of its own, by hand: an HTTP client costs more than all else here.

    Who is cancelled leaves with a reset.
    """
    url = urlsplit(live.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    try:
        data = json.dumps(body(path, question, stream=stream, **more)).encode()
        named = {
            "host": url.netloc,
            "authorization": f"Bearer {who}",
            "content-length": str(len(data)),
            "connection": "close",
        }
        named |= VERSION if path == MESSAGES else {}
        lines = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in named.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + data)
        answer = await reader.read(-1)
    finally:
        writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode().lower().split("\r\n")
    told = dict(line.split(": ", 1) for line in rest)
    if "transfer-encoding" in told:
        assert answer.endswith(b"\r\n0\r\n\r\n")
        content = b"".join(chunks(answer))
    return Got(int(first.split()[1]), told["x-everwarm-cache"], TEXTS[path, stream](content))


def events(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(e.data) for e in Reader().feed(content) if e.data != "[DONE]"]


def chat_stream(content: bytes) -> str:
    assert content.endswith(b"data: [DONE]\n\n")
    return "".join(c["delta"].get("content") or "" for e in events(content) for c in e["choices"])


def whole_response(value: Mapping[str, Any]) -> str:
    assert value["status"] == "completed"
    return "".join(part["text"] for item in value["output"] for part in item["content"])


def message_stream(content: bytes) -> str:
    assert events(content)[-1]["type"] == "message_stop"
    return "".join(e["delta"].get("text", "") for e in events(content) if e["type"] == "content_block_delta")


TEXTS = {
    ("/v1/chat/completions", False): lambda content: json.loads(content)["choices"][0]["message"]["content"],
    ("/v1/chat/completions", True): chat_stream,
    ("/v1/responses", False): lambda content: whole_response(json.loads(content)),
    ("/v1/responses", True): lambda content: whole_response(events(content)[-1]["response"]),
    ("/v1/messages", False): lambda content: "".join(b["text"] for b in json.loads(content)["content"]),
    ("/v1/messages", True): message_stream,
}


async def herd(both: Behind, path: str, question: str, asks: Sequence[Mapping[str, Any]]) -> list[Got]:
    """All of them while the upstream holds still; the first one is aboard before the others."""
    both.fake.go.clear()
    both.fake.hold_at = HEAD
    tasks = []
    for number, more in enumerate(asks):
        tasks.append(asyncio.create_task(ask(both.live, path, question, **more)))
        if number == 0:
            await all_aboard(both.live, 1)
    await all_aboard(both.live, len(asks))
    both.fake.hold_at = None
    both.fake.go.set()
    return await asyncio.gather(*tasks)


@paths
@pytest.mark.parametrize("leader", [False, True], ids=["json leads", "sse leads"])
def test_a_mixed_herd_makes_one_call(counting: Behind, path: str, leader: bool) -> None:
    number, asked = 300, len(counting.fake.asked)
    asks = [{"stream": (i % 2 == 0) == leader} for i in range(number)]
    answers = asyncio.run(herd(counting, path, f"herd {leader}", asks))
    assert len(counting.fake.asked) == asked + 1
    assert {(a.status, a.text) for a in answers} == {(200, f"answer {asked + 1} to herd {leader}")}
    assert [a.cache for a in answers].count("miss") == 1
    assert [a.cache for a in answers].count("joined") == number - 1
    assert counting.live.house.tower.aboard == 0
    assert counting.fake.cancelled == 0


def test_a_thousand_make_one_call(plain: Behind) -> None:
    asked = len(plain.fake.asked)
    answers = asyncio.run(herd(plain, CHAT, "thousand", [{"stream": True}] * 1000))
    assert len(plain.fake.asked) == asked + 1
    assert {a.text for a in answers} == {f"answer {asked + 1} to thousand"}


def test_a_form_that_cannot_be_made_of_the_first_costs_one_more_call(plain: Behind) -> None:
    """A stream without token counts cannot become JSON: those who want that share another call."""
    asked = len(plain.fake.asked)
    answers = asyncio.run(herd(plain, CHAT, "uncounted", [{"stream": True}, *({"stream": False} for _ in range(20))]))
    assert {a.status for a in answers} == {200}
    assert len(plain.fake.asked) == asked + 2


@paths
def test_tenants_make_a_call_each(plain: Behind, path: str) -> None:
    asked = len(plain.fake.asked)
    tenants = "aabbbcddddd"
    asks = [{"who": f"sk-tenant-{t}", "stream": True} for t in tenants]
    answers = asyncio.run(herd(plain, path, "tenants", asks))
    assert len(plain.fake.asked) == asked + 4
    texts = {t: {a.text for a, of in zip(answers, tenants, strict=True) if of == t} for t in tenants}
    assert all(len(of) == 1 for of in texts.values())
    assert len(set().union(*texts.values())) == 4
    mine = {a.header("authorization") for a in plain.fake.asked[asked:]}
    assert mine == {f"Bearer sk-tenant-{t}" for t in set(tenants)}


@paths
@pytest.mark.parametrize(("stream", "place"), [(False, HEAD), (False, 0), (True, HEAD), (True, 0), (True, 1)])
def test_a_leader_that_leaves_hands_over(counting: Behind, path: str, stream: bool, place: int) -> None:
    """And the last one to leave ends the call."""
    asked, cancelled = len(counting.fake.asked), counting.fake.cancelled
    question = f"leave {stream} {place}"

    async def leave_and_stay() -> list[Got]:
        counting.fake.go.clear()
        counting.fake.hold_at = place
        tasks = []
        for number in (1, 2, 3):
            tasks.append(asyncio.create_task(ask(counting.live, path, question, stream=stream)))
            await all_aboard(counting.live, number)
        for number in (2, 1):
            tasks.pop(0).cancel()
            await all_aboard(counting.live, number)
        assert counting.fake.cancelled == cancelled
        counting.fake.hold_at = None
        counting.fake.go.set()
        return await asyncio.gather(*tasks)

    (answer,) = asyncio.run(leave_and_stay())
    assert (answer.status, answer.cache) == (200, "joined")
    assert len(counting.fake.asked) == asked + 1
    assert counting.fake.cancelled == cancelled
    assert asyncio.run(ask(counting.live, path, question, stream=stream)).cache == "hit"


@paths
@pytest.mark.parametrize("place", [HEAD, 0, 2], ids=["before the head", "after the head", "in the body"])
def test_the_last_to_leave_ends_the_call(counting: Behind, path: str, place: int) -> None:
    cancelled, asked = counting.fake.cancelled, len(counting.fake.asked)

    async def all_leave() -> None:
        counting.fake.go.clear()
        counting.fake.hold_at = place
        tasks = []
        for number in (1, 2):
            tasks.append(asyncio.create_task(ask(counting.live, path, f"all leave {place}", stream=True)))
            await all_aboard(counting.live, number)
        counting.fake.until(lambda f: len(f.asked) == asked + 1)
        for task in tasks:
            task.cancel()
        await all_aboard(counting.live, 0)

    asyncio.run(all_leave())
    counting.fake.until(lambda f: f.cancelled == cancelled + 1)
    counting.fake.hold_at = None
    counting.fake.go.set()
    after = asyncio.run(ask(counting.live, path, f"all leave {place}", stream=True))
    assert (after.status, after.cache) == (200, "miss")


@paths
def test_a_stream_that_is_joined_midway_has_all_from_the_start(plain: Behind, path: str) -> None:
    asked = len(plain.fake.asked)

    async def two() -> list[Got]:
        plain.fake.go.clear()
        plain.fake.holding.clear()
        plain.fake.hold_at = 3
        first = asyncio.create_task(ask(plain.live, path, "midway", stream=True))
        await asyncio.get_running_loop().run_in_executor(None, plain.fake.holding.wait, 10)
        second = asyncio.create_task(ask(plain.live, path, "midway", stream=True))
        await all_aboard(plain.live, 2)
        plain.fake.hold_at = None
        plain.fake.go.set()
        return await asyncio.gather(first, second)

    first, second = asyncio.run(two())
    assert (first.cache, second.cache) == ("miss", "joined")
    assert first.text == second.text == f"answer {asked + 1} to midway"
