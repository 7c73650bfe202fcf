from __future__ import annotations

from datetime import UTC, datetime

import pytest

from everwarm.core.wire import Message, Part, Tool, ToolCall
from everwarm.engine.template import ChatTemplate
from everwarm.errors import BadRequest, ModelError, Unsupported

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LINES = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}"
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}


def said(role: str, *texts: str) -> Message:
    return Message(role, tuple(Part("text", t) for t in texts), shape="list" if len(texts) > 1 else "string")


def render(source: str, *messages: Message, tools: tuple[Tool, ...] | None = None) -> str:
    return ChatTemplate(source, SPECIAL).render(messages, tools, NOW)


def test_text_parts_are_joined_and_developer_is_system() -> None:
    assert render(LINES, said("developer", "be ", "kind"), said("user", "hi")) == "system=be kind;user=hi;"


def test_special_tokens_and_the_prompt_for_an_answer() -> None:
    assert render("{{ bos_token }}{% if add_generation_prompt %}go{% endif %}", said("user", "x")) == "<s>go"


def test_block_lines_leave_no_white_space() -> None:
    assert (
        render("{% for m in messages %}\n    {% if true %}\nx\n    {% endif %}\n{% endfor %}", said("user", ""))
        == "x\n"
    )


def test_json_keeps_other_alphabets_key_order_and_html() -> None:
    tool = Tool("探す", "a <b> & c", {"type": "object", "a": 1, "Z": [True, None]})
    text = render("{{ tools | tojson }}", said("user", "x"), tools=(tool,))
    assert text == (
        '[{"type": "function", "function": {"name": "探す", "description": "a <b> & c", '
        '"parameters": {"type": "object", "a": 1, "Z": [true, null]}}}]'
    )


def test_calls_and_their_results_are_passed_along() -> None:
    call = ToolCall("c1", "add", '{"a": 1}')
    messages = (
        Message("assistant", (), shape="null", calls=(call,)),
        Message("tool", (Part("text", "2"),), call_id="c1"),
    )
    source = (
        "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name }}({{ c.function.arguments.a }})"
        "{% endfor %}{{ m.tool_call_id }}{{ m.content }};{% endfor %}"
    )
    assert render(source, *messages) == "add(1);c12;"


def test_arguments_that_are_no_json_stay_a_string() -> None:
    message = Message("assistant", (), calls=(ToolCall("c1", "add", "{broken"),))
    assert render("{{ messages[0].tool_calls[0].function.arguments }}", message) == "{broken"


def test_the_date_is_the_one_given() -> None:
    assert render("{{ strftime_now('%d %b %Y') }}", said("user", "x")) == "23 Nov 2026"


@pytest.mark.parametrize(
    "source",
    [
        "{{ raise_exception('roles must alternate') }}",
        "{{ messages[7].content }}",
        "{{ 'a' + 1 }}",
        "{{ messages.x() }}",
    ],
)
def test_a_template_that_refuses_is_the_clients_error(source: str) -> None:
    with pytest.raises(BadRequest) as caught:
        render(source, said("user", "x"))
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception.__globals__ }}{{ strftime_now.__self__.__class__.__init__.__globals__['x'] }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(source: str) -> None:
    with pytest.raises(BadRequest):
        render(source, said("user", "x"))


def test_a_template_that_is_none_is_the_operators_error() -> None:
    with pytest.raises(ModelError):
        ChatTemplate("{% for %}", SPECIAL)


def test_images_are_refused_with_their_place() -> None:
    message = Message("user", (Part("text", "see"), Part("image_url", None, {"image_url": {}})), shape="list")
    with pytest.raises(Unsupported) as caught:
        render(LINES, said("system", "x"), message)
    assert caught.value.param == "messages[1].content[1]"


def test_an_unknown_role_is_refused_with_its_place() -> None:
    with pytest.raises(BadRequest) as caught:
        render(LINES, said("wizard", "x"))
    assert caught.value.param == "messages[0].role"


def test_knows_tools() -> None:
    assert ChatTemplate("{% if tools %}x{% endif %}", {}).knows_tools
    assert not ChatTemplate(LINES, {}).knows_tools
