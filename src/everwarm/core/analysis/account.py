"""What became of each token of each prompt of a log, call after call in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from everwarm.core.analysis.asked import NONE, Asked, Found, salts
from everwarm.core.analysis.cache import Cache
from everwarm.core.analysis.call import Call, Line
from everwarm.core.analysis.compare import nearly
from everwarm.core.analysis.kin import Kindred
from everwarm.core.analysis.kinds import change_of
from everwarm.core.analysis.loss import Account, Change, Loss
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.rivals import Kin
from everwarm.core.analysis.scale import Scale
from everwarm.core.analysis.waterfall import Told, Waterfall, losses_of
from everwarm.core.rules import Rule

RuleOf = Callable[[str, str], Rule | None]
"""Of a provider and a model."""

_SOON: Final = 0.001
"""Seconds after a call was sent in which its answer has not begun, where a log does not say when it did. So only calls
at the very same time count as parallel."""


class Options(NamedTuple):
    """How it is counted. For a replay what providers reported does not count, but what their rules give."""

    reported: bool = True
    explain: bool = True  # whether it is told why what was not read was lost
    keep: float = 0.0  # seconds for which prefixes are kept alive
    lifetime: str = ""  # of all entries, where marks are not known


@dataclass(slots=True)
class _Served:
    """What serves the calls of one provider, model and tenant."""

    rule: Rule | None
    cache: Cache
    scale: Scale
    kindred: Kindred  # of all that the tenant called


class Accounts:
    """One for a log. Give it all calls, the earliest first."""

    def __init__(
        self,
        prompts: Prompts,
        rule_of: RuleOf,
        options: Options | None = None,
        anchors: Mapping[int, int] | None = None,
    ) -> None:
        """``anchors``: prefixes whose tokens are known, for they stand for what a log hides."""
        self._hidden = anchors or {}
        self._rule_of = rule_of
        self._options = options or Options()
        self._serves: dict[tuple[str, str, str], _Served] = {}
        self._line: Line | None = None  # that of the last call
        self._last: _Served
        self._kindred: dict[str, Kindred] = {}  # by tenant
        self._salts: dict[object, int] = {}
        self._calls: list[Call] = []  # by number, where it is told why
        self._told = Told(prompts, self._calls, self._hidden)
        self._prompts = prompts
        self._number = 0
        self._now = self._begun = 0.0  # when the last call was sent; when the last answer began

    def of(self, call: Call) -> Account:
        """The account of a call that is not ``failed``, or failed after it was read: its tokens are known."""
        served = self._served(call.line)
        asked = self._asked(call, served)
        found = served.cache.ask(asked)
        ideal = asked.places.upto(found.any)
        usage = call.usage if self._options.reported else None
        if usage is None:
            read, written, long = found.rules, found.written, found.written_long
        else:
            read, long = _within(usage.cache_read, call.tokens), usage.cache_write_long
            written = usage.cache_write + long
            if usage.prompt:
                known = found.blocks == len(asked.path)
                served.scale.note(call.prompt.blocks, call.size, call.tokens, known=known)
        losses: tuple[Loss, ...] = ()
        near, after = False, -1 if found.blocks < (asked.heads[1] or 1) else found.pair
        if self._options.explain:
            kin, change = self._kin(call, asked, found, served.kindred), None
            self._calls.append(call)
            served.kindred.remember(call, self._number, asked.path, asked.heads[1])
            if kin is not None:
                after = kin.number
                if not kin.difference.grown:
                    change, near = self._change(call, kin)
            losses = losses_of(Waterfall(self._told, call, served.rule, asked, found, kin, change, read), ideal)
        self._number += 1
        return Account(call.tokens, read, losses, ideal, found.rules, written, long, near, after)

    def _served(self, line: Line) -> _Served:
        if line == self._line:  # as that of the call before
            return self._last
        served = self._serves.get(line[:3])
        if served is None:
            rule = self._rule_of(line.provider, line.model)
            kindred = self._kindred.setdefault(line.space, Kindred(self._prompts, self._calls))
            served = _Served(rule, Cache(self._prompts, rule, self._options.keep), Scale(self._hidden), kindred)
            self._serves[line[:3]] = served
        self._line, self._last = line, served
        return served

    def _asked(self, call: Call, served: _Served) -> Asked:
        prompts, prompt, usage = self._prompts, call.prompt, call.usage
        path = prompts.prefixes.path(prompt.blocks)
        sizes = prompts.sizes()
        places = served.scale.places(path, sizes, call.tokens)
        at, began = self._times(call)
        marks = prompt.marks if call.dialect else None
        salted = salts(call.settings, served.rule, self._salts) if call.settings else NONE
        life = self._options.lifetime or ("1h" if usage is not None and usage.cache_write_long else "")
        heads = prompts.heads(prompt.blocks)
        return Asked(path, sizes, places, at, began, self._number, marks, salted, heads, life)

    def _times(self, call: Call) -> tuple[float, float]:
        """When it was sent, and when its answer began. A call without any time came when the answers to all before it
        had begun. Time never goes back."""
        at, began = call.at, call.began
        if at is None:
            at = began = began if began is not None else call.ended if call.ended is not None else self._begun
        if at < self._now:
            at = self._now
        if began is None:
            began = min(call.ended or inf, at + _SOON)
        if began < at:
            began = at
        self._now = at
        if began > self._begun:
            self._begun = began
        return at, began

    def _kin(self, call: Call, asked: Asked, found: Found, kindred: Kindred) -> Kin | None:
        if found.blocks == len(asked.path):
            return None  # all of it was sent before
        kin = kindred.ended(asked.path[found.blocks - 1]) if found.blocks else None
        return kin or kindred.find(call, asked.end, found.pair)

    def _change(self, call: Call, kin: Kin) -> tuple[Change | None, bool]:
        """What is not as it was; and whether nearly the same was asked."""
        prompts, old, new, difference = self._prompts, kin.old, kin.new, kin.difference
        change = change_of(prompts, call.dialect, old, new, difference, call.prompt.units)
        return change, kin.call.rest is call.rest and nearly(prompts, old, new, difference)


def _within(tokens: int, total: int) -> int:
    """What a provider reports may be absurd."""
    return min(max(tokens, 0), total)
