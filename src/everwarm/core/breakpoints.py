"""Where marks go that a client has not set: the end of what is the same for all, and the end of the conversation.

Edits do nothing but set marks, and keep OpenAI from setting one that nobody would read; a client's own stay where they
are, and count. The string ``instructions`` of Responses can carry none: there only system and developer messages at the
beginning of ``input`` have a static end to mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final, NamedTuple

from everwarm.core.layout.piece import Path, Piece, Tier
from everwarm.core.layout.splice import Edit
from everwarm.core.marks import Block, Mark, blocks, marks_in
from everwarm.core.rules import Rule

CHARACTERS: Final = 4
"""Of one token, as an estimate. Code, and languages other than English, have fewer: what is thought to reach a minimum
nearly always does, and what only just reaches it gets no mark."""


class _Form(NamedTuple):
    """What a mark looks like."""

    value: dict[str, str]
    dialects: tuple[str, ...]
    """In which a provider knows it. What it would mean in others nobody says."""
    roles: tuple[str, ...]
    """Whose words in a conversation take one. The model's last ones never do: they may be the beginning of what it is
    to say. That OpenAI takes one in what a tool gave is not certain: its types say so, users were refused."""


_FORMS: Final = {
    "cache_control": _Form({"type": "ephemeral"}, ("anthropic_messages", "openai_chat"), ("user", "tool")),
    "prompt_cache_breakpoint": _Form({"mode": "explicit"}, ("openai_chat", "openai_responses"), ("user",)),
}

_STATED: Final[dict[str, tuple[str, ...]]] = {"openai": ("openai_responses",), "qwen": ()}
"""Providers whose marks say in these dialects only how long an entry is to live; those of all others do in each. For
Chat Completions OpenAI's page knows its default only; Qwen's lifetime is the request's, and how to ask is not known."""

_OPTIONS: Final = "prompt_cache_options"


def askable(dialect: str, rule: Rule) -> Rule:
    """The rule with those lifetimes only that a mark in this dialect can ask for."""
    stated = dialect in _STATED.get(rule.provider, (dialect,))
    return rule if stated or len(rule.ttls) < 2 else replace(rule, ttls=rule.ttls[:1])


def place(
    dialect: str,
    value: dict[str, Any],
    pieces: Sequence[Piece],
    rule: Rule,
    ttl_static: str | None,
    ttl_talk: str | None,
) -> tuple[Edit, ...]:
    """Edits that set what is missing; none if the client's marks leave no room, or are not understood.

    ``pieces``: what the body ``value`` has in rendered order. ``ttl_static``: the lifetime, by its name in the rule,
    for tools and system; ``ttl_talk``: for the conversation. None: no mark there, nor the one that an automatic cache
    would set by itself, if something static has one. The first that find room are set, of: the conversation's end, the
    end of the system prompt, the end of the turn before, the last tool. Where the cache is automatic the system prompt
    comes first.
    """
    form = _FORMS.get(rule.mark)
    if form is None or dialect not in form.dialects:
        return ()
    row = blocks(dialect, value)
    own = marks_in(dialect, value, row)
    if _by_hand(value) or any(rule.ttl(mark.ttl) is None for mark in own):
        return ()
    request = _Request(row, own, form.roles)
    tokens = request.tokens(pieces)
    fit = [(at, ttl) for at, ttl in _wanted(request, rule, ttl_static, ttl_talk) if tokens[at] >= rule.minimum]
    chosen = dict(fit[: max(rule.marks - len(own) - rule.automatic, 0)])  # an automatic cache has one mark of its own
    ordered = _in_order(chosen, request.own, rule)
    edits = [_edit(request.row[at], rule, ttl) for at, ttl in sorted(ordered.items())]
    if ttl_talk is None and rule.automatic and (edits or request.has("system")):
        edits += _unread(request, rule, value)
    return tuple(edits)


def _wanted(request: _Request, rule: Rule, ttl_static: str | None, ttl_talk: str | None) -> list[tuple[int, str]]:
    """Blocks to mark, and for how long; those of most use first."""
    end, before = _talk(request, rule) if ttl_talk else (None, None)
    system, tools = (None if request.has(tier) else request.last(tier) for tier in ("system", "tools"))
    row = [(end, ttl_talk), (system, ttl_static), (before, ttl_talk), (tools, ttl_static)]
    if rule.automatic:
        row[0], row[1] = row[1], row[0]
    return [(at, ttl) for at, ttl in row if at is not None and ttl is not None]


def _unread(request: _Request, rule: Rule, value: dict[str, Any]) -> list[Edit]:
    """The edit that keeps OpenAI from writing the end of a conversation; none if the client has said what it wants."""
    if rule.mark != "prompt_cache_breakpoint" or request.has("messages") or _OPTIONS in value:
        return []
    return [Edit((), "member", {"mode": "explicit"}, _OPTIONS)]


