"""What an analysis found, as plain values: the screen, the page, JSON and SQL all show this and nothing else.

Tokens are integers, money is in US dollars, times are seconds since 1970. Money is None where a model has no price.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from everwarm.core.analysis.loss import Cause
from everwarm.core.layout.piece import Tier


@dataclass(slots=True)
class Source:
    """One file that was read."""

    name: str
    format: str  # "Claude Code transcript"; "" if nothing was understood
    calls: int
    bytes: int  # unpacked
    unread: int = 0  # lines in which no call was found
    sample: str = ""  # of the first of them: where it is, why, and how it begins
    repeated: int = 0  # calls that were there already, in this file or another one


@dataclass(slots=True)
class Step:
    """One step of the waterfall: tokens that went one way, and why. Those of all steps and ``Sums.read`` add up to
    ``Sums.prompt``."""

    cause: Cause
    what: str  # "a clock"; "" where the cause says it all
    tokens: int
    calls: int
    money: float | None  # what reading them from the cache would have saved
    label: str  # a line for people: "system prompt changed: a clock"
    path: str = ""  # where most of it lies: "messages[0].content"
    start: int = 0
    end: int = 0
    was: str = ""  # an example
    became: str = ""
    where: str = ""  # of the example: file:line
    evidence: str = ""
    cure: str = ""  # what helps, in words; "" where nothing does


@dataclass(slots=True)
class Sums:
    """Of some calls together."""

    name: str  # of the group: a model, a day as 2026-11-26, an application ...; "" for all
    calls: int = 0
    failed: int = 0
    reported: int = 0  # calls of which the provider said what it read
    prompt: int = 0  # tokens
    read: int = 0
    written: int = 0
    output: int = 0
    ideal: int = 0  # what an unlimited cache would have read of the prompts as they were sent
    rules: int = 0  # the same under the provider's rules
    cost: float | None = 0.0
    uncached: float | None = 0.0  # what it would have cost without any cache
    steps: list[Step] = field(default_factory=list)  # what costs most first; at the end what is new

    @property
    def rate(self) -> float:
        """Of the prompt tokens, which part was read from the cache: 0 to 1."""
        return self.read / self.prompt if self.prompt else 0.0


@dataclass(slots=True)
class Repair:
    """One way to lose less, replayed on the whole log under the same rules."""

    name: str  # "layout", "spelling", "breakpoints", "ttl", "keep-alive", "cache-key", "all"
    label: str  # for people
    calls: int  # whose request or timing it changes
    prompt: int  # tokens after it: what is moved is told anew, and may be longer
    read: int
    written: int
    cost: float | None
    before_prompt: int  # simulated as it was, under the same rules
    before_read: int
    before_written: int
    before_cost: float | None
    note: str = ""  # what it takes, or why it does nothing here


@dataclass(slots=True)
class Flame:
    """A stretch of prompts that many calls begin with, and how they go on. Width is tokens times requests."""

    text: str  # how it begins, at most 200 characters
    tier: Tier
    tokens: int  # of one call
    calls: int
    read: int  # of tokens times calls, what was read
    lost: int  # and what was lost; the rest was new
    cause: str = ""  # of most of what was lost, as the label of its step
    inside: list[Flame] = field(default_factory=list)  # how they go on, the widest first


@dataclass(slots=True)
class Moment:
    """A stretch of time."""

    at: float  # its beginning
    seconds: float
    calls: int
    prompt: int
    read: int
    expired: int  # tokens lost because a lifetime was over
    lost: int  # tokens lost to anything


@dataclass(slots=True)
class Bar:
    """A stretch of one request."""

    stability: str  # "static", "session", "dynamic"
    tokens: int
    read: bool
    text: str  # how it begins, at most 80 characters


@dataclass(slots=True)
class Worst:
    """One of the requests that lost most."""

    where: str  # file:line
    at: float | None
    model: str
    prompt: int
    read: int
    lost: int
    label: str  # of the step that took most
    path: str
    was: str
    became: str
    bars: list[Bar] = field(default_factory=list)


@dataclass(slots=True)
class Answers:
    """What a cache of answers would have done."""

    ttl: float  # seconds that an answer is kept
    calls: int  # that an exact cache would have answered
    tokens: int  # prompt and output of those
    cost: float | None


@dataclass(slots=True)
class Trace:
    """A trace of hashed blocks: it tells no text and no cause, but what caches of all sizes would have read."""

    name: str
    requests: int
    tokens: int  # of all prompts
    size: int  # tokens of a block
    blocks: int  # distinct ones, each known by its whole prefix
    unlimited: float  # of the tokens, which part a cache that keeps everything would have read: 0 to 1
    curve: list[tuple[int, float]]  # tokens that a cache holds, least recently used out first, and its rate
    needed: list[tuple[float, int]]  # a share of ``unlimited``, and the tokens of the smallest cache that has it
    ttl: list[tuple[float, float]]  # seconds that a block lives since its last use, and the rate; empty without times
    waits: list[tuple[float | None, int]]  # tokens used again after at most so many seconds (None: longer), each once
    note: str = ""  # what was assumed, in full sentences


@dataclass(slots=True)
class Report:
    """Everything."""

    sources: list[Source]
    total: Sums
    models: list[Sums]
    streams: list[Sums]
    apps: list[Sums]
    days: list[Sums]
    repairs: list[Repair]
    answers: list[Answers]
    near: int  # calls that differ from an earlier one in a few characters of the last message only
    flame: list[Flame]
    timeline: list[Moment]
    worst: list[Worst]
    notes: list[str]  # what is estimated, assumed, or was left out, in full sentences
    began: float | None = None  # of the first and the last call
    ended: float | None = None
    traces: list[Trace] = field(default_factory=list)
    one_in: int = 1  # of so many conversations one was looked at; all sums are of those
    version: int = 1  # of this form
