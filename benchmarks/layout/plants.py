"""Real agent requests (trajectories of tau-bench's airline agent) with what applications plant in their prompts.

Each plant has the clean body of a request and puts into it what one kind of application would: a clock, a user's name,
shuffled keys. ``requests`` gives the requests of the first trajectories, each call of the model one request, with time.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

Body = dict[str, Any]

PEOPLE: Final = ("Mia Li", "Noah Müller", "Ana de Souza", "Chen Wu", "Yuki Tanaka", "Omar Haddad", "Ivan Petrov")
START: Final = 1_795_600_000.0
"""Seconds since 1970 at the first request."""


class Call(NamedTuple):
    """One request: its body, when it is made, and which trajectory it belongs to."""

    body: Body
    at: float
    talk: int
    turn: int


Plant = Callable[[Body, Call, random.Random], None]


def requests(trajectories: list[list[Mapping[str, Any]]], tools: list[Body], most: int = 600) -> Iterator[Call]:
    """Calls as an agent makes them: one for each message of the assistant, 8 s apart; 30 s between trajectories."""
    at, count = START, 0
    for talk, messages in enumerate(trajectories):
        turn = 0
        for i, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            history = [{k: v for k, v in m.items() if v is not None} for m in messages[:i]]
            yield Call({"model": "gpt-5-mini", "messages": history, "tools": tools}, at, talk, turn)
            at, turn, count = at + 8, turn + 1, count + 1
            if count == most:
                return
        at += 30


def planted(calls: list[Call], plant: Plant) -> Iterator[Call]:
    """The same calls with the plant in each; always the same ones."""
    chance = random.Random(5)
    for call in calls:
        body = copy.deepcopy(call.body)
        plant(body, call, chance)
        yield call._replace(body=body)


def _system(body: Body, change: Callable[[str], str]) -> None:
    body["messages"][0]["content"] = change(body["messages"][0]["content"])


def _clock(call: Call) -> str:
    seconds = int(call.at - START)
    return f"2026-11-{20 + seconds // 86400:02} {seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def nothing(body: Body, call: Call, chance: random.Random) -> None:
    """As it came."""


def clock_first(body: Body, call: Call, chance: random.Random) -> None:
    """(a) A timestamp in line 1."""
    _system(body, lambda text: f"Current time: {_clock(call)}\n\n{text}")


def clock_last(body: Body, call: Call, chance: random.Random) -> None:
    """(b) A timestamp at the end of the system prompt."""
    _system(body, lambda text: f"{text}\n\nThe current time is {_clock(call)}.")


def user_first(body: Body, call: Call, chance: random.Random) -> None:
    """(c) Whom it speaks to, first."""
    name = PEOPLE[call.talk % len(PEOPLE)]
    head = f"User: {name}\nUser ID: {name.split()[0].lower()}_{1000 + 37 * call.talk}\n\n"
    _system(body, lambda text: head + text)


def shuffled(body: Body, call: Call, chance: random.Random) -> None:
    """(d) Keys of JSON and the list of tools, in another order each time."""
    body["tools"] = [_shuffle(tool, chance) for tool in body["tools"]]
    chance.shuffle(body["tools"])
    for message in body["messages"]:
        for called in message.get("tool_calls", ()):
            arguments = json.loads(called["function"]["arguments"])
            called["function"]["arguments"] = json.dumps(_shuffle(arguments, chance))


def _shuffle(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(k, _shuffle(v, chance)) for k, v in value.items()]
        chance.shuffle(items)
        return dict(items)
    return [_shuffle(v, chance) for v in value] if isinstance(value, list) else value


def billing(body: Body, call: Call, chance: random.Random) -> None:
    """(e) A line for whoever bills, another one with each request."""
    line = f"x-anthropic-billing-header: cc_version=2.1.15; cc_entrypoint=cli; cch={chance.getrandbits(20):05x};"
    _system(body, lambda text: f"{line}\n{text}")


def passages(body: Body, call: Call, chance: random.Random) -> None:
    """(f) Passages that were retrieved for this conversation, before the instructions."""
    found = random.Random(call.talk)
    chosen = [f"[{i + 1}] {_prose(found)}" for i in range(3)]
    _system(body, lambda text: "Relevant passages:\n" + "\n".join(chosen) + "\n\n" + text)


WORDS: Final = tuple(
    """
    refund baggage gate delay voucher upgrade cabin fare policy airport customer agent ticket counter
    weather crew standby layover boarding itinerary seat meal passport insurance cancel change receipt
    terminal lounge partner
    """.split()  # noqa: SIM905  words, as one writes them
)


def _prose(chance: random.Random) -> str:
    sentences = (" ".join(chance.choices(WORDS, k=chance.randint(8, 16))).capitalize() + "." for _ in range(5))
    return " ".join(sentences)


def memory(body: Body, call: Call, chance: random.Random) -> None:
    """(g) What the application remembers, a line more every third request."""
    told = random.Random(9)
    count = 1 + (13 * call.talk + call.turn) // 3
    lines = [f"- Note {i + 1}: {' '.join(told.choices(WORDS, k=6))}." for i in range(count)]
    _system(body, lambda text: "## Memory\n" + "\n".join(lines) + "\n\n" + text)


def everything(body: Body, call: Call, chance: random.Random) -> None:
    """(h) All together."""
    for plant in (memory, passages, user_first, clock_first, billing, clock_last, shuffled):
        plant(body, call, chance)


PLANTS: Final[Mapping[str, Plant]] = {
    "clean": nothing,
    "a clock in line 1": clock_first,
    "a clock at the end of the system prompt": clock_last,
    "name and id of the user first": user_first,
    "shuffled keys and tools": shuffled,
    "a billing line": billing,
    "retrieved passages first": passages,
    "a memory that grows": memory,
    "all together": everything,
}
