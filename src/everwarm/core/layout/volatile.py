"""What changes by nature in a prompt: clocks, ids, counters, who asks, and where."""

from __future__ import annotations

import re
from typing import Final

from everwarm.core.layout import dates, heads, ids
from everwarm.core.layout.span import Span

WORDS: Final = 5
"""Words of a label, at most."""

WIDEST: Final = 40
"""Characters of a label, at most."""

_SENTENCE: Final = re.compile(r".*(?:[.!?] |[。！？|;；]|, )", re.DOTALL)
_LEFT_OUT: Final = re.compile(r"""["'`<>&*«»“”「」『』{}\[\]()\\]""")
_EDGES: Final = " \t:：=#>-–—•,、@_/|"
_HEADING: Final = re.compile(r"[ \t]*(?:#|<|.*[:：][*_ \t]*$)")
_LOOKED_AT: Final = 200
"""Characters before a place that its label may come from."""


def find(text: str) -> tuple[Span, ...]:
    """What is recognised in ``text``: in order, none over another; where two are at one place, the longer one."""
    found = [*dates.spans(text), *ids.spans(text), *heads.spans(text)]
    found.sort(key=lambda span: (span.start - span.end, span.start))
    return _apart(found)


def around(text: str, at: int, begin: int, end: int) -> tuple[int, int]:
    """A part of ``text[begin:end]`` in which ``find`` finds the same at the character ``at`` as in all of it: its line,
    for of all that is recognised only few things go over the end of one."""
    if heads.may_go_on(text[begin:end]):
        return begin, end
    stop = text.find("\n", at, end)
    return text.rfind("\n", begin, at) + 1 or begin, end if stop < 0 else stop


def _apart(found: list[Span]) -> tuple[Span, ...]:
    """Those that are not over one that comes before them in ``found``; in order of their places."""
    kept: list[Span] = []
    taken: set[int] = set()
    for span in found:
        if taken.isdisjoint((span.start, span.end - 1)):  # a longer one would be over one of these
            taken.update(range(span.start, span.end))
            kept.append(span)
    return tuple(sorted(kept))


def label(text: str, start: int, end: int) -> str | None:
    """A short name for what stands at ``start`` to ``end``, of the words before it: in its line, or in a heading above.

    Fit for an attribute in XML: printable, no quotes, no angle brackets, no ends of lines. ``None`` if there are none.
    """
    lines = text[max(0, start - _LOOKED_AT) : start].rsplit("\n", 1)
    return _name(lines[-1]) or (
        _name(_above(lines[0])) if len(lines) > 1 and not lines[-1].strip(" \t`\"'*-") else None
    )


def _above(text: str) -> str:
    """The last line of ``text`` that is not blank, if it is a heading."""
    line = text.rstrip().rsplit("\n", 1)[-1]
    return line if _HEADING.match(line) else ""


def _name(line: str) -> str | None:
    """The last words of ``line``, of its last sentence, and only what stands behind all that changes."""
    changing = find(line)
    rest = line[changing[-1].end :] if changing else line
    rest = _SENTENCE.sub("", rest.rstrip(_EDGES + ".") if rest.strip() else "", count=1)
    words = "".join(c for c in _LEFT_OUT.sub("", rest) if c.isprintable()).strip(_EDGES).split()[-WORDS:]
    while len(words) > 1 and len(" ".join(words)) > WIDEST:
        del words[0]
    return " ".join(words)[-WIDEST:].strip(_EDGES) or None
