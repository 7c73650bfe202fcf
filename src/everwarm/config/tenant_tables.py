"""``[[tenant]]`` and ``keys.toml``: who is who, gathered from both and merged by name.

No message repeats a value of ``keys``: somebody may have put the credential itself there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

from everwarm.config.keys import KeyLine
from everwarm.config.kinds import Kind, Wrong
from everwarm.config.lines import At
from everwarm.config.problems import Problems, kind_of
from everwarm.config.setting import Setting, rows
from everwarm.config.tables import Tables
from everwarm.config.tenants import Tenant, Tenants

_KEY = re.compile(r"sha256:([0-9a-fA-F]{64})")
_OF_NOTHING = sha256(b"").hexdigest()
_HOW = 'allowed is a list of "sha256:" and 64 hexadecimal digits, from: printf %s "$KEY" | sha256sum'
_MEANT: Mapping[str, str] = {"key": "keys", "api_keys": "keys", "model": "models"}


class _Keys(Kind[list[object]]):
    """A list of what should be digests; ``Register`` looks at each, for each has a line of its own."""

    allowed = 'a list of "sha256:" and 64 hexadecimal digits'

    def of_toml(self, value: object) -> list[object]:
        if not isinstance(value, list) or not value:
            raise Wrong(f"{'empty' if value == [] else 'found ' + kind_of(value)}; {_HOW}")
        return value

    def of_text(self, text: str) -> list[object]:
        return self.of_toml(text)


_NAME, *_MORE = rows(Tenant)
_DIGESTS = "SHA-256 of each of its credentials, beside those of `everwarm keys add`"
MEMBERS = (_NAME, Setting("keys", _Keys(), None, _DIGESTS, None, "none here", False), *_MORE)


class _Owner(NamedTuple):
    """Whose a key is, and where that was said."""

    tenant: str
    where: str


class Register:
    """Gathers tenants and their keys. A key has one tenant."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = sources
        self._tenants: dict[str, Tenant] = {}
        self._owners: dict[str, _Owner] = {}  # digest -> its tenant

    def of_file(self, tables: Tables) -> None:
        """The tenants of a settings file."""
        named: dict[str, At] = {}
        for path, table in tables.tables("tenant", "name and keys"):
            tenant = self._tenant(tables, path, table)
            if tenant is None:
                continue
            if tenant.name in named:
                tables.taken((*path, "name"), tenant.name, named[tenant.name])
            named.setdefault(tenant.name, (*path, "name"))
            self._tenants.setdefault(tenant.name, tenant)
            self._note(tables, path, table, tenant.name)

    def of_keys(self, lines: Iterable[KeyLine], problems: Problems) -> None:
        """The keys that ``everwarm keys`` has made."""
        for key, where, source in lines:
            owner = self._owners.get(key.digest)
            if owner and owner.tenant != key.name:
                problems.add(where, f"this key is that of another tenant already: see {owner.where}.")
            elif not owner:
                self._owners[key.digest] = _Owner(key.name, where)
                tenant = self._tenants.get(key.name, Tenant(key.name))
                self._tenants[key.name] = replace(tenant, digests=(*tenant.digests, key.digest))
                self._sources.setdefault(f"tenant.{key.name}.keys", source)

    def tenants(self, store_mb: int, problems: Problems) -> Tenants:
        """All of them. Their shares must fit into the store."""
        shares = sum(tenant.store_mb or 0 for tenant in self._tenants.values())
        if shares > store_mb:
            problems.add("tenant.store_mb", f"the shares add up to {shares} MiB, and cache.disk_mb is {store_mb}.")
        return Tenants(self._tenants.values())

    def _tenant(self, tables: Tables, path: At, table: Mapping[str, Any]) -> Tenant | None:
        good = tables.row(path, table, MEMBERS, _MEANT)
        if good is None:
            return None
        digests = tuple(self._digests(tables, (*path, "keys"), good.pop("keys", []), good["name"]))
        tenant = Tenant(**good, digests=digests)
        if tenant.store_mb and tenant.store_max_mb and tenant.store_mb > tenant.store_max_mb:
            tables.add((*path, "store_mb"), "is more than store_max_mb.")
        return tenant

    def _digests(self, tables: Tables, path: At, found: Iterable[object], tenant: str) -> Iterator[str]:
        for index, key in enumerate(found):
            here = (*path, index)
            match = _KEY.fullmatch(key) if isinstance(key, str) else None
            if match is None:
                tables.add(here, f"found {kind_of(key)} that is not such a digest; {_HOW}")
            elif (digest := match[1].lower()) == _OF_NOTHING:
                tables.add(here, "this is the digest of an empty text: was $KEY set?")
            elif digest in self._owners:
                tables.add(here, f"this key is listed already: see {self._owners[digest].where}.")
            else:
                self._owners[digest] = _Owner(tenant, tables.document.where(here))
                yield digest

    def _note(self, tables: Tables, path: At, table: Mapping[str, Any], name: str) -> None:
        for key in table:
            self._sources[f"tenant.{name}.{key}"] = tables.document.source((*path, key))
