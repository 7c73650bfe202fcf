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
    row = first.then(_said("c"))
    row[:2] = [{"never": "looked at"}, {"nor": "this"}]
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
    row = first.then(_said("b"))
    whole = {"system": "another", "messages": _said("a", "b")}
    assert prompts.read("anthropic_messages", {**whole, "messages": row}) == prompts.read("anthropic_messages", whole)


def test_one_that_goes_on_from_one_that_was_not_read_is_read_with_it() -> None:
    prompts = Prompts()
    first = _begun(prompts, _said("a"))
    unread = first.then(_said("b"))
    row = unread.then(_said("c"))
    prompts.read("anthropic_messages", {"system": "s", "messages": row})
    assert unread.known == (*first.known[:2], prompts.bodies.parent[row.known[2]])  # type: ignore[index]
    assert row.begun is unread.begun is None  # no chain of rows is kept


def test_none_more_is_the_same_one() -> None:
    row = Row(_said("a"))
    assert row.then([]) is row


def test_one_of_system_messages_only_is_not_gone_on_from() -> None:
    """What comes next may be one more of them, and a part of the system prompt."""
    prompts = Prompts()
    row = Row(_said("rules", role="system"))
    prompts.read("openai_chat", {"messages": row})
    assert row.known is None
