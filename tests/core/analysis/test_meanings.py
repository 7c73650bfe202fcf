"""What a block is and means, however it is spelled."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.meanings import Kinds, Meanings, mean_the_same, tool_name
from everwarm.core.layout.piece import Piece, Tier


def block(*texts: str, tier: Tier = "tools") -> Block:
    pieces = tuple(Piece((), tier, tier, "text", text, 0) for text in texts)
    return Block(tier, tier, True, "".join(texts), pieces, sum(map(len, texts)))


members = st.lists(
    st.sampled_from([("name", "look"), ("name", "see"), ("a", 1), ("a", 1.0), ("b", [1, 2])]), max_size=3
)
spelled = st.one_of(
    members.map(lambda row: orjson.dumps(dict(row)).decode()),
    members.map(lambda row: orjson.dumps(dict(row), option=orjson.OPT_INDENT_2).decode()),
    st.sampled_from(["no JSON", "", "{", "[]", '{"a":1,"a":2}']),
)


@given(st.lists(st.lists(spelled, max_size=2).map(lambda texts: block(*texts)), min_size=2, max_size=6, unique=True))
def test_one_number_is_proof_of_one_meaning(blocks: list[Block]) -> None:
    """And those of JSON that is as long as other JSON of its meaning have one."""
    meanings = Meanings(blocks)
    for old in range(len(blocks)):
        for new in range(len(blocks)):
            same = mean_the_same(blocks[old], blocks[new])
            alone = old != new and len(blocks[old].pieces) == len(blocks[new].pieces) == 1
            if alone:
                assert (meanings[old] == meanings[new]) == (same and blocks[old].size == blocks[new].size)
            elif old != new:
                assert meanings[old] != meanings[new]


def test_a_tool_is_known_by_its_name() -> None:
    assert tool_name(block('{"name":"look"}')) != tool_name(block('{"name":"see"}'))
    assert tool_name(block("no JSON")) == "no JSON"
    assert tool_name(block("nothing")._replace(pieces=())) == "nothing"


def test_tools_stand_for_those_of_their_name_and_others_for_those_of_their_role() -> None:
    blocks = [block('{"name":"look","a":1}'), block('{"a":2,"name":"look"}'), block("{}", tier="system")]
    kinds = Kinds(blocks)
    assert kinds[0] == kinds[1] == ("tools", tool_name(blocks[0]))
    assert kinds[2] == ("system", "system")
