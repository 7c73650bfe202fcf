"""Tokens of texts, for any model on the network; what is not counted is estimated, and says so."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

from everwarm.core.calibration import Calibration, Estimate
from everwarm.core.extent import Extent, extent_of
from everwarm.core.layout.notes import Notes
from everwarm.core.representations import Representations
from everwarm.counting.encodings import Encoder, encoder_of

MODELS: Final = 1000
"""Pairs of namespace and model of which something is known: those that were used last."""

EAGER: Final = 64
"""So many answers of a model are looked at; of later ones, one in ``SELDOM``."""

SELDOM: Final = 64

LIMIT: Final = 8 * 2**20
"""Bytes of texts, and of how many tokens they have, that are remembered."""

WORTH: Final = 1000
"""Characters from which a text is worth remembering."""


class Count(NamedTuple):
    """How many tokens a text has."""

    tokens: int
    exact: bool
    how: str  # the encoding, or where the estimate comes from, in words
    error: float = 0.0  # how far it may be off, as a part of ``tokens``
    answers: int = 0  # from whose usage an estimate was calibrated; 0: it is what is common


@dataclass(slots=True)
class _Model:
    """What is known of one model in one namespace."""

    calibration: Calibration = field(default_factory=Calibration)
    offered: int = 0  # answers from which something could be learned


class Counter:
    """What one namespace's answers have taught is not used for another: no count tells of others' requests.

    For any number of threads, as ``notes`` must be.
    """

    def __init__(self, notes: Notes | None = None) -> None:
        """``notes``: where what is learned outlives this process. It is read when a model is first asked about, and
        written at each doubling of the answers, and at each 64th."""
        self._notes = notes
        self._lock = Lock()
        self._models: OrderedDict[tuple[str, str], _Model] = OrderedDict()
        self._counts = Representations(LIMIT)

    def count(self, space: str, model: str, text: str) -> Count:
        """Of ``text`` alone, without what frames a message. It may load a vocabulary, so not on an event loop."""
        encoder = encoder_of(model)
        if encoder is not None:
            return Count(self._exact(space, encoder, text), True, encoder.name)
        with self._lock:
            return _told(self._of(space, model).calibration.estimate(extent_of([text])))

    def tokens_of(self, space: str, model: str, characters: int) -> Count:
        """Of so many characters of prompts like those that were seen. Microseconds; nothing is loaded."""
        with self._lock:
            return _told(self._of(space, model).calibration.tokens_of(characters))

    def wants(self, space: str, model: str) -> bool:
        """Whether there is something to learn from an answer of ``model``. Whoever asks has one at hand."""
        with self._lock:
            known = self._of(space, model)
            known.offered += 1
            return known.offered <= EAGER or known.offered % SELDOM == 0

    def learn(self, space: str, model: str, extent: Extent, tokens: int) -> None:
        """A prompt of ``extent`` had so many tokens, as its provider reports."""
        with self._lock:
            calibration = self._of(space, model).calibration
            before = calibration.answers
            calibration.learn(extent, tokens)
            if self._notes is not None and calibration.answers > before and _is_due(calibration.answers):
                self._notes.put(space, "calibration", _name(model), calibration.dump())

    def forget(self, space: str) -> None:
        """All that a namespace's answers have taught, and all else that is in its notes. Counts of texts stay."""
        with self._lock:
            self._unlearn(space)
            if self._notes is not None:
                self._notes.drop(space)

    def unlearn(self, space: str) -> None:
        """The same, where another process has dropped the notes."""
        with self._lock:
            self._unlearn(space)

    def _unlearn(self, space: str) -> None:
        self._models = OrderedDict((of, known) for of, known in self._models.items() if of[0] != space)

    def _exact(self, space: str, encoder: Encoder, text: str) -> int:
        if len(text) < WORTH:
            return encoder.count(text)
        name = f"{encoder.name} {text}"
        with self._lock:
            known = self._counts.get(space, name)
        if known is not None:
            return int.from_bytes(known, "big")
        tokens = encoder.count(text)
        with self._lock:
            self._counts.keep(space, name, tokens.to_bytes(8, "big"))
        return tokens

    def _of(self, space: str, model: str) -> _Model:
        found = self._models.get((space, model))
        if found is None:
            found = self._models[space, model] = self._noted(space, model)
        self._models.move_to_end((space, model))
        if len(self._models) > MODELS:
            self._models.popitem(last=False)
        return found

    def _noted(self, space: str, model: str) -> _Model:
        """What was known of it before this process began."""
        note = self._notes.get(space, "calibration", _name(model)) if self._notes is not None else None
        known = Calibration.load(note) if note is not None else None
        return _Model() if known is None else _Model(known, known.answers)


def _is_due(answers: int) -> bool:
    return answers & (answers - 1) == 0 or answers % EAGER == 0


def _name(model: str) -> bytes:
    return model.encode("utf-8", "surrogatepass")


def _told(estimate: Estimate) -> Count:
    source = f"from {estimate.answers} answers" if estimate.answers else "from no answer yet"
    return Count(estimate.tokens, False, f"estimated {source}, ±{estimate.error:.0%}", estimate.error, estimate.answers)
