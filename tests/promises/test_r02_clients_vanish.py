"""r02: a client may vanish at any await point (1,000 seeds): later answers still match their requests, the upstream
call is cancelled if and only if nobody else waits, no task, socket or file leaks."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from behind import CHAT, PATHS, Behind, behind, body, headers
from everwarm.gateway.door import half_closed
from everwarm.gateway.upstreams.client import Client as HttpClient
from providers import faults
from providers.asked import Asked
from providers.faults import Fault
from raw import wait_for

SEEDS = 1000
AT_ONCE = 40
RESET = struct.pack("ii", 1, 0)

KINDS = ("in the head", "in the body", "while it waits", "in the answer", "at the end")
"""Where clients vanish. ``at the end`` has read all of it."""


@dataclass
class Client:
    """One that vanishes somewhere, or stays."""

    path: str
    question: str
    stream: bool
    kind: str  # one of KINDS, or "stays", "half closes"
    reset: bool  # how it goes
    after: float  # seconds before it goes, where it waits
    share: float  # of the head, body or answer that it sends or reads before it goes
    begins: float  # seconds before it comes
    says: list[str] = field(default_factory=list)  # the answers that it got whole


def scene(seed: int) -> list[Client]:
    """Three to five clients with one question or two. Of a question whose name ends in "stalls", all vanish."""
    chance = random.Random(seed)
    path = chance.choice(PATHS)
    questions = [f"seed-{seed}-{i}-{chance.choice(['flows', 'stalls'])}" for i in range(chance.choice([1, 1, 2]))]
    asking = [chance.choice(questions) for _ in range(chance.randint(3, 5))]
    clients = [_client(chance, path, question) for question in asking]
    for question in {q for q in asking if q.endswith("flows")}:
        some = chance.choice([c for c in clients if c.question == question])
        some.kind = chance.choice(["stays", "stays", "half closes"])
    return clients


def _client(chance: random.Random, path: str, question: str) -> Client:
    stalls = question.endswith("stalls")
    return Client(
        path=path,
        question=question,
        stream=chance.random() < 0.6,
        kind=chance.choice(KINDS[:4] if stalls else KINDS),
        reset=chance.random() < 0.5,
        after=chance.choice([0, 0, 0.002, 0.01, 0.03]),
        share=chance.random(),
        begins=chance.choice([0, 0, 0, 0.005, 0.02]),
    )


def planned(asked: Asked) -> Fault:
    """Slow enough that one can leave in between; answers to "stalls" never end."""
    number = random.Random(asked.body).random()
    if b"stalls" in asked.body:
        return Fault(wait=number / 50) & faults.stall(
            -1 if number < 0.5 else 0 if b'"stream": false' in asked.body else 2
        )
    return Fault(wait=number / 50, pause=number / 200)


async def live_out(url: str, who: str, client: Client) -> None:
    """All that one client does."""
    await asyncio.sleep(client.begins)
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        await _talk(at.netloc, who, client, reader, writer)
    except ConnectionError:
        assert client.kind not in ("stays", "half closes"), client
    finally:
        if client.reset and client.kind != "stays":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.close()


async def _talk(
    host: str, who: str, client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head, data = request(host, who, client, client.question)
    if client.kind in KINDS[:2]:
        part = head[: int(client.share * len(head))]
        whole = part if client.kind == "in the head" else head + data[: int(client.share * len(data))]
        writer.write(whole)
        await asyncio.sleep(client.after)
        return
    writer.write(head + data)
    if client.kind == "while it waits":
        await asyncio.sleep(client.after)
    elif client.kind == "in the answer":
        await _read_some(reader, client)
    else:
        if client.kind == "half closes":
            writer.write_eof()
        client.says.append(text(await answer(reader)))
    if client.kind == "stays":  # the connection is as good as new
        head, data = request(host, who, client, f"{client.question}-too")
        writer.write(head + data)
        client.says.append(text(await answer(reader)))


async def _read_some(reader: asyncio.StreamReader, client: Client) -> None:
    try:
        async with asyncio.timeout(0.05 + client.after):
            await reader.readexactly(1 + int(client.share * 4000))
    except (TimeoutError, asyncio.IncompleteReadError):
        pass


def request(host: str, who: str, client: Client, question: str) -> tuple[bytes, bytes]:
    """Head and body."""
    data = json.dumps(body(client.path, question, stream=client.stream)).encode()
    named = {**headers(client.path), "authorization": f"Bearer {who}", "content-length": str(len(data)), "host": host}
    lines = [f"POST {client.path} HTTP/1.1", *(f"{k}: {v}" for k, v in named.items()), "", ""]
    return "\r\n".join(lines).encode(), data


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The body of the next one, whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b"http/1.1 200" in head, head
    if found := re.search(rb"content-length: (\d+)", head):
        return await reader.readexactly(int(found[1]))
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(pieces)


def text(content: bytes) -> str:
    """What the model says in an answer of any dialect and form, in the fake provider's words."""
    said = content.decode()
    pieces: list[str] = re.findall(r'"(?:content|delta|text)": ?"((?:answer|[ -])[^"]*)"', said)
    whole = next((p for p in pieces if re.fullmatch(r"answer \d+ to \S+", p)), None)
    return whole if whole is not None else "".join(pieces)


