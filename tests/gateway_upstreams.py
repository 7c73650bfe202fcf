"""Settings for a gateway in front of fake providers."""

from __future__ import annotations


def asks(*urls: str, dialect: str = "openai", more: str = "") -> str:
    """Upstreams of one dialect, named u0, u1 ..., in this order; ``more`` settings for each."""
    table = '[[upstream]]\nname = "u{}"\ndialect = "{}"\nurl = "{}"\n{}\n'
    return "".join(table.format(i, dialect, url, more) for i, url in enumerate(urls))
