"""Readers of traces of hashed blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.formats.hashes import FORMATS, Asked, Rows, Talks
from everwarm.analyze.reading.record import Unread
from everwarm.core.analysis.runs import pack

MOONCAKE, BAILIAN, TALKS = FORMATS


@dataclass
class Text:
    """A source in memory."""

    data: bytes
    name: str = "trace.jsonl"

    def head(self) -> bytes:
        return self.data

    def pieces(self) -> Iterator[bytes]:
        return iter([self.data])

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        return ((n, line) for n, line in enumerate(self.data.splitlines(), 1) if line.strip())

    def whole(self) -> bytes:
        return self.data


def read(kind: Rows | Talks, *lines: Any) -> list[Asked | Unread]:
    """``lines``: bytes as they are, anything else as JSON."""
    text = b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
    return list(kind.requests(Text(text)))


def row(hashes: list[Any], at: float | None = 0, tokens: int | None = None, **more: Any) -> dict[str, Any]:
    tokens = len(hashes) * 512 if tokens is None else tokens
    return {"timestamp": at, "input_length": tokens, "output_length": 1, "hash_ids": hashes, **more}


def chat(hashes: list[int], at: float = 0.0) -> dict[str, Any]:
    shared = {"chat_id": 159, "parent_chat_id": -1, "type": "text", "turn": 1, "output_length": 132}
    return {**shared, "timestamp": at, "input_length": len(hashes) * 16, "hash_ids": hashes}


def said(at: float, hashes: list[int]) -> dict[str, Any]:
    return {"t": at, "type": "s", "model": "m", "in": len(hashes) * 64, "out": 1, "hash_ids": hashes}


def talk(*requests: Any, **more: Any) -> dict[str, Any]:
    return {"id": "trace_0001", "models": ["m"], "block_size": 64, "requests": list(requests), **more}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (orjson.dumps(row([1, 2])), ["Mooncake trace"]),
        (b"\n" + orjson.dumps(chat([1, 2])), ["Bailian trace"]),
        (orjson.dumps(talk(said(0, [1]))), ["kv-cache-tester trace"]),
        (orjson.dumps(talk(said(0, [1])), option=orjson.OPT_INDENT_2), ["kv-cache-tester trace"]),
        (b'{"schema": 1}\n{"hash_ids": [1\n' + 18 * (orjson.dumps(row([1, 2])) + b"\n"), ["Mooncake trace"]),
        (b'{"model": "gpt-5", "messages": []}', []),
        (b"", []),
    ],
    ids=["mooncake", "bailian", "kv-cache-tester", "on several lines", "a header", "a body", "empty"],
)
def test_which_trace_it_is(text: bytes, names: list[str]) -> None:
    assert [each.name for each in FORMATS if each.fits(text.splitlines(), "trace") > 0.5] == names


def test_a_line_of_mooncake() -> None:
    assert read(MOONCAKE, row([46, 47], at=27_482, tokens=955)) == [Asked(27.482, 955, pack([46, 47]), 512)]


def test_a_line_in_the_words_of_dynamo() -> None:
    line = {"created_time": 1500.5, "input_tokens": 3, "output_tokens": 1, "hash_ids": [7]}
    assert read(MOONCAKE, line) == [Asked(1.5005, 3, pack([7]), 512)]


def test_a_line_of_bailian() -> None:
    assert read(BAILIAN, chat([1089, 1090], at=61.114)) == [Asked(61.114, 32, pack([1089, 1090]), 16)]


def test_the_size_of_a_block_is_found_out() -> None:
    lines = [row([1, 2, 3], tokens=129), row([1, 2], tokens=128), row([1], tokens=70)]
    assert {each.size for each in read(MOONCAKE, *lines) if isinstance(each, Asked)} == {64}
    assert [each.size for each in read(MOONCAKE, row([1, 2], tokens=9)) if isinstance(each, Asked)] == [512]


def test_a_line_may_say_the_size_of_its_blocks() -> None:
    sizes = [each.size for each in read(MOONCAKE, row([1], block_size=128), row([1])) if isinstance(each, Asked)]
    assert sizes == [128, 512]


def test_hashes_may_be_texts_or_longer_than_64_bits() -> None:
    found = read(MOONCAKE, row(["a", "b"]), row(["a", "c"]), b'{"input_length": 9, "hash_ids": [-1]}')
    one, other, low = (each.row for each in found if isinstance(each, Asked))
    assert one[:8] == other[:8]
    assert len({one[8:], other[8:], low}) == 3


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"hash_ids": [1,', "it is no JSON: unexpected end of data"),
        (b"[1]", "it is no JSON object"),
        ({"timestamp": 1, "input_length": 3}, "it has no hash_ids"),
        ({"timestamp": 1, "hash_ids": [1]}, "it has no input_length"),
        (row([1], tokens=-1), "its input_length is no count"),
        (row([1], tokens=2**31), "its input_length is no count"),
        (row([1], block_size="16"), "its block_size is no count"),
        ({**row([1]), "timestamp": "noon"}, "its timestamp is no number"),
        (row([1, None]), "a hash is neither an integer nor a text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_request_is_told(line: Any, why: str) -> None:
    first, found, last = read(MOONCAKE, row([1]), line, row([2]))
    assert isinstance(first, Asked)
    assert isinstance(last, Asked)
    assert isinstance(found, Unread)
    assert found.why.startswith(why)
    assert (found.place.file, found.place.line) == ("trace.jsonl", 2)
    assert found.sample == (line if isinstance(line, bytes) else orjson.dumps(line)).decode()[:80]


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hash_ids", "input_length", "timestamp", "requests", "type", "t", "in"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.lists(json | st.binary(max_size=9).filter(lambda data: len(data.splitlines()) == 1 and data.strip())))
def test_each_line_is_a_request_or_told_whatever_it_holds(lines: list[Any]) -> None:
    assert len(read(MOONCAKE, *lines)) == len(lines)


@given(json, st.lists(json, max_size=4))
def test_a_conversation_of_anything_is_read_or_told(value: Any, requests: list[Any]) -> None:
    assert read(TALKS, value)
    found = read(TALKS, talk(said(0, [1]), *requests))
    assert all(isinstance(each, Asked | Unread) for each in found)
    assert found


def test_a_conversation() -> None:
    one, other = read(TALKS, talk(said(0.0, [1, 2]), said(15.0, [1, 2, 3])))
    assert one == Asked(0.0, 128, pack([1, 2]), 64, "trace.jsonl:1")
    assert other == Asked(15.0, 192, pack([1, 2, 3]), 64, "trace.jsonl:1")


def test_a_conversation_on_several_lines_and_several_on_a_line_each() -> None:
    value = talk(said(0.0, [1]), said(1.0, [1]))
    (whole,) = {each.scope for each in read(TALKS, orjson.dumps(value, option=orjson.OPT_INDENT_2))}  # type: ignore[union-attr]
    assert whole == "trace.jsonl:1"
    scopes = [each.scope for each in read(TALKS, value, value, value) if isinstance(each, Asked)]
    assert scopes == [f"trace.jsonl:{n}" for n in (1, 1, 2, 2, 3, 3)]


def test_hashes_of_all_conversations_may_be_the_same_ones() -> None:
    (found,) = read(TALKS, talk(said(0.0, [1]), hash_id_scope="global"))
    assert isinstance(found, Asked)
    assert found.scope == ""


@pytest.mark.parametrize(("first", "second"), [(0.0, 5.0), (100.0, 105.0)], ids=["their own", "the conversation's"])
def test_times_of_helpers(first: float, second: float) -> None:
    helper = {"t": 100.0, "type": "subagent", "requests": [said(first, [1]), said(second, [1])]}
    found = read(TALKS, talk(said(90.0, [1]), helper, said(200.0, [1])))
    assert [each.at for each in found if isinstance(each, Asked)] == [90.0, 100.0, 105.0, 200.0]


def test_helpers_of_helpers_may_be_many() -> None:
    begin, end = b'{"t": 1.0, "type": "subagent", "requests": [' * 400, b"]}" * 400
    (found,) = read(TALKS, b'{"block_size": 64, "requests": [' + begin + orjson.dumps(said(0.0, [1])) + end + b"]}")
    assert isinstance(found, Asked)
    assert found.at == 1.0


def test_what_is_too_deep_to_be_a_request_is_told() -> None:
    (found,) = read(TALKS, b'{"block_size": 64, "requests": [{"in": ' + b"[" * 600 + b"]" * 600 + b"}]}")
    assert isinstance(found, Unread)
    assert found.why == "its in is no count"


def test_what_is_no_request_of_a_conversation_is_told() -> None:
    found = read(TALKS, talk(said(0, [1]), {"type": "s"}, 7, said(1, [1])))
    why = {each.place.line: each.why for each in found if isinstance(each, Unread)}
    assert why == {2: "it has no in", 3: "it has no in"}
    assert [each.sample for each in found if isinstance(each, Unread)] == ["{type}", "{}"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"block_size": 64, "requests": "none"}, "it has no list of requests"),
        (talk(said(0, [1]), block_size=0), "it has no block_size"),
        (7, "it is no JSON object"),
    ],
    ids=["no requests", "no size", "a number"],
)
def test_what_is_no_conversation_is_told(value: Any, why: str) -> None:
    (whole,) = read(TALKS, value)
    assert isinstance(whole, Unread)
    assert whole.why == why


def test_a_broken_conversation_leaves_the_others() -> None:
    value = talk(said(0.0, [1]))
    for broken in (b'{"requests": [', b"x"):
        assert [type(each) for each in read(TALKS, broken, value, value)] == [Unread, Asked, Asked]
        assert [type(each) for each in read(TALKS, value, broken, value)] == [Asked, Unread, Asked]
