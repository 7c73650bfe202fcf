from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from everwarm.engine.stops import Stops

STRINGS = st.lists(st.text("ab\u3042", min_size=1, max_size=4), max_size=4).map(tuple)
PIECES = st.lists(st.text("ab\u3042", max_size=5), max_size=12)


def oracle(text: str, stops: tuple[str, ...]) -> tuple[str, bool]:
    """Read one character after another; at the first stop string complete, cut the longest that ends there."""
    for end in range(len(text) + 1):
        ending = [s for s in stops if text[:end].endswith(s)]
        if ending:
            return text[: end - max(map(len, ending))], True
    return text, False


@given(STRINGS, PIECES)
@example(("abcd", "c"), ["xabcd"])
@example(("aab",), ["a", "a", "a", "b"])
def test_text_passed_on_is_the_text_before_the_first_complete_stop(stops: tuple[str, ...], pieces: list[str]) -> None:
    expected, hit = oracle("".join(pieces), stops)
    stream = Stops(stops)
    given_out = ""
    for piece in pieces:
        given_out += stream.feed(piece)
        assert expected.startswith(given_out)  # nothing is passed on that would have to be taken back
    assert given_out + stream.finish() == expected
    assert stream.hit == hit


@given(STRINGS, PIECES)
def test_no_more_is_held_back_than_may_become_a_stop_string(stops: tuple[str, ...], pieces: list[str]) -> None:
    stream, given_out, text = Stops(stops), "", ""
    for piece in pieces:
        given_out += stream.feed(piece)
        text += piece
        if stream.hit:
            return
        held = text[len(given_out) :]
        assert not held or any(s.startswith(held) and s != held for s in stops)


def test_after_a_stop_string_nothing_is_passed_on() -> None:
    stream = Stops(("END",))
    assert stream.feed("one END two") == "one "
    assert stream.feed("three") == ""
    assert stream.finish() == ""
