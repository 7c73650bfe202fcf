"""Bodies: what is read, what may have a key, what is refused and where."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.body import read, read_exact
from everwarm.errors import BadRequest
from requests_like import chats, json_values, names


@given(chats())
def test_what_was_written_is_read(value: dict[str, object]) -> None:
    body = read(orjson.dumps(value))
    assert body.value == value
    assert body.unkeyable is None


@given(chats(), st.booleans())
def test_any_json_writer_will_do(value: dict[str, object], ascii_only: bool) -> None:
    body = read(json.dumps(value, ensure_ascii=ascii_only, indent=2).encode())
    assert body.value == value
    assert body.unkeyable is None


@st.composite
def objects_with_a_key_twice(draw: st.DrawFn) -> bytes:
    """A JSON object, somewhere in which one key stands twice, however its values and escapes fall."""
    name, one, two = draw(names), draw(json_values), draw(json_values)
    spelled = draw(st.sampled_from([json.dumps(name), f'"\\u{ord(name[0]):04x}{name[1:]}"']))
    inner = f"{{{json.dumps(name)}: {json.dumps(one)}, {spelled}: {json.dumps(two)}}}"
    around = draw(
        st.sampled_from(
            ["%s", '{"a": %s}', '{"a": [1, %s], "b": "\\""}', '{"x\\u0022": %s}', '{"q": "\\u0022", "z": %s}']
        )
    )
    return (around % inner).encode()


@given(objects_with_a_key_twice())
def test_a_key_that_stands_twice_is_found(data: bytes) -> None:
    body = read(data)
    assert body.unkeyable is not None
    assert "twice" in body.unkeyable


@pytest.mark.parametrize(
    "text", ['{"a": "\\u0022b\\u0022"}', '{"\\u0022": 1}', '{"a": "say \\"b\\": 1"}', '{"a\\\\": "\\\\"}']
)
def test_escaped_quotes_are_no_second_key(text: str) -> None:
    assert read(text.encode()).unkeyable is None


def test_many_keys_are_compared_in_one_pass() -> None:
    """A million names must not be compared each with each: this test would not end."""
    members = ",".join(f'"k{i}":0' for i in range(300_000))
    assert "'k299999' stands twice" in (read(f'{{{members},"k299999":1}}'.encode()).unkeyable or "")


def test_half_a_character_is_answered_but_has_no_key() -> None:
    body = read(b'{"a": ["x\\ud800y"], "\\udc00": 1}')
    assert body.unkeyable is not None
    assert "surrogate" in body.unkeyable
    assert body.value == {"a": ["x�y"], "�": 1}
    orjson.dumps(body.value)


def test_a_whole_pair_is_one_character() -> None:
    assert read(b'{"a": "\\ud83d\\ude00"}') == (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}, None, False)


@pytest.mark.parametrize(
    "data", [b'{"a":1}', b'{"a": 1}', b'{"a":1.0}', b'{"a":1e0}', b'{"a":"\\u0061"}', b'{"b":1,"a":2}']
)
def test_what_orjson_writes_to_the_byte_is_plain(data: bytes) -> None:
    body = read(data)
    assert body.plain == (orjson.dumps(body.value) == data)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}').value == {"a": 1}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"[]", "an array"),
        (b'"x"', "a string"),
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"12", "a number"),
        (b'{"a": 1', "line 1 column"),
        (b'{"a": 1}}', "line 1 column 9"),
        (b'{\n "a": tru}', "line 2 column 7"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e400}', "too large"),
        (b'{"a": "\xff"}', "byte 7"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": ' + b"[" * 100_000, "too deeply"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "too deeply"),
        (b"{'a': 1}", "line 1 column 2"),
        (b"\xef\xbb\xbf[1]", "an array"),
        (b'{"x": 1, "x": ' + b"[" * 700 + b"]" * 700 + b"}", "too deeply"),
        (b'{"x": "\\ud800", "y": ' + b"[" * 600 + b"]" * 600 + b"}", "too deeply"),
    ],
)
def test_what_is_not_an_object_is_refused_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(data)
    assert says in caught.value.message


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        body = read(data)
    except BadRequest:
        return
    assert isinstance(body.value, dict)


def test_integers_can_be_read_exactly() -> None:
    body = read(b'{"a": 18446744073709551617}')
    assert read_exact(body) == {"a": 18446744073709551617}
