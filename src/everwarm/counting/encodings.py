"""The tokenizers of OpenAI's models, from the package ``toktok-rs``, which has their vocabularies in it."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, NamedTuple

TABLE: Final = (
    (r"gpt-4o|chatgpt-4o|gpt-4\.1|gpt-4\.5", "o200k_base"),
    (r"gpt-5|gpt-5\.\d+", "o200k_base"),
    (r"o1|o3|o4", "o200k_base"),
    (r"gpt-oss", "o200k_base"),  # o200k_harmony has other control tokens, and gives the same of any text
    (r"gpt-4|gpt-3\.5|gpt-35", "cl100k_base"),
    (r"text-embedding-3|text-embedding-ada-002|davinci-002|babbage-002", "cl100k_base"),
)
"""Models -> encoding. Source: ``tiktoken`` 0.14.0, ``model.py``, as of August 2026. A model's name may go on behind a
hyphen (its size, its date); before it may stand who serves it (``openai/``), or that it was tuned (``ft:``)."""

_NAMES: Final = tuple((re.compile(rf"(?:.*/)?(?:ft:)?(?:{names})(?:[-:@].*)?"), encoding) for names, encoding in TABLE)


class Encoder(NamedTuple):
    """Counts in one encoding."""

    name: str
    package: Any  # the module ``toktok``

    def count(self, text: str) -> int:
        """Tokens of ``text``. Control tokens that are written in it count as text: so providers read them.

        The first text loads the vocabulary, which takes half a second and 65 MB of memory; then 15,000 characters take
        0.1 ms. Lone surrogates are read as U+FFFD.
        """
        clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        count: int = self.package.batch_count([clean], self.name, threads=1)[0]
        return count


@lru_cache(maxsize=256)
def encoding_of(model: str) -> str | None:
    """The name of the encoding in which ``model`` reads; None if it has none that is known to be public."""
    return next((encoding for name, encoding in _NAMES if name.fullmatch(model.lower())), None)


def encoder_of(model: str) -> Encoder | None:
    """What counts for ``model``; None if its encoding is not public, or the package is not installed."""
    encoding, package = encoding_of(model), _package()
    return None if encoding is None or package is None else Encoder(encoding, package)


@lru_cache(maxsize=1)
def _package() -> Any:
    try:
        return import_module("toktok")
    except ImportError:  # everwarm[tokens] is not installed: estimates are made, and say so
        return None
