"""Calls as the gateway would send them: by the very code that does it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import orjson

from everwarm.core.analysis.call import Call
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.breakpoints import place
from everwarm.core.layout.amend import amend
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.outline import outline
from everwarm.core.rules import Rule

_NEVER_MOVE: Final = ("(?s).",)

Change = Callable[[Call, Rule | None], Call]
"""What is done to a call; the same object, if nothing."""


class Rewriting:
    """Give it all calls in order: it learns from them, as the gateway does."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._whole = self._arranged(Wishes("rewrite", breakpoints=False))
        self._rewritten: dict[int, Call] = {}  # by the identity of the call as it was
        self.respelled = False  # whether anything was written otherwise than before
        self.moved = False  # whether any value left the static part

    def layout(self, call: Call, rule: Rule | None) -> Call:
        """As in mode ``rewrite``. The second time it is only looked up."""
        if id(call) not in self._rewritten:
            self._rewritten[id(call)] = self._whole(call, rule)
        return self._rewritten[id(call)]

    def spelling(self) -> Change:
        """The same, but nothing is moved."""
        return self._arranged(Wishes("rewrite", keep=_NEVER_MOVE, breakpoints=False))

    def _arranged(self, wishes: Wishes) -> Change:
        layout = Layout(MemoryNotes())

        def change(call: Call, rule: Rule | None) -> Call:
            if not call.dialect:
                return call
            data = self._prompts.body(call.prompt, call.rest)
            if not data:
                return call
            space = "\0".join((call.line.space, call.line.app))
            arranged = layout.arrange(space, call.dialect, call.line.model, data, wishes, call.at or 0.0)
            self.respelled |= any(finding.cure in ("respell", "reorder") for finding in arranged.findings)
            self.moved |= arranged.moved
            return call if arranged.data == data else self._with(call, orjson.loads(arranged.data))

        return change

    def marked(self, call: Call, rule: Rule | None) -> Call:
        """With the marks that the gateway would set."""
        if not call.dialect or rule is None or not rule.mark or not rule.ttls:
            return call
        data = self._prompts.body(call.prompt, call.rest)
        if not data:
            return call
        value = orjson.loads(data)
        name = rule.ttls[0].name
        edits = place(call.dialect, value, outline(call.dialect, value), rule, name, name)
        return self._with(call, amend(value, edits)) if edits else call

    def _with(self, call: Call, body: dict[str, object]) -> Call:
        """With another body. Its tokens are as many as its characters say."""
        prompt = self._prompts.read(call.dialect, body)
        size = self._prompts.size(prompt.blocks)
        tokens = round(size * call.tokens / call.size) if call.size else call.tokens
        return replace(call, prompt=prompt, size=size, tokens=tokens)
