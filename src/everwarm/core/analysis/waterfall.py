"""The tokens of one prompt, interval after interval: what each of them was lost to.

0 ........ read ........ rules ... ready ... alive ... own ... any ....... kin ......... total
  got      evicted /      |    parallel expired  setting  other  changed, but there before   new
           replica    minimum, no mark,                   model   (not a prefix any more)
                      look-back, step
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from everwarm.core.analysis.asked import Asked, Found
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Cause, Change, Loss
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.rivals import Kin
from everwarm.core.layout.piece import Tier
from everwarm.core.rules import Rule

_CHANGED: Final[dict[Tier, Cause]] = {
    "tools": "tools_changed",
    "system": "system_changed",
    "messages": "messages_changed",
}

_TAIL: Final = 64
"""Tokens at the end of a prompt that a provider may not have kept: what its template puts behind the last mark."""


class Told(NamedTuple):
    """What a log told before."""

    prompts: Prompts
    calls: Sequence[Call]  # by their numbers
    anchors: Mapping[int, int]  # prefixes that stand for what the log does not have -> their tokens


class Waterfall:
    """The losses of one call, one behind the other from what was read on; and all that tells them."""

    __slots__ = ("_end", "_head", "asked", "call", "change", "found", "kin", "losses", "low", "rule", "told")

    def __init__(
        self, told: Told, call: Call, rule: Rule | None, asked: Asked, found: Found, kin: Kin | None,
        change: Change | None, read: int,
    ) -> None:  # fmt: skip
        self.told = told
        self.call = call
        self.rule = rule
        self.asked = asked
        self.found = found
        self.kin = kin
        self.change = change
        prompts, system = told.prompts, asked.heads[1]
        self._head = asked.places.upto(asked.end(system)) if system else 0  # tokens of tools and system prompt
        self._end = prompts.blocks[prompts.prefixes.block[asked.path[-1]]] if asked.path else None  # its last block
        self.low = read
        self.losses: list[Loss] = []

    @property
    def before(self) -> Call | None:
        """The last call that begins as far as this one is known."""
        return self.told.calls[self.found.pair] if self.found.pair >= 0 else None

    @property
    def hidden(self) -> int:
        """Tokens of its beginning that the log does not have."""
        return self.told.anchors.get(self.asked.path[0], 0) if self.asked.path else 0

    @property
    def is_turn(self) -> bool:
        """Whether it ends with what a person said, and not with the result of a tool."""
        end = self._end
        return end is not None and end.role == "user" and all(piece.kind != "result" for piece in end.pieces)

    def lose(
        self, cause: Cause, upto: int, change: Change | None = None, evidence: str = "", pair: int | None = None
    ) -> None:
        """Whatever is not lost yet up to a place; nothing, if there is nothing."""
        low = self.low
        if upto > self.call.tokens:
            upto = self.call.tokens
        if upto > low:
            end = self._end
            tier = self._tier(low) if low < self._head else end.tier if end is not None else "messages"
            self.losses.append(
                Loss(cause, upto - low, tier, change, evidence, self.found.pair if pair is None else pair)
            )
            self.low = upto

    def _tier(self, tokens: int) -> Tier:
        """In which the token after so many is, of those before the messages."""
        asked, tools = self.asked, self.asked.heads[0]
        return "tools" if tools and tokens < asked.places.upto(asked.end(tools)) else "system"


def losses_of(row: Waterfall, there: int) -> tuple[Loss, ...]:
    """Each interval between two places, as far as it lies behind what was read. ``there``: tokens of all that was sent
    before."""
    kin, call, asked = row.kin, row.call, row.asked
    if row.low < there:  # else it read all of that
        if row.low < row.found.rules:
            row.lose(*_of_provider(row, row.low))
        _lose_known(row, there)
    if kin is not None:
        if kin.call.line is not call.line and kin.call.line[:2] != call.line[:2]:  # provider and model
            upto, evidence = asked.places.upto(kin.difference.begin(asked.end)), f"{kin.call.line.model} before"
            row.lose("model_changed", upto, evidence=evidence, pair=kin.number)
        if row.change is not None:
            again = kin.difference.again * call.tokens // max(asked.end(len(asked.path)), 1)
            row.lose(_CHANGED[row.change.tier], max(row.low, there) + again, row.change, pair=kin.number)
    row.lose(_rest(row), call.tokens, pair=-1)
    return tuple(row.losses)


def _lose_known(row: Waterfall, there: int) -> None:
    """What was there before and was not read, from what the rules give on."""
    found, places, rule = row.found, row.asked.places, row.rule
    if found.beyond and rule is not None:
        far = f"the next entry is more than {rule.lookback} blocks before any mark"
        row.lose("lookback", places.upto(found.beyond), evidence=far)
    whole = found.any if row.change is None else _whole(row)
    if rule is not None:
        ready = there if found.ready == found.any else places.upto(found.ready)  # the former is as mostly
        upto = ready if found.ready <= whole else places.upto(whole)
        if row.low < upto:
            cause, evidence = _of_rules(row, rule, ready)
            row.lose(cause, upto, evidence=evidence)
    if found.ready >= whole:
        return  # there is no more
    row.lose("parallel", places.upto(min(found.alive, whole)), evidence="the answer to the earlier one had not begun")
    own = places.upto(min(found.own, whole))
    if row.low < own:
        row.lose("expired", own, evidence=_idle(row))
    known = places.upto(whole)
    if row.low < known:
        row.lose("settings_changed", known, evidence=_settings(row))


def _whole(row: Waterfall) -> int:
    """Characters up to the end of the last block that was sent before. Where entries end at blocks, none can end within
    the one that changed: its beginning is lost to the change, and not for want of a mark."""
    if row.rule is None or not row.rule.mark or row.asked.marks is None:
        return row.found.any
    return row.asked.end(row.found.blocks)


def _rest(row: Waterfall) -> Cause:
    """What that is which nobody had sent before."""
    if not row.asked.path:
        return "untold"
    return "cold" if row.found.pair < 0 and row.kin is None else "new"


def _of_provider(row: Waterfall, read: int) -> tuple[Cause, int, Change | None, str]:
    """What the rules promise and was not read. A cache that works by itself and has an older end of this prompt, but
    not a newer one, is another one than that which had the newer one."""
    rule, found = row.rule, row.found
    idle = _idle(row)
    step = rule.step if rule is not None else 1
    if read and not (rule is not None and rule.mark) and row.asked.places.ends_at(read, step):
        return "replica", found.rules, None, "it read what an earlier call had left, and not what came after that"
    if read and found.rules - read <= _TAIL:
        return "step", found.rules, None, "what is behind the last breakpoint is not kept"
    if read and (kept := _kept(row)) and abs(kept - read) <= _TAIL:
        return "unmarked", found.rules, None, "the call before had neither read nor written more than this"
    hidden = row.hidden
    if read < hidden and row.is_turn:
        change = Change("system", "outside the log", "system", 0, 0, "", "")
        evidence = (
            f"{idle}; not even what the agent always sends was read, at a turn of the user's: a new start, probably"
        )
        return "system_changed", found.rules, change, evidence
    life = f", in a lifetime of {rule.ttls[0].name}" if rule is not None and rule.ttls else ""
    evidence = f"{idle}{life}; nothing that is in the log had changed" if idle else ""
    return "evicted", found.rules, None, evidence


def _kept(row: Waterfall) -> int:
    """Tokens that the call before had read and written, where entries end at marks that the log does not have; else 0:
    then nobody told what is kept."""
    usage = row.before.usage if row.before is not None else None
    if usage is None or row.rule is None or not row.rule.mark or row.asked.marks is not None:
        return 0
    return usage.cache_read + usage.cache_write + usage.cache_write_long


def _of_rules(row: Waterfall, rule: Rule, ready: int) -> tuple[Cause, str]:
    """Why the rules give less than what is there and alive: so many tokens."""
    if ready < rule.minimum:
        return "minimum", f"{ready:,} of {rule.minimum:,} tokens"
    if not rule.mark or row.asked.marks is None:
        return "step", _steps(rule.step)
    return "unmarked", "no mark at all" if not row.asked.marks else ""


@lru_cache(maxsize=64)
def _steps(tokens: int) -> str:
    """One text for all losses that it is the evidence of."""
    return f"in steps of {tokens:,} tokens" if tokens > 1 else "the end of a prompt is not kept"


def _idle(row: Waterfall) -> str:
    """How long ago the last call with the same beginning was."""
    before = row.before
    if before is None or before.at is None or row.call.at is None:
        return ""
    return f"{_span(row.call.at - before.at)} after the last call that began so"


def _span(seconds: float) -> str:
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(seconds, 0):.0f} s"


def _settings(row: Waterfall) -> str:
    """Which one is another than before, of those that play a part."""
    assert row.before is not None  # for it was sent before
    assert row.rule is not None  # else no setting played a part
    before, now = row.before.settings, row.call.settings
    names = sorted(name for name in row.rule.invalidates if before.get(name) != now.get(name))
    return ", ".join(f"{name}: {before.get(name, 'none')} became {now.get(name, 'none')}" for name in names)
