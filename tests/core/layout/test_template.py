"""A template is learned from a few texts, reads what it was learned from, and gives back what it read."""

from __future__ import annotations

import random
import string
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.template import Template, common


def learn(*texts: str) -> Template:
    template = Template.of(texts[0])
    for text in texts[1:]:
        wider = template.widen(text)
        assert wider is not None
        template = wider
    for text in texts:
        values = template.read(text)
        assert values is not None
        assert template.join(values) == text
    return template


RULES = """Be kind to all customers.
Never promise a refund before it is granted, and never say what another customer was granted.
Answer in one paragraph, in the language in which you are asked.

## Bookings
Ask for the reservation first. If there is none, ask for the day of the flight and the name.
A booking is changed only when the customer has said yes to all its details.

## What you cannot do
Do not look for other tools than those you have. Hand over to a person when they do not suffice.
"""

LEARNED = {
    "a clock in a line": (
        ["The time is 2026-11-25 10:03:22.\n" + RULES, "The time is 2026-11-25 10:04:05.\n" + RULES],
        ["The time is ", ".\n" + RULES],
    ),
    "a clock alone": (["2026-11-25 10:03", "2026-11-25 10:04"], None),
    "two clocks with a long text between": (
        [f"Now: 2026-11-{day}.\n{RULES}\nNow: 2026-11-{day}." for day in (11, 12)],
        ["Now: ", f".\n{RULES}\nNow: ", "."],
    ),
    "lines that are labelled": (
        [f"User: {name}\nUser ID: {name.lower()}_{n}\n{RULES}" for n, name in enumerate(["Mia", "Noah", "Ana"])],
        ["User: ", "\nUser ID: ", "\n" + RULES],
    ),
    "two things that change, in lines of their own": (
        [f"2026-11-{n} 10:03\n\nx-anthropic-billing-header: cch={n}abc;\n{RULES}" for n in (11, 12)],
        ["", "\n\n", "\n" + RULES],
    ),
    "what is near in a line is one": (
        [RULES + "You talk to Mia (gold).\n", RULES + "You talk to Noah (silver).\n"],
        [RULES + "You talk to ", ").\n"],
    ),
    "what is far in a line is not": (
        [
            RULES + f"You talk to {name}, who has been a member since {year}.\n"
            for name, year in (("Mia", 7), ("Al", 9))
        ],
        [RULES + "You talk to ", ", who has been a member since ", ".\n"],
    ),
    "prose between two short values": (
        [
            f"Agent {name}\nYou work for\n{shop} and nobody else.\n{RULES}"
            for name, shop in (("A1", "Gap"), ("B2", "Lidl"))
        ],
        ["Agent ", "\nYou work for\n", " and nobody else.\n" + RULES],
    ),
    "a list that grows": (
        [f"{RULES}\n## Memory\n- tea\n{items}\n## Tools\nNone.\n" for items in ("", "- figs\n", "- figs\n- plums\n")],
        [f"{RULES}\n## Memory\n- tea\n", "\n## Tools\nNone.\n"],
    ),
    "items that begin alike": (
        [
            f"{RULES}\n## Memory\n- The user has {a}\n- The user has {b}\n\n## Tools\nNone.\n"
            for a, b in (("cats", "figs"), ("dogs", "plums"))
        ],
        [f"{RULES}\n## Memory\n", "\n\n## Tools\nNone.\n"],
    ),
    "something new": ([RULES, "Dear all!\n" + RULES], ["", RULES]),
    "something gone": ([RULES + "Dear all!\n", RULES], [RULES, ""]),
    "a short value in a long tag": (
        [f"{RULES}<note>{word * 60}</note>\n" for word in ("one ", "two ")],
        [f"{RULES}<note>", " </note>\n"],
    ),
    "Japanese": (
        [f"現在の時刻は午後{n}時です。親切に答えてください。必ず日本語で書くこと。" for n in (3, 4)],
        ["現在の時刻は", "です。親切に答えてください。必ず日本語で書くこと。"],
    ),
}


@pytest.mark.parametrize(("texts", "literals"), LEARNED.values(), ids=LEARNED.keys())
def test_it_is_cut_where_people_cut(texts: list[str], literals: list[str] | None) -> None:
    if literals is None:
        assert Template.of(texts[0]).widen(texts[1]) is None
    else:
        assert list(learn(*texts).literals) == literals


def test_another_day_fits_in_the_same_slot() -> None:
    template = learn(*(f"Today is {day} 10:03:22 UTC.\n{RULES}" for day in ("2026-11-25", "2026-11-26")))
    assert template.read(f"Today is Monday, 7 December 2026, 3 PM.\n{RULES}") == ("Monday, 7 December 2026, 3 PM",)


WORDS = ["fare", "class", "voucher", "cabin", "refund", "seat", "infant", "meal", "lounge", "delay", "visa", "agent"]


