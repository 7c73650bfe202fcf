"""What never changes must not look as if it did, and must not change."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from everwarm import Prompt, PromptWarning
from everwarm.errors import PromptError
from everwarm.prompt.drift import Drift


def test_a_clock_in_a_static_part_is_an_error_that_says_where_and_what_to_do() -> None:
    with pytest.raises(PromptError) as error:
        Prompt().static("It is 2026-11-25 10:03. Be kind.", name="rules")
    assert error.value.message.startswith(
        "static('rules'): characters 6-22 are a clock: '2026-11-25 10:03'. If that changes, the 10 characters behind it"
    )
    assert 'allow=("a clock",)' in error.value.message


@pytest.mark.parametrize("tier", ["session", "dynamic"])
def test_elsewhere_it_is_welcome(tier: str) -> None:
    getattr(Prompt(), tier)("It is 2026-11-25 10:03.", name="n")


@pytest.mark.parametrize("allow", [("a date",), ["a date", "a clock"], "a date", {"a date"}])
def test_what_never_changes_may_stand_there(allow: object) -> None:
    prompt = Prompt().static("The law of 2026-11-25.", allow=allow)  # type: ignore[arg-type]
    assert prompt.chat([], model="m")["messages"][0]["content"] == "The law of 2026-11-25."


def test_only_the_kind_that_is_allowed_may() -> None:
    with pytest.raises(PromptError, match="are a UUID"):
        Prompt().static("The law of 2026-11-25, 3f2504e0-4f89-41d3-9a0c-0305e82c3301.", allow=("a date",))
    with pytest.raises(PromptError, match="allow holds 'dates', which is no kind"):
        Prompt().static("x", allow=("dates",))


def render(text: str, name: str, *, strict: bool = False) -> None:
    Prompt(name, strict).static(text).chat([], model="m")


def test_a_static_part_that_changes_is_told_at_the_place_that_renders() -> None:
    render("Be kind to Ada.", "drifts")
    render("Be kind to Ada.", "drifts")
    with pytest.warns(
        PromptWarning, match=r"static text of the prompt 'drifts' .* character 11 .* 'Ada\.' .* 'Bob\.'"
    ) as told:
        Prompt("drifts").static("Be kind to Bob.").anthropic([], model="m", max_tokens=1)
    assert [Path(w.filename).name for w in told] == ["test_static.py"]


def test_once_for_each_name() -> None:
    render("0", "often")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for index in range(1, 5):
            render(f"text {index % 2}", "often")
    assert len(told) == 1


def test_what_stands_at_the_end_says_so() -> None:
    with pytest.raises(PromptError, match="If that changes, all that follows is never found"):
        Prompt().static("It is 2026-11-25 10:03")


def test_strict_prompts_raise() -> None:
    render("a", "strict", strict=True)
    with pytest.raises(PromptError, match="it was 'a' and is 'b'"):
        render("b", "strict", strict=True)


def test_tools_that_change_are_told_too() -> None:
    tools = [{"name": "a"}, {"name": "b"}]
    Prompt("tools").tools(tools).chat([], model="m")
    with pytest.warns(PromptWarning, match="on it was 'a\", .* and is 'b\", .* List the same ones in"):
        Prompt("tools").tools(tools[::-1]).responses([], model="m")


def test_prompts_of_other_names_and_of_none_are_not_compared() -> None:
    for name in ("one", "two", "", ""):
        render(f"text of {name} {id(object())}", name)


def test_sessions_may_differ() -> None:
    for who in ("Ada", "Bob"):
        Prompt("sessions").static("x").session(who).dynamic(who, name="n").chat([], model="m")


def test_names_are_forgotten_when_there_are_too_many() -> None:
    drift = Drift()
    assert drift.note("first", "", "a") == ""
    for index in range(300):
        drift.note(str(index), "", "")
    assert drift.note("first", "", "b") == ""
    assert "is at its end" in drift.note("first", "", "")
