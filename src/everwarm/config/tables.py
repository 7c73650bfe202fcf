"""The tables whose keys the user chooses: ``[aliases]``, ``[models."NAME"]``, ``[[tenant]]``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from everwarm.config.file import Document
from everwarm.config.kinds import Kind, Wrong, is_plain
from everwarm.config.lines import At
from everwarm.config.problems import Problems, describe, hint, kind_of, nearest
from everwarm.config.settings import SETTINGS, ModelRules
from everwarm.config.tenants import Tenant, Tenants

TABLES = ("aliases", "models", "tenant")

_NAME = re.compile(r"[a-z0-9._-]{1,64}")
_KEY = re.compile(r"sha256:([0-9a-fA-F]{64})")
_OF_NOTHING = sha256(b"").hexdigest()
_RULES: Mapping[str, Kind[Any]] = {name: SETTINGS["cache." + name].kind for name in ("ttl", "reuse_sampled")}


class Tables:
    """Reads the three tables of one document; what is wrong goes to ``problems``."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self.document = document
        self.problems = problems
        self.sources: dict[str, str] = {}

    def aliases(self) -> dict[str, str]:
        """Name -> model id."""
        table = self._table(("aliases",))
        good = {}
        for name, target in table.items():
            path = ("aliases", name)
            if not isinstance(target, str) or not is_plain(target) or not is_plain(name):
                self._add(path, f"found {describe(target)}; allowed is the id of a model, as text.")
            elif target in table:
                self._add(path, f"{describe(target)} is an alias itself; name the model that it stands for.")
            else:
                good[name] = target
                self.sources[dotted(path)] = self.document.source(path)
        return good

    def models(self) -> dict[str, ModelRules]:
        """Model id -> what differs for it."""
        aliases = self.document.data.get("aliases")
        good = {}
        for name in self._table(("models",)):
            if isinstance(aliases, dict) and name in aliases:
                self._add(
                    ("models", name), f'is an alias; write the model: [models."{describe(aliases[name])[1:-1]}"].'
                )
            elif not is_plain(name):
                self._add(("models", name), "is not the id of a model.")
            else:
                good[name] = ModelRules(**self._rules(("models", name)))
        return good

    def _rules(self, path: At) -> dict[str, Any]:
        good = {}
        for key, raw in self._table(path).items():
            here = (*path, key)
            if key not in _RULES:
                self._unknown(here, nearest(key, _RULES), _RULES)
                continue
            try:
                good[key] = _RULES[key].of_toml(raw)
                self.sources[dotted(here)] = self.document.source(here)
            except Wrong:
                self._add(here, f"found {describe(raw)}; allowed is {_RULES[key].allowed}.")
        return good

    def tenants(self) -> Tenants:
        """Who is who. No message repeats a value of ``keys``: somebody may have put the credential itself there."""
        raw = self.document.data.get("tenant", [])
        if not isinstance(raw, list) or not all(isinstance(t, dict) for t in raw):
            self._add(
                ("tenant",), f"found {kind_of(raw)}; allowed are tables: [[tenant]], then name and keys below it."
            )
            return Tenants()
        names: dict[str, At] = {}
        keys: dict[str, At] = {}
        return Tenants(t for i, table in enumerate(raw) if (t := self._tenant(("tenant", i), table, names, keys)))

    def _tenant(self, path: At, table: Mapping[str, Any], names: dict[str, At], keys: dict[str, At]) -> Tenant | None:
        for key in table:
            if key not in ("name", "keys"):
                self._unknown((*path, key), nearest(key, ("name", "keys")), ("name", "keys"))
        name = self._tenant_name(path, table.get("name"), names)
        digests = tuple(self._digests((*path, "keys"), table.get("keys"), keys))
        if name is None:
            return None
        self.sources[f"tenant.{name}.keys"] = self.document.source((*path, "keys"))
        return Tenant(name, digests)

    def _tenant_name(self, path: At, name: object, names: dict[str, At]) -> str | None:
        here = (*path, "name")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "public":
            found = "missing" if name is None else f"found {describe(name)}"
            self._add(here, f'{found}; allowed are 1 to 64 of a-z, 0-9, "-", "_", ".", and not "public".')
            return None
        if name in names:
            self._add(here, f"{describe(name)} is taken: see {self.document.where(names[name])}.")
            return None
        names[name] = here
        return name

    def _digests(self, path: At, found: object, keys: dict[str, At]) -> Iterator[str]:
        how = 'allowed is a list of "sha256:" and 64 hexadecimal digits, from: printf %s "$KEY" | sha256sum'
        if not isinstance(found, list) or not found:
            self._add(path, f"{'missing or empty' if not found else 'found ' + kind_of(found)}; {how}")
            return
        for index, key in enumerate(found):
            here = (*path, index)
            match = _KEY.fullmatch(key) if isinstance(key, str) else None
            if match is None:
                self._add(here, f"found {kind_of(key)} that is not such a digest; {how}")
            elif (digest := match[1].lower()) == _OF_NOTHING:
                self._add(here, "this is the digest of an empty text: was $KEY set?")
            elif digest in keys:
                self._add(here, f"this key is listed already: see {self.document.where(keys[digest])}.")
            else:
                keys[digest] = here
                yield digest

    def _table(self, path: At) -> Mapping[str, Any]:
        value: Any = self.document.data
        for part in path:
            value = value.get(part, {})
        if isinstance(value, dict):
            return value
        self._add(path, f"found {describe(value)}; allowed is a table: [{dotted(path)}].")
        return {}

    def _unknown(self, path: At, candidates: list[str], known: Any) -> None:
        self._add(path, f"unknown; known here are {' and '.join(known)}.{hint(candidates)}")

    def _add(self, path: At, what: str) -> None:
        self.problems.add(f"{self.document.where(path)}, {dotted(path)}", what, self.document.line(path))


def dotted(path: At) -> str:
    """A path as TOML writes it, quoted where TOML wants that: ``models."a.b".ttl``, ``tenant[0].keys[1]``."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            plain = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            out += ("." if out else "") + (part if plain else describe(part))
    return out
