"""What is kept of the conversations that go on at one time."""

from __future__ import annotations

from typing import Final, TypeVar

KEPT: Final = 64
"""Prompts, each the last one of a conversation."""

K = TypeVar("K")
V = TypeVar("V")


class Latest(dict[K, V]):
    """By the end of a prompt: what came first goes when there is no more room, for it can be made again."""

    def keep(self, key: K, value: V) -> None:
        """Have it from now on."""
        if len(self) >= KEPT:
            del self[next(iter(self))]
        self[key] = value
