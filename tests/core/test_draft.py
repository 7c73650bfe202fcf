"""Drafts: compared with a slow drafter that is easy to see through, and on simulated answers without a model."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.draft import Drafter
from everwarm.core.lookup import LONGEST, PLACES
from everwarm.core.trust import MEASURED

TOKENS = st.lists(st.integers(0, 3), max_size=40)
FREE = {"costs": lambda rows: 1.0}  # verifying costs nothing: the draft is as long as allowed
LIMIT = 8


class Slow:
    """What a drafter should give at no cost, found by reading everything again each time."""

    def __init__(self, prompt: list[int], prediction: list[int], least: int) -> None:
        self.said, self.prediction, self.least = list(prompt), prediction, least
        self.at: int | None = 0
        self.left = 0

    def extend(self, tokens: list[int]) -> None:
        for token in tokens:
            if self.at is not None and self.prediction[self.at : self.at + 1] == [token]:
                self.at = self.left = self.at + 1
            else:
                self.at = None
            self.said.append(token)

    def propose(self, limit: int) -> list[int]:
        if self.at is None:
            self.at = self.meet(self.places(self.prediction))
        if self.at is not None and self.at < len(self.prediction):
            return self.prediction[self.at : self.at + limit]
        met = self.places(self.said)
        if not met:
            return []
        place = max(met, key=lambda m: (m[1], m[0]))[0]
        whole = list(self.said)
        for i in range(limit):
            whole.append(whole[place + i])
        return whole[len(self.said) :]

    def meet(self, met: list[tuple[int, int]]) -> int | None:
        longest = [place for place, size in met if size == max(size for _, size in met)]
        ahead = [place for place in longest if place >= self.left]
        return min(ahead) if ahead else max(longest, default=None)

    def places(self, text: list[int]) -> list[tuple[int, int]]:
        met = []
        for place in reversed(range(len(text))):
            size = 0
            while size < min(LONGEST, place, len(self.said)) and text[place - 1 - size] == self.said[-1 - size]:
                size += 1
            if size >= self.least:
                met.append((place, size))
        return met[:PLACES]


@given(TOKENS, TOKENS, st.lists(st.tuples(st.booleans(), TOKENS), max_size=8), st.integers(1, 4))
def test_drafts_are_those_of_the_slow_drafter(
    prompt: list[int], prediction: list[int], turns: list[tuple[bool, list[int]]], least: int
) -> None:
    quick, slow = Drafter(prompt, prediction, least=least, **FREE), Slow(prompt, prediction, least)
    for follow, tokens in turns:
        expected = slow.propose(LIMIT)
        assert quick.propose(LIMIT) == expected
        said = expected + tokens[:2] if follow else tokens  # the model goes along with the draft, or its own way
        quick.extend(said)
        slow.extend(said)


@given(TOKENS, TOKENS, TOKENS, st.integers(1, 3), st.integers(1, 20))
def test_a_draft_is_what_followed_these_tokens_somewhere(
    prompt: list[int], prediction: list[int], answer: list[int], least: int, limit: int
) -> None:
    drafter = Drafter(prompt, prediction, least=least, **FREE)
    drafter.extend(answer)
    draft = drafter.propose(limit)
    assert len(draft) <= limit
    said = prompt + answer
    end = said[-least:]
    goes_on = (
        draft
        and any(  # in what was said, or, as a copy that runs into itself, in what was said and the draft
            text[at : at + least] == end and text[at + least : at + least + len(draft)] == draft
            for text, last in ((prediction, len(prediction) - least), (said + draft, len(said) - least))
            for at in range(last)
        )
    )
    assert not draft or goes_on or prediction[len(answer) :][: len(draft)] == draft


def test_a_prediction_is_drafted_from_its_start_and_again_after_an_edit() -> None:
    expected = list(range(100, 140))
    drafter = Drafter([1, 2, 3], expected, **FREE)
    assert drafter.propose(4) == [100, 101, 102, 103]
    drafter.extend([100, 101, 7, 8])  # 102 became 7, 8
    assert drafter.propose(4) == []
    drafter.extend([103, 104, 105])
    assert drafter.propose(4) == [106, 107, 108, 109]


def test_of_equal_places_in_a_prediction_the_next_one_counts() -> None:
    close = [5, 6, 7]
    expected = [1, *close, 10, 2, *close, 20, 3, *close, 30]
    drafter = Drafter([], expected, **FREE)
    drafter.extend([1, *close, 10, 99, *close])  # it was followed up to 10, then 2 became 99
    assert drafter.propose(1) == [20]
    back = Drafter([], expected, **FREE)
    back.extend([1, *close, 10, 2, *close, 20, 3, *close, 30, 99, *close])  # nothing is ahead any more
    assert back.propose(1) == [30]


def test_what_others_know_is_asked_last() -> None:
    asked: list[list[int]] = []

    def known(tokens: list[int]) -> list[int]:
        asked.append(list(tokens))
        return [50, 51, 52]

    drafter = Drafter([1, 2, 3, 4, 1, 2, 3], also=known, **FREE)  # type: ignore[arg-type]
    assert drafter.propose(1) == [4]
    assert not asked
    drafter.extend([9])
    assert drafter.propose(2) == [50, 51]
    assert asked == [[1, 2, 3, 4, 1, 2, 3, 9]]
    nothing = Drafter([1], also=lambda tokens: [])
    assert nothing.propose(4) == []


def test_a_draft_that_is_not_verified_is_not_judged() -> None:
    left, judged = Drafter([1, 2, 3, 4, 1, 2, 3]), Drafter([1, 2, 3, 4, 1, 2, 3])
    length = len(left.propose(32))
    left.judge(0, 0)
    assert len(left.propose(32)) == length
    judged.propose(32)
    for _ in range(3):
        judged.judge(1, 1)
    assert len(judged.propose(32)) > length
    Drafter([]).judge(3, 1)  # nothing was drafted: there is nobody to judge


def simulate(drafter: Drafter, answer: list[int]) -> tuple[float, float]:
    """Decode ``answer``, and give how many times faster than token by token that was, and the part accepted."""
    at, cost, drafted, right = 0, 0.0, 0, 0
    while at < len(answer):
        draft = drafter.propose(32)[: len(answer) - at - 1]
        pairs = zip(draft, answer[at:], strict=False)
        accepted = next((i for i, (a, b) in enumerate(pairs) if a != b), len(draft))
        drafter.judge(len(draft), accepted)
        drafter.extend(answer[at : at + accepted + 1])
        at += accepted + 1
        cost += MEASURED(len(draft) + 1)
        drafted += len(draft)
        right += accepted
    return len(answer) / cost, right / max(drafted, 1)


def program(seed: int) -> str:
    """Two hundred lines that look like a program: few names, much that is alike."""
    chance = random.Random(seed)
    names = ["".join(chance.choices("abcdefgh", k=5)) for _ in range(30)]
    line = "    {} = self.{}({}, {}) + {}\n"
    return "".join(line.format(*chance.choices(names, k=5)) for _ in range(200))


def words(text: str) -> list[int]:
    """A text as tokens, whole words and single other characters: near enough to what models read."""
    return [int.from_bytes(word.encode(), "big") for word in re.findall(r"\w+|\W", text)]


def renamed(text: str) -> str:
    name = re.findall(r"self\.(\w+)", text)[0]
    return text.replace(name, "changed")


def longer(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(f"    check({i})\n{line}" if i % 20 == 7 else line for i, line in enumerate(lines))


def shorter(text: str) -> str:
    return "".join(line for i, line in enumerate(text.splitlines(keepends=True)) if i % 20 != 7)


@pytest.mark.parametrize("predicted", [True, False], ids=["as a prediction", "in the prompt"])
@pytest.mark.parametrize("edit", [renamed, longer, shorter, str])
def test_an_edit_is_decoded_faster(edit: Callable[[str], str], predicted: bool) -> None:
    before = program(1)
    prompt, answer = words("Change this file:\n"), words(edit(before))
    drafter = Drafter(prompt, words(before)) if predicted else Drafter(prompt + words(before))
    faster, accepted = simulate(drafter, answer)
    assert faster > 2.5
    assert accepted > (0.85 if predicted else 0.65)


@pytest.mark.parametrize("kinds", [2, 8, 500])
def test_chance_is_left_alone(kinds: int) -> None:
    """Where nothing can be guessed, hardly anything is lost."""
    chance = random.Random(1)
    draw = [chance.randrange(kinds) for _ in range(3000)]
    faster, _ = simulate(Drafter(draw[:1000]), draw[1000:])
    assert faster > 0.97


def test_a_wrong_prediction_costs_little() -> None:
    chance = random.Random(1)
    wrong = [chance.randrange(500) for _ in range(500)]
    faster, _ = simulate(Drafter([], wrong), list(range(1000, 1500)))
    assert faster > 0.97


def test_a_text_that_turns_in_a_circle_is_soon_drafted_in_full() -> None:
    faster, accepted = simulate(Drafter([]), [1, 2, 3] * 100 + [4] * 200)
    assert faster > 3
    assert accepted > 0.9