def check(both: Behind, seed: int, clients: list[Client], numbers: dict[str, set[int]]) -> None:
    """``numbers``: which upstream calls were made for each question."""
    for client in clients:
        for question, said in zip((client.question, client.question + "-too"), client.says, strict=False):
            found = re.fullmatch(r"answer (\d+) to (\S+)", said)
            assert found, (seed, client, said)
            assert found[2] == question, (seed, client)
            assert int(found[1]) in numbers[question], (seed, client)
    for question in {c.question for c in clients}:
        told = {c.says[0] for c in clients if c.question == question and c.says and c.kind != "at the end"}
        assert len(told) == (0 if question.endswith("stalls") else 1), (seed, question, told)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0


def loop_of(both: Behind) -> asyncio.AbstractEventLoop:
    """The gateway's."""
    return next(line for client in clients_of(both) for line in client._lines)._loop


def clients_of(both: Behind) -> list[HttpClient]:
    """With their connections to the upstreams."""
    return [p._client for p in both.live.house.directory.providers if p._client is not None]


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    """Who has gone without a word is noticed after a second."""
    monkeypatch.setattr(half_closed, "SILENCE", 1.0)
    with behind(tmp_path, "count_streams = true\nretries = 0") as running:
        prepare = running.fake.prepare

        def prepared(asked: Asked) -> Any:
            running.fake.plan = [planned(asked)]
            return prepare(asked)

        for path in PATHS:
            running.ask(path, "warm")
        running.fake.prepare = prepared  # type: ignore[method-assign]
        yield running


async def all_scenes(both: Behind) -> dict[int, list[Client]]:
    scenes = {seed: scene(seed) for seed in range(SEEDS)}
    turn = asyncio.Semaphore(AT_ONCE)

    async def play(seed: int) -> None:
        async with turn, asyncio.timeout(60):
            await asyncio.gather(*(live_out(both.live.url, f"sk-{seed}", c) for c in scenes[seed]))

    await asyncio.gather(*(play(seed) for seed in scenes))
    return scenes


def test_clients_vanish_anywhere(both: Behind) -> None:
    fake, house = both.fake, both.live.house
    files, tasks = open_files() - fake.open * 2, len(asyncio.all_tasks(loop_of(both)))
    scenes = asyncio.run(all_scenes(both))

    wait_for(lambda: house.tower.aboard == 0 and len(house.tower) == 0)
    fake.until(lambda f: f.cancelled + f.finished == len(f.asked))
    numbers: dict[str, set[int]] = {}
    for number, asked in enumerate(fake.asked, 1):
        found = re.search(rb"(?:seed-[0-9a-z-]+)", asked.body)
        numbers.setdefault(found[0].decode() if found else "warm", set()).add(number)
    for seed, clients in scenes.items():
        check(both, seed, clients, numbers)
    stalled = sum(b"stalls" in a.body and b"-too" not in a.body for a in fake.asked)
    print(f"{len(fake.asked)} calls, {stalled} of them stalled, {fake.cancelled} cancelled")
    assert stalled > SEEDS / 10
    assert fake.cancelled >= stalled

    house.tower._flights.check_integrity()
    wait_for(lambda: len(asyncio.all_tasks(loop_of(both))) <= tasks)
    wait_for(lambda: not any(client.busy for client in clients_of(both)))
    wait_for(lambda: fake.open == sum(len(client._kept) for client in clients_of(both)))
    wait_for(lambda: open_files() - fake.open * 2 <= files)


def test_after_it_all_are_answered(both: Behind) -> None:
    """The power check: a question of a scene, asked by somebody who stays."""
    both.fake.plan = []
    assert "answer" in both.ask(CHAT, "seed-0-0-flows").text
