"""One pair of requests, block by block: what is the same, the first difference, its cause, and its price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from everwarm.analyze.showing.figures import usd
from everwarm.analyze.sums.money import Money
from everwarm.core.analysis.account import Accounts
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.cures import cure, label
from everwarm.core.analysis.loss import UNAVOIDABLE, Account, Loss
from everwarm.core.analysis.prompts import Prompts

_SHOWN: Final = 60
"""Characters of a block."""

_RUN: Final = 4
"""Blocks that are the same, one after the other, of which each is listed; of more only how many there are."""

_SIGNS: Final = {"same": ("=", "green"), "gone": ("-", "red"), "new": ("+", "blue"), "moved": ("~", "yellow")}


class Line(NamedTuple):
    """One block of either prompt."""

    sign: str  # "same": in the same place in both; "moved": in both, but where no prefix reaches; "gone"; "new"
    block: Block


class Pair(NamedTuple):
    """What is explained."""

    old: Call | None  # None: nothing like it was before
    new: Call
    account: Account  # of the new one
    lines: tuple[Line, ...]
    money: float | None  # what its losses cost


def pair_of(prompts: Prompts, accounts: Accounts, money: Money, calls: Sequence[Call]) -> Pair:
    """The last of ``calls``, and the one before it that has most in common with it."""
    made = [accounts.of(call) for call in calls]
    new, account = calls[-1], made[-1]
    numbers = [loss.pair for loss in account.losses if loss.pair >= 0] + [account.after]
    old = calls[numbers[0]] if numbers[0] >= 0 else None
    lines = tuple(_lines(prompts, old, new)) if old else tuple(Line("new", block) for block in prompts.row(new.prompt))
    return Pair(old, new, account, lines, money.saved(new, account.lost))


def _lines(prompts: Prompts, old: Call, new: Call) -> Iterator[Line]:
    """Both rows, aligned. What is the same behind the first difference is only "moved": no prefix cache finds it."""
    before, after = (prompts.prefixes.row(call.prompt.blocks) for call in (old, new))
    reached = True
    for name, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        reached = reached and name == "equal" and a == 0
        if name == "equal":
            yield from (Line("same" if reached else "moved", prompts.blocks[n]) for n in after[c:d])
            continue
        yield from (Line("gone", prompts.blocks[n]) for n in before[a:b])
        yield from (Line("new", prompts.blocks[n]) for n in after[c:d])


def shown(pair: Pair, *, redacted: bool) -> RenderableType:
    """For a terminal, a hundred columns wide or less."""
    parts: list[RenderableType] = [_head(pair), Text(), _blocks(pair, redacted=redacted), Text()]
    parts += (_loss(pair, loss, redacted=redacted) for loss in pair.account.losses)
    return Group(*parts, _end(pair))


def _head(pair: Pair) -> Text:
    account, text = pair.account, Text()
    how = "reported" if pair.new.usage else "by the provider's rules"
    text.append(f"{_place(pair.new)}: {account.total:,} prompt tokens, {account.read:,} read from the cache ({how})")
    before = f"compared with {_place(pair.old)}" if pair.old else "nothing like it was asked before"
    return text.append(f"\n{before}", style="dim")


def _place(call: Call) -> str:
    return f"{call.place.file}:{call.place.line}"


def _blocks(pair: Pair, *, redacted: bool) -> Table:
    table = Table.grid(padding=(0, 2))
    for _, run in groupby(pair.lines, key=lambda line: (line.sign, line.block.tier)):
        row = list(run)
        for line in row if len(row) <= _RUN else (row[0],):
            _add(table, line, redacted=redacted)
        if len(row) > _RUN:
            sign, style = _SIGNS[row[0].sign]
            table.add_row(Text(sign, style), row[0].block.tier, Text(f"... and {len(row) - 1} more", "dim"))
    return table


def _add(table: Table, line: Line, *, redacted: bool) -> None:
    sign, style = _SIGNS[line.sign]
    block = line.block
    text = " ".join(block.said.split())[:_SHOWN] if not redacted else ""
    who = block.role if block.tier == "messages" else block.tier
    table.add_row(Text(sign, style), who, f"{block.size:,} characters", Text(text, "dim"))


def _loss(pair: Pair, loss: Loss, *, redacted: bool) -> Text:
    what = loss.change.what if loss.change else ""
    new = loss.cause in UNAVOIDABLE
    text = Text(f"{_tokens(loss.tokens)}  ", style="default" if new else "red")
    text.append(label(loss.cause, what), style="default" if new else "bold")
    change = loss.change
    if change:
        span = f" char {change.start:,}-{change.end:,}" if change.end else ""
        text.append(f"\n                  {change.path}{span}")
        if not redacted:
            text.append(f"\n                  was     {change.was!r}", style="red")
            text.append(f"\n                  became  {change.became!r}", style="blue")
    if loss.evidence:
        text.append(f"\n                  {loss.evidence}", style="dim")
    help_ = cure(loss.cause, what)
    return text.append(f"\n                  {help_}", style="green") if help_ and not new else text


def _end(pair: Pair) -> Text:
    lost = pair.account.lost
    if not lost:
        return Text("Nothing was lost.", style="green")
    price = f", {usd(pair.money)}" if pair.money is not None else ""
    return Text(f"{_tokens(lost)} lost{price}")


def _tokens(number: int) -> str:
    return f"{number:>9,} {'token ' if number == 1 else 'tokens'}"
