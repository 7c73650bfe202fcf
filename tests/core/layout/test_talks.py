"""Conversations, told by their messages."""

from __future__ import annotations

from everwarm.core.layout.piece import Piece
from everwarm.core.layout.talks import Before, Talks, Turn, chain_of


def said(*texts: str) -> list[Piece]:
    """By turns the user and the model."""
    roles = ("user", "assistant")
    return [Piece((i,), "messages", roles[i % 2], "text", text, i) for i, text in enumerate(texts)]


def chain(*texts: str, space: str = "s") -> list[tuple[int, bool]]:
    return chain_of(space, "kin", said(*texts))


def test_the_longest_beginning_counts() -> None:
    talks = Talks()
    talks.note(chain("hi"), Turn((1,), 1.0))
    talks.note(chain("hi", "hello", "more"), Turn((2,), 2.0))
    found = talks.before(chain("hi", "hello", "more", "yes", "again"))
    assert found == Before(Turn((2,), 2.0), sure=True)


def test_the_same_first_words_are_not_sure() -> None:
    talks = Talks()
    talks.note(chain("hi"), Turn((1,), 1.0))
    found = talks.before(chain("hi", "hello", "more"))
    assert found is not None
    assert not found.sure


def test_another_namespace_is_another_conversation() -> None:
    talks = Talks()
    talks.note(chain("hi", "hello", "more"), Turn((1,), 1.0))
    assert talks.before(chain("hi", "hello", "more", space="t")) is None


def test_a_request_without_messages_is_of_no_conversation() -> None:
    talks = Talks()
    talks.note([], Turn((1,), 1.0))
    assert talks.before([]) is None


def test_system_and_tools_are_no_messages() -> None:
    system = Piece(("system",), "system", "system", "text", "You are", -1)
    assert chain_of("s", "kin", [system, *said("hi")]) == chain("hi")


def test_the_last_ones_are_kept() -> None:
    talks = Talks(most=2)
    for i in range(3):
        talks.note(chain(f"{i}"), Turn((i,), float(i)))
    assert talks.before(chain("0")) is None
    assert talks.before(chain("2")) is not None
