"""What the layout engine has to say about one request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from everwarm.core.layout.piece import Path
from everwarm.core.layout.slots import Stability
from everwarm.core.rules import Rule

if TYPE_CHECKING:  # settings have their words from here, and need nothing else
    from everwarm.core.layout.draft import Draft
    from everwarm.core.wire import Json

Mode = Literal["off", "advise", "rewrite"]

Cure = Literal["move", "respell", "reorder", "mark", "none"]
"""What repairs it: move the span to the tail; write the value as it was seen first; list tools in the order first seen;
set a breakpoint; nothing that we do."""


class Finding(NamedTuple):
    """One thing that keeps a prefix from being reused, and what it made uncachable in this request."""

    path: Path  # of the piece
    start: int  # in characters of the piece's text
    end: int
    kind: str  # what it is: "a clock", "an id", "shuffled keys" ...
    cure: Cure
    done: bool  # whether the wire form repairs it; False: only said
    lost: int  # characters after it that were there before and cannot be reused because of it
    total: int  # characters of the whole request, as rendered
    stability: Stability | None = None  # of a value: how long it lasts, as far as was seen
    confidence: float = 0.0  # 0 to 1: how sure that is


NO_STREAMS: Final[Mapping[str, Mode]] = MappingProxyType({})
"""None has a mode of its own."""


class Cost(NamedTuple):
    """What a finding makes uncachable, in tokens."""

    lost: int  # as in ``Finding``
    total: int
    calibrated: bool  # by the usage that was reported of the model's prompts; False: estimated by what is common


class Wishes(NamedTuple):
    """What may be done to a request."""

    mode: Mode = "advise"  # off: it is not even read, whatever ``streams`` says
    reference: str = '(see <context name="{name}">)'  # stands where a moved span was
    block: str = '<context name="{name}">{value}</context>'  # holds it, at the end of the turn
    keep: tuple[str, ...] = ()  # regular expressions; a span in which one is found is never moved
    breakpoints: bool = True  # whether marks may be set in mode rewrite
    rule: Rule | None = None  # of the cache of the provider that serves the model; None: not known, nothing is marked
    streams: Mapping[str, Mode] = NO_STREAMS  # those that have a mode of their own, by ``Arranged.stream``

    def each(self) -> bool:
        """Whether each request must be understood, for it may have to be rewritten; not only those of the sample."""
        return self.mode == "rewrite" or "rewrite" in self.streams.values()

    def marking(self) -> bool:
        """Whether marks may be set in requests, or could be in mode rewrite."""
        return self.breakpoints and self.rule is not None and bool(self.rule.mark)

    def of(self, stream: str) -> Wishes:
        """What may be done to a request of this stream."""
        mode = self.streams.get(stream, self.mode)
        return self if mode == self.mode else self._replace(mode=mode)


class Arranged(NamedTuple):
    """A request as it goes out."""

    data: bytes  # the client's very bytes, where nothing is changed
    findings: tuple[Finding, ...] = ()
    stream: str = ""  # the name of its stream, as ``everwarm layout`` lists it; "" if it belongs to none
    weight: int = 1  # for how many requests it stands in sums; 0: nothing was measured, and another one stands for it
    moved: bool = False  # whether a value leaves the system prompt, or would in mode rewrite
    value: Mapping[str, Json] | None = None  # ``data``, parsed, if that is at hand
    unmoved: Draft | None = None  # what it was before values were moved, and before marks were set; None: none were
