"""The values of a JSON text that comes in pieces, beside what ``json`` makes of all of it."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from everwarm.analyze.formats import spans
from everwarm.analyze.formats.items import items
from everwarm.analyze.formats.spans import Broken
from everwarm.analyze.reading.record import Record
from logged import CHAT, CLAUDE, found, records

LISTS = ("data", "log.entries")

texts = st.text(st.sampled_from('ab "\\{}[],:\n\N{EURO SIGN}'), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=9,
)
objects = st.dictionaries(texts.filter(lambda name: name not in LISTS), values, max_size=3)
calls = st.builds(lambda first, more: {"at": first, **more}, values, objects)
"""Objects that begin alike, as those of a log do."""

spellings = st.sampled_from(
    [
        json.dumps,
        lambda value: json.dumps(value, indent=2),
        lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
        lambda value: json.dumps(value, indent="\t").replace("\n", "\r\n"),
    ]
)
sizes = st.sampled_from([1, 2, 3, 7, 64, 10**6])


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int = 10**6) -> list[Any]:
    """Values parsed, and what is broken as ``Broken``."""
    got = list(items(pieces(data, size), LISTS, orjson.loads))
    return [json.loads(each) if isinstance(each, bytes) else each for each in got]


@given(st.lists(calls, min_size=1, max_size=6) | st.lists(values, min_size=1, max_size=6), spellings, sizes)
def test_a_list_in_pieces_of_any_size(row: list[Any], spelled: Any, size: int) -> None:
    assert read(spelled(row).encode(), size) == row


@given(st.lists(calls, min_size=1, max_size=4), objects, objects, spellings, sizes)
def test_a_list_within_objects(row: list[Any], before: Any, behind: Any, spelled: Any, size: int) -> None:
    behind = {name: value for name, value in behind.items() if name not in before}
    assert read(spelled({**before, "data": row, **behind}).encode(), size) == row
    assert read(spelled({**before, "log": {**before, "entries": row, **behind}, **behind}).encode(), size) == row


@given(st.lists(calls, min_size=1, max_size=4) | st.lists(objects, min_size=1, max_size=4), spellings, sizes)
def test_values_one_after_another(row: list[Any], spelled: Any, size: int) -> None:
    assert read("\n".join(map(spelled, row)).encode(), size) == row
    assert read(" ".join(map(spelled, row)).encode(), size) == row


@st.composite
def damaged(draw: st.DrawFn, value: Any, spelled: Any) -> bytes:
    """A call of which a byte is missing, or too many are, or that is something else."""
    text: bytes = spelled(value).encode()
    at = draw(st.integers(1, len(text) - 1))
    return draw(st.sampled_from([text[:at], text[:at] + text[at + 1 :], text[:at] + b'"}]' + text[at:], text + b"}"]))


@given(st.data(), st.lists(calls, min_size=2, max_size=5), calls, spellings, sizes)
def test_what_stands_around_a_broken_value_is_read(
    data: st.DataObject, row: list[Any], broken: Any, spelled: Any, size: int
) -> None:
    """Before it always; and behind it what begins as the others do."""
    place = data.draw(st.integers(1, len(row) - 1))
    parts = [spelled(each).encode() for each in row]
    text = b"[" + b",\n".join([*parts[:place], data.draw(damaged(broken, spelled)), *parts[place:]]) + b"]"
    got = items(pieces(text, size), LISTS, orjson.loads)
    got = [orjson.loads(each) if is_json(each) else each for each in got]
    assert got[:place] == row[:place]
    assert got[len(got) - len(row) + place :] == row[place:]


def is_json(each: Any) -> bool:
    try:
        return isinstance(each, bytes) and orjson.loads(each) is not False
    except orjson.JSONDecodeError:
        return False


@given(st.binary(max_size=40) | st.text(st.sampled_from('{}[]",:\\\n a1'), max_size=40).map(str.encode), sizes)
@example(b'{"data": [', 1)
def test_anything_ends_and_is_the_same_in_pieces_of_any_size(data: bytes, size: int) -> None:
    assert told(data, size) == told(data, 10**6)


def told(data: bytes, size: int) -> list[Any]:
    """How a broken value begins is told as far as it has come."""
    got = items(pieces(data, size), LISTS, orjson.loads)
    got = [orjson.loads(each) if is_json(each) else each for each in got]
    return [each.why if isinstance(each, Broken) else each for each in got]


BROKEN = {
    "no end of a string": (b'{"a": "x}', "a string goes on in the next line"),
    "no bracket": (b'{"a": [1}', "its brackets do not match"),
    "a bracket too many": (b'{"a": 1}}', "a value is missing"),
    "the list's bracket": (b'{"a": 1}]', "it is no JSON"),
    "no value": (b":", "a value is missing"),
    "cut off": (b'{"a": {"b": [1', "it has no end"),
}


@pytest.mark.parametrize(("broken", "why"), BROKEN.values(), ids=list(BROKEN))
def test_one_value_is_broken_and_the_rest_is_read(broken: bytes, why: str) -> None:
    got = read(b'[{"a": 0},\n' + broken + b',\n{"a": 2},\n{"a": 3}\n]')
    assert [each for each in got if isinstance(each, dict) and each["a"] != 1] == [{"a": 0}, {"a": 2}, {"a": 3}]
    assert [why in each.why for each in got if isinstance(each, Broken)] == [True]


def test_a_list_that_was_cut_off() -> None:
    whole = [{"a": n, "b": ["x" * 30]} for n in range(5)]
    text = json.dumps(whole).encode()
    for end in range(2, len(text)):
        *got, last = read(text[:end])
        assert got == whole[: len(got)]
        assert isinstance(last, Broken)
        assert len(got) == min(5, text[:end].count(b"]}"))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of more than 1,000 bytes are too long."""
    monkeypatch.setattr(spans, "LONGEST", 1_000)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("size", [1, 100, 1024])
