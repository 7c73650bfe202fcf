from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from everwarm.core.wire import Message, Part, Request
from everwarm.engine.demands import may_shift, require_honourable
from everwarm.errors import BadRequest, Unsupported

VOCABULARY = 1000


def check(request: Request) -> None:
    require_honourable(request, VOCABULARY)


@pytest.mark.parametrize(
    ("sampling", "param"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"frequency_penalty": 2.5}, "frequency_penalty"),
        ({"presence_penalty": -2.5}, "presence_penalty"),
        ({"stop": ("a", "")}, "stop"),
        ({"stop": ("a", "b", "c", "d", "e")}, "stop"),
        ({"logit_bias": {5: 101.0}}, "logit_bias.5"),
        ({"logit_bias": {VOCABULARY: 1.0}}, f"logit_bias.{VOCABULARY}"),
        ({"logit_bias": {-1: 1.0}}, "logit_bias.-1"),
        ({"logit_bias": dict.fromkeys(range(VOCABULARY), -100.0)}, "logit_bias"),
    ],
)
def test_values_out_of_range(request_of: Callable[..., Request], sampling: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check(request_of("hi", **sampling))
    assert caught.value.param == param
    assert param in caught.value.message


@pytest.mark.parametrize("said", [True, "shifted", {}, {"reuse": "all"}, {"reuse": "shifted", "more": 1}])
def test_of_the_member_everwarm_only_one_form_is_known(request_of: Callable[..., Request], said: Any) -> None:
    with pytest.raises(BadRequest, match=r'everwarm: must be \{"reuse": "shifted"\}, or left out') as caught:
        check(request_of("hi", rest={"everwarm": said}))
    assert caught.value.param == "everwarm"


def test_shifted_chunks_are_never_the_default(request_of: Callable[..., Request]) -> None:
    assert may_shift(request_of("hi", rest={"everwarm": {"reuse": "shifted"}}))
    assert not may_shift(request_of("hi", rest={"everwarm": None}))
    assert not may_shift(request_of("hi"))


@pytest.mark.parametrize(
    "sampling",
    [
        {"temperature": 0, "top_p": 1},
        {"temperature": 2, "top_p": 0.001, "n": 128, "max_tokens": 1},
        {"frequency_penalty": -2.0, "presence_penalty": 2.0, "stop": ("a", "b", "c", "d")},
        {"logit_bias": {0: -100.0, VOCABULARY - 1: 100.0}, "seed": -5},
    ],
)
def test_the_ends_of_the_ranges_are_allowed(request_of: Callable[..., Request], sampling: dict[str, Any]) -> None:
    check(request_of("hi", **sampling))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("logprobs", True),
        ("logprobs", 3),
        ("top_logprobs", 2),
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}),
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
        ("web_search_options", {}),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(request_of: Callable[..., Request], field: str, value: Any) -> None:
    with pytest.raises(Unsupported) as caught:
        check(request_of("hi", rest={field: value}))
    assert caught.value.param == field


@pytest.mark.parametrize(
    "rest",
    [
        {"logprobs": False, "top_logprobs": 0, "tool_choice": "auto"},
        {"logprobs": None, "tool_choice": "none", "modalities": ["text"], "audio": None},
        {"functions": None, "user": "u", "metadata": {"a": "b"}, "store": True, "anything_else": 1},
    ],
)
def test_what_changes_nothing_is_allowed(request_of: Callable[..., Request], rest: dict[str, Any]) -> None:
    check(request_of("hi", rest=rest))


def test_messages_are_looked_at(request_of: Callable[..., Request]) -> None:
    for messages, param in [
        ((), "messages"),
        ((Message("wizard", ()),), "messages[0].role"),
        ((Message("user", ()), Message("user", (Part("input_audio", None),))), "messages[1].content[0]"),
    ]:
        with pytest.raises(BadRequest) as caught:
            check(request_of(*messages))
        assert caught.value.param == param


@pytest.mark.parametrize("prompt", ["", "x\0", "\0"])
def test_raw_prompts_that_cannot_be_read(prompt: str) -> None:
    with pytest.raises(BadRequest, match="prompt") as caught:
        check(Request("openai_completions", "default", (), prompt=prompt))
    assert caught.value.param == "prompt"


def test_a_raw_prompt_needs_no_messages() -> None:
    check(Request("openai_completions", "default", (), prompt="Once"))
    with pytest.raises(BadRequest, match="messages: must not be empty"):
        check(Request("openai_chat", "default", ()))
