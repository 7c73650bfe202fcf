"""Tenants: which credential belongs to whom. Only digests of credentials are here, so nothing in it is secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Tenant:
    """One ``[[tenant]]``."""

    name: str  # [a-z0-9._-], 1 to 64 of them; never "public"
    digests: tuple[str, ...]  # SHA-256 of each credential: 64 lower-case hexadecimal digits


class Tenants:
    """All tenants, by the digest of what they present.

    What is compared is the SHA-256 of the credential, which the caller cannot steer: the time of the look-up says
    nothing about a stored credential.
    """

    __slots__ = ("_all", "_by_digest")

    def __init__(self, tenants: Iterable[Tenant] = ()) -> None:
        self._all = tuple(tenants)
        self._by_digest = {bytes.fromhex(digest): t.name for t in self._all for digest in t.digests}

    def of(self, credential: bytes) -> str | None:
        """The tenant of a credential, or None. An empty credential has none."""
        return self._by_digest.get(sha256(credential).digest()) if credential else None

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tenants) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)
