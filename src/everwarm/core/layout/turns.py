"""What is put at the end of turns, and stays there: the memory of a conversation.

A client never sees what we add, so each request comes with its earlier turns as the client knows them. What was put
there must be put there again, word for word, or the provider's prefix breaks at that turn. So each addition is a note
under the digest of all messages up to its turn and of the values that last as long as the conversation: those tell two
conversations apart that begin with the same words. A digest is taken for the messages here, as no text is kept to
compare with: SHA-256, whole.

Losing a note costs a cached prefix and no more: what the newest turn must know is told anew if no earlier turn told it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import orjson

from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.moves import Move
from everwarm.core.layout.notes import Notes
from everwarm.core.layout.piece import Piece

ADDED: Final = " (added)"
"""Behind a name: the value is what was told before, and this."""

GROWS: Final = 40
"""Characters that a value has at least before what was added to it is told alone."""


class Said(NamedTuple):
    """One value as it was told at a turn."""

    name: str
    value: str
    added: bool = False


class Turn(NamedTuple):
    """What stands at the end of one message, of those that a person, a program or a tool has sent."""

    message: int
    said: tuple[Said, ...]


def tell(notes: Notes, space: str, kin: str, pieces: Sequence[Piece], moves: Sequence[Move]) -> list[Turn]:
    """What goes behind which message: what was told there before, and behind the newest what it does not know yet.

    Empty where there is no turn to tell it at.
    """
    places = list(_places(kin, pieces, moves))
    if not places:
        return []
    turns: list[Turn] = []
    known: dict[str, str] = {}
    for message, name in places[:-1]:
        said = _load(notes.get(space, "turn", name))
        if said:
            turns.append(Turn(message, said))
            _learn(known, said)
    message, name = places[-1]
    said = tuple(_news(known, moves))
    if said:
        turns.append(Turn(message, said))
        notes.put(space, "turn", name, orjson.dumps([list(s) for s in said]))
    return turns


def written(said: Sequence[Said], wishes: Wishes) -> str:
    """The block of text for a turn."""
    named = ((s.name + ADDED if s.added else s.name, s.value) for s in said)
    return "\n".join([wishes.block.replace("{name}", name, 1).replace("{value}", value, 1) for name, value in named])


def _places(kin: str, pieces: Sequence[Piece], moves: Sequence[Move]) -> Iterator[tuple[int, bytes]]:
    """The messages that are turns, each with the name of its note."""
    state = sha256(kin.encode())
    for move in moves:
        if move.slot.stability != "dynamic":
            state.update(_framed(move.slot.name, move.value))
    messages = [p for p in pieces if p.tier == "messages"]
    framed: list[bytes] = []
    for i, piece in enumerate(messages):
        framed.append(_framed(piece.role, piece.text))
        last = i + 1 == len(messages) or messages[i + 1].message != piece.message
        if last and piece.role in ("user", "tool"):
            state.update(b"".join(framed))
            framed.clear()
            yield piece.message, state.digest()


def _framed(one: str, other: str) -> bytes:
    """Both, so that no other two give the same."""
    a, b = one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    return b"%d:%b%d:%b" % (len(a), a, len(b), b)


def _news(known: dict[str, str], moves: Sequence[Move]) -> Iterator[Said]:
    for move in moves:
        name, value = move.slot.name, move.value
        before = known.get(name)
        if before == value:
            continue
        if before is not None and len(before) >= GROWS and value.startswith(before):
            yield Said(name, value[len(before) :], True)
        else:
            yield Said(name, value)


def _learn(known: dict[str, str], said: Sequence[Said]) -> None:
    for name, value, added in said:
        known[name] = known.get(name, "") + value if added else value


def _load(data: bytes | None) -> tuple[Said, ...]:
    if data is None:
        return ()
    try:
        return tuple(Said(str(name), str(value), added is True) for name, value, added in orjson.loads(data))
    except (ValueError, TypeError):
        return ()
