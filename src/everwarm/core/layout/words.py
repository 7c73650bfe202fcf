"""A finding in words, for a header, a screen and a log: where it is, what it is, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from everwarm.core.layout.finding import Cost, Finding
from everwarm.core.layout.piece import Path, name

LONGEST_PLACE: Final = 60
"""Characters of a place that are told."""


def costliest(findings: Iterable[Finding]) -> Finding | None:
    """The one that makes most uncachable; of equals the first. None if none does."""
    return max((finding for finding in findings if finding.lost > 0), key=lambda f: f.lost, default=None)


def sentence(finding: Finding, cost: Cost) -> str:
    """Of one request: "system char 18-37 is a clock; it makes 11,840 of 12,212 tokens uncachable"."""
    does = "no longer makes" if finding.done else "makes"
    amounts = amount(cost.lost, cost.total)
    return f"{where(finding.path, finding.start, finding.end)} is {finding.kind}; it {does} {amounts}"


def lasting(finding: Finding) -> str:
    """How long a value lasts, and how sure that is: "it changes within conversations (75 % sure)". Empty where nothing
    was seen of that."""
    if finding.stability is None or finding.stability == "static":
        return ""
    where = "within conversations" if finding.stability == "dynamic" else "between conversations"
    return f"it changes {where} ({100 * finding.confidence:.0f} % sure)"


def summary(place: str, kind: str, lost: int, total: int, share: float, requests: int, *, done: bool) -> str:
    """Of many requests, in the mean of those in which it was seen: "`system` char 18-37 is a clock; it made 11,840 of
    12,212 tokens uncachable in 96 % of 412 requests". ``share``: from 0 to 1."""
    does = "would have made" if done else "made"
    of = "1 request" if requests == 1 else f"{100 * share:.0f} % of {requests:,} requests"
    return f"{place} is {kind}; it {does} {amount(lost, total)} in {of}"


def amount(lost: int, total: int) -> str:
    """So many of so many tokens uncachable."""
    return f"{lost:,} of {total:,} token{'s' * (total != 1)} uncachable"


def where(path: Path, start: int, end: int) -> str:
    """A place: ``messages[0].content char 18-37``, or only the path, where it is all of it (0 to 0)."""
    return spelled(place(path), start, end)


def spelled(path: str, start: int, end: int) -> str:
    """The same of a path as ``place`` writes it."""
    return f"{path} char {start}-{end}" if end > start else path


def place(path: Path) -> str:
    """A path in printable ASCII: names in it may be the client's own."""
    text = name(path)
    return text if text.isascii() and text.isprintable() and len(text) <= LONGEST_PLACE else "a member of the body"


def joined(why: str, more: str, longest: int) -> str:
    """A reason and then a finding, in so many characters. The finding stays whole if it can; the reason is cut."""
    if not why or not more:
        return (why or more)[:longest]
    room = longest - len(more) - len("; ")
    if len(why) > room:
        why = f"{why[: max(0, room - 3)]}..." if room > 3 else ""
    return f"{why}; {more}" if why else more[:longest]
