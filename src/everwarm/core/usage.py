"""One normal form of token counts over all dialects.

Source of the conventions: the providers' API references. OpenAI's ``prompt_tokens`` includes the cached ones,
Anthropic's ``input_tokens`` does not; here the parts are disjoint and add up.
"""

from __future__ import annotations

from typing import NamedTuple


class Usage(NamedTuple):
    """Tokens of one answer. All but ``output`` and ``reasoning`` are parts of the prompt, and disjoint."""

    uncached: int  # prompt tokens that were computed and are not billed as a cache write
    cache_read: int  # prompt tokens whose KV was reused
    output: int  # tokens generated, reasoning included
    cache_write: int = 0  # computed and written to a provider's cache for its shorter or only TTL
    reasoning: int = 0
    cache_write_long: int = 0  # computed and written for its longer TTL (Anthropic: one hour)

    @property
    def prompt(self) -> int:
        """All prompt tokens, reused or not."""
        return self.uncached + self.cache_read + self.cache_write + self.cache_write_long

    @property
    def total(self) -> int:
        """Prompt and output."""
        return self.prompt + self.output
