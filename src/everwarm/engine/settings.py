"""What an operator may set about the model inside."""

from __future__ import annotations

from typing import NamedTuple


class Settings(NamedTuple):
    """None: chosen by the engine."""

    threads: int | None = None  # for computing: all CPUs that the process may use
    context: int | None = None  # tokens, prompt and answer together: the model's own
    waiting: int = 64  # requests that may wait; one more gets ``Overloaded``
    max_tokens: int = 1024  # of an answer whose request names no bound
    temperature: float = 0.2  # likewise; what the makers of the packaged model recommend
    mode: str = "fast"  # or "exact": see ``steps``
    parallel: int = 16  # answers at a time; in mode "exact" it is the width of a step
    drafts: bool = True  # whether what may come next is looked up, and verified several tokens at a time
    draft: str = ""  # a smaller model that guesses what comes next: a path, the packaged model's name, or none
    kv_precision: str = "f16"  # or "u8": half the memory, and not quite the same answers
    kv_bytes: int | None = None  # memory of the KV pool: an eighth of the machine's, at most MOST_KV


DEFAULTS = Settings()

MODES = ("fast", "exact")

MOST_KV = 2 << 30
