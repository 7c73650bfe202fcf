"""Of known texts one is found that another text begins with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.formats.begun import Begun

ENDS = (b",", b"]")
TEXTS = st.lists(st.sampled_from((b"a", b"b", b"ab", b",", b"")), max_size=6).map(b",".join)


@given(st.lists(TEXTS, max_size=4), TEXTS, st.integers(0, 3))
def test_what_stands_there_is_found_as_if_each_was_tried(known: list[bytes], text: bytes, begin: int) -> None:
    begun, values = Begun[int](), {}
    for n, each in enumerate(known):
        begun.put(each, n)
        values[each] = n
    line = b"x" * begin + text + b"]"
    stand = [each for each in values if line.startswith(each, begin) and line[begin + len(each) :][:1] in ENDS]
    found = begun.find(line, begin, ENDS)
    assert found in [(len(each), values[each]) for each in stand] if stand else found is None
    longest = Begun[int]()
    for each, n in values.items():
        longest.put(each, n)
    longest.put(b"the one that was used last stands nowhere", -1)
    best = max(stand, key=len, default=None)
    assert longest.find(line, begin, ENDS) == (None if best is None else (len(best), values[best]))


@given(st.lists(TEXTS, min_size=1), st.integers(1, 4), st.integers(1, 40))
def test_what_was_put_in_last_is_kept_and_not_much_more(known: list[bytes], kept: int, room: int) -> None:
    begun = Begun[int](kept, room)
    for n, each in enumerate(known):
        begun.put(each, n)
        assert begun.find(each + b"]", 0, ENDS) == (len(each), n)
        texts = {text for text in known[: n + 1] if _is_in(begun, text)}
        assert len(texts) <= 2 * kept
        assert sum(map(len, texts)) <= max(room, len(each))


def _is_in(begun: Begun[int], text: bytes) -> bool:
    """Whether it is kept itself, and not a shorter one only."""
    found = begun.find(text + b"\x00", 0, (b"\x00",))
    return found is not None and found[0] == len(text)


@given(st.lists(TEXTS, max_size=4), TEXTS, st.lists(TEXTS, min_size=1, max_size=4))
def test_a_text_that_grew_stands_in_the_place_of_what_it_was(
    known: list[bytes], text: bytes, more: list[bytes]
) -> None:
    begun, grown = Begun[int](), {b",".join([text, *more[:n]]) for n in range(len(more) + 1)}
    others = set(known) - grown
    for n, each in enumerate([*known, text]):
        begun.put(each, n)
    for n, each in enumerate(more):
        before, text = text, text + b"," + each
        begun.find(before + b"]", 0, ENDS)
        begun.put(text, -n, grown=True)
        assert begun.find(text + b"]", 0, ENDS) == (len(text), -n)
        assert all(_is_in(begun, other) for other in others)
