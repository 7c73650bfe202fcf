"""``prompt_cache_key``: requests with the same one go to the same servers, where their common beginning is cached."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from everwarm.core.layout.splice import Edit

NAME: Final = "prompt_cache_key"


def prompt_cache_key(namespace_id: str, stream: str) -> str:
    """Of one stream of one tenant. Neither can be read from it; two of each never share one.

    ``namespace_id`` is a keyed digest already, so that nobody who guesses a name can check the guess.
    """
    rows = (part.encode("utf-8", "surrogatepass") for part in (namespace_id, stream))
    framed = b"".join(len(row).to_bytes(8, "big") + row for row in rows)
    return f"ew-{blake2b(framed, digest_size=12, person=b'ew-cache-key').hexdigest()}"


def edits_for_cache_key(value: dict[str, Any], key: str) -> tuple[Edit, ...]:
    """The edit of the body ``value`` that sets it; none if the client has set one, or wants none (null)."""
    return () if NAME in value else (Edit((), "member", key, NAME),)
