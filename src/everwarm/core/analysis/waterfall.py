"""The tokens of one prompt, interval after interval: what each of them was lost to.

0 ........ read ........ rules ... ready ... alive ... own ... any ....... kin ......... total
  got      evicted /      |    parallel expired  setting  other  changed, but there before   new
           replica    minimum, no mark,                   model   (not a prefix any more)
                      look-back, step
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from everwarm.core.analysis.asked import Asked, Found
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Cause, Change, Loss
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.rivals import Kin
from everwarm.core.analysis.scale import Places
from everwarm.core.layout.piece import Tier
from everwarm.core.rules import Rule

_CHANGED: Final[dict[Tier, Cause]] = {
    "tools": "tools_changed",
    "system": "system_changed",
    "messages": "messages_changed",
}

_TAIL: Final = 64
"""Tokens at the end of a prompt that a provider may not have kept: what its template puts behind the last mark."""


class Context(NamedTuple):
    call: Call
    rule: Rule | None
    places: Places
    found: Found
    kin: Kin | None
    change: Change | None
    begin: int  # characters with which it begins as its kin does
    again: int  # characters behind that which its kin has as well
    asked: Asked
    prompts: Prompts
    row: Sequence[int]
    before: Call | None  # the last one that begins as far as it is known
    hidden: int = 0  # tokens of its beginning that the log does not have
    near: bool = False  # whether its kin asked nearly the same, see ``compare.nearly``

    @property
    def is_turn(self) -> bool:
        """Whether it ends with what a person said, and not with the result of a tool."""
        block = self.prompts.blocks[self.row[-1]]
        return block.role == "user" and all(piece.kind != "result" for piece in block.pieces)


def losses_of(context: Context, read: int) -> tuple[Loss, ...]:
    """Each interval between two places, as far as it lies behind what was read."""
    row = _Row(context, read)
    found, places = context.found, context.places
    if read < places(found.any):  # else it read all that was there before
        if read < found.rules:
            row.lose(*_of_provider(context, read))
        _lose_known(row, context)
    kin = context.kin
    if kin is not None:
        if (kin.call.line.provider, kin.call.line.model) != (context.call.line.provider, context.call.line.model):
            row.lose("model_changed", places(context.begin), evidence=f"{kin.call.line.model} before", pair=kin.number)
        if context.change is not None:
            again = context.again * context.call.tokens // max(context.asked.ends[-1], 1)
            upto = max(row.low, places(found.any)) + again
            row.lose(_CHANGED[context.change.tier], upto, context.change, pair=kin.number)
    row.lose(_rest(context), context.call.tokens, pair=-1)
    return tuple(row.losses)


class _Row:
    """Losses one behind the other, from what was read on."""

    __slots__ = ("_context", "_pair", "_total", "losses", "low")

    def __init__(self, context: Context, read: int) -> None:
        self._context, self._total, self._pair = context, context.call.tokens, context.found.pair
        self.low = read
        self.losses: list[Loss] = []

    def lose(
        self, cause: Cause, upto: int, change: Change | None = None, evidence: str = "", pair: int | None = None
    ) -> None:
        """Whatever is not lost yet up to a place; nothing, if there is nothing."""
        upto = min(upto, self._total)
        if upto > self.low:
            pair = self._pair if pair is None else pair
            self.losses.append(Loss(cause, upto - self.low, _tier_of(self._context, self.low), change, evidence, pair))
            self.low = upto


def _lose_known(row: _Row, context: Context) -> None:
    """What was there before and was not read, from what the rules give on."""
    found, places, rule = context.found, context.places, context.rule
    if found.beyond and rule is not None:
        far = f"the next entry is more than {rule.lookback} blocks before any mark"
        row.lose("lookback", places(found.beyond), evidence=far)
    whole = _whole(context)
    ready = places(min(found.ready, whole))
    if row.low < ready and rule is not None:
        cause, evidence = _of_rules(context, rule)
        row.lose(cause, ready, evidence=evidence)
    row.lose("parallel", places(min(found.alive, whole)), evidence="the answer to the earlier one had not begun")
    own = places(min(found.own, whole))
    if row.low < own:
        row.lose("expired", own, evidence=_idle(context))
    there = places(min(found.any, whole))
    if row.low < there:
        row.lose("settings_changed", there, evidence=_settings(context))


def _whole(context: Context) -> int:
    """Characters up to the end of the last block that was sent before. Where entries end at blocks, none can end within
    the one that changed: its beginning is lost to the change, and not for want of a mark."""
    rule, found = context.rule, context.found
    if rule is None or not rule.mark or context.asked.marks is None or context.change is None:
        return found.any
    return context.asked.ends[found.blocks - 1] if found.blocks else 0


def _rest(context: Context) -> Cause:
    """What that is which nobody had sent before."""
    if not context.row:
        return "untold"
    return "cold" if context.found.pair < 0 and context.kin is None else "new"


def _tier_of(context: Context, tokens: int) -> Tier:
    """In which the token after so many is."""
    ends, places, row = context.asked.ends, context.places, context.row
    tools, system = context.asked.heads
    if not system or tokens >= places(ends[system - 1]):  # as most are
        return context.prompts.blocks[row[-1]].tier if row else "messages"
    return "tools" if tools and tokens < places(ends[tools - 1]) else "system"


def _of_provider(context: Context, read: int) -> tuple[Cause, int, Change | None, str]:
    """What the rules promise and was not read. A cache that works by itself and has an older end of this prompt, but
    not a newer one, is another one than that which had the newer one."""
    rule, found = context.rule, context.found
    idle = _idle(context)
    step = rule.step if rule is not None else 1
    if read and not (rule is not None and rule.mark) and context.places.ends_at(read, step):
        return "replica", found.rules, None, "it read what an earlier call had left, and not what came after that"
    if read and found.rules - read <= _TAIL:
        return "step", found.rules, None, "what is behind the last breakpoint is not kept"
    hidden = context.hidden
    if read < hidden and context.is_turn:
        change = Change("system", "outside the log", "system", 0, 0, "", "")
        evidence = (
            f"{idle}; not even what the agent always sends was read, at a turn of the user's: a new start, probably"
        )
        return "system_changed", found.rules, change, evidence
    life = f", in a lifetime of {rule.ttls[0].name}" if rule is not None and rule.ttls else ""
    evidence = f"{idle}{life}; nothing that is in the log had changed" if idle else ""
    return "evicted", found.rules, None, evidence


def _of_rules(context: Context, rule: Rule) -> tuple[Cause, str]:
    """Why the rules give less than what is there and alive."""
    ready = context.places(context.found.ready)
    if ready < rule.minimum:
        return "minimum", f"{ready:,} of {rule.minimum:,} tokens"
    if not rule.mark or context.asked.marks is None:
        return "step", f"in steps of {rule.step:,} tokens" if rule.step > 1 else "the end of a prompt is not kept"
    return "unmarked", "no mark at all" if not context.asked.marks else ""


def _idle(context: Context) -> str:
    """How long ago the last call with the same beginning was."""
    before = context.before
    if before is None or before.at is None or context.call.at is None:
        return ""
    return f"{_span(context.call.at - before.at)} after the last call that began so"


def _span(seconds: float) -> str:
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(seconds, 0):.0f} s"


def _settings(context: Context) -> str:
    """Which one is another than before, of those that play a part."""
    assert context.before is not None  # for it was sent before
    assert context.rule is not None  # else no setting played a part
    before, now = context.before.settings, context.call.settings
    names = sorted(name for name in context.rule.invalidates if before.get(name) != now.get(name))
    return ", ".join(f"{name}: {before.get(name, 'none')} became {now.get(name, 'none')}" for name in names)
