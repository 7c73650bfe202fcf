"""A real policy (the system text of tau-bench's airline agent) with what applications put into it."""

from __future__ import annotations

import random
from collections.abc import Callable

import orjson
import pytest

from everwarm.core.layout.template import Template, common
from shared import unpacked

PEOPLE = ["Mia Li", "Noah Müller", "Ana de Souza", "Chen Wu", "Yuki Tanaka", "Omar Haddad", "Ivan Petrov", "Li Na"]
TURNS = 8

Plant = Callable[[int, random.Random, list[str]], str]


@pytest.fixture(scope="module")
def trajectories() -> list[list[dict[str, str]]]:
    return [run["traj"] for run in orjson.loads(unpacked("tau-bench/gpt-4o-airline.json.gz"))]


@pytest.fixture(scope="module")
def policy(trajectories: list[list[dict[str, str]]]) -> str:
    (text,) = {trajectory[0]["content"] for trajectory in trajectories}
    return text


@pytest.fixture(scope="module")
def passages(trajectories: list[list[dict[str, str]]]) -> list[str]:
    """What customers wrote and agents answered, as text that is retrieved: real prose, of several lines at times."""
    said = {str(m["content"]) for t in trajectories for m in t[1:] if m["role"] == "assistant" and m["content"]}
    return sorted(text for text in said if len(text) > 300 and "\n\n\n" not in text)


def clock(turn: int, chance: random.Random, _: list[str]) -> str:
    return f"2026-11-{25 + turn // 4} {chance.randint(10, 23)}:{chance.randint(10, 59)}:{chance.randint(10, 59)}"


def billing(turn: int, chance: random.Random, _: list[str]) -> str:
    return f"x-anthropic-billing-header: cc_version=2.1.{turn}; cch={chance.getrandbits(20):05x};"


def user(turn: int, chance: random.Random, _: list[str]) -> str:
    return PEOPLE[turn]


def user_id(turn: int, chance: random.Random, _: list[str]) -> str:
    return f"{PEOPLE[turn].split()[0].lower()}_{chance.randint(1000, 9999)}"


def retrieved(turn: int, chance: random.Random, corpus: list[str]) -> str:
    chosen = chance.sample(corpus, 5)
    return "".join(f"[{number}] {passage}\n\n" for number, passage in enumerate(chosen, 1)).rstrip()


def memory(turn: int, chance: random.Random, corpus: list[str]) -> str:
    return "\n".join(f"- {passage[:80].splitlines()[0]}" for passage in corpus[20 : 21 + turn])


CLOCK_FIRST = "Current time: {}\n\n"
USER_FIRST = "Customer: {}\nCustomer ID: {}\n\n"
BILLING_FIRST = "{}\n"
PASSAGES_FIRST = "## From the archive\n\n{}\n\n"
MEMORY_FIRST = "## What is known of the customer\n\n{}\n\n"
CLOCK_LAST = "\n\nIt is now {}.\n"
WAYS: dict[str, tuple[str, str, list[Plant]]] = {
    "a timestamp in line 1": (CLOCK_FIRST, "", [clock]),
    "a timestamp at the end": ("", CLOCK_LAST, [clock]),
    "a user first": (USER_FIRST, "", [user, user_id]),
    "a billing line": (BILLING_FIRST, "", [billing]),
    "five passages first": (PASSAGES_FIRST, "", [retrieved]),
    "a memory that grows": (MEMORY_FIRST, "", [memory]),
    "all together": (
        BILLING_FIRST + CLOCK_FIRST + USER_FIRST + PASSAGES_FIRST + MEMORY_FIRST,
        CLOCK_LAST,
        [billing, clock, user, user_id, retrieved, memory, clock],
    ),
}


@pytest.mark.parametrize(("before", "after", "plants"), WAYS.values(), ids=WAYS.keys())
def test_what_applications_put_into_a_policy_is_learned(
    policy: str, passages: list[str], before: str, after: str, plants: list[Plant]
) -> None:
    chance = random.Random(5)
    planted = [[plant(turn, chance, passages) for plant in plants] for turn in range(TURNS)]
    frame = before + policy.replace("{", "{{").replace("}", "}}") + after
    texts = [frame.format(*values) for values in planted]
    template = Template.of(texts[0])
    for turn, text in enumerate(texts[1:], 1):
        wider = template.widen(text)
        assert wider is not None
        assert turn < 4 or wider is template, "after four texts nothing new is learned"
        template = wider
    assert len(template.literals) == len(plants) + 1
    assert policy[:500] in "".join(template.literals)
    assert sum(map(len, template.literals)) >= 0.95 * len(frame.format(*[""] * len(plants)))
    for text, values in zip(texts[1:], planted[1:], strict=True):
        read = template.read(text)
        assert read is not None
        assert template.join(read) == text
        for value, slot in zip(values, read, strict=True):
            assert value.strip().endswith(slot.strip()) if value.startswith("- ") else value in slot
        assert common(template, text) > 0.99


def test_another_prompt_has_little_in_common(policy: str, passages: list[str]) -> None:
    assert common(Template.of(policy), "\n".join(passages[:50])) < 0.05
    assert Template.of(policy).widen("\n".join(passages[:50])) is None
