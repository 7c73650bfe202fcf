"""Heads that came before in the same bytes: not read again, and to a client as if they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.gateway.door import head
from everwarm.gateway.door.connection import Connection
from everwarm.gateway.door.head import Head, Heads
from herd import held
from live import CHAT, Live, gateway
from raw import Answer, connected, post, wait_for
from ways import chat


class Parsed:
    """How many requests the parsers have seen."""

    count = 0


@pytest.fixture(scope="module")
def parsed() -> Iterator[Parsed]:
    begin = Connection.on_message_begin
    seen = Parsed()

    def begun(self: Connection) -> None:
        seen.count += 1
        begin(self)

    with patch.object(Connection, "on_message_begin", begun):
        yield seen


@pytest.fixture(scope="module")
def live(parsed: Parsed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def asked(answer: Answer) -> str:
    """What an answer says that it answers."""
    assert answer.status == 200
    return str(json.loads(answer.body)["choices"][0]["message"]["content"]).rpartition(" to ")[2]


# On a connection


def test_a_head_is_read_once_for_all_connections(live: Live, parsed: Parsed) -> None:
    for i in range(3):
        with connected(live.url) as client:
            for text in ("red", "hue", "sky"):
                client.send(post(CHAT, chat(text), "x-mine: 1"))
                answer = client.answer()
                assert asked(answer) == text
                assert answer.headers["x-everwarm-cache"] == ("miss" if i == 0 else "hit")
    assert parsed.count == 1


def test_another_credential_is_another_head(live: Live) -> None:
    for state in ("miss", "hit"):
        for who in ("anna", "bert"):
            with connected(live.url) as client:
                client.send(post(CHAT, chat("secret"), f"authorization: Bearer {who}"))
                assert client.answer().headers["x-everwarm-cache"] == state


TEXTS = ("one", "two", "ten", "three")
ASKS = st.tuples(st.sampled_from(TEXTS), st.sampled_from(["", "x-a: 1", "x-b: 2"]), st.booleans())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ASKS, min_size=1, max_size=8), st.integers(1, 400))
def test_known_and_new_heads_may_follow_each_other_however_they_are_cut(
    live: Live, asks: list[tuple[str, str, bool]], piece: int
) -> None:
    """Each is waited for, or sent together with the next one; whole, or in pieces."""
    with connected(live.url) as client:
        waiting: list[str] = []
        together = b""
        for text, header, waits in asks:
            together += post(CHAT, chat(text), *[header] if header else [])
            waiting.append(text)
            if waits:
                client.send(together, piece=piece if len(text) > 3 else None)
                assert [asked(client.answer()) for _ in waiting] == waiting
                waiting, together = [], b""
        client.send(together)
        assert [asked(client.answer()) for _ in waiting] == waiting


@pytest.mark.parametrize("rest", [b"\r\n", b"GET", b"junk junk\r\n\r\n"], ids=["line end", "begun", "junk"])
def test_what_follows_a_known_head_and_its_body_is_read(live: Live, rest: bytes) -> None:
    with connected(live.url) as client:
        for _ in range(2):
            client.send(post(CHAT, chat("one")))
            assert asked(client.answer()) == "one"
        client.send(post(CHAT, chat("one")) + rest)
        assert asked(client.answer()) == "one"
        client.send(post(CHAT, chat("two"))[len(rest) if rest == b"GET" else 0 :])
        answer = client.answer()
        assert answer.status == 400 if rest != b"\r\n" else asked(answer) == "two"


def test_the_last_request_of_a_connection_stays_its_last(live: Live) -> None:
    for _ in range(2):
        with connected(live.url) as client:
            client.send(post(CHAT, chat("one"), "connection: close"))
            assert asked(client.answer()) == "one"
            assert client.ended()


def test_who_is_not_first_in_line_waits(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live, connected(live.url) as client:
        live.upstream.go.set()
        for text in ("one", "two"):
            client.send(post(CHAT, chat(text)))
            assert asked(client.answer()) == text
        live.upstream.go.clear()
        live.upstream.holding.clear()
        client.send(post(CHAT, chat("new")))
        wait_for(live.upstream.holding.is_set)
        client.send(post(CHAT, chat("two")))
        live.upstream.go.set()
        assert [asked(client.answer()) for _ in range(2)] == ["new", "two"]


# By itself

BODY = b'{"a":1}'


def head_of(data: bytes, length: int = len(BODY)) -> Head:
    """What a parser would say of the request at the beginning of ``data``."""
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    headers = [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]
    return Head(b"POST", b"/v1/x?y=%20", "1.1", headers, {b"content-length": b"%d" % length})


def learned(data: bytes, made: Head) -> Heads:
    heads = Heads()
    heads.learn(data, made)
    return heads


def test_a_whole_request_is_learned_and_known_again() -> None:
    data = post("/v1/x?y=%20", BODY)
    made = head_of(data)
    assert learned(data, made).of(data) == (made, BODY)
    assert learned(data, made).of(data[:-1] + b"!") == (made, BODY[:-1] + b"!")


@pytest.mark.parametrize(
    ("start", "end", "more"), [(0, -1, b""), (0, None, b"x"), (1, None, b""), (0, -len(BODY), b"")]
)
def test_only_whole_requests_with_the_same_head_are_known(start: int, end: int | None, more: bytes) -> None:
    data = post("/v1/x?y=%20", BODY)
    changed = data[start:end] + more
    assert learned(data, head_of(data)).of(changed) is None
    assert learned(changed, head_of(data)).of(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n" + post("/v1/x", BODY),
        post("/v1/x", BODY).replace(b"\r\ncontent", b"\n\ncontent"),
        post("/v1/x", BODY, " folded: y"),
    ],
    ids=["a line before it", "an end before its end", "a header of two lines"],
)
def test_lines_that_are_no_headers_are_not_learned(data: bytes) -> None:
    made = head_of(post("/v1/x", BODY))
    assert learned(data, made).of(data) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "REMEMBERED", 3)
    heads = Heads()
    for i in range(10):
        data = post("/v1/x", BODY, f"x: {i}")
        heads.learn(data, head_of(data))
        assert heads.of(data) is not None
        assert len(heads._known) <= 3
    large = post("/v1/x", BODY, "x: " + "y" * head.LARGEST)
    assert learned(large, head_of(large)).of(large) is None


def test_what_is_made_of_a_head_is_made_once_and_bounded() -> None:
    made = head_of(post("/v1/x", BODY))
    calls: list[int] = []

    def count(headers: object) -> int:
        calls.append(1)
        return len(calls)

    assert [made.made(count), made.made(count)] == [1, 1]
    for _ in range(3 * head.MADE):
        made.made(lambda headers: None)
        assert len(made._made) <= head.MADE
    assert made.made(count) == 2


def test_what_fails_is_not_remembered() -> None:
    made = head_of(post("/v1/x", BODY))

    def fail(headers: object) -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            made.made(fail)
