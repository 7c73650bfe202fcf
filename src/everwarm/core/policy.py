"""The life of one request, as states and effects. The shell (``gateway/run.py``) is one loop that does what it says.

              read allowed                     Found
    begin ───────────────▶ RECALL ──────────────────────────▶ REPLAY ──── Sent ──▶ OVER
      │                      │ Absent                            (from the store)    ▲
      │ read not allowed     ▼                                                       │
      └──────────────────▶  FLY  ─── Aboard ──▶ FORWARD ──────────── Sent ───────────┤
                            ▲ │                    (from a flight: own, or joined)   │
              Unsuited ─────┘ └── Failed ─────────▶ refuse ──────────────────────────┘

A client that goes away (``Gone``) ends any of them. What becomes of the finished answer is the flight's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from everwarm.errors import BadRequest, Bug, EverwarmError, NotStored

MAX_TAGS: Final = 16
MAX_TAG_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Control:
    """What may be done with the store for one request. ``why`` says, in words, why it may not be read."""

    read: bool = True
    write: bool = True
    max_age: float | None = None  # seconds
    why: str = ""
    only_stored: bool = False  # no answer but a stored one is wanted
    rest: bool = True  # whether anything of it may rest on disk, also what a model has computed for it


def control(cache_control: str) -> Control:
    """From the request's ``Cache-Control``.

    ``no-store`` neither reads nor writes, ``no-cache`` asks anew and replaces, ``max-age=N`` bounds the age. One that
    is no number counts as 0: whoever wrote it wanted something fresh. ``only-if-cached`` wants a stored answer or none.
    Other directives do not concern a request.
    """
    if not cache_control:
        return _FREE
    words = {w.strip().lower() for w in cache_control.split(",")}
    found = _control(words)
    return replace(found, only_stored=True) if "only-if-cached" in words else found


def _control(words: set[str]) -> Control:
    if "no-store" in words:
        return Control(read=False, write=False, why="asked with Cache-Control: no-store", rest=False)
    if "no-cache" in words:
        return Control(read=False, why="asked anew with Cache-Control: no-cache")
    ages = [w.removeprefix("max-age=").strip('"') for w in words if w.startswith("max-age=")]
    return Control(max_age=min(_age(a) for a in ages)) if ages else _FREE


def hindered(asked: Control, obstacle: str | None) -> Control:
    """What is left of it where the gateway found something in the way (in words, or None)."""
    if obstacle is None:
        return asked
    return replace(asked, read=False, write=False, max_age=None, why=obstacle)


_FREE: Final = Control()


def _age(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0


def tags(header: str) -> tuple[str, ...]:
    """The labels of ``x-everwarm-tags``. Raises ``BadRequest`` for too many, too long, or unprintable ones."""
    found = tuple(dict.fromkeys(t.strip() for t in header.split(",") if t.strip()))
    if len(found) > MAX_TAGS:
        raise BadRequest(
            f"x-everwarm-tags names {len(found)} tags; at most {MAX_TAGS} are kept.", param="x-everwarm-tags"
        )
    for tag in found:
        if len(tag) > MAX_TAG_LENGTH or not tag.isprintable():
            raise BadRequest(
                f"x-everwarm-tags holds a tag that is longer than {MAX_TAG_LENGTH} characters or not printable.",
                param="x-everwarm-tags",
            )
    return found


How = Literal["join", "second", "anew", "alone"]
"""Board the flight for this key; the second one, for those to whom what the first brings is of no use; start another in
the place of both, for those to come; or one that nobody joins."""

Phase = Literal["recall", "replay", "fly", "forward", "over"]
"""Where a request is."""


class Life(NamedTuple):
    """The state: a phase, and what the answer's headers will say."""

    phase: Phase
    control: Control
    cache: str = ""  # hit | miss | bypass | joined
    why: str = ""
    unsuited: bool = False  # a flight was of no use


# --- events: what has happened ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """The store has an answer."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The store has none; ``why`` is the nearest reason."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsuited:
    """The flight gives an answer that cannot be had in the form that was asked for."""

    why: str = "the same request was under way, but in a form without token counts"


