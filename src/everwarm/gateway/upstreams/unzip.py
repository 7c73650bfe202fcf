"""Bodies that come packed though nobody asked for it: some servers and proxies do that all the same."""

from __future__ import annotations

import zlib
from typing import Final

AT_ONCE: Final = 2**18
"""Bytes that are unpacked in one go: a small piece may hold a thousand times as many."""

KNOWN: Final = frozenset((b"gzip", b"x-gzip", b"deflate"))
"""Values of ``Content-Encoding`` that are understood here."""

_ZLIB: Final = 8  # the low half of the first byte of its format; deflate without a head never begins so


class Damaged(Exception):
    """It cannot be unpacked, or ends too early. Never leaves the gateway."""


class Unzipper:
    """Feed it packed bytes, take unpacked ones. ``deflate`` comes as zlib or, against the standard, without a head."""

    def __init__(self, encoding: bytes) -> None:
        self._made = zlib.decompressobj(zlib.MAX_WBITS if encoding == b"deflate" else 16 + zlib.MAX_WBITS)
        self._may_lack_head = encoding == b"deflate"
        self._begun = False
        self._rest = b""
        self.more = False  # whether feeding nothing gives more

    def feed(self, piece: bytes) -> bytes:
        """The next unpacked bytes, at most ``AT_ONCE``; they may be none. Raises ``Damaged``."""
        data = self._rest + piece
        if data and not self._begun:
            self._begun = True
            if self._may_lack_head and data[0] & 15 != _ZLIB:
                self._made = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            out = self._made.decompress(data, AT_ONCE)
        except zlib.error:
            raise Damaged from None
        if self._made.unused_data:
            raise Damaged
        self._rest = self._made.unconsumed_tail
        self.more = bool(self._rest) or (len(out) == AT_ONCE and not self._made.eof)
        return out

    def end(self) -> None:
        """No more comes. Raises ``Damaged`` where that is too early."""
        if self._begun and not self._made.eof:
            raise Damaged
