"""Of more text than is kept: the ends, and a digest of the whole."""

from __future__ import annotations

import pytest

from everwarm.core.analysis import texts as module
from everwarm.core.analysis.block import CUTS
from everwarm.core.analysis.bodies import Bodies
from everwarm.core.analysis.prompts import Prompt, Prompts
from everwarm.core.analysis.where import placed

LONG, EDGE = CUTS[0]


def _body(*texts: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}


def body(prompts: Prompts, prompt: Prompt) -> object:
    """Had again."""
    found = Bodies(prompts).of("openai_chat", prompt, {})
    return found and found.value


def _long(n: int, middle: str = "") -> str:
    return f"{n}".ljust(LONG, "x") + middle + "y" * LONG


def test_what_is_kept_whole_stays_so() -> None:
    prompts = Prompts(kept=100)
    first = prompts.read("openai_chat", _body(_long(1)))
    prompts.read("openai_chat", _body(_long(2)))
    assert prompts.shortened == 1
    assert prompts.row(first)[0].text.endswith(_long(1))
    assert body(prompts, first) == {"messages": _body(_long(1))["messages"]}
    assert prompts.read("openai_chat", _body(_long(1))) == first


def test_what_is_shortened_is_told_apart_and_known_again() -> None:
    prompts = Prompts(kept=0)
    one, other, again = (prompts.read("openai_chat", _body(_long(1, middle))) for middle in ("a", "b", "a"))
    assert one == again
    assert one.blocks != other.blocks
    text = prompts.row(one)[0].text
    assert len(text) < LONG
    assert text.endswith("y" * EDGE)
    assert prompts.size(one.blocks) == prompts.size(other.blocks) == len("\n<|user|>\n") + len(_long(1, "a"))
    assert Bodies(prompts).of("openai_chat", one, {}) is None
    assert prompts.shortened == 2


def test_a_conversation_whose_end_was_not_kept_cannot_be_had_again() -> None:
    """Though its beginning can, before and after."""
    prompts = Prompts(kept=100)
    bodies = Bodies(prompts)
    begun = prompts.read("openai_chat", _body(_long(1)))
    whole = prompts.read("openai_chat", _body(_long(1), _long(2)))
    before, after = bodies.of("openai_chat", begun, {}), bodies.of("openai_chat", whole, {})
    assert before is not None
    assert after is None
    assert bodies.of("openai_chat", begun, {}) == before
    assert bodies.of("openai_chat", whole, {}) is None


def test_a_string_and_a_list_of_one_text_are_one_block_also_if_shortened() -> None:
    prompts = Prompts(kept=0)
    bodies = [
        {"messages": [{"role": "user", "content": said}]} for said in (_long(1), [{"type": "text", "text": _long(1)}])
    ]
    one, other = (prompts.read("openai_chat", body) for body in bodies)
    assert one.blocks == other.blocks
    assert one.units != other.units
    assert prompts.shortened == 1


def test_short_texts_are_kept_always() -> None:
    prompts = Prompts(kept=0)
    prompt = prompts.read("openai_chat", _body("short", "and short"))
    assert prompts.shortened == 0
    assert body(prompts, prompt) == {"messages": _body("short", "and short")["messages"]}


def test_one_of_many_pieces_that_are_short_is_kept_whole() -> None:
    calls = [{"type": "function", "id": "c", "function": {"name": "f", "arguments": "a" * 100}}] * (LONG // 100)
    prompts = Prompts(kept=0)
    message = {"role": "assistant", "content": "I look.", "tool_calls": calls}
    block = prompts.row(prompts.read("openai_chat", {"messages": [message]}))[0]
    assert len(block.text) > LONG
    assert block.text.count("a" * 100) == len(calls)
    assert prompts.shortened == 0


def test_where_it_stands_is_known_without_its_text() -> None:
    prompts = Prompts(kept=0)
    prompt = prompts.read("openai_chat", _body("short", _long(1)))
    row = prompts.prefixes.row(prompt.blocks)
    path, block = placed(prompts, "openai_chat", row, 1, prompt.units)
    assert path == ("messages", 1)
    assert [piece.path for piece in block.pieces if piece.text.endswith("y")] == [("messages", 1, "content")]


def test_where_hardly_any_room_is_left_shorter_ones_are_shortened_more(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = Prompts(kept=0)
    early = prompts.read("openai_chat", _body(_long(1)))
    monkeypatch.setattr(module, "_ENDS", 0)
    assert prompts.read("openai_chat", _body(_long(1))) == early, "it is known, however it was shortened"
    late = prompts.row(prompts.read("openai_chat", _body(_long(2))))[0]
    assert len(late.text) < CUTS[1].long
    assert late.text.endswith("y" * CUTS[1].edge)
    assert late.size == len("\n<|user|>\n") + len(_long(2))
    middling, short = "m" * (CUTS[1].long + 1), "s" * (CUTS[1].long - 20)
    assert middling not in prompts.row(prompts.read("openai_chat", _body(middling)))[0].text
    assert short in prompts.row(prompts.read("openai_chat", _body(short)))[0].text
    assert prompts.shortened == 3
