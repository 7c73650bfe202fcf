"""Accounts of calls, summed up: by cause, and by model, application, stream and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from everwarm.analyze.report import Step, Sums
from everwarm.analyze.sums.money import Bill, plus
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.cures import cure, label
from everwarm.core.analysis.loss import UNAVOIDABLE, Account, Cause, Change, Loss


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

    def add(self, call: Call, account: Account, bill: Bill) -> None:
        """``bill``: of the call as it was made."""
        sums, usage = self._sums, call.usage
        sums.calls += 1
        sums.failed += call.failed
        if usage is not None:
            sums.reported += 1
            sums.output += usage.output
        sums.prompt += account.total
        sums.read += account.read
        sums.written += account.written
        sums.ideal += account.ideal
        sums.rules += account.rules
        sums.cost = plus(sums.cost, bill.cost)
        sums.uncached = plus(sums.uncached, bill.uncached)
        saving, ways = bill.saving, self._ways
        for loss in account.losses:
            cause, tokens, change = loss.cause, loss.tokens, loss.change
            key = cause, change.what if change else ""
            way = ways.get(key)
            if way is None:
                way = ways[key] = _Way()
            way.tokens += tokens
            way.calls += 1
            if saving is None:
                way.money = None
            elif way.money is not None and cause not in UNAVOIDABLE:
                way.money += tokens * saving
            if change:
                way.paths[change.path] += tokens
            if tokens > way.best:
                way.best, way.example, way.where = tokens, loss, f"{call.place.file}:{call.place.line}"

    def merge(self, other: Group) -> None:
        """Take in what another one has."""
        mine, theirs = self._sums, other._sums
        for name in ("calls", "failed", "reported", "prompt", "read", "written", "output", "ideal", "rules"):
            setattr(mine, name, getattr(mine, name) + getattr(theirs, name))
        mine.cost, mine.uncached = plus(mine.cost, theirs.cost), plus(mine.uncached, theirs.uncached)
        for key, way in other._ways.items():
            known = self._ways.setdefault(key, _Way())
            known.tokens += way.tokens
            known.calls += way.calls
            known.money = plus(known.money, way.money)
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


_Key = tuple[str, str, int, str]
"""What groups are made by: the model, the application, the day and the stream."""

_EPOCH: Final = date(1970, 1, 1)

_UNKNOWN: Final = -1
"""The day of a call without a time."""

_LAST: Final = 250_000_000_000
"""A time that no calendar has, nor any later one."""


class Tally:
    """Takes each call with its account, in order; then ``total`` and the groups."""

    def __init__(self) -> None:
        self._groups: dict[_Key, Group] = {}

    def add(self, call: Call, account: Account, bill: Bill, stream: str) -> None:
        """``bill``: of the call as it was made. ``stream``: the name of what it belongs to."""
        _, model, _, app, _ = call.line
        at = call.at
        key = model, app, int(at // 86_400) if at is not None and 0 <= at < _LAST else _UNKNOWN, stream
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group("")
        group.add(call, account, bill)

    @property
    def total(self) -> Sums:
        """Of all calls."""
        return next(iter(self._merged(lambda key: "")), Sums(""))

    @property
    def models(self) -> list[Sums]:
        """Most tokens first."""
        return _ranked(self._merged(lambda key: key[0] or "an unknown model"))

    @property
    def apps(self) -> list[Sums]:
        """Most tokens first."""
        return _ranked(self._merged(lambda key: key[1] or "an unknown application"))

    @property
    def days(self) -> list[Sums]:
        """In order."""
        return sorted(self._merged(lambda key: _date(key[2])), key=lambda sums: sums.name)

    @property
    def streams(self) -> list[Sums]:
        """Most tokens first."""
        return _ranked(self._merged(lambda key: key[3]))

    def _merged(self, name_of: Callable[[_Key], str]) -> list[Sums]:
        groups: dict[str, Group] = {}
        for key, group in self._groups.items():
            name = name_of(key)
            if name not in groups:
                groups[name] = Group(name)
            groups[name].merge(group)
        return [group.done() for group in groups.values()]


def _date(day: int) -> str:
    """In UTC."""
    return "at an unknown time" if day == _UNKNOWN else (_EPOCH + timedelta(day)).isoformat()


def _ranked(row: list[Sums]) -> list[Sums]:
    return sorted(row, key=lambda sums: (-sums.prompt, sums.name))
