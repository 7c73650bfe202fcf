"""Kinds of addresses: where an upstream is, who may call from a browser.

A URL can hold a secret (``http://user:password@host``). Then it is refused, and no message repeats it.
"""

from __future__ import annotations

import re

from everwarm.config.kinds import Text, Wrong, is_plain

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_AUTHORITY = rf"{_HOST}(?::(?P<port>[0-9]{{1,5}}))?"
_URL = re.compile(rf"https?://{_AUTHORITY}(?:/[!-~]*)?")
_ORIGIN = re.compile(_AUTHORITY)


class Url(Text):
    """Where something answers over HTTP; kept without a slash at its end. ``or_empty``: nowhere is allowed too."""

    def __init__(self, allowed: str, *, or_empty: bool = False) -> None:
        super().__init__(allowed)
        self.or_empty = or_empty

    def of_text(self, text: str) -> str:
        if not text and self.or_empty:
            return text
        if not text.startswith(("http://", "https://")):  # it could be a key: it is not repeated
            raise Wrong(f'found a text that starts with neither "http://" nor "https://"; allowed is {self.allowed}.')
        if "@" in text:
            raise Wrong('found a URL with a credential in it; leave out all that stands before the "@", and the "@".')
        if "?" in text or "#" in text:
            raise Wrong('found a URL with a query or a fragment; leave out the "?" or "#" and what follows it.')
        if not is_plain(text) or not _fits(_URL, text):
            raise Wrong
        return text.rstrip("/")


class Origin(Text):
    """A host as browsers name it: ``app.example.com``, ``localhost:3000``. Lower case."""

    def __init__(self) -> None:
        super().__init__('a host or host:port, such as "app.example.com" or "localhost:3000", without "http://"')

    def of_text(self, text: str) -> str:
        if not _fits(_ORIGIN, text):
            raise Wrong
        return text.lower()


def _fits(pattern: re.Pattern[str], text: str) -> bool:
    match = pattern.fullmatch(text)
    return match is not None and 1 <= int(match["port"] or 1) <= 65535
