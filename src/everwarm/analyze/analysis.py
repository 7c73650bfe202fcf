"""From calls to a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from everwarm.analyze.answered import Answered
from everwarm.analyze.flames import Flames
from everwarm.analyze.gather import Gather
from everwarm.analyze.intervals import stretches
from everwarm.analyze.moments import moments
from everwarm.analyze.money import Money
from everwarm.analyze.reading import Logs
from everwarm.analyze.repairs import Outcome, Replays
from everwarm.analyze.report import Repair, Report, Sums
from everwarm.analyze.streams import Streams
from everwarm.analyze.tally import Tally
from everwarm.analyze.worst import Worsts
from everwarm.core.analysis.account import Accounts, RuleOf
from everwarm.core.analysis.block import EDGE
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import KEPT

Progress = Callable[[str, float], None]
"""Told of what is being done, and how much of it is: 0 to 1."""

DRAWN: Final = 4_000
"""Calls of which the flame graph is made; of more it is every second, third, ... one."""


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
    accounts = Accounts(gather.prompts, rule_of, anchors=gather.hidden)
    money = Money()
    tally, streams, worsts = Tally(money), Streams(gather.prompts), Worsts(gather.prompts)
    answered, flames = Answered(gather.prompts), Flames(gather.prompts)
    every = -(-len(counted) // DRAWN) or 1
    row: list[tuple[float, Account]] = []
    for n, call in enumerate(counted):
        if n % 200 == 0:
            progress("what was read, and what was lost", n / len(counted))
        account = accounts.of(call)
        rule = accounts.rule(call)
        tally.add(call, account, rule, streams.name(call, account))
        worsts.add(n, call, account)
        if also is not None:
            also(n, call, account)
        answered.add(call, money.cost(call, rule, account.read, account.written, account.written_long))
        if n % every == 0:
            flames.add(stretches(gather.prompts, call, account))
        if call.at is not None:
            row.append((call.at, account))
    total = tally.total
    total.failed = sum(call.failed for call in calls)
    repairs = _repairs(gather, counted[:replayed], total, rule_of, progress)
    return Report(
        sources=logs.sources,
        total=total,
        models=tally.models,
        streams=tally.streams,
        apps=tally.apps,
        days=tally.days,
        repairs=repairs,
        answers=answered.rows if any(call.dialect for call in counted) else [],
        near=answered.near,
        flame=flames.done(),
        timeline=moments(row),
        worst=worsts.done(counted.__getitem__),
        traces=list(logs.traces.traces()),
        notes=_notes(calls, counted, total, replayed, every) + _shortened(gather.prompts.shortened),
        began=row[0][0] if row else None,
        ended=row[-1][0] if row else None,
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


def _notes(calls: Sequence[Call], counted: Sequence[Call], total: Sums, replayed: int, every: int) -> list[str]:
    """What is estimated, assumed, or left out."""
    notes = []
    silent = total.calls - total.reported
    if silent:
        notes.append(
            f"Of {silent:,} of {total.calls:,} calls the log does not say what was read: it is what the provider's "
            "rules give, and their tokens are estimated from their characters."
        )
    left = len(calls) - len(counted)
    if left:
        notes.append(f"{left:,} calls have no tokens (failed, aborted, or empty): they are not in the sums.")
    if any(not call.dialect for call in counted):
        notes.append(
            "Of some calls only the conversation is known, as in transcripts: what the agent sent besides (its system "
            "prompt, its tools) is measured by the tokens that were reported, and breakpoints are taken to be where "
            "they belong."
        )
    if any(call.at is None for call in counted):
        notes.append("Some calls have no time: they stand in the order of their files, and nothing expires for them.")
    if len(counted) > replayed:
        notes.append(f"Repairs were replayed with the first {replayed:,} of {len(counted):,} calls (--replay N).")
    if every > 1:
        notes.append(f"The flame graph shows one call in {every}.")
    if total.cost is None:
        notes.append("No money is shown where a model has no price in the list.")
    return notes


def _shortened(blocks: int) -> list[str]:
    if not blocks:
        return []
    return [
        f"The log has more different text than is kept ({KEPT // 2**20} MB): of {blocks:,} long texts in it only the "
        f"first and last {EDGE:,} characters are, and a digest. They are told apart from all others, but not what "
        "differs within them; repairs leave requests with such a text as they are."
    ]
