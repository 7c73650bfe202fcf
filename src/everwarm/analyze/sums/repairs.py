"""Ways to lose less, replayed: each is done to the log, and the log runs through the same rules again.

What a replay gives is what providers' rules give; nothing is scaled, and nothing estimated but where said. Rewriting is
done by the very code that does it on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, reduce
from operator import is_, is_not
from typing import TYPE_CHECKING, Final, NamedTuple

from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.report import Repair
from everwarm.analyze.sums.money import Money, plus
from everwarm.core.analysis.account import Accounts, Options, RuleOf
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Account
from everwarm.core.rules import Rule

if TYPE_CHECKING:
    from everwarm.analyze.sums.rewriting import Rewriting

Change = Callable[[Call, Rule | None], Call]
"""What is done to a call; the same object, if nothing."""

LONGER: Final = "1h"
"""The lifetime that all prefixes are replayed with."""

KEPT_ALIVE: Final = 3_600.0
"""Seconds for which prefixes are kept alive."""

_PLAIN: Final = Options()

_RAN: Final = 2
"""Replays that others may repeat: of calls as they were, and of the whole layout."""

_EARLY: Final = 0.9
"""Part of a lifetime after which a prefix is asked for again."""


class Outcome(NamedTuple):
    """Of a replay."""

    calls: int  # that were changed
    prompt: int  # tokens
    read: int
    written: int
    cost: float | None


class Replays:
    """All ways, for one log. ``progress`` is told how far it is, 0 to 1, and of what."""

    def __init__(
        self, gather: Gather, calls: Sequence[Call], rule_of: RuleOf, progress: Callable[[str, float], None]
    ) -> None:
        self._prompts = gather.prompts
        self._hidden = gather.hidden
        self._calls = calls
        self._rule_of = rule_of
        known = {key: rule_of(*key) for key in {(call.line.provider, call.line.model) for call in calls}}
        self._rules = [known[call.line.provider, call.line.model] for call in calls]
        self._ran: list[tuple[Sequence[Call], Outcome]] = []  # what other runs may repeat
        self._money = Money(rule_of)
        self._progress = progress

    def run(self, reported: Outcome | None) -> list[Repair]:
        """``reported``: what providers really gave for these calls, if routing can have played a part in it."""
        before = self._replay("as it was", _same)
        tried = [repair for repair in self._single(before) if repair.calls]
        repairs = [repair for repair in tried if _does_something(repair)]
        best = self._together(before, tried)
        routed = self._routed(reported, before)
        return sorted([*repairs, *(each for each in (best, routed) if each)], key=_gain)

    def _single(self, before: Outcome) -> Iterator[Repair]:
        if any(call.dialect for call in self._calls):
            rewriting = self._rewriting
            yield self._repair("layout", "static first, dynamic last (layout = rewrite)", rewriting.layout, before)
            if rewriting.respelled:  # else it would do nothing
                yield self._repair("spelling", "JSON and tools as they were sent first", rewriting.spelling, before)
            yield self._repair("breakpoints", "breakpoints where they belong", rewriting.marked, before)
        yield self._lifetime(before)
        if any(rule is not None and rule.ttls for rule in self._rules):
            yield self._keep_alive(before)
        ahead = "the first request sent ahead of those that begin as it does"
        yield self._repair("wait", ahead, _ready_at_once, before)

    @cached_property
    def _rewriting(self) -> Rewriting:
        """Where no call has a body, the layout engine is not even imported."""
        from everwarm.analyze.sums.rewriting import Rewriting

        return Rewriting(self._prompts)

    def _lifetime(self, before: Outcome) -> Repair:
        """Also of calls of which it is not known where their marks are."""
        label = "the longer lifetime"
        after = self._replay(label, _longer, self._options(longer=True))
        count = sum(1 for rule in self._rules if rule is not None and len(rule.ttls) > 1)
        return Repair("ttl", label, *after._replace(calls=count), *before[1:])

    def _options(self, *, longer: bool) -> Options:
        """A lifetime that no provider here sells changes nothing."""
        sold = longer and any(rule is not None and rule.ttl(LONGER) for rule in self._rules)
        return Options(lifetime=LONGER) if sold else _PLAIN

    def _repair(self, name: str, label: str, change: Change, before: Outcome) -> Repair:
        return Repair(name, label, *self._replay(label, change), *before[1:])

    def _replay(self, label: str, change: Change, options: Options = _PLAIN) -> Outcome:
        """What was replayed like this before, as where nothing is changed, need not run again."""
        calls = self._changed(label, change)
        same = (known for ran, known in self._ran if options == _PLAIN and all(map(is_, ran, calls)))
        outcome = next(same, None) or self._run(label, calls, options)
        if options == _PLAIN and len(self._ran) < _RAN:
            self._ran.append((calls, outcome))
        return outcome._replace(calls=sum(map(is_not, calls, self._calls)))

    def _changed(self, label: str, change: Change) -> list[Call]:
        calls = []
        for n, (call, rule) in enumerate(zip(self._calls, self._rules, strict=True)):
            self._shown(label, n, 0.0)
            calls.append(change(call, rule))
        return calls

    def _run(self, label: str, calls: Sequence[Call], options: Options) -> Outcome:
        accounts = self._accounts(options)
        sums = Outcome(0, 0, 0, 0, 0.0)
        for n, call in enumerate(calls):
            self._shown(label, n, 0.5)
            sums = self._more(sums, call, accounts.of(call))
        return sums

    def _shown(self, label: str, n: int, begun: float) -> None:
        """A replay has two halves: calls are changed, then they run."""
        if n % 200 == 0:
            self._progress(label, begun + n / len(self._calls) / 2)

    def _accounts(self, options: Options) -> Accounts:
        """In which only the rules count."""
        only = options._replace(reported=False, explain=False)
        return Accounts(self._prompts, self._rule_of, only, self._hidden)

    def _more(self, sums: Outcome, call: Call, account: Account) -> Outcome:
        cost = self._money.cost(call, account.read, account.written, account.written_long)
        _, prompt, read, written, spent = sums
        return Outcome(0, prompt + account.total, read + account.read, written + account.written, plus(spent, cost))

    def _keep_alive(self, before: Outcome) -> Repair:
        """Prefixes are asked for again before they expire, for up to an hour; what that costs is in the sum."""
        label = "prefixes kept alive for an hour"
        accounts = self._accounts(Options(keep=KEPT_ALIVE))
        waiting: dict[int, tuple[Call, Rule]] = {}
        count, pings = 0, list[float | None]()
        sums = Outcome(0, 0, 0, 0, 0.0)
        for n, (call, rule) in enumerate(zip(self._calls, self._rules, strict=True)):
            if n % 200 == 0:
                self._progress(label, n / len(self._calls))
            account = accounts.of(call)
            sums = self._more(sums, call, account)
            ended = waiting.pop(account.after, None)
            if ended is not None:
                pings.append(self._pings(*ended, (call.at or 0.0) - (ended[0].at or 0.0)))
                count += bool(pings[-1])
            if rule is not None and rule.ttls and call.at is not None:
                waiting[n] = call, rule
        pings += (self._pings(*ended, KEPT_ALIVE) for ended in waiting.values())
        cost = reduce(plus, pings, sums.cost)
        return Repair("keep-alive", label, *sums._replace(calls=count, cost=cost), *before[1:])

    def _pings(self, call: Call, rule: Rule, seconds: float) -> float | None:
        """What it costs to keep a call's prompt alive for so long."""
        times = int(min(seconds, KEPT_ALIVE) // (_EARLY * rule.ttls[0].seconds))
        one = self._money.again(call)
        return None if one is None else times * one

    def _routed(self, reported: Outcome | None, before: Outcome) -> Repair | None:
        """If providers had kept what their rules promise. It has been simulated; how much of it a key or a router
        brings nobody knows before."""
        if reported is None or before.read <= reported.read:
            return None
        label = "one replica for each conversation (prompt_cache_key, routing by prefix)"
        note = "at most: what the rules promise, against what was really read"
        return Repair("cache-key", label, reported.calls, *before[1:], *reported[1:], note=note)

    def _together(self, before: Outcome, single: Sequence[Repair]) -> Repair | None:
        """All that change requests, and of the others those that pay: one may be of no use without another. None if
        it is no better than each alone."""
        names = {r.name for r in single if r.name in ("layout", "spelling", "breakpoints") or _pays(r)}
        names.discard("keep-alive")
        if len(names) < 2:
            return None
        layout = self._rewriting.layout if names & {"layout", "spelling"} else _same
        longer = "ttl" in names

        def change(call: Call, rule: Rule | None) -> Call:
            new = layout(call, rule)
            new = self._rewriting.marked(new, rule) if "breakpoints" in names else new
            new = _longer(new, rule) if longer else new
            return _ready_at_once(new, rule) if "wait" in names else new

        after = self._replay("all together", change, self._options(longer=longer))
        label = "together: " + ", ".join(sorted(names))
        best = Repair("all", label, *after, *before[1:])
        return best if all(_gain(best) < _gain(repair) for repair in single if repair.name in names) else None


def _same(call: Call, rule: Rule | None) -> Call:
    return call


def _longer(call: Call, rule: Rule | None) -> Call:
    """With the longest lifetime in its marks."""
    if rule is None or len(rule.ttls) < 2 or not call.prompt.marks:
        return call
    marks = tuple((at, rule.ttls[-1].name) for at, _ in call.prompt.marks)
    return replace(call, prompt=call.prompt._replace(marks=marks))


def _ready_at_once(call: Call, rule: Rule | None) -> Call:
    if call.began is None or call.at is None or call.began <= call.at:
        return call
    return replace(call, began=call.at)


def _does_something(repair: Repair) -> bool:
    return (repair.prompt, repair.read) != (repair.before_prompt, repair.before_read)


def _pays(repair: Repair) -> bool:
    if repair.cost is not None and repair.before_cost is not None:
        return repair.cost < repair.before_cost
    return repair.read > repair.before_read


def _gain(repair: Repair) -> float:
    """What brings most first."""
    if repair.cost is not None and repair.before_cost is not None:
        return repair.cost - repair.before_cost
    return float(repair.before_read - repair.read)
