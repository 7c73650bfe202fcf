"""Tenants: which credential belongs to whom. Only digests of credentials are here, so nothing in it is secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from everwarm.config.kinds import Whole
from everwarm.config.names import Listed, Name, Pattern, matches
from everwarm.config.setting import optional, required, setting

_LARGEST_STORE = 67_108_864  # MiB


@dataclass(frozen=True, slots=True)
class Tenant:
    """One ``[[tenant]]``, or a name that only ``keys.toml`` has."""

    name: str = required(Name("public"), "what it is called in figures and logs; no two have the same")
    digests: tuple[str, ...] = ()  # SHA-256 of each credential: 64 lower-case hexadecimal digits
    store_mb: int | None = optional(
        Whole(1, _LARGEST_STORE),
        "its share of the store, in MiB: no other tenant pushes it below",
        without="no share of its own",
    )
    store_max_mb: int | None = optional(
        Whole(1, _LARGEST_STORE), "most that it may hold in the store, in MiB", without="the whole store"
    )
    models: tuple[str, ...] = setting(
        (), Listed(Pattern(), least=1), "the models that it may use, `*` and `?` for any", default_text="every model"
    )
    share: str | None = optional(
        Name(), "name of a group: tenants of one group share stored answers", without="it shares with nobody"
    )

    def may_use(self, model: str) -> bool:
        """Whether this model is one of its own."""
        return not self.models or matches(self.models, model)


class Tenants:
    """All tenants, by the digest of what they present.

    What is compared is the SHA-256 of the credential, which the caller cannot steer: the time of the look-up says
    nothing about a stored credential.
    """

    __slots__ = ("_all", "_by_digest", "_by_name")

    def __init__(self, tenants: Iterable[Tenant] = ()) -> None:
        self._all = tuple(tenants)
        self._by_name = {t.name: t for t in self._all}
        self._by_digest = {bytes.fromhex(digest): t.name for t in self._all for digest in t.digests}

    def of(self, credential: bytes) -> str | None:
        """The name of the tenant of a credential, or None. An empty credential has none."""
        return self._by_digest.get(sha256(credential).digest()) if credential else None

    def named(self, name: str) -> Tenant:
        """The tenant of this name; ``KeyError`` if there is none."""
        return self._by_name[name]

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tenants) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)
