"""Where a prompt may be cut so that its parts, turned into tokens one by one, are the tokens of the whole.

That is certain in front of a control token alone: the tokenizer takes these out of a text before all else, and merges
nothing across them. So a prompt of long messages has a segment for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from everwarm.engine.facts import CONTROL, USER_DEFINED, Facts

WORTH = 256
"""Characters from which a segment is worth remembering. Below it, tokens cost about what looking them up does."""

BEFORE = ("", "x", "7 ", "x \n", "é", "日", "😀", "<|")
BEHIND = ("", "x", " \n日")
"""Where a tokenizer shows itself that treats the text beside a control token in a way of its own: letters, digits,
blanks that it may strip or take in, halves of tokens. What it does behind one it does within a segment."""

Encode = Callable[[str], list[int]]
"""A text to its tokens, with nothing put around them."""


class Cuts:
    """The control tokens of one model that a prompt may be cut at. Make it with ``cuts_of``."""

    def __init__(self, tokens: dict[str, int]) -> None:
        """``tokens``: text -> id, at least one."""
        self._ids = frozenset(tokens.values())
        self._mark = re.compile("|".join(map(re.escape, tokens)))

    def segments(self, text: str) -> list[str]:
        """``text`` in parts of ``WORTH`` characters or more, the last one perhaps of less; all but the first begin with
        a control token. Where one ends depends on what is before it alone: the segments of a conversation are those of
        its next turn, too.
        """
        made: list[str] = []
        begin = 0
        for found in self._mark.finditer(text):
            if found.start() - begin >= WORTH:
                made.append(text[begin : found.start()])
                begin = found.start()
        return [*made, text[begin:]]

    def divide(self, ids: list[int], segments: list[str]) -> list[list[int]]:
        """The tokens ``ids`` of segments that were joined, apart again."""
        marks = [at for at, token in enumerate(ids) if token in self._ids]
        begins, seen = [0], 0
        for segment in segments[:-1]:
            seen += len(self._mark.findall(segment))
            begins.append(marks[seen])
        return [ids[begin:end] for begin, end in pairwise([*begins, len(ids)])]


def cuts_of(facts: Facts, encode: Encode) -> Cuts | None:
    """For the control tokens that the model's chat template writes; None if it writes none at which cutting is certain.

    Believed of none before it is seen: each is tried between all of ``BEFORE`` and ``BEHIND``.
    """
    special = [t for t, kind in zip(facts.tokens, facts.token_types, strict=True) if kind in (CONTROL, USER_DEFINED)]
    ids = {token: i for i, token in enumerate(facts.tokens) if facts.token_types[i] == CONTROL}
    written = {token: i for token, i in ids.items() if token and token in facts.chat_template}
    certain = {t: i for t, i in written.items() if _stands_alone(t, special) and _cuts(t, i, encode)}
    return Cuts(certain) if certain else None


def _stands_alone(token: str, special: list[str]) -> bool:
    """Whether no other token that is taken out of a text whole can begin in it, or reach into it."""
    beginnings = tuple(token[:end] for end in range(1, len(token)))
    return not token.endswith(beginnings) and not any(
        other in token or token in other or other.endswith(beginnings) for other in special if other and other != token
    )


def _cuts(token: str, number: int, encode: Encode) -> bool:
    ends = [(behind, encode(token + behind)) for behind in BEHIND]
    if any(ids[:1] != [number] or ids.count(number) != 1 for _, ids in ends):
        return False
    begins = [(before, encode(before)) for before in BEFORE]
    return all(encode(before + token + behind) == ids + more for before, ids in begins for behind, more in ends)
