"""What became of each token of each prompt of a log, call after call in the order of time.

0 ........ read ........ rules ... ready ... alive ... own ... any ....... kin ......... total
  got      evicted /      |    parallel expired  setting  other  changed, but there before   new
           replica    minimum, no mark,                   model   (not a prefix any more)
                      look-back, step
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

from everwarm.core.analysis.cache import TIERS, Asked, Cache, Found, salts
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.kin import Kin, Kindred
from everwarm.core.analysis.kinds import change_of
from everwarm.core.analysis.loss import Account, Cause, Change, Loss
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.scale import Places, Scale
from everwarm.core.layout.piece import Tier
from everwarm.core.rules import Rule

RuleOf = Callable[[str, str], Rule | None]
"""Of a provider and a model."""

_CHANGED: Final[dict[Tier, Cause]] = {
    "tools": "tools_changed",
    "system": "system_changed",
    "messages": "messages_changed",
}

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
        self._scales: dict[tuple[str, str], Scale] = defaultdict(lambda: Scale(anchors))
        self._salts: dict[object, int] = {}
        self._kindred = Kindred(prompts)
        self._number = 0

    def of(self, call: Call) -> Account:
        """The account of a call that is not ``failed``, or failed after it was read: its tokens are known."""
        asked, places = self._asked(call)
        found = self._cache(call).ask(asked)
        self._number += 1
        usage = call.usage if self._options.reported else None
        if usage is None:
            read, written, long = found.rules, found.written, found.written_long
        else:
            read, long = usage.cache_read, usage.cache_write_long
            written = usage.cache_write + long
            self._scales[call.line.provider, call.line.model].note(call.prompt.blocks, call.size, call.tokens)
        context = self._explained(call, places, found, asked) if self._options.explain else None
        losses = _losses(context, read) if context else ()
        kin = context.kin if context else None
        after = kin.number if kin else found.pair if found.blocks >= max(asked.heads[1], 1) else -1
        ideal = places(found.any)
        return Account(call.tokens, min(read, call.tokens), losses, ideal, found.rules, written, long, after)

    def _explained(self, call: Call, places: Places, found: Found, asked: Asked) -> _Context:
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

    def _asked(self, call: Call) -> tuple[Asked, Places]:
        path = self._prompts.prefixes.path(call.prompt.blocks)
        ends = list(map(self._prompts.sizes().__getitem__, path))
        places = self._scales[call.line.provider, call.line.model].places(path, ends, call.tokens)
        at = call.at if call.at is not None else float(self._number)
        began = call.began if call.began is not None else min(call.ended or inf, at + _SOON)
        salted = salts(call.settings, self.rule(call), self._salts)
        marks = call.prompt.marks if call.dialect else None
        life = self._options.lifetime or ("1h" if call.usage and call.usage.cache_write_long else "")
        heads = self._prompts.heads(call.prompt.blocks)
        return Asked(path, ends, places, at, began, self._number, marks, salted, heads, life), places

    def _kin(self, call: Call, row: Sequence[int], asked: Asked, found: Found) -> Kin | None:
        if found.blocks == len(row):
            return None  # all of it was sent before
        known = asked.path[found.blocks - 1] if found.blocks else 0
        return self._kindred.find(call, row, known, found.pair)

    def _context(
        self, call: Call, row: Sequence[int], places: Places, found: Found, kin: Kin | None, asked: Asked
    ) -> _Context:
        change = None
        begin = again = 0
        if kin is not None:
            difference = kin.difference
            begin = (asked.ends[difference.blocks - 1] if difference.blocks else 0) + difference.partly
            again = difference.again
            if not difference.grown:
                before = self._prompts.prefixes.row(kin.call.prompt.blocks)
                change = change_of(self._prompts, call.dialect, before, row, difference)
        last = self._kindred.call(found.pair)
        hidden = self._hidden.get(asked.path[0], 0) if asked.path else 0
        rule, prompts = self.rule(call), self._prompts
        return _Context(call, rule, places, found, kin, change, begin, again, asked, prompts, row, last, hidden)


class _Context(NamedTuple):
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

    @property
    def is_turn(self) -> bool:
        """Whether it ends with what a person said, and not with the result of a tool."""
        block = self.prompts.blocks[self.row[-1]]
        return block.role == "user" and all(piece.kind != "result" for piece in block.pieces)


def _losses(context: _Context, read: int) -> tuple[Loss, ...]:
    """Each interval between two places, as far as it lies behind what was read."""
    found, places, total = context.found, context.places, context.call.tokens
    low, losses = min(read, total), list[Loss]()

    def lose(cause: Cause, upto: int, change: Change | None = None, evidence: str = "", pair: int = found.pair) -> None:
        nonlocal low
        upto = min(upto, total)
        if upto > low:
            losses.append(Loss(cause, upto - low, _tier_of(context, low), change, evidence, pair))
            low = upto

    lose(*_of_provider(context, read))
    cause, evidence = _of_rules(context)
    lose(cause, places(found.ready), evidence=evidence)
    lose("parallel", places(found.alive), evidence="the answer to the earlier one had not begun")
    own, known = places(found.own), places(found.any)
    lose("expired", own, evidence=_idle(context) if own > low else "")
    lose("settings_changed", known, evidence=_settings(context) if known > low else "")
    kin = context.kin
    if kin is not None:
        if (kin.call.line.provider, kin.call.line.model) != (context.call.line.provider, context.call.line.model):
            lose("model_changed", places(context.begin), evidence=f"{kin.call.line.model} before", pair=kin.number)
        if context.change is not None:
            again = context.again * total // max(context.asked.ends[-1], 1)
            lose(_CHANGED[context.change.tier], low + again, context.change, pair=kin.number)
    lose("cold" if found.pair < 0 and kin is None else "new", total, pair=-1)
    return tuple(losses)


def _tier_of(context: _Context, tokens: int) -> Tier:
    """In which the token after so many is."""
    ends, places, row = context.asked.ends, context.places, context.row
    for tier, head in zip(TIERS, context.asked.heads, strict=False):
        if head and tokens < places(ends[head - 1]):
            return tier
    return context.prompts.blocks[row[-1]].tier if row else "messages"


def _of_provider(context: _Context, read: int) -> tuple[Cause, int, Change | None, str]:
    """What the rules promise and was not read. A cache that works by itself and has an older end of this prompt, but
    not a newer one, is another one than that which had the newer one."""
    rule, found = context.rule, context.found
    idle = _idle(context)
    step = rule.step if rule is not None else 1
    if read and not (rule is not None and rule.mark) and context.places.ends_at(read, step):
        return "replica", found.rules, None, "it read what an earlier call had left, and not what came after that"
    hidden = context.hidden
    if read < hidden and context.is_turn:
        change = Change("system", "where the log does not show it", "system", 0, 0, "", "")
        evidence = (
            f"{idle}; not even what the agent always sends was read, at a turn of the user's: it was started anew"
        )
        return "system_changed", found.rules, change, evidence
    life = f", in a lifetime of {rule.ttls[0].name}" if rule is not None and rule.ttls else ""
    evidence = f"{idle}{life}; nothing that is in the log had changed" if idle else ""
    return "evicted", found.rules, None, evidence


def _of_rules(context: _Context) -> tuple[Cause, str]:
    """Why the rules give less than what is there and alive."""
    rule, found = context.rule, context.found
    if rule is None:
        return "unmarked", ""
    ready = context.places(found.ready)
    if ready < rule.minimum:
        return "minimum", f"{ready:,} of {rule.minimum:,} tokens"
    if not rule.mark or context.asked.marks is None:
        return "step", f"in steps of {rule.step:,} tokens" if rule.step > 1 else "the end of a prompt is not kept"
    if found.beyond and found.rules == 0:
        return "lookback", f"the next entry is more than {rule.lookback} blocks before any mark"
    return "unmarked", "no mark at all" if not context.asked.marks else ""


def _idle(context: _Context) -> str:
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


def _settings(context: _Context) -> str:
    """Which one is another than before."""
    if context.kin is None:
        return ""
    before, now = context.kin.call.settings, context.call.settings
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return ", ".join(f"{name}: {before.get(name, 'none')} became {now.get(name, 'none')}" for name in names)
