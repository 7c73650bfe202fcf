"""r10: "A 100 MB body gets 413 with < 8 MB growth; nesting of 100,000 gets 400; never a 500."

The gateway runs in a process of its own, whose memory is read from outside, at its peak.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from everwarm.core.dialects.registry import CONVERSING
from raw import Raw, connected, post
from served import served

MB = 1_000_000
PATHS = [dialect.path for dialect in CONVERSING]
DEEP = 100_000


class Process:
    """The gateway: where it is, and what it takes."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._folder = Path(f"/proc/{pid}")

    def peak_from_now(self) -> int:
        """Forget the peak of before; bytes that are taken now."""
        (self._folder / "clear_refs").write_text("5")
        return self._bytes("VmRSS")

    def peak(self) -> int:
        return self._bytes("VmHWM")

    def _bytes(self, name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", (self._folder / "status").read_text())
        assert found
        return int(found[1]) * 1024


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip(f"the peak of a process cannot be read on {sys.platform}")
    with served(tmp_path_factory.mktemp("r10")) as (url, running, _):
        yield Process(url, running.pid)


def send_100_mb(client: Raw, path: str, *, told: bool) -> None:
    """All of it, before anything is read; as far as the server takes it."""
    length = f"content-length: {100 * MB}" if told else "transfer-encoding: chunked"
    client.send(f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{length}\r\n\r\n".encode())
    piece = b"x" * MB
    for _ in range(100):
        client.send(piece if told else b"%x\r\n%b\r\n" % (MB, piece))
    if not told:
        client.send(b"0\r\n\r\n")


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("path", PATHS)
def test_a_hundred_megabytes(process: Process, path: str, told: bool) -> None:
    for _ in range(2):  # the first warms up what stays
        before = process.peak_from_now()
        with connected(process.url) as client:
            send_100_mb(client, path, told=told)
            answer = client.answer()
            assert client.ended()
    assert answer.status == 413
    assert json.loads(answer.body)["error"]["type"]
    assert process.peak() - before < 8 * MB


@pytest.mark.parametrize("told", [True, False])
def test_the_answer_comes_before_the_body(process: Process, told: bool) -> None:
    """Of what is announced, or has just become too much."""
    with connected(process.url) as client:
        length = f"content-length: {100 * MB}" if told else "transfer-encoding: chunked"
        client.send(f"POST {PATHS[0]} HTTP/1.1\r\nhost: localhost\r\n{length}\r\n\r\n".encode())
        if not told:
            client.send(b"%x\r\n%b" % (100 * MB, b"x" * (22 * MB)))
        assert client.answer().status == 413
        assert client.ended()


DEPTHS = {
    "arrays": ("[" * DEEP, "]" * DEEP),
    "arrays that stay open": ("[" * DEEP, ""),
    "objects": ('{"a":' * DEEP, "1" + "}" * DEEP),
    "objects that stay open": ('{"a":' * DEEP, ""),
    "both": ('[{"a":' * (DEEP // 2), "1" + "}]" * (DEEP // 2)),
}
AROUND = {
    "alone": ("", ""),
    "a member that nobody knows": ('{"model":"default","messages":[{"role":"user","content":"hi"}],"x":', "}"),
    "the messages": ('{"model":"default","messages":', "}"),
    "a content": ('{"model":"default","messages":[{"role":"user","content":', "}]}"),
    "beside half a surrogate pair": ('{"a":"\\ud800","x":', "}"),
    "beside a key that stands twice": ('{"a":1,"a":2,"x":', "}"),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND.keys())
@pytest.mark.parametrize("deep", DEPTHS.values(), ids=DEPTHS.keys())
def test_a_hundred_thousand_levels(process: Process, path: str, around: tuple[str, str], deep: tuple[str, str]) -> None:
    body = around[0] + deep[0] + deep[1] + around[1]
    with connected(process.url) as client:
        client.send(post(path, body.encode()))
        answer = client.answer()
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["message"]
