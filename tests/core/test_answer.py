"""Whole answers: the bytes in which they rest."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.answer import JSON, Form, Stored, pack, unpack
from everwarm.core.usage import Usage

small = st.integers(0, 2**32 - 1)
forms = st.builds(Form, st.booleans(), st.booleans())
usages = st.one_of(st.none(), st.builds(Usage, small, small, small, small, small, small))


@given(forms, st.binary(), usages, st.floats(0, 1e6))
def test_what_is_packed_is_unpacked(form: Form, body: bytes, usage: Usage | None, seconds: float) -> None:
    stored = Stored(form, body, usage, seconds)
    assert unpack(pack(stored)) == stored


@given(st.binary(max_size=60), st.integers(0, 36))
def test_anything_else_is_not_an_answer(junk: bytes, cut: int) -> None:
    assert unpack(junk) is None or junk[:4] == b"EWA2"
    whole = pack(Stored(JSON, b"{}", Usage(7, 3, 2), 1.0))
    assert unpack(whole[:cut]) is None
    assert unpack(b"EWA1" + whole[4:]) is None
    assert unpack(b"EWA3" + whole[4:]) is None


def test_the_format_is_frozen() -> None:
    """If this fails the stored format has changed: raise MAGIC and say so in docs/formats.md."""
    packed = pack(Stored(Form(True, True), b"data: {}\n\n", Usage(1, 2, 3, 4, 5, 6), 0.5))
    assert sha256(packed).hexdigest() == "dc757ad6f478c9932c4cfc4c3c8205ca359a9233a2edff1ed9320b8313366e9a"