def passage(seed: int) -> str:
    """Sentences like those of a handbook; another for each seed."""
    words = random.Random(seed).choices(WORDS, k=54)
    return ". ".join(f"The {' '.join(row)} is number {seed}" for row in zip(*[iter(words)] * 6, strict=False)) + "."


FRAMES = {
    "numbered": "Passage {}:\n{}\n\n",
    "in brackets": "[{}] {}\n\n",
    "ruled": "---\n{1}\n",
    "tagged": '<document index="{}">\n{}\n</document>\n',
    "announced": "The next one of them:\n{1}\n",
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize("head", ["", "## Retrieved passages\n\n"], ids=["first", "under a heading"])
def test_retrieved_passages_are_one_slot(head: str, frame: str) -> None:
    chosen = [(1, 2, 3, 4, 5), (6, 7, 8, 9, 10), (11, 12, 13), (14, 2, 16, 17, 18, 19)]
    texts = [head + "".join(frame.format(n, passage(i)) for n, i in enumerate(row, 1)) + RULES for row in chosen]
    literals = learn(*texts).literals
    assert len(literals) == 2
    assert literals[0].startswith(head)
    assert literals[1].strip().endswith(RULES.strip())


def test_a_heading_between_passages_and_memory_stays() -> None:
    texts = [
        f"{''.join(passage(i) + chr(10) for i in row)}\n## Memory\n- {passage(row[0])}\n\n{RULES}"
        for row in ((1, 2, 3), (4, 5), (6, 7, 8, 9))
    ]
    assert learn(*texts).literals[1] == "\n\n## Memory\n"


def test_what_comes_after_a_passage_in_its_line_goes_with_it() -> None:
    texts = [f"{RULES}{passage(i)} So it is said.\nGo.\n{RULES}" for i in (1, 2)]
    assert learn(*texts).literals == (RULES, f"\nGo.\n{RULES}")


def test_a_long_sentence_between_passages_stays() -> None:
    middle = "Now follow the passages that were found in the archive, which may be older than those:"
    texts = [f"{passage(i)}\n{middle} so\n{passage(i + 9)}\n{RULES}" for i in (1, 2)]
    assert middle in learn(*texts).literals[1]


def test_texts_with_nothing_in_common_have_no_template() -> None:
    assert Template.of(RULES).widen(passage(3)) is None
    assert Template.of("").widen("a") is None or Template.of("").widen("a") == Template(("", ""))


def test_few_words_of_a_long_text_are_enough_if_they_are_many() -> None:
    instructions = "".join(f"Rule {n}: always do what rule {n} says.\n" for n in range(20))
    texts = ["".join(passage(i * 40 + k) for k in range(30)) + "\n" + instructions for i in (1, 2)]
    assert len(instructions) < len(texts[0]) / 5
    assert learn(*texts).literals == ("", "\n" + instructions)


@pytest.mark.parametrize(("words", "slots"), [(100, 2), (50_000, 1)])
def test_a_text_of_very_many_words_is_compared_at_its_ends_alone(words: int, slots: int) -> None:
    middle = "so never promise a refund before it is granted by the department that you were told of"
    texts = []
    for kind in "ab":
        row = "".join(f"{kind}{n} " for n in range(words))
        texts.append(f"{RULES}{row}{middle} {row.upper()}\n{RULES}")
    assert len(learn(*texts).literals) == slots + 1


def test_lines_that_stand_under_each_heading_are_found_under_each() -> None:
    same, parts = "Ask the customer for it again.\n", ["Fares", "Refunds", "Luggage"]
    texts = [
        RULES
        + "".join(f"## {part}\n{passage(k * 10 + n)}\n{same}{passage(k * 100 + n)}\n" for n, part in enumerate(parts))
        for k in (1, 2)
    ]
    assert "".join(learn(*texts).literals).count(same) == 3


def test_what_is_put_between_passages_alone_is_no_literal() -> None:
    texts = []
    for row in ((1, 2, 3, 4), (5, 6, 7)):
        between = (f"\n\nGo on with passage {n}, which was found in the archive:\n" for n in range(len(row)))
        texts.append("".join(passage(i) + line for i, line in zip(row, between, strict=True)) + RULES)
    assert learn(*texts).literals == ("", RULES)


def test_lines_without_an_end_are_gone_through() -> None:
    """Where something is tried again from each place of a line, this does not end."""
    line = "word" * 50_000
    texts = [f"{RULES}{line} at 2026-11-{day} {line}\n" for day in (11, 12)]
    assert learn(*texts).literals == (f"{RULES}{line} at ", f" {line}\n")


def test_reading_takes_the_shortest_values() -> None:
    template = Template(("<", "-", ">"))
    assert template.read("<a-b-c>") == ("a", "b-c")
    assert template.read("<->") == ("", "")
    assert [template.read(text) for text in ("", "<>", "<-", "a-b>", "<a-b> ")] == [None] * 5
    assert Template(("aa", "aa")).read("aaa") is None
    assert Template.of("a").read("a") == ()
    assert Template.of("a").read("b") is None


def test_join_needs_a_value_for_each_slot() -> None:
    with pytest.raises(ValueError):
        Template(("a", "b")).join([])


@pytest.mark.parametrize("data", [b"", b"{", b"3", b"[]", b"[1]", b'["a", "", "b"]', b'"ab"'])
def test_what_is_no_template_is_not_loaded(data: bytes) -> None:
    with pytest.raises(ValueError):
        Template.load(data)


def test_common_counts_lines_and_parts_of_lines() -> None:
    template = Template(("Time: ", ".\n" + RULES))
    assert common(template, f"Time: now.\n{RULES}") == 1
    assert common(template, "other") == 0
    lines = RULES.splitlines()
    assert common(template, lines[1]) == pytest.approx((len(lines[1]) + 1) / (len("".join(lines)) + 7))
    assert common(Template.of(""), "") == 1
    assert common(Template.of(""), "a") == 0


# Properties

pieces = st.text("ab \n.1-:", max_size=12)
texts = st.one_of(pieces, st.lists(pieces, max_size=8).map(RULES.join), st.text(max_size=40))


@st.composite
def templates(draw: st.DrawFn) -> Template:
    inner = draw(st.lists(st.text("ab \n", min_size=1, max_size=4), max_size=4))
    return Template((draw(pieces), *inner, draw(pieces)) if draw(st.booleans()) else (draw(pieces),))


@given(templates(), st.data())
def test_what_is_joined_is_read(template: Template, data: st.DataObject) -> None:
    values = data.draw(st.tuples(*[pieces for _ in pairwise(template.literals)]))
    text = template.join(values)
    read = template.read(text)
    assert read is not None
    assert template.join(read) == text
    assert Template.load(template.dump()) == template
    assert template.widen(text) is template


@given(templates(), texts)
def test_what_is_read_gives_the_text_back(template: Template, text: str) -> None:
    values = template.read(text)
    assert values is None or template.join(values) == text


@given(st.lists(texts, min_size=2, max_size=4))
def test_a_wider_template_reads_what_the_narrower_one_read(several: list[str]) -> None:
    template, seen = Template.of(several[0]), several[:1]
    for text in several[1:]:
        wider = template.widen(text)
        if wider is not None:
            template, seen = wider, [*seen, text]
        for earlier in seen:
            values = template.read(earlier)
            assert values is not None
            assert template.join(values) == earlier
        assert all(template.literals[1:-1])
        assert orjson.loads(template.dump()) == list(template.literals)


names = st.text(string.ascii_uppercase, min_size=1, max_size=1).flatmap(
    lambda first: st.text(string.ascii_lowercase, min_size=4, max_size=9).map(lambda rest: first + rest)
)
dates = st.dates().map(lambda day: f"{day.year:04}-{day.month:02}-{day.day:02}")
times = st.times().map(lambda t: f"{t.hour:02}:{t.minute:02}:{t.second:02}")
PLANTS = {
    "Current time: {}\n": st.builds("{} {}".format, dates, times),
    "You are talking to {} today.\n": names,
    "Request id: {}\n": st.uuids().map(str),
    "## Passages\n\n{}\n\n": st.integers(1, 1000).flatmap(
        lambda first: st.integers(2, 5).map(lambda n: "\n\n".join(passage(first * 10 + k) for k in range(n)))
    ),
}
BASE = [f"{n + 1}. {passage(20_000 + n * 7)[:150]}\n" for n in range(40)]


@given(st.data(), st.permutations(list(PLANTS)))
def test_what_is_planted_is_found(data: st.DataObject, plants: list[str]) -> None:
    """Of values that differ each lies within one slot after three texts, and of the rest nearly all is literal."""
    places = data.draw(st.lists(st.integers(0, len(BASE)), min_size=4, max_size=4, unique=True))
    values = {
        plant: data.draw(st.lists(PLANTS[plant], min_size=3, max_size=3, unique_by=lambda value: value.split("\n")[0]))
        for plant in plants
    }
    several = []
    for turn in range(3):
        lines = list(BASE)
        for place, plant in sorted(zip(places, plants, strict=True), reverse=True):
            lines.insert(place, plant.format(values[plant][turn]))
        several.append("".join(lines))
    template = learn(*several)
    assert sum(map(len, template.literals)) >= 0.95 * sum(map(len, BASE))
    for turn, text in enumerate(several):
        read = template.read(text)
        assert read is not None
        for plant in plants:
            assert sum(values[plant][turn] in value for value in read) == 1
