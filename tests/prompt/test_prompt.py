"""The prompt builder: what stands where, and that the same prompt is the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm import Prompt
from everwarm.errors import PromptError

TOOL = {"name": "find", "description": "Finds an order.", "parameters": {"type": "object", "properties": {}}}
CLOCK = '<context name="clock">It is 10:03.</context>'
FULL = (
    Prompt().tools([TOOL]).static("You are kind.").session("The customer is Ada.").dynamic("It is 10:03.", name="clock")
)


def asked(text: str = "Where is it?") -> list[Any]:
    return [{"role": "user", "content": text}]


def test_chat_has_tools_then_one_system_message_then_the_turn_with_what_is_dynamic() -> None:
    body = FULL.chat(asked(), model="m", temperature=0)
    assert body == {
        "model": "m",
        "tools": [{"type": "function", "function": TOOL}],
        "messages": [
            {"role": "system", "content": "You are kind.\n\nThe customer is Ada."},
            {"role": "user", "content": f"Where is it?\n\n{CLOCK}"},
        ],
        "temperature": 0,
    }


def test_responses_have_instructions_and_input() -> None:
    body = FULL.responses(asked(), model="m", store=False)
    assert body == {
        "model": "m",
        "tools": [{"type": "function", "strict": False, **TOOL}],
        "instructions": "You are kind.\n\nThe customer is Ada.",
        "input": [{"role": "user", "content": f"Where is it?\n\n{CLOCK}"}],
        "store": False,
    }


def test_a_text_as_input_stays_a_text() -> None:
    assert FULL.responses("Hi", model="m")["input"] == f"Hi\n\n{CLOCK}"
    assert Prompt().responses("Hi", model="m") == {"model": "m", "input": "Hi"}


def test_a_prompt_without_parts_is_the_conversation() -> None:
    assert Prompt().chat(asked(), model="m") == {"model": "m", "messages": asked()}


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
def test_the_order_of_the_calls_does_not_matter(order: tuple[int, ...]) -> None:
    prompt = Prompt()
    for step in order:
        match step:
            case 0:
                prompt = prompt.tools([TOOL])
            case 1:
                prompt = prompt.static("You are kind.")
            case 2:
                prompt = prompt.session("The customer is Ada.")
            case _:
                prompt = prompt.dynamic("It is 10:03.", name="clock")
    assert prompt == FULL
    assert json.dumps(prompt.chat(asked(), model="m")) == json.dumps(FULL.chat(asked(), model="m"))


def test_a_base_is_shared_and_never_altered() -> None:
    base = Prompt().static("A").static("B")
    one, other = base.session("for one"), base.session("for the other")
    assert base.chat([], model="m")["messages"] == [{"role": "system", "content": "A\n\nB"}]
    assert one.chat([], model="m")["messages"][0]["content"] == "A\n\nB\n\nfor one"
    assert other.chat([], model="m")["messages"][0]["content"] == "A\n\nB\n\nfor the other"


def test_a_part_replaces_the_one_of_its_name_in_its_place() -> None:
    prompt = Prompt().session("old", name="a").session("second").session("new", name="a")
    assert prompt.chat([], model="m")["messages"][0]["content"] == "new\n\nsecond"
    assert prompt.session("", name="a").chat([], model="m")["messages"][0]["content"] == "second"


def test_what_the_caller_gave_is_not_altered_and_what_he_got_is_his() -> None:
    messages, tool = asked(), json.loads(json.dumps(TOOL))
    prompt = Prompt().tools([tool]).dynamic("x", name="n")
    body = prompt.chat(messages, model="m")
    assert messages == asked()
    body["tools"][0]["function"]["name"] = "changed"
    tool["name"] = "changed"
    assert prompt.chat(messages, model="m")["tools"][0]["function"]["name"] == "find"


def test_a_conversation_of_turns_only_grows() -> None:
    """The promise of ``turn``: each request begins with all of the one before, whatever the clock said."""
    base = Prompt().static("You are kind.")
    messages: list[Any] = []
    before: list[Any] = []
    for minute in range(5):
        now = base.dynamic(f"It is 10:0{minute}.", name="clock")
        messages.append(now.turn(f"Question {minute}"))
        sent = now.chat(messages, model="m")["messages"]
        assert sent[: len(before)] == before
        assert sent[-1]["content"] == f'Question {minute}\n\n<context name="clock">It is 10:0{minute}.</context>'
        before = sent
        messages.append({"role": "assistant", "content": "Answer"})


def test_in_a_loop_of_tools_the_turn_stays_as_it_was_sent() -> None:
    messages: list[Any] = [FULL.turn("Where is it?")]
    first = FULL.chat(messages, model="m")["messages"]
    messages += [
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "find"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "On its way."},
    ]
    later = FULL.dynamic("It is 10:04.", name="clock").chat(messages, model="m")["messages"]
    assert later[:2] == first
    assert later[2:] == messages[1:]


def test_only_the_newest_turn_of_the_user_is_added_to() -> None:
    answer = object()  # as an SDK gives it
    messages = [{"role": "user", "content": "One"}, answer, {"role": "user", "content": "Two"}, {"role": "assistant"}]
    sent = FULL.chat(messages, model="m")["messages"][1:]
    assert sent[:2] == messages[:2]
    assert sent[1] is answer
    assert sent[2]["content"] == f"Two\n\n{CLOCK}"


def test_where_no_user_speaks_the_blocks_have_a_turn_of_their_own() -> None:
    results = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "4"}]}]
    assert FULL.chat(results, model="m")["messages"][1:] == [*results, {"role": "user", "content": CLOCK}]
    assert FULL.chat([], model="m")["messages"][1:] == [{"role": "user", "content": CLOCK}]


@pytest.mark.parametrize(("given_type", "own"), [("input_image", "input_text"), ("image_url", "text")])
def test_parts_get_a_part_of_their_dialect(given_type: str, own: str) -> None:
    assert FULL.turn([{"type": given_type}]) == {
        "role": "user",
        "content": [{"type": given_type}, {"type": own, "text": CLOCK}],
    }


def test_several_blocks_stand_in_the_order_of_the_calls() -> None:
    turn = Prompt().dynamic("1", name="b").dynamic("2", name="a").turn("")
    assert turn["content"] == '<context name="b">1</context>\n<context name="a">2</context>'


ANY_TOOLS = [
    TOOL,
    {"type": "function", "function": TOOL},
    {"type": "function", **TOOL},
    {"name": "find", "description": "Finds an order.", "input_schema": TOOL["parameters"]},
    {"input_schema": TOOL["parameters"], "type": "custom", "description": "Finds an order.", "name": "find"},
]


@pytest.mark.parametrize("form", range(len(ANY_TOOLS)))
def test_a_tool_in_any_form_is_the_same_tool(form: int) -> None:
    prompt, expected = Prompt().tools([ANY_TOOLS[form]]), Prompt().tools([TOOL])
    for write in (
        lambda p: p.chat([], model="m"),
        lambda p: p.responses([], model="m"),
        lambda p: p.anthropic([], model="m", max_tokens=1),
    ):
        assert json.dumps(write(prompt)) == json.dumps(write(expected))


def test_what_a_tool_says_besides_is_kept() -> None:
    strict = Prompt().tools([{"type": "function", "function": {**TOOL, "strict": True, "x": 1}}])
    assert strict.responses([], model="m")["tools"] == [{"type": "function", **TOOL, "strict": True, "x": 1}]
    schema = {"type": "object", "properties": {"z": {}, "a": {}}}
    kept = Prompt().tools([{"name": "t", "parameters": schema}]).anthropic([], model="m", max_tokens=1)
    assert list(kept["tools"][0]["input_schema"]["properties"]) == ["z", "a"]
    assert Prompt().tools([{"name": "t"}]).chat([], model="m")["tools"][0]["function"]["parameters"]["type"] == "object"


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search"},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        {"type": "custom", "name": "shell", "format": {"type": "text"}},
        {"type": "custom", "custom": {"name": "shell"}},
    ],
    ids=lambda tool: "-".join(tool),
)
def test_hosted_tools_go_out_as_they_came(tool: dict[str, Any]) -> None:
    prompt = Prompt().tools([tool])
    assert prompt.responses([], model="m")["tools"] == prompt.chat([], model="m")["tools"] == [tool]
    assert prompt.anthropic([], model="m", max_tokens=1)["tools"] == [{**tool, "cache_control": {"type": "ephemeral"}}]


SCRIPT = """
import json
from everwarm import Prompt
tools = [{"name": n, "parameters": {"properties": {"b": {}, "a": {}}}} for n in ("y", "x")]
p = Prompt("n").tools(tools).static("S").session("T").dynamic("U", name="n")
print(json.dumps([p.chat([p.turn("?")], model="m"), p.anthropic([], model="m", max_tokens=1)]))
"""


def test_every_process_writes_the_same_bytes() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


def test_importing_everwarm_does_not_load_the_builder() -> None:
    code = "import sys, everwarm; assert 'everwarm.prompt' not in sys.modules; print(everwarm.Prompt().name == '')"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"True\n"
    with pytest.raises(AttributeError, match="no attribute 'Pompt'"):
        __import__("everwarm").Pompt  # noqa: B018


@given(
    st.lists(st.tuples(st.sampled_from(["static", "session", "dynamic"]), st.text("xyz \n", max_size=8)), max_size=8)
)
def test_every_text_arrives_in_its_tier(parts: list[tuple[str, str]]) -> None:
    prompt = Prompt()
    for index, (tier, text) in enumerate(parts):
        prompt = getattr(prompt, tier)(text, name=f"p{index}")
    body = prompt.anthropic(asked("q"), model="m", max_tokens=1)
    texts = {tier: [text for t, text in parts if t == tier and text] for tier in ("static", "session", "dynamic")}
    system = ["\n\n".join(texts[tier]) for tier in ("static", "session") if texts[tier]]
    assert [block["text"] for block in body.get("system", [])] == system
    last = body["messages"][0]["content"]
    assert sum(block["text"].count("</context>") for block in last) == len(texts["dynamic"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Prompt().tools({1, 2}), "tools is a set"),
        (lambda: Prompt().tools([{"name": "f", "parameters": {"enum": {"a"}}}]), "tools[0].parameters.enum is a set"),
        (lambda: Prompt().tools([{"name": "f", "parameters": frozenset()}]), "tools[0].parameters is a frozenset"),
        (
            lambda: Prompt().tools([{"name": "f", "parameters": {1: 2}}]),
            "tools[0].parameters has a key that is no text",
        ),
        (lambda: Prompt().tools([{"name": "f", "x": object()}]), "tools[0].x is of the type object"),
        (lambda: Prompt().tools([TOOL, TOOL]), "tools[1]: there is a tool 'find' already"),
        (lambda: Prompt().tools([TOOL]).tools([ANY_TOOLS[1]]), "tools[0]: there is a tool 'find' already"),
        (lambda: Prompt().tools(["f"]), "tools[0] must be a dict"),
        (lambda: Prompt().tools([{"parameters": {}}]), "tools[0] has no name"),
        (lambda: Prompt().tools("f"), "tools must be a list; found a value of the type str"),
        (lambda: Prompt().tools(5), "tools must be a list; found a value of the type int"),
        (lambda: Prompt().static(5), "static() takes a text; found a value of the type int"),
        (lambda: Prompt().session(None), "session() takes a text"),
        (lambda: Prompt().dynamic("x", name=""), "dynamic() needs a name"),
        (lambda: Prompt().dynamic("x", name='a"b'), "no name"),
        (lambda: Prompt().turn(5), "turn() must be a list"),
        (lambda: Prompt().chat({"a"}, model="m"), "messages is a set"),
        (lambda: Prompt().chat([{"role": "user", "content": {"a"}}], model="m"), "messages[0].content is a set"),
        (lambda: Prompt().chat([], model="m", stop={"a"}), "request.stop is a set"),
        (lambda: Prompt().chat([], model="m", tools=[]), "tools is written by the prompt"),
        (lambda: Prompt().anthropic([], model="m", max_tokens=1, system="x"), "system is written by the prompt"),
        (lambda: Prompt().chat([{"role": "system", "content": "x"}], model="m"), "messages[0] is a system message"),
        (lambda: Prompt().responses([{"role": "developer"}], model="m"), "messages[0] is a system message"),
    ],
)
def test_what_cannot_be_a_prompt_is_refused_with_its_place(call: Any, said: str) -> None:
    with pytest.raises(PromptError) as error:
        call()
    assert said in error.value.message
