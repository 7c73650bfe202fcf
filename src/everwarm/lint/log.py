"""A log of requests: what really changed between one and those before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from everwarm.core.analysis.account import Accounts
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.cures import cure
from everwarm.core.analysis.loss import Cause, Change
from everwarm.core.analysis.prompts import Prompts
from everwarm.lint.finding import Finding, Trouble, shown, tokens
from everwarm.lint.request import Request, request_of

HELD: Final = 32 * 2**20
"""Bytes of different tools and messages that are known at one time. Some five times as much memory is used for them."""


@dataclass(slots=True)
class _Sum:
    """One change, wherever it was seen."""

    cause: Cause
    first: Change
    line: int  # where it was seen first
    times: int = 0
    lost: int = 0  # tokens


class Log:
    """Takes line after line; then ``findings``. However long it is, memory is bounded: what was said before the last
    ``HELD`` bytes of different text may be forgotten."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._forget()
        self._sums: dict[tuple[str, str], _Sum] = {}
        self._compared = 0
        self._broken = 0
        self._sample = Trouble(file, "")
        self.requests = 0

    def read(self, lines: Iterable[bytes]) -> None:
        """All lines of it; empty ones do not count."""
        for number, line in enumerate(lines, 1):
            if line.strip():
                self._line(line, number)

    def findings(self) -> list[Finding]:
        """What changed, what cost most first."""
        ranked = sorted(self._sums.values(), key=lambda s: -s.lost)
        return [self._finding(each) for each in ranked]

    def broken(self) -> Trouble | None:
        """How many lines held no request, and why the first did not; None if all did."""
        if not self._broken:
            return None
        total = self.requests + self._broken
        such = f"such as line {self._sample.line}: {self._sample.what}"
        return Trouble(self._file, f"{self._broken:,} of {total:,} lines hold no request, {such}", self._sample.line)

    def _line(self, line: bytes, number: int) -> None:
        try:
            request = request_of(orjson.loads(line))
            call = self._call(request, number) if request else None
            why = "it is JSON, but no request body"
        except orjson.JSONDecodeError as e:
            call, why = None, f"it is no JSON ({e.msg} at column {e.colno})"
        except TypeError:
            call, why = None, "its values are nested too deeply"
        if call is None:
            self._sample = self._sample if self._broken else Trouble(self._file, why, number)
            self._broken += 1
            return
        self.requests += 1
        self._compare(call)

    def _forget(self) -> None:
        """Begin anew: the next request follows none."""
        self._prompts = Prompts()
        self._accounts = Accounts(self._prompts, lambda provider, model: None)
        self._held = 0

    def _call(self, request: Request, number: int) -> Call:
        """As the analysis takes it. Raises ``TypeError`` if its values are nested too deeply."""
        if self._held > HELD:
            self._forget()
        units = len(self._prompts.units)
        prompt = self._prompts.read(request.dialect, request.body)
        self._held += sum(len(unit.data or b"") for unit in self._prompts.units[units:])
        size = self._prompts.size(prompt.blocks)
        line = Line(model=request.model, space=request.model)  # what two models share is in no cache
        return Call(Place(self._file, number), line, request.dialect, prompt, size, tokens=tokens(size))

    def _compare(self, call: Call) -> None:
        """Under no provider's rules: a cache has whatever was there before, up to the first difference."""
        account = self._accounts.of(call)
        self._compared += account.after >= 0
        for loss in account.losses:
            if loss.change is not None:
                entry = self._sums.setdefault(_key(loss.change), _Sum(loss.cause, loss.change, call.place.line))
                entry.times += 1
                entry.lost += loss.tokens

    def _finding(self, entry: _Sum) -> Finding:
        change, times = entry.first, entry.times
        share = f"{times / self._compared:.0%}"
        often = f"in {times:,} of the {self._compared:,} requests that followed another like it ({share})"
        story = f"It changed {often}, and what is behind it could not be reused."
        both = f"{shown(change.was)} became {shown(change.became)}"
        todo = cure(entry.cause, change.what)
        return Finding(self._file, entry.line, 0, _place(change), change.what, both, story, entry.lost // times, todo)


def _key(change: Change) -> tuple[str, str]:
    """What counts as one change: messages and tools stand at another place each time."""
    return change.path if change.tier == "system" else change.tier, change.what


def _place(change: Change) -> str:
    return f"{change.path} characters {change.start}-{change.end}" if change.end else change.path
