"""Where in a prompt its tokens went: block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from everwarm.core.analysis.call import Call
from everwarm.core.analysis.cures import label
from everwarm.core.analysis.loss import UNAVOIDABLE, Account
from everwarm.core.analysis.prompts import Prompts

Stretch = tuple[int, int, int, int, str]
"""One block of one prompt: the prefix that ends with it; its tokens, those that were read, those that were lost (the
others are new); the label of what took most of it, "" if nothing was lost. A plain tuple, for they are many."""


def stretches(prompts: Prompts, call: Call, account: Account) -> Iterator[Stretch]:
    """All blocks of a call's prompt. What was there before behind a change is shown as if it came right behind it."""
    path = prompts.prefixes.path(call.prompt.blocks)
    sizes = prompts.sizes()
    size = max(sizes[call.prompt.blocks], 1)
    bounds, total, known = _bounds(account), account.total, account.read
    begin = at = 0
    for prefix in path:
        end = sizes[prefix] * total // size
        if end <= known:  # as most are
            yield prefix, end - begin, end - begin, 0, ""
            begin = end
            continue
        while at < len(bounds) - 1 and bounds[at][0] <= begin:
            at += 1
        yield _stretch(prefix, begin, end, bounds, at)
        begin = end


def _bounds(account: Account) -> list[tuple[int, str, bool]]:
    """Ends of what was read, and of each loss; the label; whether it is lost."""
    bounds = [(account.read, "", False)]
    for loss in account.losses:
        lost = loss.cause not in UNAVOIDABLE
        what = loss.change.what if loss.change else ""
        bounds.append((bounds[-1][0] + loss.tokens, label(loss.cause, what) if lost else "", lost))
    return bounds


def _stretch(prefix: int, begin: int, end: int, bounds: Sequence[tuple[int, str, bool]], at: int) -> Stretch:
    read = max(min(end, bounds[0][0]) - begin, 0)
    lost, most, name = 0, 0, ""
    before = bounds[at - 1][0] if at else 0
    for upto, text, is_lost in bounds[at:]:
        part = min(end, upto) - max(begin, before)
        if is_lost and part > 0:
            lost += part
            if part > most:
                most, name = part, text
        if upto >= end:
            break
        before = upto
    return prefix, end - begin, read, lost, name
