"""A history that goes on where an earlier one ended is read as if it were new."""

from __future__ import annotations

from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.row import Row
from everwarm.core.wire import Json


def _said(*texts: str, role: str = "user") -> list[Json]:
    return [{"role": role, "content": text} for text in texts]


def _begun(prompts: Prompts, items: list[Json], system: str = "s") -> Row:
    row = Row(items)
    prompts.read("anthropic_messages", {"system": system, "messages": row})
    return row


def test_only_what_is_new_in_it_is_looked_at() -> None:
    prompts = Prompts()
    first = _begun(prompts, _said("a", "b"))
    row = Row([{"never": "looked at"}, {"nor": "this"}, *_said("c")], 2, first.known)
    whole = {"system": "s", "messages": _said("a", "b", "c")}
    assert prompts.read("anthropic_messages", {"system": "s", "messages": row}) == prompts.read(
        "anthropic_messages", whole
    )


def test_one_that_was_read_is_known_with_all_its_items() -> None:
    prompts = Prompts()
    row = _begun(prompts, _said("a", "b"))
    first = prompts.read("anthropic_messages", {"system": "s", "messages": _said("a", "b")})
    row[:] = [{"never": "looked at"}, {"nor": "this"}]
    assert prompts.read("anthropic_messages", {"system": "s", "messages": row}) == first


def test_behind_another_system_prompt_it_is_read_anew() -> None:
    prompts = Prompts()
    first = _begun(prompts, _said("a"), system="s")
    row = Row(_said("a", "b"), 1, first.known)
    whole = {"system": "another", "messages": _said("a", "b")}
    assert prompts.read("anthropic_messages", {**whole, "messages": row}) == prompts.read("anthropic_messages", whole)


def test_one_of_system_messages_only_is_not_gone_on_from() -> None:
    """What comes next may be one more of them, and a part of the system prompt."""
    prompts = Prompts()
    row = Row(_said("rules", role="system"))
    prompts.read("openai_chat", {"messages": row})
    assert row.known is None
