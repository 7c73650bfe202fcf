"""s08: keys are injective: typed, tagged, framed by length; golden vectors frozen by digest.

If the vectors change, every stored answer of every user is lost: raise KEY_VERSION and say so in docs/formats.md.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.body import read
from everwarm.core.canonical import canonical
from everwarm.core.key import KEY_VERSION, Namespace, exact_key

VECTORS = Path(__file__).with_name("key_vectors.json")
FROZEN = {2: "9bd9f4a5d33643abb07efc277a4c685479b1dbe5505af5b6edd237e7f9b6686e"}
"""KEY_VERSION -> sha256 of the file of vectors."""

part = st.text("0:9ab", max_size=6)


@pytest.mark.digest
def test_golden_vectors() -> None:
    data = VECTORS.read_bytes()
    assert sha256(data).hexdigest() == FROZEN[KEY_VERSION]
    for vector in orjson.loads(data):
        canon = canonical(vector["dialect"], read(vector["body"].encode()), vector["model"])
        assert canon.decode() == vector["canonical"]
        context = vector.get("context", "").encode()
        key = exact_key(Namespace(vector["namespace"]), vector["dialect"], vector["target"], canon, context)
        assert key.text == vector["key"], vector["body"]


@pytest.mark.digest
@given(st.lists(st.tuples(part, part, part, part), min_size=2, max_size=2, unique=True))
def test_framing_keeps_parts_apart(tuples: list[tuple[str, str, str, str]]) -> None:
    one, other = (exact_key(Namespace(a), b, c, d.encode()) for a, b, c, d in tuples)
    assert one.proof != other.proof
    assert one.digest != other.digest


def test_types_are_kept_apart() -> None:
    values = [
        "1",
        "true",
        '"1"',
        '"true"',
        "null",
        '"null"',
        "[]",
        "{}",
        '""',
        "[1]",
        '["1"]',
        '{"1":1}',
        "[[1]]",
        "0.5",
        '"0.5"',
    ]
    forms = {canonical("openai_chat", read(('{"model":"m","x":' + v + "}").encode()), "m") for v in values}
    assert len(forms) == len(values)


def test_the_version_is_in_the_key() -> None:
    assert b"exact1:%d" % KEY_VERSION in exact_key(Namespace("n"), "d", "t", b"").proof