def test_a_value_that_is_too_long_is_passed_over(size: int) -> None:
    text = json.dumps([{"a": 1}, {"a": ["x" * 5_000, {"b": 2}]}, {"a": 3}]).encode()
    first, long, last = read(text, size)
    assert (first, last) == ({"a": 1}, {"a": 3})
    assert long.why.startswith("it is longer than ")
    assert long.begin.startswith(b'{"a": ["xxx')
    assert [each.why[:18] for each in read(text[10:-11], size)] == ["it is longer than "]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("size", [100, 1024])
def test_a_value_without_end_does_not_take_the_others_with_it(size: int) -> None:
    text = b'[{"a": 0}, {"a": [1, ' + b", ".join(b'{"a": %d}' % n for n in range(2, 500)) + b"]"
    zero, broken, *others = read(text, size)
    assert zero == {"a": 0}
    assert isinstance(broken, Broken)
    assert others == [{"a": n} for n in range(2, 500)]


def test_of_a_long_text_little_is_held() -> None:
    def long() -> Iterator[bytes]:
        yield b'{"data": ['
        for n in range(400):
            yield b'{"a": %d, "b": "%s"},' % (n, b"x" * 100_000)
        yield b'{"a": 400}], "page": {"next": null}}'

    tracemalloc.start()
    got = sum(1 for _ in items(long(), LISTS, orjson.loads))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got == 401
    assert peak < 2_000_000


def test_lists_of_two_kinds_of_values_are_read() -> None:
    """Where values do not begin alike, ends are looked for."""
    row = [{("a" if n % 3 else "b"): n, "c": [{"a": n}, {"a": n}]} for n in range(300)]
    assert read(json.dumps(row).encode(), 777) == row


def entry(body: dict[str, Any], n: int) -> dict[str, Any]:
    posted = {"mimeType": "application/json", "text": json.dumps({**body, "user": str(n)})}
    return {"startedDateTime": f"2026-01-01T00:00:{n % 60:02}Z", "request": {"method": "POST", "postData": posted}}


BODIES = [{**CHAT, "user": str(n)} for n in range(50)]
ENTRIES = [entry(CHAT, n) for n in range(50)]
LOGS = {
    "a list": ("c.json", json.dumps(BODIES)),
    "an indented list": ("c.json", json.dumps(BODIES, indent=4)),
    "within an object": ("c.json", json.dumps({"object": "list", "data": BODIES, "has_more": False}, indent=1)),
    "indented, one after another": ("c.jsonl", "\n".join(json.dumps(body, indent=2) for body in BODIES)),
    "an archive of HTTP": ("c.har", json.dumps({"log": {"creator": {}, "entries": ENTRIES}})),
}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(("name", "text"), LOGS.values(), ids=list(LOGS))
def test_files_that_are_longer_than_a_value_may_be(name: str, text: str, tmp_path: Path) -> None:
    got = records(tmp_path, text.encode(), name)
    assert [each.place.line for each in got] == list(range(1, 51))
    assert [each.body["user"] for each in got if each.body] == [str(n) for n in range(50)]


def test_a_broken_call_in_a_list_is_counted_by_its_place(tmp_path: Path) -> None:
    parts = [json.dumps(each, indent=2) for each in (CHAT, CLAUDE, CHAT)]
    number = count(1)
    for broken in (parts[1].replace("100", "1,0"), parts[1].replace("100", "")):
        text = "[\n" + ",\n".join([parts[0], broken, parts[2]]) + "\n]"
        one, two, three = found(tmp_path, text.encode(), f"{next(number)}.json")
        assert isinstance(one, Record)
        assert isinstance(three, Record)
        assert not isinstance(two, Record)
        assert (two.place.line, two.why[:16]) == (2, "it is no JSON: u")
        assert two.sample.startswith('{\N{REPLACEMENT CHARACTER}  "model": "claude')
