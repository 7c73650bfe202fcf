"""One normal form of token counts over all dialects.

Source of the conventions: the providers' API references. OpenAI's ``prompt_tokens`` includes the cached ones,
Anthropic's ``input_tokens`` does not; here the parts are disjoint and add up.
"""

from __future__ import annotations

from typing import NamedTuple


class Usage(NamedTuple):
    """Tokens of one answer: ``uncached``, ``cache_read``, ``cache_write`` are the prompt; ``reasoning`` is output."""

    uncached: int  # prompt tokens that were computed and are not billed as a cache write
    cache_read: int  # prompt tokens whose KV was reused
    output: int  # tokens generated, reasoning included
    cache_write: int = 0  # prompt tokens computed and written to a provider's cache at its write price
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """All prompt tokens, reused or not."""
        return self.uncached + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        """Prompt and output."""
        return self.prompt + self.output
