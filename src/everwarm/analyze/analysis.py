"""From calls to a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.log import Logs
from everwarm.analyze.report import Repair, Report, Sums
from everwarm.analyze.showing.figures import count, every, many
from everwarm.analyze.sums.answered import Answered
from everwarm.analyze.sums.flames import Flames
from everwarm.analyze.sums.intervals import stretches
from everwarm.analyze.sums.moments import Moments
from everwarm.analyze.sums.money import Money
from everwarm.analyze.sums.repairs import Outcome, Replays
from everwarm.analyze.sums.streams import Streams
from everwarm.analyze.sums.tally import Tally
from everwarm.analyze.sums.worst import Worsts
from everwarm.core.analysis.account import Accounts, RuleOf
from everwarm.core.analysis.block import CUTS
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import Prompts

Progress = Callable[[str, float], None]
"""Told of what is being done, and how much of it is: 0 to 1."""

DRAWN: Final = 2_000
"""Calls of which the flame graph is made; of more it is every second, third, ... one."""

_NAMED: Final = 3
"""Models that are named in one note."""


def analyse(
    logs: Logs,
    rule_of: RuleOf,
    progress: Progress,
    replayed: int = 2_000,
    also: Callable[[int, Call, Account], None] | None = None,
) -> Report:
    """``replayed``: with how many calls, at most, repairs are tried. ``also`` is given each call, too."""
    gather = logs.gather
    calls = gather.finish()
    counted = [call for call in calls if call.tokens]
    sums = _Sums(gather, rule_of, len(counted))
    for n, call in enumerate(counted):
        if n % 200 == 0:
            progress("what was read, and what was lost", n / len(counted))
        account = sums.add(n, call)
        if also is not None:
            also(n, call, account)
    report = sums.report(counted.__getitem__)
    report.sources, report.traces = logs.sources, list(logs.traces.traces())
    report.total.failed = sum(call.failed for call in calls)
    report.repairs = _repairs(gather, counted[:replayed], report.total, rule_of, progress)
    report.one_in = gather.sampling.one_in
    report.notes = [
        *_sampled(gather),
        *_notes(calls, counted, report.total, replayed, sums.every),
        *_unruled(counted, rule_of),
        *_shortened(gather.prompts),
    ]
    return report


class _Sums:
    """Everything that is summed up call by call."""

    def __init__(self, gather: Gather, rule_of: RuleOf, count: int) -> None:
        prompts = gather.prompts
        self._prompts = prompts
        self._accounts = Accounts(prompts, rule_of, anchors=gather.hidden)
        self._money = Money(rule_of)
        self._tally, self._streams, self._worsts = Tally(), Streams(prompts), Worsts(prompts)
        self._answered, self._flames = Answered(prompts), Flames(prompts)
        self._moments = Moments()
        self._bodies = False
        self.every = -(-count // DRAWN) or 1  # of so many calls one is in the flame graph

    def add(self, n: int, call: Call) -> Account:
        """The call with this number, in the order of time."""
        account = self._accounts.of(call)
        lost = account.lost
        bill = self._money.bill(call, account)
        self._tally.add(call, account, bill, self._streams.name(call, account))
        self._worsts.add(n, call, account, lost)
        self._answered.add(call, account, bill.cost)
        self._bodies |= bool(call.dialect)
        if n % self.every == 0:
            self._flames.add(stretches(self._prompts, call, account))
        if call.at is not None:
            self._moments.add(call.at, account, lost)
        return account

    def report(self, call_of: Callable[[int], Call]) -> Report:
        """Without what is not summed up: sources, traces, repairs and notes."""
        tally = self._tally
        began, ended = self._moments.span
        return Report(
            sources=[],
            total=tally.total,
            models=tally.models,
            streams=tally.streams,
            apps=tally.apps,
            days=tally.days,
            repairs=[],
            answers=self._answered.rows if self._bodies else [],
            near=self._answered.near,
            flame=self._flames.done(),
            timeline=self._moments.done(),
            worst=self._worsts.done(call_of),
            notes=[],
            began=began,
            ended=ended,
        )


def _repairs(gather: Gather, calls: Sequence[Call], total: Sums, rule_of: RuleOf, progress: Progress) -> list[Repair]:
    """Routing can matter where a cache works by itself, every call says what was read, and some was let go."""
    whole = len(calls) == total.calls == total.reported
    spread = any(step.cause in ("replica", "evicted") for step in total.steps)
    rules = [rule_of(*line) for line in {(call.line.provider, call.line.model) for call in calls}]
    reported = None
    if whole and spread and all(rule is None or not rule.mark for rule in rules):
        reported = Outcome(total.calls, total.prompt, total.read, total.written, total.cost)
    return Replays(gather, calls, rule_of, progress).run(reported) if calls else []


def _sampled(gather: Gather) -> list[str]:
    """What was left out, for there was no more room."""
    if gather.full:
        return [
            "There is more in it than memory holds: it was read until there was no more room, up to "
            f"{many(len(gather.keys), 'call')}. More fits with --memory MB; and of a file, unlike standard input, some "
            "of all conversations are looked at."
        ]
    if gather.sampling.one_in == 1:
        return []
    whole = many(len(gather.keys) + gather.passed, "call")
    return [
        f"The log has more in it than memory holds: of its {whole} those of {every(gather.sampling.one_in)} "
        "conversation were looked at, chosen by how it begins. All sums are theirs; rates should be those of all."
    ]


def _notes(calls: Sequence[Call], counted: Sequence[Call], total: Sums, replayed: int, drawn: int) -> list[str]:
    """What is estimated, assumed, or left out."""
    notes = []
    silent = total.calls - total.reported
    if silent:
        of = f"Of {count(silent)} of {many(total.calls, 'call')} the" if total.reported else "The"
        notes.append(
            f"{of} log does not say what was read: it is what the provider's rules give, and tokens are estimated from "
            "characters."
        )
    if total.reported and total.rules and not (total.read or total.written):
        notes.append(
            f"No call says that anything was read from a cache, though {count(total.rules)} tokens could have been. "
            "Either nothing was, or what wrote the log does not record it: some instrumentation does not."
        )
    left = len(calls) - len(counted)
    if left:
        have, are = ("has", "it is") if left == 1 else ("have", "they are")
        notes.append(f"{many(left, 'call')} {have} no tokens (failed, aborted, or empty): {are} not in the sums.")
    untold = sum(not call.prompt.blocks for call in counted)
    if untold:
        of = "Of the calls" if untold == len(counted) else f"Of {many(untold, 'call')}"
        notes.append(f"{of} the log has counts and no prompt: it tells what was read, and not why the rest was not.")
    if any(call.prompt.blocks and not call.dialect for call in counted):
        notes.append(
            "Of some calls only the conversation is known, as in transcripts: what the agent sent besides (its system "
            "prompt, its tools) is measured by the tokens that were reported, and breakpoints are taken to be where "
            "they belong."
        )
    if any(call.at is None for call in counted):
        notes.append("Some calls have no time: they stand in the order of their files, and nothing expires for them.")
    if len(counted) > replayed:
        notes.append(
            f"Repairs were replayed with the first {count(replayed)} of {count(len(counted))} calls (--replay N)."
        )
    if drawn > 1:
        notes.append(f"The flame graph shows one call in {drawn}.")
    if total.cost is None:
        notes.append("No money is shown where a model has no price in the list.")
    return notes


def _unruled(counted: Sequence[Call], rule_of: RuleOf) -> list[str]:
    """Of models whose provider's rules are not known; calls without a prompt need none."""
    asked = {call.line[:2] for call in counted if call.prompt.blocks}
    models = sorted({model or "an unknown model" for provider, model in asked if rule_of(provider, model) is None})
    if not models:
        return []
    more = f" and {count(len(models) - _NAMED)} more" if len(models) > _NAMED else ""
    return [
        f"No rules are known of what serves {', '.join(models[:_NAMED])}{more}: its cache is taken to keep everything, "
        "to the token. A file in DATA/rules can tell of it (everwarm rules)."
    ]


def _shortened(prompts: Prompts) -> list[str]:
    blocks = prompts.shortened
    if not blocks:
        return []
    long, more = CUTS
    return [
        f"The log has more different text than is kept (in {prompts.kept // 10**6} MB of memory): of {blocks:,} long "
        f"texts in it only the first and last {long.edge:,} characters are, and a digest; of those that came last "
        f"{more.edge}. They are told apart from all others, but not what differs within them; repairs leave requests "
        "with such a text as they are."
    ]