def _by_hand(value: dict[str, Any]) -> bool:
    """Whether the client wants its own marks and no others (OpenAI)."""
    options = value.get(_OPTIONS)
    return isinstance(options, dict) and options.get("mode") == "explicit"


_LENGTHS: Final = (4, 2, 1)
"""Of the paths of blocks: ("messages", 0, "content", 0), ("tools", 0) and that of a message, ("system",)."""


class _Request:
    """The blocks of a request and, by their numbers, the client's marks: those within a block count as its own."""

    def __init__(self, row: tuple[Block, ...], own: Sequence[Mark], roles: tuple[str, ...]) -> None:
        self.row = row
        self._roles = roles
        self._places: dict[Path, int] = {}
        for n, block in enumerate(row):
            self._places[block.path[:2]] = n  # a call of a tool belongs to the last block of its message
            self._places[block.path] = n
        self.own = [(self._at(mark.path) if mark.path else len(row) - 1, mark.ttl) for mark in own]

    def _at(self, path: Path) -> int:
        """The block that holds what is at this path; -1 if none does."""
        for length in _LENGTHS:
            found = self._places.get(path[:length])
            if found is not None:
                return found
        return -1

    def tokens(self, pieces: Sequence[Piece]) -> list[int]:
        """From the beginning to the end of each block, estimated."""
        sizes = [0] * len(self.row)
        for piece in pieces:
            at = self._at(piece.path)
            if at >= 0:
                sizes[at] += len(piece.text)
        return [characters // CHARACTERS for characters in accumulate(sizes)]

    def last(self, tier: Tier, before: int | None = None) -> int | None:
        """The last block of the tier that can carry a mark; of a message ``before`` this one."""
        for n in range(len(self.row) - 1, -1, -1):
            block = self.row[n]
            if before is not None and block.message >= before:
                continue
            if block.tier == tier and block.carries and (tier != "messages" or block.role in self._roles):
                return n
        return None

    def before(self, end: int) -> int | None:
        """Where the conversation ended when the model last answered, if block ``end`` is its end now."""
        said = (block.message for block in self.row[:end] if block.role == "assistant")
        return self.last("messages", max(said, default=-1))

    def marked(self, first: int, last: int) -> bool:
        """Whether the client has marked a block from the one to the other."""
        return any(first <= at <= last for at, _ in self.own)

    def has(self, tier: Tier) -> bool:
        """Whether the client has marked anything in it."""
        return any(at >= 0 and self.row[at].tier == tier for at, _ in self.own)


def _talk(request: _Request, rule: Rule) -> tuple[int | None, int | None]:
    """The blocks to mark at the end of the conversation, and at its end a turn ago.

    The first is missing if the client has marked something since that turn. The other is needed if more was said since
    than a look-up goes back: the entry of that turn ends there, and would not be found. An automatic cache looks at
    marks alone, by the most cautious reading of its page, and nobody says where exactly it sets its own.
    """
    end = request.last("messages")
    if end is None:
        return None, None
    before = request.before(end)
    if before is None:
        return (None if request.has("messages") else end), None
    lookback = 1 if rule.automatic else rule.lookback
    far = 0 < lookback <= end - before and not request.marked(before, before + lookback - 1)
    return (None if request.marked(before, len(request.row)) else end), (before if far else None)


def _in_order(chosen: dict[int, str], own: list[tuple[int, str]], rule: Rule) -> dict[int, str]:
    """The chosen blocks with lifetimes such that longer ones stand before shorter ones, the client's included.

    An earlier mark gets what a later one has, if that is longer; none gets more than a mark of the client before it.
    """
    seconds = {ttl.name: ttl.seconds for ttl in rule.ttls}
    row = sorted(
        [(at, ttl, False) for at, ttl in chosen.items()] + [(at, ttl, True) for at, ttl in own],
        key=lambda mark: mark[0],
    )
    theirs = [seconds[ttl] for _, ttl, is_own in row if is_own]
    if theirs != sorted(theirs, reverse=True):
        return {}  # the provider will refuse it as it is
    longest, ordered = rule.ttls[0].name, dict(chosen)
    for at, ttl, is_own in reversed(row):
        longest = max(longest, ttl, key=seconds.__getitem__)
        if not is_own:
            ordered[at] = longest
    cap = rule.ttls[-1].name
    for at, ttl, is_own in row:
        cap = min(cap, ttl if is_own else cap, key=seconds.__getitem__)
        if not is_own:
            ordered[at] = min(ordered[at], cap, key=seconds.__getitem__)
    return ordered


def _edit(block: Block, rule: Rule, ttl: str) -> Edit:
    mark = _FORMS[rule.mark].value | ({} if ttl == rule.ttls[0].name else {"ttl": ttl})
    if isinstance(block.value, str):
        return Edit(block.path, "replace", [{"type": block.text_type, "text": block.value, rule.mark: mark}])
    if rule.mark in block.value:  # null
        return Edit((*block.path, rule.mark), "replace", mark)
    return Edit(block.path, "member", mark, rule.mark)
