"""Records of logs become calls: compact, each one counted once, in the order of time."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from itertools import groupby
from math import inf
from operator import itemgetter
from typing import Final

import orjson

from everwarm.analyze.reading.record import Record
from everwarm.analyze.reading.rests import Rests
from everwarm.analyze.reading.sampling import Sampling
from everwarm.analyze.reading.settings import SettingsOf
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.prompts import Prompt, Prompts
from everwarm.core.analysis.scale import CHARACTERS, Scale, fit
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_NOTHING: Final = Prompt(0, 0, ())

_OF_CALL: Final = 1_500
"""Bytes of memory of a call, besides its prompt, until it is analysed: as was measured."""

_OF_TEXTS: Final = 0.427
"""Part of the memory for texts of which everything is kept: by default as much as ``texts.KEPT``."""

_OFTEN: Final = 256
"""Calls after which it is asked how much memory they take."""

_SORTED: Final = orjson.OPT_SORT_KEYS


class Gather:
    """Takes record after record; then ``finish``."""

    def __init__(self, sampling: Sampling | None = None, most: float = inf) -> None:
        """``sampling``: which calls are taken; else all. ``most``: bytes of memory."""
        self.sampling = sampling or Sampling()
        self.keys = array("Q")  # of the calls that were taken, each by the sampling
        self.passed = 0  # calls that were not taken
        self.full = False  # whether they took too much memory when it was last asked
        self._most = most
        self.prompts = Prompts() if most == inf else Prompts(int(_OF_TEXTS * most))
        self.hidden: dict[int, int] = {}  # prefixes that stand for what logs do not have -> their tokens
        self.repeated: dict[str, int] = defaultdict(int)  # file -> calls that were there already
        self._calls: list[Call] = []
        self._settings_of = SettingsOf()
        self._named: dict[tuple[str, str], int] = {}  # space and id -> the place among the calls
        self._timed: dict[tuple[Line, float, Prompt, Usage | None], int] = {}
        self._rests = Rests()
        self._paths: dict[str, list[int]] = {}  # file -> the prefixes of its last transcript record
        self._hidden: dict[tuple[str, str], int] = {}  # what is hidden, and the model -> its block
        self._hiders: dict[int, list[Call]] = defaultdict(list)

    def add(self, record: Record) -> None:
        """A record that is there already is counted, and the fuller one of both is kept. In one file calls with names
        are told by those; in two they may have two names."""
        key = self.sampling.key(record)
        if not self.sampling.takes(key):
            self.passed += 1
            return
        call = self._call(record)
        before = self._before(call, record.id)
        if before is None:
            self._calls.append(call)
            self.keys.append(key)
            if not len(self._calls) % _OFTEN:
                self.full = self.is_full
            return
        self.repeated[call.place.file] += 1
        if _fuller(call, self._calls[before]):
            self._calls[before] = call

    def finish(self) -> list[Call]:
        """All calls, the earliest first, with their sizes and tokens. Calls without any time stay where they were in
        their files."""
        self._named.clear()  # no more will come
        self._timed.clear()
        self._measure_hidden()
        scales: dict[str, Scale] = defaultdict(Scale)
        sizes = self.prompts.sizes()
        for call in self._calls:
            call.size = sizes[call.prompt.blocks]
            if call.usage is not None and (tokens := call.usage.prompt):
                call.tokens = tokens
                if call.size:  # of a log of counts they tell nothing of characters
                    scales[call.line.model].note(0, call.size, tokens)
        for call in self._calls:
            if not call.tokens and not call.failed:
                call.tokens = scales[call.line.model].tokens(call.size)
        return _sorted(self.prompts, self._calls)

    @property
    def is_full(self) -> bool:
        """Whether the calls take too much memory. More calls never take less."""
        return self.prompts.held + self._rests.held + _OF_CALL * len(self._calls) > self._most

    def _before(self, call: Call, name: str) -> int | None:
        """The place of what is the same call; None for a new one, and its place is noted."""
        place = len(self._calls)
        named = call.line.space, name
        if name and (before := self._named.get(named)) is not None:
            return before
        if call.at is not None:
            timed = call.line, call.at, call.prompt, call.usage
            before = self._timed.setdefault(timed, place)
            if before != place:
                if not name or self._calls[before].place.file != call.place.file:
                    return before
                self._timed[timed] = place
        if name:
            self._named[named] = place
        return None

    def _call(self, record: Record) -> Call:
        rest: Mapping[str, Json] = {}  # its own where there is no body: calls that share one are taken for alike in it
        settings = record.settings
        if record.body is not None and record.dialect:
            prompt = self.prompts.read(record.dialect, record.body)
            rest = self._rests.of(record.dialect, record.body)
            found = self._settings_of(record.body)
            settings = {**settings, **found} if settings else found
        else:
            prompt = self._transcript(record)
        call = Call(
            record.place,
            record.line,
            record.dialect if rest or prompt.units else "",
            prompt,
            0,
            rest,
            record.at,
            record.began,
            record.ended,
            record.usage,
            record.failed,
            settings,
            record.answer,
        )
        if record.hides:
            self._hiders[self._hidden[record.hides, record.line.model]].append(call)
        return call

    def _transcript(self, record: Record) -> Prompt:
        if record.blocks is None:
            return _NOTHING
        path = self._paths.setdefault(record.place.file, [])
        hidden = bool(record.hides)
        del path[record.keeps + hidden :]
        if hidden:
            self._hide(record, path)
        for block in record.blocks:
            path.append(self.prompts.prefixes.after(path[-1] if path else 0, self.prompts.number(block)))
        return Prompt(path[-1] if path else 0, 0, ())

    def _hide(self, record: Record, path: list[int]) -> None:
        """Put a block for what is hidden before all others. If it is another one than before, all others come again."""
        key = record.hides, record.line.model
        if key not in self._hidden:
            text = f"\n<|system|>\nwhat {record.hides} sends to {record.line.model} and does not write down"
            self._hidden[key] = self.prompts.number(Block("system", "system", True, text))
        first = self.prompts.prefixes.after(0, self._hidden[key])
        if not path:
            path.append(first)
        elif path[0] != first:
            rest = [self.prompts.prefixes.block[prefix] for prefix in path[1:]]
            path[:] = [first]
            for number in rest:
                path.append(self.prompts.prefixes.after(path[-1], number))

    def _measure_hidden(self) -> None:
        """How much is hidden is told by the tokens that were reported."""
        for number, calls in self._hiders.items():
            told = [call for call in calls if call.usage is not None and call.usage.prompt]
            ratio, tokens = fit([(self.prompts.size(c.prompt.blocks), c.usage.prompt) for c in told if c.usage])
            block = self.prompts.blocks[number]
            self.prompts.blocks[number] = block._replace(size=round(tokens * (ratio if told else CHARACTERS)))
            self.hidden[self.prompts.prefixes.after(0, number)] = tokens
        self.prompts.measure()


def _fuller(new: Call, old: Call) -> bool:
    """Whether it tells more: a line that was written before the answer was whole says less of it."""
    if (new.usage is None) != (old.usage is None):
        return new.usage is not None
    if new.usage is not None and old.usage is not None and new.usage.total != old.usage.total:
        return new.usage.total > old.usage.total
    if (new.prompt == _NOTHING) != (old.prompt == _NOTHING):
        return old.prompt == _NOTHING
    return old.failed and not new.failed


def _sorted(prompts: Prompts, calls: list[Call]) -> list[Call]:
    """By time. One without any is as late as the one before it in its file. Of those at one time the shorter first, and
    of those as long the one whose text comes first: the order in which they were read plays no part."""
    last: dict[str, float] = {}
    keyed: list[tuple[tuple[object, ...], Call]] = []
    for n, call in enumerate(calls):
        file = call.place.file
        at = next((time for time in (call.began, call.ended) if time is not None), None) if call.at is None else call.at
        if at is None:
            at = last.get(file, 0.0)
            keyed.append(((at, n), call))
        else:
            keyed.append(((at, 0, call.line, call.size, call.tokens), call))
        last[file] = at
    keyed.sort(key=itemgetter(0))
    found: list[Call] = []
    for _, group in groupby(keyed, key=itemgetter(0)):
        row = [call for _, call in group]
        found += row if len(row) == 1 else sorted(row, key=lambda call: _text(prompts, call))
    return found


def _text(prompts: Prompts, call: Call) -> tuple[list[str], bytes, Place]:
    return [block.text for block in prompts.row(call.prompt)], orjson.dumps(call.rest, option=_SORTED), call.place
