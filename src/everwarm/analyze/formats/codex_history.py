"""The history that Codex sends, as the items of a rollout tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from everwarm.analyze.formats.entries import text
from everwarm.analyze.formats.steps import Step, after
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.blocks import blocks_of
from everwarm.core.layout.outline import outline
from everwarm.core.wire import Json

_NEVER_SENT: Final = frozenset({"ghost_snapshot"})
_NO_ANSWER: Final = frozenset({"message", "additional_tools", "compaction_trigger"})
_INJECTED: Final = ("<", "# AGENTS.md")
"""How messages begin that the program writes in the name of the user."""


@dataclass(slots=True)
class Open:
    """A call, or an answer whose count was not there yet."""

    prompt: Step | None
    number: int = 0  # of the line with which its answer begins
    sent: float | None = None
    began: float | None = None
    ended: float | None = None
    failed: bool = False


class History:
    """All that would be sent now, and where the answer of the call began that is not counted yet."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._answer: Open | None = None  # begins with the first item since the last count that a model wrote
        self._ahead: bool | None = None  # whether counts stand before the items of their answers
        self._asked: float | None = None  # when the last item was written that no model did
        self._waits = False  # whether it was one of a user
        self._turns: list[Step | None] = []  # the history before each message of the user
        self._users: list[list[Block]] = []  # their messages: what older versions keep in a compaction
        self._pending: list[Open] = []  # answers, for a file without counts
        self._speaks = False  # whether the last item is one that a model wrote

    def begin(self, instructions: str) -> None:
        """With the system prompt."""
        self._step = after(self._step, _blocks({"instructions": instructions}) if instructions else [])

    def item(
        self, number: int, item: dict[str, Json], before: float | None, began: float | None, now: float | None
    ) -> None:
        """A message, reasoning, the call of a tool, or its result. ``before``: when the line before was written;
        ``began``: when this item did, if a model wrote it."""
        kind = text(item, "type")
        if kind in _NEVER_SENT:
            return
        if _is_answer(kind, item):
            self._spoken(Open(self._step, number, before, began, now))
        else:
            self._asked, self._speaks = now, False
            self._waits = text(item, "role") == "user"
        blocks = self._said(item)
        if self._waits and not self._speaks:
            self._user(item, blocks)
        self._step = after(self._step, blocks)

    def counted(self, now: float | None) -> Open:
        """The call whose tokens were counted now."""
        if self._ahead is None:
            self._ahead = self._answer is None
        answer = Open(self._step, sent=self._asked) if self._ahead or self._answer is None else self._answer
        answer.ended = now
        self._answer, self._waits = None, False
        self._pending.clear()
        return answer

    def lost(self, now: float | None) -> Open | None:
        """The call that failed or was broken off now; None if none was under way."""
        begun = self._answer if self._ahead is False else self._pending[-1] if self._pending and self._speaks else None
        if begun is None and not self._waits:
            return None
        answer = begun or Open(self._step, sent=self._asked)
        answer.failed, answer.ended = True, now
        self._pending = [each for each in self._pending if each is not answer]
        self._answer, self._waits, self._speaks = None, False, False
        return answer

    def answers(self) -> Iterator[Open]:
        """Those that no count tells of."""
        return iter(self._pending)

    def compact(self, items: Sequence[Json], summary: str) -> None:
        """What is sent from now on: these, or the user's messages and the summary."""
        self._step, self._turns = None, []
        users, self._users = self._users, []
        if items:
            for item in items:
                self._step = after(self._step, self._said(item) if type(item) is dict else [])
            return
        for blocks in users:
            self._step = after(self._step, blocks)
        self._step = after(self._step, _blocks({"input": [{"role": "user", "content": summary}]}))

    def back(self, turns: int) -> None:
        """Without the last ``turns`` messages of the user and all that followed."""
        if turns and self._turns:
            self._step = self._turns[-min(turns, len(self._turns))]
            del self._turns[-turns:]
            del self._users[-turns:]

    def _spoken(self, answer: Open) -> None:
        if self._answer is None:
            self._answer = answer
        if not self._speaks:
            self._pending.append(answer)
        elif self._pending:
            self._pending[-1].ended = answer.ended
        self._speaks = True

    def _user(self, item: dict[str, Json], blocks: list[Block]) -> None:
        said = "".join(block.pieces[0].text for block in blocks[:1] if block.pieces)
        if not said.startswith(_INJECTED):
            self._turns.append(self._step)
            self._users.append(blocks)

    def _said(self, item: dict[str, Json]) -> list[Block]:
        """A system message that stands among others is one of them."""
        begun = self._step is not None and self._step.blocks[-1].tier == "messages"
        return _blocks({"input": [item]}, among=begun)


def _is_answer(kind: str, item: dict[str, Json]) -> bool:
    """Whether a model wrote it."""
    if kind in _NO_ANSWER or not kind:
        return text(item, "role") == "assistant"
    return not kind.endswith("_output") and not kind.startswith(("compaction", "context_compaction"))


def _blocks(body: dict[str, Json], *, among: bool = False) -> list[Block]:
    pieces = outline("openai_responses", body)
    return blocks_of([piece._replace(tier="messages") for piece in pieces] if among else pieces)
