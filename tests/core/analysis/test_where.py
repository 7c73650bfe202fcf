"""Where in a body the blocks of its prompt stand."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analysed import Log, change_in
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.where import placed
from everwarm.core.layout.outline import outline

LONG = " Every parcel has a number, and every number a story." * 40

Body = dict[str, Any]

words = st.sampled_from(["Be kind.", "Be brief.", "{}"])
parts = st.builds(lambda text: {"type": "text", "text": text}, words)
contents = words | st.lists(parts | st.builds(lambda text: {"type": "image", "data": text}, words), max_size=4)
tools = st.lists(st.builds(lambda text: {"name": text}, words), max_size=2) | st.builds(
    lambda text: {"name": text}, words
)


def messages(*roles: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Body]]:
    members: dict[str, st.SearchStrategy[Any]] = {"role": st.sampled_from(roles), "content": contents}
    return st.lists(st.fixed_dictionaries(members, optional=more), max_size=4)


BODIES: dict[str, st.SearchStrategy[Body]] = {
    "openai_chat": st.fixed_dictionaries(
        {"messages": messages("system", "user", name=words)}, optional={"tools": tools, "functions": tools}
    ),
    "anthropic_messages": st.fixed_dictionaries(
        {"messages": messages("user")}, optional={"system": contents, "tools": tools}
    ),
    "openai_responses": st.fixed_dictionaries(
        {"input": words | messages("developer", "user", input=words)},
        optional={"instructions": words, "tools": tools, "prompt": st.builds(lambda text: {"id": text}, words)},
    ),
    "openai_completions": st.fixed_dictionaries({"prompt": words}, optional={"suffix": words}),
}


@given(st.data(), st.sampled_from(sorted(BODIES)))
def test_the_pieces_of_blocks_are_those_of_the_body_whatever_was_seen_before(data: st.DataObject, dialect: str) -> None:
    prompts = Prompts()
    for body in data.draw(st.lists(BODIES[dialect], min_size=1, max_size=5)):
        prompt = prompts.read(dialect, body)
        row = prompts.prefixes.row(prompt.blocks)
        found = [placed(prompts, dialect, row, at, prompt.units) for at in range(len(row))]
        pieces = [(piece.path, piece.text) for _, block in found for piece in block.pieces]
        assert pieces == [(piece.path, piece.text) for piece in outline(dialect, body)]
        assert all(block.text.endswith("".join(piece.text for piece in block.pieces)) for _, block in found)


def test_characters_of_a_tool_do_not_count_its_mark() -> None:
    log = Log(dialect="anthropic_messages")
    marked = {"cache_control": {"type": "ephemeral"}}
    rest = {"system": LONG, "messages": [{"role": "user", "content": LONG}]}
    times = ("10:03:21", "10:04:59")
    bodies = [{"tools": [{"name": "a", "description": f"It is {time}.", **marked}], **rest} for time in times]
    log.ask(bodies[0])
    change = change_in(log.ask(bodies[1]))
    assert (change.what, change.path) == ("a tool changed: a clock", "tools[0]")
    before = '{"name":"a","description":"It is '
    assert (change.start, change.end) == (len(before), len(before) + 8)
