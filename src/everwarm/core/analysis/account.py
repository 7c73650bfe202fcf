"""What became of each token of each prompt of a log, call after call in the order of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

from everwarm.core.analysis.asked import Asked, Found, salts
from everwarm.core.analysis.cache import Cache
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.compare import nearly
from everwarm.core.analysis.kin import Kindred
from everwarm.core.analysis.kinds import change_of
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.rivals import Kin
from everwarm.core.analysis.scale import Places, Scale
from everwarm.core.analysis.waterfall import Context, losses_of
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
        self._prompts = prompts
        self._rule_of = rule_of
        self._options = options or Options()
        self._rules: dict[tuple[str, str], Rule | None] = {}
        self._caches: dict[tuple[str, str, str], Cache] = {}
        self._scales: dict[tuple[str, str, str], Scale] = defaultdict(lambda: Scale(anchors))
        self._salts: dict[object, int] = {}
        self._kindred = Kindred(prompts)
        self._number = 0
        self._now = self._begun = 0.0  # when the last call was sent; when the last answer began

    def of(self, call: Call) -> Account:
        """The account of a call that is not ``failed``, or failed after it was read: its tokens are known."""
        asked, places = self._asked(call)
        found = self._cache(call).ask(asked)
        self._number += 1
        usage = call.usage if self._options.reported else None
        if usage is None:
            read, written, long = found.rules, found.written, found.written_long
        else:
            read, long = _within(usage.cache_read, call.tokens), usage.cache_write_long
            written = usage.cache_write + long
            if usage.prompt:
                self._scale(call).note(call.prompt.blocks, call.size, call.tokens)
        context = self._explained(call, places, found, asked) if self._options.explain else None
        losses = losses_of(context, read) if context else ()
        kin = context.kin if context else None
        after = kin.number if kin else found.pair if found.blocks >= max(asked.heads[1], 1) else -1
        ideal = places(found.any)
        near = context is not None and context.near
        return Account(call.tokens, read, losses, ideal, found.rules, written, long, near, after)

    def _explained(self, call: Call, places: Places, found: Found, asked: Asked) -> Context:
        row = self._prompts.prefixes.row(call.prompt.blocks)
        kin = self._kin(call, row, asked, found)
        self._kindred.remember(call, row)
        return self._context(call, row, places, found, kin, asked)

    def rule(self, call: Call) -> Rule | None:
        """That of the provider that served it."""
        key = call.line.provider, call.line.model
        if key not in self._rules:
            self._rules[key] = self._rule_of(*key)
        return self._rules[key]

    def _cache(self, call: Call) -> Cache:
        key = call.line.provider, call.line.model, call.line.space
        if key not in self._caches:
            self._caches[key] = Cache(self._prompts, self.rule(call), self._options.keep)
        return self._caches[key]

    def _scale(self, call: Call) -> Scale:
        return self._scales[call.line.provider, call.line.model, call.line.space]

    def _asked(self, call: Call) -> tuple[Asked, Places]:
        path = self._prompts.prefixes.path(call.prompt.blocks)
        ends = list(map(self._prompts.sizes().__getitem__, path))
        places = self._scale(call).places(path, ends, call.tokens)
        at, began = self._times(call)
        salted = salts(call.settings, self.rule(call), self._salts)
        marks = call.prompt.marks if call.dialect else None
        life = self._options.lifetime or ("1h" if call.usage and call.usage.cache_write_long else "")
        heads = self._prompts.heads(call.prompt.blocks)
        return Asked(path, ends, places, at, began, self._number, marks, salted, heads, life), places

    def _times(self, call: Call) -> tuple[float, float]:
        """When it was sent, and when its answer began. A call without any time came when the answers to all before it
        had begun. Time never goes back."""
        known = [time for time in (call.at, call.began, call.ended) if time is not None]
        self._now = at = max(known[0] if known else self._begun, self._now)
        began = at
        if call.at is not None:
            began = max(call.began if call.began is not None else min(call.ended or inf, at + _SOON), at)
        self._begun = max(began, self._begun)
        return at, began

    def _kin(self, call: Call, row: Sequence[int], asked: Asked, found: Found) -> Kin | None:
        if found.blocks == len(row):
            return None  # all of it was sent before
        known = asked.path[found.blocks - 1] if found.blocks else 0
        return self._kindred.find(call, row, asked.ends, known, found.pair)

    def _context(
        self, call: Call, row: Sequence[int], places: Places, found: Found, kin: Kin | None, asked: Asked
    ) -> Context:
        change, near = None, False
        begin = again = 0
        if kin is not None:
            difference, begin, again = kin.difference, kin.begin, kin.difference.again
            if not difference.grown:
                change = change_of(self._prompts, call.dialect, kin.row, row, difference, call.prompt.units)
                near = kin.call.rest is call.rest and nearly(self._prompts, kin.row, row, difference)
        last = self._kindred.call(found.pair)
        hidden = self._hidden.get(asked.path[0], 0) if asked.path else 0
        rule, prompts = self.rule(call), self._prompts
        return Context(call, rule, places, found, kin, change, begin, again, asked, prompts, row, last, hidden, near)


def _within(tokens: int, total: int) -> int:
    """What a provider reports may be absurd."""
    return min(max(tokens, 0), total)
