from __future__ import annotations

import json
from typing import Any

from everwarm.demo.client import Client
from everwarm.demo.play import Play
from everwarm.demo.script import SCRIPT, Ask, rounds


def test_a_follow_up_carries_the_conversation_and_a_new_one_does_not(gateway: Any) -> None:
    play = Play(Client(gateway.url), "default", "Be brief.")
    play.group([Ask("Ben", "One?")])
    (second,) = play.group([Ask("Ben", "Two?", follows=True)])
    (third,) = play.group([Ask("Ben", "Three?")])
    sent = [[m["content"] for m in json.loads(b)["messages"]] for b in gateway.bodies]
    assert sent == [
        ["Be brief.", "One?"],
        ["Be brief.", "One?", "About one?", "Two?"],
        ["Be brief.", "Three?"],
    ]
    assert second.characters == (9, 14, 4)
    assert third.characters == (9, 0, 6)
    assert (second.number, third.number) == (2, 3)


def test_those_who_ask_together_share_one_answer(gateway: Any) -> None:
    gateway.hold_for = {"Now?": 1}
    play = Play(Client(gateway.url), "default", "Be brief.")
    results = play.group([Ask("Elif", "Now?"), Ask("Farid", "Now?", together=True)])
    assert sorted(r.answer.cache for r in results) == ["joined", "miss"]
    assert results[0].answer.text == results[1].answer.text
    assert [r.ask.who for r in results] == ["Elif", "Farid"]


def test_who_shuffles_hits_what_others_asked(gateway: Any) -> None:
    play = Play(Client(gateway.url), "default", "Be brief.")
    play.group([Ask("Ben", "One?")])
    (result,) = play.group([Ask("Chiyo", "One?")])
    assert result.answer.cache == "hit"
    assert gateway.bodies[0] != gateway.bodies[1]


def test_the_whole_script_asks_the_same_twice(gateway: Any) -> None:
    def run() -> list[bytes]:
        gateway.bodies.clear()
        play = Play(Client(gateway.url), "default", "Be brief.")
        for group in rounds(SCRIPT):
            play.group(group)
        return sorted(gateway.bodies)

    assert run() == run()