@dataclass(frozen=True, slots=True)
class Aboard:
    """A flight's first event is there. ``joined``: somebody else had started it."""

    joined: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """There will be no answer, or not the rest of it."""

    error: EverwarmError


@dataclass(frozen=True, slots=True)
class Sent:
    """The last byte is out."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The client has closed its connection."""


# --- effects: what the shell must do ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recall:
    """Ask the store; answer with ``Found`` or ``Absent``."""

    max_age: float | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Send the stored answer; ``Sent``."""


@dataclass(frozen=True, slots=True)
class Fly:
    """Take a flight to the model; ``Aboard`` or ``Failed``."""

    how: How


@dataclass(frozen=True, slots=True)
class Forward:
    """Send the flight's events as they come; ``Sent`` or ``Failed``."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Send the error: as a response if nothing is out yet, else as the stream's last event."""

    error: EverwarmError


Event = Found | Absent | Unsuited | Aboard | Failed | Sent | Gone
Effect = Recall | Replay | Fly | Forward | Refuse
Step = tuple[Life, Effect | None]


_REPLAY: Final = Replay()
_BEGUN: Final = Life("recall", _FREE), Recall(None)
"""How most lives begin."""
_HIT: Final = Life("replay", _FREE, "hit")
_SERVED: Final = Life("over", _FREE, "hit")


def begin(control: Control) -> Step:
    """The first state and what to do first."""
    if control is _FREE:
        return _BEGUN
    if control.read:
        return Life("recall", control), Recall(control.max_age)
    if control.only_stored:
        return _not_stored(Life("fly", control, why=control.why))
    return Life("fly", control, why=control.why), Fly("anew" if control.write else "alone")


def step(life: Life, event: Event) -> Step:
    """The next state and what to do next; None: nothing more. Raises ``Bug`` for an event that cannot happen here."""
    rule = _RULES.get((life.phase, type(event)))
    if rule is None:
        if isinstance(event, Gone):
            return _over(life, event)
        if isinstance(event, Failed):
            return _over(life, event)[0], Refuse(event.error)
        raise Bug(f"{type(event).__name__} cannot happen in the phase {life.phase}.")
    return rule(life, event)


def _found(life: Life, _: Event) -> Step:
    return (_HIT if life.control is _FREE else Life("replay", life.control, "hit")), _REPLAY


def _absent(life: Life, event: Event) -> Step:
    assert isinstance(event, Absent)
    if life.control.only_stored:
        return _not_stored(Life("fly", life.control, why=event.why))
    return Life("fly", life.control, why=event.why), Fly("join")


def _not_stored(life: Life) -> Step:
    error = NotStored(f"There is no stored answer ({life.why}), and only-if-cached was asked.")
    return Life("over", life.control, "miss", life.why), Refuse(error)


def _unsuited(life: Life, event: Event) -> Step:
    """Another flight: what it brings can be had in the form that is asked for now, by all to whom that happens."""
    assert isinstance(event, Unsuited)
    how: How = "alone" if not life.control.write else "anew" if life.unsuited else "second"
    return Life("fly", life.control, why=event.why, unsuited=True), Fly(how)


def _aboard(life: Life, event: Event) -> Step:
    assert isinstance(event, Aboard)
    cache = "joined" if event.joined else "miss" if life.control.write else "bypass"
    why = "the same request was under way already" if event.joined else life.why
    return Life("forward", life.control, cache, why), Forward()


def _replayed(life: Life, event: Event) -> Step:
    return (_SERVED, None) if life is _HIT else _over(life, event)


def _over(life: Life, _: Event) -> Step:
    return Life("over", life.control, life.cache, life.why), None


_RULES: Final[dict[tuple[Phase, type[Event]], Callable[[Life, Event], Step]]] = {
    ("recall", Found): _found,
    ("recall", Absent): _absent,
    ("replay", Sent): _replayed,
    ("fly", Aboard): _aboard,
    ("fly", Unsuited): _unsuited,
    ("forward", Sent): _over,
    ("over", Sent): _over,  # an error is out
}
