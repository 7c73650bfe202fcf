"""Answers of 100 MB: they come through whole, and take no more memory than what is kept of an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from apart import Apart, apart, needs_proc
from behind import CHAT, PATHS, body, headers, upstreams
from providers import Provider, faults, provider

pytestmark = needs_proc

SIZE = 100_000_000
MIB = 2**20
BOUND = 48 * MIB
"""Of what is added to the memory: 8 MiB are kept (cache.entry_mb), some of it is copied when it is judged."""


@pytest.fixture(scope="module")
def fake() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, fake: Provider) -> Iterator[Apart]:
    with apart(tmp_path_factory.mktemp("gateway"), upstreams(fake, "retries = 0")) as running:
        httpx.post(running.url + CHAT, json=body(CHAT, "first"), headers=headers(CHAT))
        yield running


def taken(url: str, path: str, question: str, stream: bool) -> tuple[int, bytes, bytes]:
    """Length, digest and end of an answer."""
    size, digest, end = 0, hashlib.sha256(), b""
    asked = body(path, question, stream=stream)
    with httpx.stream("POST", url + path, json=asked, headers=headers(path), timeout=60) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_raw(2**16):
            size, end = size + len(piece), (end + piece)[-200:]
            digest.update(piece)
    return size, digest.digest(), end


@pytest.mark.parametrize("stream", [False, True], ids=["json", "sse"])
@pytest.mark.parametrize("path", PATHS)
def test_the_memory_does_not_grow_with_an_answer(gateway: Apart, fake: Provider, path: str, stream: bool) -> None:
    before = gateway.forget_peak()
    fake.plan = [faults.huge(SIZE)]
    size, _, end = taken(gateway.url, path, f"huge {stream}", stream)
    grown = gateway.peak - before
    print(f"{path} {'sse' if stream else 'json'}: {size / 1e6:.0f} MB, memory grew by {grown / MIB:.0f} MiB")
    assert size >= SIZE
    assert b"error" not in end
    assert grown < BOUND
    assert size > taken(gateway.url, path, f"huge {stream}", stream)[0]  # it was not kept
