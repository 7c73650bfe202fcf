"""Conversations, told by their messages: which request came before this one, and what its values were."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from everwarm.core.layout.piece import Piece

MOST: Final = 10_000
"""Requests whose conversations may go on."""


class Turn(NamedTuple):
    """One request of a conversation."""

    marks: tuple[int, ...]  # of the values of its stream's slots
    at: float  # seconds since 1970


class Before(NamedTuple):
    """The request before in the same conversation. ``sure``: an answer of the model is in what both share. Two people
    may begin with the same words; that they also got the same answer is rare."""

    turn: Turn
    sure: bool


class Talks:
    """The last requests, each under the hash of its messages (Python's own: another key in each process)."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._turns: OrderedDict[int, Turn] = OrderedDict()

    def before(self, chain: Sequence[tuple[int, bool]]) -> Before | None:
        """The request whose messages are the most of these messages' beginning."""
        for link, sure in reversed(chain):
            turn = self._turns.get(link)
            if turn is not None:
                return Before(turn, sure)
        return None

    def note(self, chain: Sequence[tuple[int, bool]], turn: Turn) -> None:
        """Remember a request."""
        if not chain:
            return
        link = chain[-1][0]
        self._turns[link] = turn
        self._turns.move_to_end(link)
        if len(self._turns) > self._most:
            self._turns.popitem(last=False)


def chain_of(space: str, kin: str, pieces: Sequence[Piece]) -> list[tuple[int, bool]]:
    """The messages so far, as one hash, after each of them; and whether one of them is the model's."""
    at, answered, chain = hash((space, kin)), False, []
    for piece in pieces:
        if piece.tier == "messages":
            at = hash((at, piece.text))
            answered = answered or piece.role == "assistant"
            chain.append((at, answered))
    return chain
