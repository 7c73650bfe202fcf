"""What an answer is to be held to, as each protocol says it."""

from __future__ import annotations

from typing import Any

import pytest

from everwarm.core.dialects.anthropic import DIALECT as ANTHROPIC
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.dialects.openai_chat import DIALECT as CHAT
from everwarm.core.dialects.openai_completions import DIALECT as COMPLETIONS
from everwarm.core.dialects.openai_responses import DIALECT as RESPONSES
from everwarm.core.wire import Format
from everwarm.errors import BadRequest, Unsupported

SCHEMA = {"type": "object", "properties": {"b": {}, "a": {}}}
FLAT = {"type": "json_schema", "name": "n", "strict": True, "schema": SCHEMA}
NESTED = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}
MESSAGES = [{"role": "user", "content": "hi"}]


def asked(dialect: Dialect, **more: Any) -> Format | None:
    talk: dict[str, Any] = {"input": "hi"} if dialect is RESPONSES else {"messages": MESSAGES, "max_tokens": 5}
    return dialect.parse({"model": "m", **({"prompt": "hi"} if dialect is COMPLETIONS else talk), **more}).format


@pytest.mark.parametrize(
    ("dialect", "more", "place"),
    [
        (CHAT, {"response_format": NESTED}, "response_format"),
        (COMPLETIONS, {"response_format": NESTED}, "response_format"),
        (RESPONSES, {"text": {"format": FLAT, "verbosity": "low"}}, "text.format"),
        (ANTHROPIC, {"output_config": {"format": FLAT}}, "output_config.format"),
        (ANTHROPIC, {"output_format": FLAT}, "output_format"),
    ],
)
def test_a_schema_is_read_with_its_place(dialect: Dialect, more: dict[str, Any], place: str) -> None:
    assert asked(dialect, **more) == Format(SCHEMA, place)


@pytest.mark.parametrize("dialect", [CHAT, COMPLETIONS])
def test_any_object_and_free_text(dialect: Dialect) -> None:
    assert asked(dialect, response_format={"type": "json_object"}) == Format(None)
    assert asked(RESPONSES, text={"format": {"type": "json_object"}}) == Format(None, "text.format")
    for free in (None, {"type": "text"}):
        assert asked(dialect, response_format=free) is None
        assert asked(RESPONSES, text={"format": free}) is None
        assert asked(ANTHROPIC, output_config={"format": free}) is None
    assert all(asked(each) is None for each in (CHAT, COMPLETIONS, RESPONSES, ANTHROPIC))


@pytest.mark.parametrize(
    ("value", "param", "says"),
    [
        ("text", "response_format", "an object"),
        ({}, "response_format.type", "missing"),
        ({"type": 3}, "response_format.type", "a string"),
        ({"type": "json_schema"}, "response_format.json_schema", "missing"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.schema", "missing"),
        ({"type": "json_schema", "json_schema": {"schema": True}}, "response_format.json_schema.schema", "a boolean"),
        (FLAT, "response_format.json_schema", "missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value: Any, param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        asked(CHAT, response_format=value)
    assert caught.value.param == param


def test_other_formats_are_not_supported() -> None:
    with pytest.raises(Unsupported, match="json_schema") as caught:
        asked(CHAT, response_format={"type": "grammar"})
    assert caught.value.param == "response_format"
