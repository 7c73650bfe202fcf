"""What a message is made into does not depend on how quickly that is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis.blocks import blocks_of
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.layout.outline import outline
from everwarm.core.wire import Json

TALKS = {"openai_chat": "messages", "anthropic_messages": "messages", "openai_responses": "input"}
messages = st.builds(
    lambda role, text, turned: {"content": text, "role": role} if turned else {"role": role, "content": text},
    st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "", "nobody"]),
    st.text("aé\n|>", max_size=4),
    st.booleans(),
)


@pytest.mark.parametrize("dialect", sorted(TALKS))
@given(row=st.lists(messages, min_size=1, max_size=6))
def test_a_role_and_a_text_make_the_block_that_their_outline_makes(dialect: str, row: list[Json]) -> None:
    prompts = Prompts()
    pieces = outline(dialect, {TALKS[dialect]: row})
    seen = prompts.row(prompts.read(dialect, {TALKS[dialect]: row}))
    assert seen == [block for piece in pieces for block in blocks_of([piece])]
    assert [unit.marks for unit in prompts.units] == [()] * len(prompts.units)


@pytest.mark.parametrize("dialect", sorted(TALKS))
def test_with_any_other_member_it_is_more_than_a_role_and_a_text(dialect: str) -> None:
    prompts = Prompts()
    plain: list[Json] = [{"role": "user", "content": "Hi"}]
    named: list[Json] = [{"role": "user", "content": "Hi", "name": "Ada"}]
    rows = [prompts.row(prompts.read(dialect, {TALKS[dialect]: row})) for row in (plain, named, plain)]
    assert rows[0] == rows[2]
    assert [block.said for block in rows[1]] == ['Hi"Ada"']


def test_the_same_message_twice_in_one_list_is_one() -> None:
    prompts = Prompts()
    prompts.read("openai_chat", {"messages": [{"role": "user", "content": "Hi"}] * 3})
    assert len(prompts.units) == 2, "the one that comes first may be of a system prompt, the others may not"
