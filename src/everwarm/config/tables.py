"""What ``[aliases]``, ``[[upstream]]`` and the like have in common: tables whose keys or number the user chooses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from everwarm.config.file import Document
from everwarm.config.kinds import Kind, Wrong
from everwarm.config.lines import At
from everwarm.config.problems import Problems, describe, hint, kind_of, misfit, nearest
from everwarm.config.setting import Setting

_NONE: Mapping[str, str] = {}
TABLES = ("aliases", "models", "upstream", "tenant")
"""Those at the top of the file."""

STREAMS: At = ("layout", "streams")
"""The one that stands in a section."""


class Tables:
    """The tables of one document; what is wrong with them goes to ``problems``."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self.document = document
        self.problems = problems

    def table(self, path: At) -> Mapping[str, Any]:
        """The table at ``path``; an empty one if there is none."""
        value: Any = self.document.data
        for part in path:
            value = value.get(part, {}) if isinstance(value, dict) else {}  # what is no table was told of already
        if isinstance(value, dict):
            return value
        self.add(path, f"found {describe(value)}; allowed is a table: [{dotted(path)}].")
        return {}

    def tables(self, name: str, members: str) -> Iterator[tuple[At, Mapping[str, Any]]]:
        """Each table of ``[[name]]`` with its path. ``members``: what stands in one, for the message."""
        raw = self.document.data.get(name, [])
        if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
            self.add((name,), f"found {kind_of(raw)}; allowed are tables: [[{name}]], then {members} below it.")
            return
        for index, table in enumerate(raw):
            yield (name, index), table

    def values(
        self, path: At, table: Mapping[str, Any], kinds: Mapping[str, Kind[Any]], meant: Mapping[str, str] = _NONE
    ) -> dict[str, Any]:
        """What a table says, by key, without what is wrong. ``meant``: wrong key -> the one that it stands for."""
        good = {}
        for key, raw in table.items():
            here = (*path, key)
            if key not in kinds:
                self._unknown(here, kinds, meant.get(key))
                continue
            try:
                good[key] = kinds[key].of_toml(raw)
            except Wrong as wrong:
                self.add(here, misfit(raw, kinds[key], wrong))
        return good

    def row(
        self, path: At, table: Mapping[str, Any], settings: Sequence[Setting], meant: Mapping[str, str] = _NONE
    ) -> dict[str, Any] | None:
        """``values`` of a table that must have some of its keys; None if one of those is missing or wrong."""
        good = self.values(path, table, {setting.name: setting.kind for setting in settings}, meant)
        needed = [setting for setting in settings if setting.required]
        for setting in needed:
            if setting.name not in table:
                self.add((*path, setting.name), f"missing; allowed is {setting.kind.allowed}.")
        return good if all(setting.name in good for setting in needed) else None

    def _unknown(self, path: At, known: Iterable[str], meant: str | None) -> None:
        *first, last = known
        near = [meant] if meant else nearest(str(path[-1]), (*first, last))
        known = f"known here are {', '.join(first)} and {last}" if first else f"known here is {last}"
        self.add(path, f"unknown; {known}.{hint(near)}")

    def taken(self, path: At, name: str, by: At) -> None:
        """``name`` belongs to another already."""
        self.add(path, f"{describe(name)} is taken: see {self.document.where(by)}.")

    def where(self, path: At) -> str:
        """A place for a message: the file, its line, the path."""
        return f"{self.document.where(path)}, {dotted(path)}"

    def add(self, path: At, what: str) -> None:
        """A problem at ``path``."""
        self.problems.add(self.where(path), what, self.document.line(path))


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
