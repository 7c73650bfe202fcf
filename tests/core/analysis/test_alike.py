"""What two blocks have in common, and how two rows differ."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis.alike import alike
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.compare import Difference, common, compare, goes_on, is_near, missing, nearly, part
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.layout.piece import Piece, Tier


def block(text: str, tier: Tier = "messages", role: str = "user") -> Block:
    return Block(tier, role, False, text, (Piece((), tier, role, "text", text, 0),), len(text))


lines = st.lists(st.sampled_from(["a", "bb", "a line of some length", "another line of it"]), max_size=5).map("\n".join)


@given(lines, lines)
def test_it_is_never_more_than_either_has(old: str, new: str) -> None:
    both = alike(block(old), block(new))
    assert 0 <= both.of(len(new)) <= len(new)
    assert both.same or both.of(len(new)) <= len(old)
    assert new[: both.first] == old[: both.first]
    assert both.last == 0 or new.endswith(old[-both.last :])
    assert alike(block(old), block(old)).of(len(old)) == len(old)


def test_lines_count_in_whatever_order_if_they_are_long_enough_to_be_known() -> None:
    old, new = (
        "1\nthe first long line\n5\nthe second long line\n2",
        "3\nthe second long line\nthe first long line\n5\n4",
    )
    assert alike(block(old), block(new)).lines == len("the second long line\nthe first long line\n")


def test_of_a_line_that_is_there_several_times_as_many_count_as_both_have() -> None:
    line, other = "a line of some length\n", "another line of it\n"
    old, new = f"1\n{line}{other}{line}2", f"3\n{line}{line}{other}{line}4"
    assert alike(block(old), block(new)).lines == 2 * len(line) + len(other)
    assert alike(block(new), block(old)).lines == 2 * len(line) + len(other)


def test_json_is_the_same_however_it_is_spelled() -> None:
    assert alike(block('{"a": 1, "b": 2}'), block('{"b":2,"a":1}')).same
    assert not alike(block('{"a": 1, "b": 2}'), block('{"b":2,"a":2}')).same
    assert not alike(block("a b"), block("b a")).same
    assert not alike(block('{"a": 1}'), block('{"a": 1, "b": "a long text"}')).same
    assert not alike(block("x")._replace(pieces=()), block("y")._replace(pieces=())).same


rows = st.lists(st.integers(0, 4), max_size=7)


@given(rows, rows)
def test_what_both_have_is_never_more_than_the_newer_one_is(old: list[int], new: list[int]) -> None:
    prompts = Prompts()
    for text in ("some text", "some text more", "none of this", '{"a": 1}', "s"):
        prompts.number(block(text, role="user" if text != "s" else "assistant"))
    found = compare(prompts, old, new)
    size = sum(prompts.blocks[number].size for number in new)
    begin = sum(prompts.blocks[number].size for number in new[: found.blocks]) + found.partly
    assert old[: found.blocks] == new[: found.blocks]
    assert 0 <= begin + found.again <= size
    assert found.grown == (found.blocks in (len(old), len(new)))
    assert set(found.old) <= set(old)
    assert all(before in found.old and after in found.new for before, after in found.pairs)


SPELLED: Final = ('{"a": [1, 2], "b": 3}', '{"b":3,"a":[1,2]}', '{"b":3}', "[1]", "b", "a line of some length\\nb", "")


def spelled(text: str, opens: bool, tier: Tier, most: int) -> Block:
    """``most``: its size at most, as an image has one."""
    whole = f"\n<|user|>\n{text}" if opens else text
    return block(text, tier)._replace(opens=opens, text=whole, size=min(len(whole), most))


tiers: st.SearchStrategy[Tier] = st.sampled_from(["tools", "system", "messages"])
bodies = st.builds(spelled, st.sampled_from(SPELLED), st.booleans(), tiers, st.sampled_from([15, 100]))


@given(st.lists(bodies, max_size=6), st.lists(bodies, max_size=6))
def test_what_is_missing_for_sure_is_nowhere_in_the_older_one(old: list[Block], new: list[Block]) -> None:
    prompts = Prompts()
    had, has = [[prompts.number(each) for each in row] for row in (old, new)]
    parted = part(had, has, common(had, has))
    found = compare(prompts, had, has, parted)
    sizes = [prompts.blocks[number].size for number in has]
    assert sum(sizes[: found.blocks]) + found.partly + found.again <= sum(sizes) - missing(prompts, parted)


def test_another_conversation_has_no_more_than_its_messages() -> None:
    prompts = Prompts()
    texts = ("you", "a", "bb", "c" * 90, "d" * 80, "e" * 70)
    head, short, other, *long = (prompts.number(block(text)) for text in texts)
    answer = prompts.number(block("f" * 60, role="assistant"))
    parted = part([head, short], [head, other, *long, answer], 1)
    assert missing(prompts, parted) == 80 + 70 + 60, "what does not open may be any text with a head before it"
    opening = prompts.number(block("a")._replace(opens=True))
    assert missing(prompts, part([head, opening], [head, other, *long], 1)) == 90 + 80 + 70 - 2
    largest = prompts.number(block("g" * 100)._replace(opens=True))
    assert missing(prompts, part([head, opening, largest], [head, other, *long], 1)) == 80 + 70 - 2


@given(rows, rows)
def test_what_only_one_has_is_left_when_one_stands_for_one(old: list[int], new: list[int]) -> None:
    found = part(old, new, common(old, new))
    gone, fresh = old[found.blocks :], []
    for number in new[found.blocks :]:
        if number in gone:
            gone.remove(number)
        else:
            fresh.append(number)
    assert found.grown == (found.blocks in (len(old), len(new)))
    assert found.grown or (found.gone, found.fresh) == (gone, fresh)


def test_a_tenth_of_a_block_may_be_different() -> None:
    assert is_near(block("a" * 90 + "b" * 10), block("a" * 90 + "c" * 10))
    assert not is_near(block("a" * 89 + "b" * 11), block("a" * 89 + "c" * 11))


def test_greetings_do_not_make_two_conversations_one() -> None:
    assert goes_on(Difference(3, 0, 0), 10_000, talk=True)
    changed = Difference(1, 0, 399, (1,), (2,))
    assert not goes_on(changed, 400, talk=True)
    assert goes_on(changed, 10_000, talk=False)
    assert goes_on(changed._replace(again=400), 400, talk=True)
    assert not goes_on(changed._replace(again=400), 10_000, talk=True)
    assert not goes_on(changed._replace(again=63), 10, talk=False)


def test_nearly_the_same_is_what_differs_in_little_of_each_block() -> None:
    prompts = Prompts()
    texts = ("the first of two long texts", "the first of two long textS", "the second one", "2", "the first")
    first, spelled, second, other, half = (prompts.number(block(text)) for text in texts)

    def near(old: list[int], new: list[int]) -> bool:
        return nearly(prompts, old, new, compare(prompts, old, new))

    assert near([first, second], [spelled, second])
    assert near([first, second], [second, first]), "another order is little"
    assert not near([first, second], [first, second]), "nothing is different"
    assert not near([first], [first, second]), "it goes on"
    assert not near([first, second], [spelled, second, other]), "and here as well"
    assert not near([first, second], [spelled, other]), "another question"
    assert not near([first, second], [half, second]), "more than a tenth of a block"
