"""Plays the script: keeps each person's conversation, sends what is to be sent together together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from everwarm.demo.client import Answer, Client
from everwarm.demo.request import Turn, body, plain_bytes, shuffled_bytes
from everwarm.demo.script import Ask, person
from everwarm.demo.tally import Characters, Result

_NOBODY: Callable[[], object] = lambda: None  # noqa: E731


class Play:
    """The state of one run: conversations by name, and how many requests there were."""

    def __init__(self, client: Client, model: str, system: str) -> None:
        self._client = client
        self._model = model
        self._system = system
        self._sessions: dict[str, list[Turn]] = {}
        self._sent = 0

    def group(self, asks: Sequence[Ask]) -> list[Result]:
        """Send these together (the first one first), wait for all, and remember what was said."""
        begun = [self._begin(ask) for ask in asks]
        answers = self._together([data for _, data in begun])
        numbers = range(self._sent + 1, self._sent + len(asks) + 1)
        self._sent += len(asks)
        for ask, answer in zip(asks, answers, strict=True):
            self._sessions[ask.who] += [_turn("user", ask.question), _turn("assistant", answer.text)]
        lines = zip(numbers, asks, begun, answers, strict=True)
        return [Result(number, ask, lengths, answer) for number, ask, (lengths, _), answer in lines]

    def _begin(self, ask: Ask) -> tuple[Characters, bytes]:
        """Lengths and bytes of the request. The seed of a shuffle is its place in the run."""
        who = person(ask.who)
        session = self._sessions.setdefault(ask.who, [])
        if not ask.follows:
            session.clear()
        asked = body(who, self._model, self._system, session, ask.question)
        lengths = Characters(len(self._system), sum(len(t["content"]) for t in session), len(ask.question))
        return lengths, shuffled_bytes(asked, self._sent) if who.shuffles else plain_bytes(asked)

    def _together(self, bodies: Sequence[bytes]) -> list[Answer]:
        first, *others = bodies
        if not others:
            return [self._client.chat(first, _NOBODY)]
        sent = Event()
        with ThreadPoolExecutor(len(bodies)) as pool:
            leader = pool.submit(self._client.chat, first, sent.set)
            sent.wait()  # the first is on its way before the others, so that the run is the same each time
            followers = [pool.submit(self._client.chat, data, _NOBODY) for data in others]
            return [leader.result(), *(f.result() for f in followers)]


def _turn(role: str, content: str) -> Turn:
    return {"role": role, "content": content}
