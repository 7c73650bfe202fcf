"""Of several earlier calls the one is taken that has most in common, however few of them are compared."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.compare import compare, goes_on
from everwarm.core.analysis.prompts import Prompt, Prompts
from everwarm.core.analysis.rivals import Kin, Rivals

SIZES = (100, 250, 450, 500, 600, 800, 1000, 1300)
BLOCKS = [Block("system", "system", True, letter * 400 + "?" * 200, (), 600) for letter in "ab"] + [
    Block("messages", "user", True, letter * size, (), size) for letter, size in zip("cdefghij", SIZES, strict=True)
]


def prompts_of_all() -> Prompts:
    prompts = Prompts()
    assert [prompts.number(block) for block in BLOCKS] == list(range(len(BLOCKS)))
    return prompts


Asked = tuple[list[int], str, str]
rows = st.builds(
    lambda head, talk: [head, *sorted(talk)], st.integers(0, 1), st.sets(st.integers(2, len(BLOCKS) - 1), min_size=1)
)
asked = st.tuples(rows, st.sampled_from("ab"), st.sampled_from(["", "", "s"]))


def called(one: Asked) -> Call:
    row, app, session = one
    size = sum(BLOCKS[number].size for number in row)
    return Call(Place("log", 1), Line(app=app, session=session), "openai_chat", Prompt(0, 0, ()), size)


def best(prompts: Prompts, new: Asked, others: list[Asked], *, together: bool) -> Kin | None:
    """Of all, or of each by itself the one that comes out when one after the other is compared."""
    call, row = called(new), new[0]
    ends = list(accumulate((BLOCKS[number].size for number in row), initial=0))
    if together:
        rivals = Rivals(prompts, call, row, ends.__getitem__)
        for number, other in enumerate(others):
            if rivals.add(called(other), number, other[0]):
                break
        return rivals.first()
    found, score, doubts = None, 0, 0
    for number, other in enumerate(others):
        alone = Rivals(prompts, call, row, ends.__getitem__)
        alone.add(called(other), number, other[0])
        kin = alone.first()
        if kin is None:
            continue
        again = kin.difference.begin(ends.__getitem__) + kin.difference.again
        against = (new[1] != other[1]) + any(BLOCKS[gone].tier == "messages" for gone in kin.difference.old)
        if found is None or again * 1.25 ** (doubts - against) > score:
            found, score, doubts = kin, again, against
            if kin.difference.grown or (not against and score >= 0.8 * min(call.size, kin.call.size)):
                break
    return found


@settings(max_examples=400)
@given(asked, st.lists(asked, max_size=4))
def test_it_is_the_one_that_comes_out_when_all_are_compared(new: Asked, others: list[Asked]) -> None:
    prompts = prompts_of_all()
    found, slowly = (best(prompts, new, others, together=together) for together in (True, False))
    assert (found and (found.number, found.difference)) == (slowly and (slowly.number, slowly.difference))


@given(asked, asked)
def test_one_that_is_not_compared_could_not_have_been_it(new: Asked, other: Asked) -> None:
    """However much of what is left behind the first difference were there again."""
    prompts, row = prompts_of_all(), new[0]
    ends = list(accumulate((BLOCKS[number].size for number in row), initial=0))
    rivals = Rivals(prompts, called(new), row, ends.__getitem__)
    rivals.add(called(other), 0, other[0])
    difference = compare(prompts, other[0], row)
    rest = min(called(new).size, called(other).size) - difference.begin(ends.__getitem__)
    assert rivals._rivals or not goes_on(difference, rest, talk=difference.blocks > 0)
