"""Calls as the gateway would send them: by the very code that does it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import orjson

from everwarm.core.analysis.bodies import Bodies
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.breakpoints import place
from everwarm.core.layout.amend import amend
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.draft import Draft
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.rules import Rule
from everwarm.core.wire import Json

_WISHES: Final = Wishes("rewrite", breakpoints=False)


class Rewriting:
    """Give it all calls in order: it learns from them, as the gateway does."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._bodies = Bodies(prompts)
        self._layout = Layout(MemoryNotes(), finds=False)
        self._rewritten: dict[int, tuple[Call, Call]] = {}  # by the identity of the call as it was: ``_arranged``
        self.respelled = False  # whether anything was written otherwise than before

    def layout(self, call: Call, rule: Rule | None) -> Call:
        """As in mode ``rewrite``. The second time it is only looked up."""
        return self._both(call)[0]

    def spelling(self, call: Call, rule: Rule | None) -> Call:
        """The same, but nothing is moved."""
        return self._both(call)[1]

    def marked(self, call: Call, rule: Rule | None) -> Call:
        """With the marks that the gateway would set."""
        if not call.dialect or rule is None or not rule.mark or not rule.ttls:
            return call
        body = self._bodies.of(call.dialect, call.prompt, call.rest)
        if body is None:
            return call
        name = rule.ttls[0].name
        edits = place(call.dialect, body.value, body.pieces, rule, name, name)
        return self._with(call, amend(body.value, edits)) if edits else call

    def _both(self, call: Call) -> tuple[Call, Call]:
        """With everything done, and with nothing moved: the same call, if nothing is done to it."""
        if id(call) not in self._rewritten:
            body = self._bodies.of(call.dialect, call.prompt, call.rest) if call.dialect else None
            self._rewritten[id(call)] = (call, call) if body is None else self._arranged(call, body)
        return self._rewritten[id(call)]

    def _arranged(self, call: Call, body: Draft) -> tuple[Call, Call]:
        space = "\0".join((call.line.space, call.line.app))
        arranged = self._layout.arrange(space, call.dialect, call.line.model, body.data, _WISHES, call.at or 0.0, body)
        whole = self._as(call, body, arranged.data, arranged.value)
        unmoved = arranged.unmoved
        spelled = whole if unmoved is None else self._as(call, body, unmoved.data, unmoved.value)
        self.respelled |= spelled is not call
        return whole, spelled

    def _as(self, call: Call, came: Draft, data: bytes, value: Mapping[str, Json] | None) -> Call:
        if data == came.data:
            return call
        return self._with(call, value if value is not None else orjson.loads(data))

    def _with(self, call: Call, body: Mapping[str, Json]) -> Call:
        """With another body. Its tokens are as many as its characters say."""
        prompt = self._bodies.read(call.dialect, body)
        size = self._prompts.size(prompt.blocks)
        tokens = round(size * call.tokens / call.size) if call.size else call.tokens
        return replace(call, prompt=prompt, size=size, tokens=tokens)
