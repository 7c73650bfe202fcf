"""Accounts of calls, summed up: by cause, and by model, application, stream and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from everwarm.analyze.report import Step, Sums
from everwarm.analyze.sums.money import Money
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.cures import cure, label
from everwarm.core.analysis.loss import UNAVOIDABLE, Account, Cause, Change, Loss
from everwarm.core.rules import Rule


@dataclass(slots=True)
class _Way:
    """One step that is still growing."""

    tokens: int = 0
    calls: int = 0
    money: float | None = 0.0
    paths: Counter[str] = field(default_factory=Counter)
    best: int = -1  # tokens of the example
    example: Loss | None = None
    where: str = ""


class Group:
    """Calls that are summed up together."""

    def __init__(self, name: str) -> None:
        self._sums = Sums(name)
        self._ways: dict[tuple[Cause, str], _Way] = {}

    def add(
        self, call: Call, account: Account, costs: tuple[float | None, float | None], saved: list[float | None]
    ) -> None:
        """``costs``: of the call, and what it would have been without a cache. ``saved``: what reading the tokens of
        each loss would have saved."""
        sums = self._sums
        sums.calls += 1
        sums.failed += call.failed
        sums.reported += call.usage is not None
        sums.prompt += account.total
        sums.read += account.read
        sums.written += account.written
        sums.output += call.usage.output if call.usage else 0
        sums.ideal += account.ideal
        sums.rules += account.rules
        sums.cost = _plus(sums.cost, costs[0])
        sums.uncached = _plus(sums.uncached, costs[1])
        for loss, money in zip(account.losses, saved, strict=True):
            self._lose(call, loss, money)

    def _lose(self, call: Call, loss: Loss, money: float | None) -> None:
        what = loss.change.what if loss.change else ""
        way = self._ways.get((loss.cause, what))
        if way is None:
            way = self._ways[loss.cause, what] = _Way()
        way.tokens += loss.tokens
        way.calls += 1
        way.money = _plus(way.money, money)
        if loss.change:
            way.paths[loss.change.path] += loss.tokens
        if loss.tokens > way.best:
            way.best, way.example, way.where = loss.tokens, loss, f"{call.place.file}:{call.place.line}"

    def merge(self, other: Group) -> None:
        """Take in what another one has."""
        mine, theirs = self._sums, other._sums
        for name in ("calls", "failed", "reported", "prompt", "read", "written", "output", "ideal", "rules"):
            setattr(mine, name, getattr(mine, name) + getattr(theirs, name))
        mine.cost, mine.uncached = _plus(mine.cost, theirs.cost), _plus(mine.uncached, theirs.uncached)
        for key, way in other._ways.items():
            known = self._ways.setdefault(key, _Way())
            known.tokens += way.tokens
            known.calls += way.calls
            known.money = _plus(known.money, way.money)
            known.paths.update(way.paths)
            if way.best > known.best:
                known.best, known.example, known.where = way.best, way.example, way.where

    def done(self) -> Sums:
        """What costs most first; what is new last."""
        steps = [_step(cause, what, way) for (cause, what), way in self._ways.items()]
        steps.sort(key=lambda step: (step.cause in UNAVOIDABLE, -step.tokens, step.label))
        self._sums.steps = steps
        return self._sums


def _step(cause: Cause, what: str, way: _Way) -> Step:
    loss = way.example
    change = (loss and loss.change) or Change("messages", "", "", 0, 0, "", "")
    step = Step(cause, what, way.tokens, way.calls, way.money, label(cause, what))
    step.path = way.paths.most_common(1)[0][0] if way.paths else ""
    step.start, step.end, step.was, step.became = change.start, change.end, change.was, change.became
    step.where, step.evidence = way.where, loss.evidence if loss else ""
    step.cure = cure(cause, what)
    return step


def _plus(one: float | None, other: float | None) -> float | None:
    """The sum; None if one is not known."""
    return None if one is None or other is None else one + other


class _Key(NamedTuple):
    """What groups are made by."""

    model: str
    app: str
    day: str
    stream: str


class Tally:
    """Takes each call with its account, in order; then ``total`` and the groups."""

    def __init__(self, money: Money) -> None:
        self._money = money
        self._groups: dict[_Key, Group] = {}

    def add(self, call: Call, account: Account, rule: Rule | None, stream: str, cost: float | None) -> None:
        """``stream``: the name of what it belongs to. ``cost``: of the call as it was made."""
        each = self._money.saving(call, rule)
        costs = cost, self._money.cost(call, None, 0, 0, 0)
        avoidable = [loss.tokens * (loss.cause not in UNAVOIDABLE) for loss in account.losses]
        saved = [None if each is None else tokens * each for tokens in avoidable]
        model, app = call.line.model or "an unknown model", call.line.app or "an unknown application"
        key = _Key(model, app, _day(call.at), stream)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group("")
        group.add(call, account, costs, saved)

    @property
    def total(self) -> Sums:
        """Of all calls."""
        return next(iter(self._merged(lambda key: "")), Sums(""))

    @property
    def models(self) -> list[Sums]:
        """Most tokens first."""
        return _ranked(self._merged(lambda key: key.model))

    @property
    def apps(self) -> list[Sums]:
        """Most tokens first."""
        return _ranked(self._merged(lambda key: key.app))

    @property
    def streams(self) -> list[Sums]:
        """Most tokens first."""
        return _ranked(self._merged(lambda key: key.stream))

    @property
    def days(self) -> list[Sums]:
        """In order."""
        return sorted(self._merged(lambda key: key.day), key=lambda sums: sums.name)

    def _merged(self, name_of: Callable[[_Key], str]) -> list[Sums]:
        groups: dict[str, Group] = {}
        for key, group in self._groups.items():
            name = name_of(key)
            if name not in groups:
                groups[name] = Group(name)
            groups[name].merge(group)
        return [group.done() for group in groups.values()]


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def _day(at: float | None) -> str:
    """In UTC; of a time that no calendar has, as of none."""
    return _date(int(at // 86_400)) if at is not None and 0 <= at < 250_000_000_000 else "at an unknown time"


def _ranked(row: list[Sums]) -> list[Sums]:
    return sorted(row, key=lambda sums: (-sums.prompt, sums.name))
