"""What of the last prompt is in the KV cache, and how much of the next one that spares."""

from __future__ import annotations

from collections.abc import Sequence

from everwarm.core.key import Namespace


class LastPrompt:
    """The prefilled tokens that the KV cache holds, from position 0 on, and whose they are.

    Only whole chunks count, and only tokens of a prompt: those computed one by one while an answer was decoded have the
    same meaning but other last bits, and would make a warm answer differ from a cold one. Another namespace never
    reuses anything: for it the cache is empty.
    """

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._tokens: list[int] = []
        self._namespace: Namespace | None = None

    def take(self, namespace: Namespace, prompt: Sequence[int]) -> int:
        """How many tokens of ``prompt`` need not be computed: a multiple of the chunk, and less than all of them.

        The last token is always computed, for its logits. What lies behind the reused part is about to be overwritten
        and is forgotten.
        """
        shared = self._shared(prompt) if namespace == self._namespace else 0
        reused = min(shared, len(prompt) - 1) // self._chunk * self._chunk
        self._namespace = namespace
        del self._tokens[reused:]
        return reused

    def add(self, tokens: Sequence[int]) -> None:
        """These were prefilled next. A part of a chunk ends a prompt and is never reused."""
        if len(tokens) == self._chunk:
            self._tokens.extend(tokens)

    def clear(self) -> None:
        """The cache holds nothing that can be trusted."""
        self._tokens.clear()
        self._namespace = None

    def _shared(self, prompt: Sequence[int]) -> int:
        for at, (ours, theirs) in enumerate(zip(self._tokens, prompt, strict=False)):
            if ours != theirs:
                return at
        return min(len(self._tokens), len(prompt))
