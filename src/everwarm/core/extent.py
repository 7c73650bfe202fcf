"""How much text there is, in the classes by which tokenizers differ most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Extent(NamedTuple):
    """Of a prompt, or of a part of one."""

    messages: int  # each is framed by a few tokens: whose it is, ids of calls
    ascii: int  # characters of one byte in UTF-8
    narrow: int  # of two: other letters of Latin, Greek, Cyrillic, Hebrew, Arabic
    wide: int  # of three: Chinese, Japanese, Korean, the scripts of India. One of four counts as two less one narrow

    @property
    def characters(self) -> int:
        """All of them."""
        return self.ascii + self.narrow + self.wide


def extent_of(texts: Iterable[str], messages: int = 0) -> Extent:
    """Of ``texts`` together. Microseconds for 10,000 characters: they are counted by their bytes, not one by one."""
    one = more = beyond = 0
    for text in texts:
        count = len(text)
        if text.isascii():
            one += count
            continue
        plain = len(text.encode("ascii", "ignore"))
        one += plain
        more += count - plain
        beyond += len(text.encode("utf-8", "surrogatepass")) - plain
    wide = max(0, beyond - 2 * more)  # beyond = 2 narrow + 3 wide
    return Extent(messages, one, more - wide, wide)
