"""Embeddings: what each input of a batch is asked as, and that stored and new ones make the answer of asking afresh."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse

from everwarm.core.answer import JSON, Form
from everwarm.core.body import read
from everwarm.core.canonical import canonical
from everwarm.core.dialects.dialect import Head
from everwarm.core.dialects.openai_embeddings import DIALECT
from everwarm.core.embeddings import Mold, inputs_of, mold, weight, with_inputs
from everwarm.core.usage import Usage
from everwarm.core.vectors import Vector, apart, pack, shares, together, unpack
from everwarm.core.wire import Request
from everwarm.errors import BadRequest, Broken, Bug, Unsupported
from requests_like import json_values, names
from requests_like_completions import embeddings, tokens

MODEL = "embed-x"
texts = st.text(max_size=12)
batches = st.one_of(st.lists(texts, min_size=1, max_size=6), st.lists(tokens, min_size=1, max_size=4))


def asking(value: Any, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "input": value, **more}


def mold_of(value: Any) -> Mold:
    made = mold(read(value if isinstance(value, bytes) else orjson.dumps(value)), MODEL)
    assert made is not None
    return made


# --- the request ----------------------------------------------------------------------------------------------------

INPUTS = [
    ("a", ("a",)),
    ("", ("",)),
    (["a"], ("a",)),
    (["a", "b", "a"], ("a", "b", "a")),
    ([1, 2], ([1, 2],)),
    ([[1, 2], [3]], ([1, 2], [3])),
    ([[1, 2]], ([1, 2],)),
    ([], ()),
    ([[]], ()),
    ([1, "a"], ()),
    (["a", [1]], ()),
    ([1.5], ()),
    ([True], ()),
    ([{"image": "x"}], ()),
    ({"text": "x"}, ()),
    (None, ()),
]


@pytest.mark.parametrize(("value", "found"), INPUTS)
def test_the_inputs_of_a_request(value: Any, found: tuple[Any, ...]) -> None:
    assert inputs_of(asking(value)) == found
    assert inputs_of({"model": MODEL}) == ()


@given(embeddings(), batches)
def test_a_mold_gives_the_canonical_form_of_any_inputs(value: dict[str, Any], others: list[Any]) -> None:
    made = mold_of(value)
    assert made.of(inputs_of(value)) == canonical(DIALECT.name, read(orjson.dumps(value)), MODEL)
    assert made.of(others) == canonical(DIALECT.name, read(orjson.dumps({**value, "input": others})), MODEL)


def test_a_text_is_the_same_input_in_whatever_batch_it_stands() -> None:
    forms = {mold_of(asking(v)).of(["é"]) for v in ("é", ["é"], ["é", "b"], [[1]])}
    assert forms == {mold_of(b'{"input": "\\u00e9", "encoding_format": "float", "user": "u", "model": "m"}').of(["é"])}
    assert mold_of(asking("a", dimensions=8)).of(["é"]) not in forms
    assert mold_of(asking("a", encoding_format="base64")).of(["é"]) not in forms


def test_a_body_that_looks_like_a_mark_is_none() -> None:
    value = asking("a", vendor={"input": "#" * 40}, other='"input":"###"')
    assert mold_of(value).of(["b"]) == canonical(DIALECT.name, read(orjson.dumps({**value, "input": "b"})), MODEL)


@pytest.mark.parametrize("number", ["1e40", "9007199254740993.0", "123456789012345678901234567890"])
def test_a_body_with_numbers_beyond_what_floats_tell_apart_has_no_mold(number: str) -> None:
    assert mold(read(b'{"model":"m","input":"a","vendor":%b}' % number.encode()), MODEL) is None


def test_weights() -> None:
    assert [weight(i) for i in ("", "abc", "é", [5, 6])] == [1, 3, 2, 2]


spaces = st.text(" \t\r\n", max_size=2)


@given(st.dictionaries(names, json_values, max_size=4), batches, batches, st.booleans(), st.integers(0, 4), spaces)
def test_only_the_inputs_are_replaced(
    more: dict[str, Any], before: list[Any], after: list[Any], ascii_only: bool, at: int, space: str
) -> None:
    more.pop("input", None)
    members = [f"{json.dumps(k)}{space}:{space}{json.dumps(v, ensure_ascii=ascii_only)}" for k, v in more.items()]
    head, tail = members[:at], members[at:]

    def written(name: str, value: str) -> bytes:
        inner = f"{space},{space}".join([*head, f"{name}{space}:{space}{value}", *tail])
        return f"{space}{{{space}{inner}{space}}}{space}".encode()

    for name in ('"input"', '"\\u0069nput"'):
        data = written(name, json.dumps(before, ensure_ascii=ascii_only))
        assert with_inputs(data, after) == written(name, orjson.dumps(after).decode())
        assert with_inputs(b"\xef\xbb\xbf" + data, after) == written(name, orjson.dumps(after).decode())


def test_the_dialect_sends_embeddings_on_and_makes_none() -> None:
    assert DIALECT.envelope(asking("a")) == (MODEL, JSON, False)
    assert DIALECT.obstacle(asking("a")) is None
    assert DIALECT.judge(b'{"usage": {"prompt_tokens": 3, "total_tokens": 3}}', JSON).usage == Usage(3, 0, 0)
    assert [DIALECT.judge(b, JSON).usage for b in (b"{}", b"[]", b"{")] == [None] * 3
    assert DIALECT.convert(b"{}", JSON, JSON) == b"{}"
    assert DIALECT.convert(b"{}", JSON, Form(True)) is None
    assert DIALECT.strainer(JSON, Form(True)) is None
    assert b"It broke" in DIALECT.error(Broken("It broke"))
    assert b"It broke" in DIALECT.error_event(Broken("It broke"))
    with pytest.raises(BadRequest, match="model is missing"):
        DIALECT.envelope({"input": "a"})
    with pytest.raises(Unsupported, match="upstream"):
        DIALECT.parse(asking("a"))
    with pytest.raises(Bug):
        DIALECT.writer(Head("a", 1, "m", "f"), Request(DIALECT.name, "m", ()))


# --- the answer -----------------------------------------------------------------------------------------------------

ODD = b"[ 0.10, -1e-05,\n 1.0, 3, -0.0123456789012345678901 ]"
"""Numbers as no writer of ours would write them."""

SHORT = b"[0.10,-1e-05,1.0,3,-0.0123456789012345678901]"


def answer(*values: bytes, usage: Any = None, more: str = "", order: Sequence[int] | None = None) -> bytes:
    """An answer as OpenAI writes it, indented."""
    order = range(len(values)) if order is None else order
    items = [f'{{ "object": "embedding", "index": {i}, "embedding": {values[i].decode()} }}' for i in order]
    counts = json.dumps({"prompt_tokens": 7, "total_tokens": 7} if usage is None else usage)
    text = f'{{ "object": "list", "data": [ {", ".join(items)} ], "model": "embed-x-001", {more}"usage": {counts} }}'
    return text.encode()


def test_numbers_stay_as_they_were_written() -> None:
    (vector,), flaw, tokens_ = apart(answer(ODD), [1], 0.5)
    assert (flaw, tokens_) == (None, 7)
    assert vector.value == SHORT
    assert (vector.tokens, vector.seconds, vector.model) == (7, 0.5, "embed-x-001")
    assert SHORT in together([vector], vector)


def test_one_embedding_comes_back_as_it_was() -> None:
    for value in (ODD, b'"AACAPwAAAEA="'):
        given_ = answer(value, more='"id": "embd-1", "created": 5, ')
        (vector,) = apart(given_, [1], 0.1).vectors
        assert orjson.loads(together([vector], vector)) == orjson.loads(given_)


def test_vectors_are_in_the_order_of_their_index() -> None:
    found = apart(answer(b"[1]", b"[2]", b"[3]", order=[2, 0, 1]), [1, 1, 1], 0.1).vectors
    assert [v.value for v in found] == [b"[1]", b"[2]", b"[3]"]


def test_what_usage_says_of_one_request_is_not_said_of_another() -> None:
    usage = {"prompt_tokens": 7, "total_tokens": 7, "completion_tokens": 0, "details": None, "cost": 0.2}
    (vector,) = apart(answer(b"[1]", usage=usage), [1], 0.1).vectors
    assert orjson.loads(together([vector, vector], vector))["usage"] == {
        "prompt_tokens": 14,
        "total_tokens": 14,
        "completion_tokens": 0,
        "details": None,
    }
    (vector,) = apart(answer(b"[1]", usage={"total_tokens": 3}), [1], 0.1).vectors
    assert orjson.loads(together([vector], vector))["usage"] == {"total_tokens": 3}


NO_JSON = "it was not a JSON object"
NO_FORM = "it did not hold one embedding for each input, in a form that is known"
TALKATIVE = "it held much more than embeddings"
FLAWED = [
    (b"", 1, NO_JSON),
    (b"[]", 1, NO_JSON),
    (answer(b"[1]")[:-1], 1, NO_JSON),
    (b'{"error": {"message": "no"}}', 1, "it was an error"),
    (b'{"data": 7}', 1, NO_FORM),
    (answer(b"[1]"), 2, NO_FORM),
    (answer(b"[1]", b"[2]"), 1, NO_FORM),
    (answer(b"[]"), 1, NO_FORM),
    (answer(b"[[1], [2]]"), 1, NO_FORM),
    (answer(b"null"), 1, NO_FORM),
    (answer(b'"a\\/b"'), 1, NO_FORM),
    (answer(b"[1]", b"[2]").replace(b'"index": 1', b'"index": 0'), 2, NO_FORM),
    (answer(b"[1]").replace(b'"index": 0', b'"index": 1'), 1, NO_FORM),
    (answer(b"[1]").replace(b'"index": 0', b'"index": null'), 1, NO_FORM),
    (answer(b"[1]").replace(b'"index": 0, ', b""), 1, NO_FORM),
    (answer(b"[1]").replace(b'"index"', b'"truncated": true, "index"'), 1, NO_FORM),
    (answer(b"[1]").replace(b'"embedding",', b'"sparse",'), 1, NO_FORM),
    (answer(b'[1], "embedding": [2]'), 1, NO_FORM),
    (answer(b"[1]", more='"a": {"embedding": [1]}, '), 1, NO_FORM),
    (answer(b"[2]").replace(b'"embedding": [2]', b'"\\u0065mbedding": [2]'), 1, NO_FORM),
    (answer(b"[2]", more='"embedding": "x", ').replace(b'"embedding": [2]', b'"\\u0065mbedding": [2]'), 1, NO_FORM),
    (answer(b"[1]", usage={}), 1, "it did not say how many tokens it took"),
    (answer(b"[1]", usage=[1]), 1, "it did not say how many tokens it took"),
    (answer(b"[1]", more=f'"notes": "{"x" * 5000}", '), 1, TALKATIVE),
    (answer(b"[1]", more=f'"deep": {"[" * 300}{"]" * 300}, '), 1, TALKATIVE),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "inputs", "flaw"), FLAWED)
def test_an_answer_that_is_not_understood_to_the_letter_is_not_kept(given_: bytes, inputs: int, flaw: str) -> None:
    found = apart(given_, [1] * inputs, 0.1)
    assert found.vectors == ()
    assert found.flaw == flaw


@given(st.binary(max_size=40), st.integers(0, 400))
def test_any_bytes_are_taken_apart_or_not(junk: bytes, cut: int) -> None:
    whole = answer(ODD, b'"AAAA"')
    assert apart(junk, [1], 0.1).flaw
    assert apart(whole[:cut], [1, 1], 0.1).flaw or cut >= len(whole)
    assert apart(whole + junk, [1, 1], 0.1).flaw or not junk.strip(b" \t\r\n")


# --- shares ---------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 10**6), min_size=1, max_size=40))
def test_shares_add_up_and_are_off_by_less_than_one(total: int, weights: list[int]) -> None:
    parts = shares(total, weights)
    assert sum(parts) == total
    for part, w in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * w) < sum(weights)


def test_the_largest_remainders_get_more_and_among_equals_the_first() -> None:
    assert shares(10, [1, 1, 1]) == [4, 3, 3]
    assert shares(5, [6, 3, 1]) == [3, 2, 0]
    assert shares(7, [9]) == [7]


# --- at rest --------------------------------------------------------------------------------------------------------


@given(st.builds(Vector, st.integers(0, 2**32 - 1), st.floats(0, 1e6), st.binary(), st.binary(min_size=1)))
def test_what_is_packed_is_unpacked(vector: Vector) -> None:
    assert unpack(pack(vector)) == vector


@given(st.binary(max_size=60), st.integers(0, 100))
def test_anything_else_is_no_vector(junk: bytes, cut: int) -> None:
    assert unpack(junk) is None
    whole = pack(Vector(3, 0.5, b"{}", b"[1]"))
    assert unpack(whole[:cut]) is None or cut >= len(whole) - 2
    assert unpack(b"EWA2" + whole[4:]) is None


def test_the_format_is_frozen() -> None:
    """If this fails the stored format has changed: raise MAGIC and say so in docs/formats.md."""
    packed = pack(Vector(3, 0.5, b'{"object":"list","data":[],"usage":{"prompt_tokens":0}}', b"[0.25,-1e-05]"))
    assert sha256(packed).hexdigest() == "21bd2356e77831c9cd5984d9fb40c72a1ad749297c16c19744da852ad66d364b"


# --- all of it ------------------------------------------------------------------------------------------------------


class Upstream:
    """Embeds a text as its bytes, and says how many there were. Counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def answer(self, data: bytes) -> bytes:
        inputs = inputs_of(orjson.loads(data))
        self.asked += inputs
        weights = [weight(i) for i in inputs]
        values = [orjson.dumps([len(str(i)), *orjson.dumps(i)]) for i in inputs]
        return answer(*values, usage={"prompt_tokens": sum(weights), "total_tokens": sum(weights)})


