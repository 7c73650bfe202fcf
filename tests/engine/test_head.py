"""The head of a prompt, with the real tokenizer: what is warmed is what requests begin with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.core.prefix import common, pack
from everwarm.core.wire import Message, Part, Request, Tool
from everwarm.engine.engine import Engine
from everwarm.engine.head import going_on, head_of
from everwarm.engine.template import ChatTemplate
from everwarm.errors import BadRequest

pytestmark = pytest.mark.model

TEXT = "You are the copilot of a coffee shop. Be brief, and never guess.\n\n1. Machines\n2. Beans "
TOOL = Tool("look_up", "Looks up a machine.", {"type": "object", "properties": {"name": {"type": "string"}}})
NOW = datetime(2026, 11, 25, tzinfo=UTC)

TRIMS = "{% for m in messages %}[{{ m.role }}]\n{{ m.content | trim }}\n{% endfor %}"
SYSTEM_IN_LAST_TURN = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% endif %}"
    "{% for m in messages if m.role != 'system' %}{% if m.role == 'user' %}"
    "[INST] {% if loop.last and system %}{{ system }}\n\n{% endif %}{{ m.content }}[/INST]"
    "{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"
)
SHOWS_TOOLS = "{% if tools %}{{ tools | tojson }}\n{% endif %}" + TRIMS
ALTERNATES = (
    "{% for m in messages %}{% if loop.index > 1 and m.role == messages[loop.index0 - 1].role %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}[{{ m.role }}] {{ m.content }}{% endfor %}"
)


def said(role: str, text: str) -> Message:
    return Message(role, (Part("text", text),))


def request(*messages: Message, tools: tuple[Tool, ...] | None = None) -> Request:
    return Request("openai_chat", "default", messages, tools)


def shared(head: tuple[int, ...], prompt: list[int]) -> int:
    return common(pack(head), pack(prompt))


@given(question=st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_a_user_says_all_but_two_tokens_of_it_are_reused(engine: Engine, question: str) -> None:
    head = head_of(request(said("system", TEXT)), engine.tokens_of)
    prompt = engine.tokens_of(request(said("system", TEXT), said("user", question)))
    assert TEXT in engine.inside.voice.tokenizer.decode(list(head))
    assert shared(head, prompt) >= len(head) - 2


@given(answer=st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_nor_what_the_assistant_answers(engine: Engine, answer: str) -> None:
    turns = (said("system", TEXT), said("user", "Why?"))
    head = head_of(request(*turns), engine.tokens_of)
    assert shared(head, engine.tokens_of(request(*turns))) >= len(head) - 1, "the question itself, to be answered"
    prompt = engine.tokens_of(request(*turns, said("assistant", answer), said("user", "And?")))
    assert shared(head, prompt) >= len(head) - 2


@given(more=st.text(min_size=1, max_size=40).filter(lambda text: not text.endswith("\0")))
@settings(max_examples=100, deadline=None)
def test_nor_how_a_raw_prompt_goes_on(engine: Engine, more: str) -> None:
    """Here a word may go on in the middle."""
    raw = Request("openai_completions", "default", (), prompt="Once upon a time there was a light")
    head = head_of(raw, engine.tokens_of)
    prompt = engine.tokens_of(Request("openai_completions", "default", (), prompt=f"{raw.prompt}{more}"))
    assert len(head) >= 6
    assert shared(head, prompt) >= len(head) - 2


@pytest.fixture
def through(engine: Engine) -> Callable[[str], Callable[[Request], list[int]]]:
    """``through(template)``: requests to tokens, by another template."""

    def of(source: str) -> Callable[[Request], list[int]]:
        template, tokenizer = ChatTemplate(source, {}), engine.inside.voice.tokenizer
        return lambda asked: tokenizer.encode(template.render(asked.messages, asked.tools, NOW))

    return of


@pytest.mark.parametrize("source", [TRIMS, SYSTEM_IN_LAST_TURN, SHOWS_TOOLS, ALTERNATES])
@pytest.mark.parametrize("question", ["Why?", "  Why?", "\n", "", "1 + 1", "日本"])
def test_templates_of_other_kinds(engine: Engine, through: Any, source: str, question: str) -> None:
    tokens_of = through(source)
    head = head_of(request(said("system", TEXT), tools=(TOOL,)), tokens_of)
    prompt = tokens_of(request(said("system", TEXT), said("user", question), tools=(TOOL,)))
    decoded = engine.inside.voice.tokenizer.decode(list(head))
    assert TEXT.strip() in decoded
    assert ("look_up" in decoded) == (source is SHOWS_TOOLS)
    assert shared(head, prompt) == len(head)


def test_a_template_that_refuses_says_so(through: Any) -> None:
    with pytest.raises(BadRequest, match="roles must alternate"):
        head_of(request(said("system", TEXT), said("system", TEXT)), through(ALTERNATES))


def test_of_a_request_only_what_is_read_goes_on() -> None:
    asked = Request("openai_chat", "default", (said("user", "hi"),), rest={"tool_choice": "required"}, stream=True)
    following = going_on(asked, "x")
    assert following.rest == {}
    assert [m.role for m in following.messages] == ["user", "assistant"]
