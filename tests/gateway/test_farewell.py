"""The end of a connection, on a transport that only takes notes. On the wire: test_connection."""

from __future__ import annotations

import asyncio

import pytest

from everwarm.errors import HeadTooLarge
from everwarm.gateway.door import farewell
from everwarm.gateway.door.farewell import Farewell, refusal


class Notes(asyncio.Transport):
    """What was done to it, in order; ``left`` is what the client has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.left = 0

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")

    def write_eof(self) -> None:
        self.done.append("eof")

    def resume_reading(self) -> None:
        self.done.append("read")

    def is_closing(self) -> bool:
        return "close" in self.done or "abort" in self.done

    def get_write_buffer_size(self) -> int:
        return self.left


class Soon:
    """Deadlines that only tell for how long they were set."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def set(self, who: object, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def soon() -> Soon:
    return Soon()


@pytest.fixture
def end(notes: Notes, soon: Soon) -> Farewell:
    return Farewell(notes, soon, None)  # type: ignore[arg-type]


def test_it_says_that_nothing_follows_and_goes_on_reading(end: Farewell, notes: Notes, soon: Soon) -> None:
    end.close()
    end.close()
    assert notes.done == ["eof", "read"]
    assert soon.seconds == [farewell.LINGER_SECONDS]


def test_a_connection_that_closes_is_left_alone(end: Farewell, notes: Notes) -> None:
    notes.close()
    end.close()
    assert notes.done == ["close"]
    assert not end.begun


def test_it_reads_so_much_and_no_more(end: Farewell, notes: Notes) -> None:
    end.close()
    end.discard(farewell.LINGER_BYTES)
    assert not notes.is_closing()
    end.discard(1)
    assert notes.is_closing()


def test_who_takes_something_of_what_is_left_has_time(end: Farewell, notes: Notes, soon: Soon) -> None:
    for notes.left in (300, 200, 100):
        end.end()
    assert "abort" not in notes.done
    assert soon.seconds == [farewell.TAKE_SECONDS] * 3


@pytest.mark.parametrize("closed_before", [False, True])
def test_who_takes_nothing_has_not(end: Farewell, notes: Notes, closed_before: bool) -> None:
    if closed_before:
        notes.close()
    notes.left = 100
    end.end()
    assert "abort" not in notes.done
    end.end()
    assert notes.done[-1] == "abort"


def test_a_refusal_is_the_last_answer() -> None:
    data = refusal(HeadTooLarge("too much"), "", [(b"date", b"today")])
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.splitlines() == [
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"date: today",
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"connection: close",
    ]
