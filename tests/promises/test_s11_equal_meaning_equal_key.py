"""s11: equal meaning, equal key, and never the reverse."""

from __future__ import annotations

import json

import orjson
import pytest

from everwarm.core.body import read
from everwarm.core.canonical import canonical
from everwarm.core.key import PUBLIC, ExactKey, exact_key
from everwarm.errors import BadRequest

pytestmark = pytest.mark.digest


def key(data: str | bytes) -> ExactKey:
    body = read(data if isinstance(data, bytes) else data.encode())
    assert body.unkeyable is None
    return exact_key(PUBLIC, "openai_chat", "engine:x", canonical("openai_chat", body, "m"))


BASE = '{"model":"m","messages":[{"role":"user","content":"caf\u00e9 \\n"}],"temperature":1,"seed":%s}'


@pytest.mark.parametrize(
    "other",
    [
        '{"temperature":1,"seed":1,"messages":[{"content":"caf\u00e9 \\n","role":"user"}],"model":"m"}',
        ' { "model" : "m" ,\n"messages":[ {"role":"user","content":"caf\u00e9 \\n"} ], "temperature":1.0,"seed":1e0}\r',
        '{"model":"m","messages":[{"role":"user","content":"\\u0063af\\u00E9 \\u000a"}],"temperature":1e0,"seed":1.0}',
    ],
)
def test_spellings_merge(other: str) -> None:
    assert key(other) == key(BASE % "1")


def test_integers_beyond_two_to_53_stay_exact() -> None:
    seeds = [2**53, 2**53 + 1, 2**63, 2**63 + 1, 2**64, 2**64 + 1, 10**30, 10**30 + 1, -(2**64), -(2**64) - 1]
    assert len({key(BASE % s).digest for s in seeds}) == len(seeds)


def test_there_is_no_unicode_normalisation() -> None:
    composed = '{"model":"m","messages":[{"role":"user","content":"%s"}]}'
    forms = ["\u00e9", "e\u0301", "\ufb01", "fi", "\uff11", "1", "K", "\u212a"]
    assert len({key(composed % f).digest for f in forms}) == len(forms)


@pytest.mark.parametrize(
    "data", ['{"model":"m","seed":1,"seed":1}', '{"model":"m","x":"\\ud800"}', '{"model":"m","x":{"a":1,"\\u0061":2}}']
)
def test_what_has_two_meanings_has_no_key(data: str) -> None:
    assert read(data.encode()).unkeyable is not None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(BadRequest):
        read((BASE % number).encode())


def test_any_writer_of_json_gives_the_same_key() -> None:
    value = {"model": "m", "messages": [{"role": "user", "content": "日本語 \U0001f600 \x7f\u2028"}], "seed": 7}
    texts = [
        json.dumps(value),
        json.dumps(value, ensure_ascii=False, indent=4, sort_keys=True),
        orjson.dumps(value).decode(),
    ]
    assert len({key(t).digest for t in texts}) == 1
