"""Logs made by hand, as the analysis takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from everwarm.analyze.reading.settings import SettingsOf
from everwarm.core.analysis.account import Accounts, Options
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.loss import Account, Change, Loss
from everwarm.core.analysis.prompts import MEMBERS, Prompts
from everwarm.core.rules import Rule, Ttl
from everwarm.core.usage import Usage

RULES = {
    "free": None,
    "whole": Rule("whole", ("*",), 0, 0.1, True, "s", "2026-11-25", "high"),
    "steps": Rule(
        "steps", ("*",), 1024, 0.1, True, "s", "2026-11-25", "high", step=128, ttls=(Ttl(300, 1.0),),
    ),
    "marked": Rule(
        "marked", ("*",), 100, 0.1, False, "s", "2026-11-25", "high", mark="cache_control", marks=4, lookback=20,
        ttls=(Ttl(300, 1.25), Ttl(3600, 2.0)),
        invalidates={"thinking": ("messages",), "tool_choice": ("messages",), "speed": ("system", "messages")},
    ),
}  # fmt: skip
"""By provider: one that nothing is known of, one that keeps all, one with steps, one with marks."""


class Log:
    """Asked call after call; a token is a character where none is reported."""

    def __init__(
        self,
        provider: str = "whole",
        dialect: str = "openai_chat",
        options: Options | None = None,
        anchors: Mapping[int, int] | None = None,
        *,
        bodies: bool = True,
    ) -> None:
        """``bodies``: whether the log has them, and with them their marks; a transcript has not."""
        self.bodies = bodies
        self.prompts = Prompts()
        self.accounts = Accounts(self.prompts, lambda provider, model: RULES[provider], options, anchors)
        self.explains = options is None or options.explain
        self.provider = provider
        self.dialect = dialect
        self.calls: list[Call] = []

    def ask(self, body: Mapping[str, Any], at: float | None = None, **more: Any) -> Account:
        """The account of the next call. ``more``: members of ``Call`` and of ``Line``; ``read``: as it is reported."""
        dialect = more.pop("dialect", self.dialect)
        prompt = self.prompts.read(dialect, body)
        size = self.prompts.size(prompt.blocks)
        tokens = more.pop("tokens", size)
        read = more.pop("read", None)
        usage = Usage(tokens - read, read, 0) if read is not None else None
        place = Place("log", len(self.calls) + 1)
        line = Line(*(more.pop(name, default) for name, default in self._line()))
        rest = {name: value for name, value in body.items() if name not in MEMBERS[dialect]}
        call = Call(
            place, line, dialect, prompt, size, rest, at, usage=usage, settings=SettingsOf()(body), tokens=tokens
        )
        if not self.bodies:
            call.dialect = ""
        for name, value in more.items():
            setattr(call, name, value)
        self.calls.append(call)
        account = self.accounts.of(call)
        assert adds_up(account) or not (account.losses or self.explains)
        return account

    def _line(self) -> list[tuple[str, str]]:
        return [("provider", self.provider), ("model", "m"), ("space", ""), ("app", ""), ("session", "")]


def adds_up(account: Account) -> bool:
    """Whether each token went one way."""
    parts = [account.read, *(loss.tokens for loss in account.losses)]
    return sum(parts) == account.total and min(parts) >= 0 and all(type(part) is int for part in parts)


def lost(account: Account) -> dict[str, int]:
    """Tokens by cause, without what was new."""
    return {loss.cause: loss.tokens for loss in account.losses if loss.cause not in ("new", "cold")}


def loss_of(account: Account, cause: str) -> Loss:
    """The only one of its cause."""
    (found,) = (loss for loss in account.losses if loss.cause == cause)
    return found


def change_in(account: Account) -> Change:
    """The only one."""
    (found,) = (loss.change for loss in account.losses if loss.change is not None)
    return found
