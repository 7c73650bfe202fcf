"""Lines of what comes in pieces; unpacking itself is tested where logs are read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.packing import lines


@given(st.lists(st.text("ab\n", max_size=5).map(str.encode)))
def test_lines_do_not_depend_on_where_pieces_end(pieces: list[bytes]) -> None:
    assert list(lines(pieces)) == b"".join(pieces).splitlines()
