"""Lines of what comes in pieces; unpacking itself is tested where logs are read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm import packing
from everwarm.packing import joined

PIECES = st.lists(st.text("ab\n", max_size=5).map(str.encode))


@given(PIECES)
def test_lines_do_not_depend_on_where_pieces_end(pieces: list[bytes]) -> None:
    assert list(joined(pieces)) == b"".join(pieces).splitlines(keepends=True)


def test_pieces_larger_than_what_is_read_at_once() -> None:
    pieces = [b"a" * packing.CHUNK + b"\n", b"", b"b" * (2 * packing.CHUNK + 1)]
    assert joined(pieces).read() == b"".join(pieces)
    assert list(joined(pieces)) == b"".join(pieces).splitlines(keepends=True)
