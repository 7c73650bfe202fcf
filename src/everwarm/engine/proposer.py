"""Who proposes what answers say next: the contract, and the one who knows nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Row
from typing import Protocol

from everwarm.engine.answer import NO_DRAFT, Draft, Sequence

Figure = tuple[tuple[str, str], float]
"""See ``core.upstream``."""


class Proposer(Protocol):
    """Makes drafts where nothing can be looked up. Used by the engine's thread alone, and never fails."""

    def propose(self, sequences: Row[Sequence], room: int, beside: int) -> Mapping[Sequence, Draft]:
        """Drafts for those of ``sequences``, all of which decode, for which that pays.

        ``room``: tokens of all drafts together. ``beside``: rows of the step that these sequences do not have.
        """
        ...

    def took(self, rows: int, seconds: float) -> None:
        """The model took so long for a step of so many rows, all of which decode."""
        ...

    def leave(self, sequence: Sequence) -> None:
        """Nothing more comes of ``sequence``."""
        ...

    def figures(self) -> Iterator[Figure]:
        """What was counted."""
        ...


class NoProposer:
    """Where there is no draft model."""

    def propose(self, sequences: Row[Sequence], room: int, beside: int) -> Mapping[Sequence, Draft]:
        return {}

    def took(self, rows: int, seconds: float) -> None:
        pass

    def leave(self, sequence: Sequence) -> None:
        pass

    def figures(self) -> Iterator[Figure]:
        return iter(())


def drafts_for(sequences: Row[Sequence], room: int, proposer: Proposer) -> list[Draft]:
    """A draft for each of ``sequences``, which decode, of at most ``room`` tokens in all.

    What the format forces and what can be looked up costs nothing, so the proposer is asked for the others only.
    """
    drafts: list[Draft] = []
    given = 0
    for sequence in sequences:
        drafts.append(sequence.draft(room - given, len(sequences) - 1 + given))
        given += len(drafts[-1].tokens)
    without = [sequence for sequence, draft in zip(sequences, drafts, strict=True) if not draft.tokens]
    if not without or room <= given:
        return drafts
    proposed = proposer.propose(without, room - given, len(sequences) - len(without) + given)
    return [d if d.tokens else proposed.get(s, NO_DRAFT) for s, d in zip(sequences, drafts, strict=True)]
