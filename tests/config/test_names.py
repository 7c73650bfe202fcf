"""Names, patterns, lists: what is read and refused, and that a pattern matches what it says and in good time."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.config.kinds import Text, Wrong
from everwarm.config.names import HeaderPattern, Listed, Name, Pattern, Variable, matches


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Name("engine"), "a.b-c_9", "a.b-c_9"),
        (Name("engine"), "x" * 64, "x" * 64),
        (Variable(), "OPENAI_API_KEY", "OPENAI_API_KEY"),
        (Pattern(), "gpt-*", "gpt-*"),
        (Pattern(), "org/model:free", "org/model:free"),
        (HeaderPattern(), "X-Request-*", "x-request-*"),
    ],
)
def test_a_name_is_read(kind: Text, text: str, value: str) -> None:
    assert kind.of_text(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Name("engine", "exact"), "exact"),
        (Name(), ""),
        (Name(), "A"),
        (Name(), "x" * 65),
        (Name(), "a\n"),
        (Variable(), "sk-live-1234"),
        (Variable(), "lower"),
        (Variable(), ""),
        (Pattern(), ""),
        (Pattern(), " a"),
        (Pattern(), "a,b"),
        (Pattern(), "a" * 257),
        (HeaderPattern(), "x request"),
        (HeaderPattern(), "x:y"),
    ],
)
def test_what_is_no_name_is_refused(kind: Text, text: str) -> None:
    with pytest.raises(Wrong):
        kind.of_text(text)


def test_what_may_be_a_key_is_not_repeated() -> None:
    with pytest.raises(Wrong, match=r"^found a text that is no such name; allowed is the name of"):
        Variable().of_text("sk-live-1234")


def test_a_list_is_read_from_toml_and_from_text() -> None:
    kind = Listed(HeaderPattern())
    assert kind.of_toml(["A", "b-*"]) == ("a", "b-*")
    assert kind.of_text("A, b-*") == ("a", "b-*")
    assert (kind.of_toml([]), kind.of_text(" ")) == ((), ())
    assert kind.show(("a", "b")) == ["a", "b"]


@pytest.mark.parametrize("value", ["a", [1], [["a"]], {"a": 1}, ["a b"], None])
def test_what_is_no_list_of_such_is_refused(value: object) -> None:
    with pytest.raises(Wrong):
        Listed(HeaderPattern()).of_toml(value)


def test_a_list_can_be_asked_not_to_be_empty() -> None:
    with pytest.raises(Wrong):
        Listed(Pattern(), least=1).of_toml([])
    with pytest.raises(Wrong):
        Listed(Pattern(), least=1).of_text("a,,b")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("gpt-*", ["gpt-", "gpt-5-mini", "gpt-\n5"], ["gpt", "a-gpt-5", "GPT-5"]),
        ("o?", ["o3"], ["o", "o33"]),
        ("*", ["", "a", "a/b"], []),
        ("a.b", ["a.b"], ["axb", "a.b\n"]),
        ("[ab]", ["[ab]"], ["a", "b"]),
        ("[!a]*", ["[!a]x"], ["bx"]),
    ],
)
def test_a_pattern_means_what_it_says(pattern: str, yes: list[str], no: list[str]) -> None:
    assert all(matches([pattern], name) for name in yes)
    assert not any(matches([pattern], name) for name in no)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_stars_and_question_marks_are_those_of_the_shell(pattern: str, name: str) -> None:
    assert matches([pattern], name) == fnmatchcase(name, pattern)


def test_one_of_several_patterns_is_enough() -> None:
    assert matches(["a", "b*"], "bc")
    assert not matches([], "a")


def test_many_stars_do_not_backtrack() -> None:
    """With a naive translation this would run for longer than anybody waits."""
    assert not matches(["*a" * 100], "a" * 90 + "b" * 1000)
