from __future__ import annotations

from collections import Counter

from everwarm.demo.script import AFTER, DAY, OPENING, PEOPLE, SCRIPT, Ask, instructions, person, rounds


def test_eight_people_all_of_whom_ask() -> None:
    assert len(PEOPLE) == 8
    assert {a.who for a in SCRIPT} == {p.name for p in PEOPLE}
    assert sum(p.streams for p in PEOPLE) == 1
    assert sum(p.shuffles for p in PEOPLE) == 1


def test_nobody_goes_on_with_a_conversation_that_was_not_begun() -> None:
    begun: set[str] = set()
    for ask in (*DAY, *AFTER):  # what was said in the opening is not gone on with
        assert not ask.follows or ask.who in begun
        begun.add(ask.who)


def test_in_the_opening_all_ask_at_once_and_share_nothing_but_the_handbook() -> None:
    assert [a.who for a in OPENING] == [p.name for p in PEOPLE]
    assert rounds()[0] == OPENING
    others = {a.question.split()[0] for a in (*DAY, *AFTER) if not a.follows}
    assert len({a.question.split()[0] for a in OPENING} - others) == len(PEOPLE)


def test_after_the_restart_one_conversation_goes_on_and_one_question_was_answered_before() -> None:
    goes_on, asks_again = AFTER
    assert goes_on.follows
    assert person(goes_on.who).streams
    assert goes_on.question not in {a.question for a in SCRIPT}
    assert not asks_again.follows
    assert asks_again.question in {a.question for a in DAY if not a.follows}


def test_those_who_ask_together_are_different_people_with_one_question() -> None:
    groups = [group for group in rounds(DAY) if len(group) > 1]
    assert groups
    for group in groups:
        assert len({a.question for a in group}) == 1
        assert len({a.who for a in group}) == len(group)
        assert not any(a.follows for a in group)


def test_questions_repeat_word_for_word_among_people() -> None:
    first = Counter(a.question for a in DAY if not a.follows)
    assert sum(1 for n in first.values() if n > 1) >= 5


def test_who_shuffles_asks_only_what_another_asked_before_in_the_same_conversation() -> None:
    asked: set[tuple[str, ...]] = set()
    talk: dict[str, tuple[str, ...]] = {}
    for ask in DAY:
        talk[ask.who] = (*(talk[ask.who] if ask.follows else ()), ask.question)
        if person(ask.who).shuffles:
            assert talk[ask.who] in asked, talk[ask.who]
        asked.add(talk[ask.who])


def test_rounds_keep_every_request_in_its_order() -> None:
    assert [a for group in rounds() for a in group] == list(SCRIPT)
    one, two = Ask("Ben", "a", together=True), Ask("Elif", "a", together=True)
    assert rounds((one, two)) == [(one, two)]
    assert rounds(()) == []


def test_the_instructions_are_the_system_prompt_and_then_the_handbook() -> None:
    text = instructions()
    assert text.startswith("You are the support copilot")
    assert "# Tarnbeck support handbook" in text
    assert 6000 < len(text) < 9000  # at 3.6 characters a token: 1,650 to 2,500 tokens