def through(data: bytes, stored: dict[bytes, bytes], upstream: Upstream) -> bytes:
    """What the gateway does, without the network: ask for what is missing, keep it, put the answer together."""
    body = read(data)
    made, inputs = mold_of(data), inputs_of(body.value)
    forms = {made.of([i]): i for i in inputs}
    missing = [i for form, i in forms.items() if form not in stored]
    if missing:
        got = apart(upstream.answer(with_inputs(data, missing)), [weight(i) for i in missing], 0.1)
        stored.update({made.of([i]): pack(v) for i, v in zip(missing, got.vectors, strict=True)})
    vectors = [v for i in inputs if (v := unpack(stored[made.of([i])]))]
    return together(vectors, vectors[0])


few = st.sampled_from(["", "a", "b", "é", "a b", "a long text"])
asked = st.tuples(
    st.one_of(few, st.lists(few, min_size=1, max_size=5), st.lists(tokens, min_size=1, max_size=3)),
    st.fixed_dictionaries({}, optional={"dimensions": st.sampled_from([1, 2]), "user": st.text(max_size=2)}),
)


@given(st.lists(asked, min_size=1, max_size=8))
def test_whatever_was_stored_before_the_answer_is_that_of_asking_afresh(requests: list[Any]) -> None:
    stored: dict[bytes, bytes] = {}
    upstream = Upstream()
    for value, more in requests:
        data = orjson.dumps(asking(value, **more))
        got = orjson.loads(through(data, stored, upstream))
        assert got == orjson.loads(Upstream().answer(data))
        CreateEmbeddingResponse.model_validate(got)
    assert len(upstream.asked) == len(stored)
