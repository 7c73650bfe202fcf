"""The tokens of one prompt, interval after interval: what each of them was lost to.

0 ........ read ........ rules ... ready ... alive ... own ... any ....... kin ......... total
  got      evicted /      |    parallel expired  setting  other  changed, but there before   new
           replica    minimum, no mark,                   model   (not a prefix any more)
                      look-back, step
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

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


@dataclass(slots=True)
class Context:
    """All that tells where the tokens of a call went."""

    call: Call
    rule: Rule | None
    places: Places
    found: Found
    kin: Kin | None
    change: Change | None
    asked: Asked
    prompts: Prompts
    before: Call | None  # the last one that begins as far as it is known
    anchors: Mapping[int, int]  # prefixes that stand for what the log does not have -> their tokens

    @property
    def hidden(self) -> int:
        """Tokens of its beginning that the log does not have."""
        return self.anchors.get(self.asked.path[0], 0) if self.asked.path else 0

    @property
    def is_turn(self) -> bool:
        """Whether it ends with what a person said, and not with the result of a tool."""
        block = self.prompts.blocks[self.prompts.prefixes.block[self.asked.path[-1]]]
        return block.role == "user" and all(piece.kind != "result" for piece in block.pieces)


def losses_of(context: Context, read: int, there: int) -> tuple[Loss, ...]:
    """Each interval between two places, as far as it lies behind what was read. ``there``: tokens of all that was sent
    before."""
    row = _Row(context, read)
    if read < there:  # else it read all of that
        if read < context.found.rules:
            row.lose(*_of_provider(context, read))
        _lose_known(row, context)
    kin, call = context.kin, context.call
    if kin is not None:
        if kin.call.line is not call.line and kin.call.line[:2] != call.line[:2]:  # provider and model
            upto, evidence = (
                context.places.upto(kin.difference.begin(context.asked.end)),
                f"{kin.call.line.model} before",
            )
            row.lose("model_changed", upto, evidence=evidence, pair=kin.number)
        if context.change is not None:
            again = kin.difference.again * call.tokens // max(context.asked.end(len(context.asked.path)), 1)
            upto = max(row.low, there) + again
            row.lose(_CHANGED[context.change.tier], upto, context.change, pair=kin.number)
    row.lose(_rest(context), call.tokens, pair=-1)
    return tuple(row.losses)


class _Row:
    """Losses one behind the other, from what was read on."""

    __slots__ = ("_context", "_head", "_last", "_pair", "_total", "losses", "low")

    def __init__(self, context: Context, read: int) -> None:
        self._context, self._total, self._pair = context, context.call.tokens, context.found.pair
        asked, prompts, system = context.asked, context.prompts, context.asked.heads[1]
        self._head = context.places.upto(asked.end(system)) if system else 0  # tokens of tools and system prompt
        self._last: Tier = prompts.blocks[prompts.prefixes.block[asked.path[-1]]].tier if asked.path else "messages"
        self.low = read
        self.losses: list[Loss] = []

    def lose(
        self, cause: Cause, upto: int, change: Change | None = None, evidence: str = "", pair: int | None = None
    ) -> None:
        """Whatever is not lost yet up to a place; nothing, if there is nothing."""
        low = self.low
        if upto > self._total:
            upto = self._total
        if upto > low:
            pair = self._pair if pair is None else pair
            tier = self._last if low >= self._head else self._tier(low)
            self.losses.append(Loss(cause, upto - low, tier, change, evidence, pair))
            self.low = upto

    def _tier(self, tokens: int) -> Tier:
        """In which the token after so many is, of those before the messages."""
        asked, tools = self._context.asked, self._context.asked.heads[0]
        return "tools" if tools and tokens < self._context.places.upto(asked.end(tools)) else "system"


def _lose_known(row: _Row, context: Context) -> None:
    """What was there before and was not read, from what the rules give on."""
    found, places, rule = context.found, context.places, context.rule
    if found.beyond and rule is not None:
        far = f"the next entry is more than {rule.lookback} blocks before any mark"
        row.lose("lookback", places.upto(found.beyond), evidence=far)
    whole = _whole(context)
    ready = places.upto(min(found.ready, whole))
    if row.low < ready and rule is not None:
        cause, evidence = _of_rules(context, rule)
        row.lose(cause, ready, evidence=evidence)
    if found.ready >= whole:
        return  # there is no more
    row.lose("parallel", places.upto(min(found.alive, whole)), evidence="the answer to the earlier one had not begun")
    own = places.upto(min(found.own, whole))
    if row.low < own:
        row.lose("expired", own, evidence=_idle(context))
    there = places.upto(min(found.any, whole))
    if row.low < there:
        row.lose("settings_changed", there, evidence=_settings(context))


def _whole(context: Context) -> int:
    """Characters up to the end of the last block that was sent before. Where entries end at blocks, none can end within
    the one that changed: its beginning is lost to the change, and not for want of a mark."""
    rule, found = context.rule, context.found
    if context.change is None or rule is None or not rule.mark or context.asked.marks is None:
        return found.any
    return context.asked.end(found.blocks)


def _rest(context: Context) -> Cause:
    """What that is which nobody had sent before."""
    if not context.asked.path:
        return "untold"
    return "cold" if context.found.pair < 0 and context.kin is None else "new"


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
    ready = context.places.upto(context.found.ready)
    if ready < rule.minimum:
        return "minimum", f"{ready:,} of {rule.minimum:,} tokens"
    if not rule.mark or context.asked.marks is None:
        return "step", _steps(rule.step)
    return "unmarked", "no mark at all" if not context.asked.marks else ""


@lru_cache(maxsize=64)
def _steps(tokens: int) -> str:
    """One text for all losses that it is the evidence of."""
    return f"in steps of {tokens:,} tokens" if tokens > 1 else "the end of a prompt is not kept"


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
