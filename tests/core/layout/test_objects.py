"""JSON objects in a text."""

from __future__ import annotations

from everwarm.core.layout.objects import objects, read_at

TEXT = 'Data:\n{"a": 1, "b": {"c": 2}}\n  {"d": 3}\nsee {"e": 4}\n{no json}\n{"f": 5}'


def test_from_the_start_of_a_line() -> None:
    assert [found.value for found in objects(TEXT)] == [{"a": 1, "b": {"c": 2}}, {"f": 5}]
    assert all(read_at(TEXT, start) == (value, end) for start, end, value in objects(TEXT))


def test_indented_ones() -> None:
    assert [found.value for found in objects(TEXT, indented=True)] == [{"a": 1, "b": {"c": 2}}, {"d": 3}, {"f": 5}]


def test_what_stands_in_another_is_no_other() -> None:
    text = '{"a":\n{"b": 1}}\n{"c": 2}'
    assert [found.value for found in objects(text)] == [{"a": {"b": 1}}, {"c": 2}]


def test_tries_are_bounded_where_asked() -> None:
    text = "{no\n" * 3 + '{"a": 1}'
    assert not list(objects(text, most=3))
    assert [found.value for found in objects(text, most=4)] == [{"a": 1}]
    assert [found.value for found in objects(text)] == [{"a": 1}]


def test_what_is_no_value() -> None:
    assert read_at("x", 0) == (None, 0)
    assert read_at("[" * 100_000, 0) == (None, 0)
