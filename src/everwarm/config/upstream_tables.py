"""``[[upstream]]``, ``EVERWARM_UPSTREAM`` and ``--upstream``: gathered in this order, later ones replace by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, NamedTuple

from everwarm.config.kinds import Wrong
from everwarm.config.lines import At
from everwarm.config.problems import Problems, describe, misfit
from everwarm.config.setting import PREFIX, rows
from everwarm.config.tables import Tables
from everwarm.config.upstreams import DIALECTS, UpstreamSettings

MEMBERS = rows(UpstreamSettings)
VARIABLE = PREFIX + "UPSTREAM"
FLAG = "--upstream"

_KINDS = {setting.name: setting.kind for setting in MEMBERS}
_ALLOWED = "allowed is openai=URL, anthropic=URL, or NAME:DIALECT=URL where DIALECT is openai or anthropic."
_MEANT: Mapping[str, str] = {  # as others call it
    "api_key": "key_env",
    "key": "key_env",
    "base_url": "url",
    "api_base": "url",
    "type": "dialect",
    "vendor": "provider",
    "model": "models",
    "timeout": "seconds",
}
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "openai": ("/chat/completions", "/completions", "/responses", "/embeddings", "/models"),
    "anthropic": ("/v1", "/messages", "/models"),
}
"""What a request adds to the address itself: an address that ends so would have it twice."""


class _Place(NamedTuple):
    """Where an upstream was named: for messages."""

    where: str
    line: float = inf


class Upstreams:
    """All upstreams in their order."""

    def __init__(self, problems: Problems, sources: dict[str, str]) -> None:
        self._problems = problems
        self._sources = sources
        self._found: dict[str, UpstreamSettings] = {}
        self._places: dict[str, _Place] = {}

    def of_file(self, tables: Tables) -> None:
        """Those of a settings file."""
        named: dict[str, At] = {}
        for path, table in tables.tables("upstream", "name, dialect and url"):
            good = tables.row(path, table, MEMBERS, _MEANT)
            if good is None:
                continue
            upstream = UpstreamSettings(**good)
            here = (*path, "url")
            if upstream.name in named:
                tables.taken((*path, "name"), upstream.name, named[upstream.name])
            elif what := _misplaced(upstream):
                tables.add(here, what)
            named.setdefault(upstream.name, (*path, "name"))
            self._keep(upstream, _Place(tables.where((*path, "key_env")), tables.document.line(path)))
            for key in table:
                self._sources[f"upstream.{upstream.name}.{key}"] = tables.document.source((*path, key))

    def of_words(self, words: Iterable[str], where: str, source: str) -> None:
        """Those of the environment or of flags, each a ``NAME=URL`` or ``NAME:DIALECT=URL``."""
        taken: set[str] = set()
        for word in words:
            try:
                upstream = _upstream(word, taken)
            except Wrong as wrong:
                self._problems.add(where, str(wrong))
                continue
            taken.add(upstream.name)
            for key in [name for name in self._sources if name.startswith(f"upstream.{upstream.name}.")]:
                del self._sources[key]  # the whole of the former one is replaced
            self._keep(upstream, _Place(where))
            for key in ("name", "dialect", "url"):
                self._sources[f"upstream.{upstream.name}.{key}"] = source

    def upstreams(self) -> tuple[UpstreamSettings, ...]:
        """All of them; flags after the environment's after the file's, and each where its name stood first."""
        return tuple(self._found.values())

    def demand_credentials(self, env: Mapping[str, str]) -> None:
        """It is a problem if a variable that is to hold a credential holds nothing."""
        for name, upstream in self._found.items():
            if upstream.key_env and not upstream.credential(env):
                what = f"the environment variable {upstream.key_env} is not set, or empty."
                self._problems.add(self._places[name].where, what, self._places[name].line)

    def _keep(self, upstream: UpstreamSettings, place: _Place) -> None:
        self._found[upstream.name] = upstream
        self._places[upstream.name] = place


def _upstream(word: str, taken: set[str]) -> UpstreamSettings:
    """What one word of the command line names; raises ``Wrong``, which says what is wrong with it."""
    name, mark, url = word.partition("=")
    if not mark or "/" in name or "@" in name:  # which may hold a credential: it is not repeated
        raise Wrong(f"found no name in front; {_ALLOWED}")
    name, colon, dialect = name.partition(":")
    if not colon:
        if name not in DIALECTS:
            say = f"write {name}:openai=URL or {name}:anthropic=URL." if _fits("name", name) else _ALLOWED
            raise Wrong(f"{describe(name)} is no dialect; {say}")
        dialect, name = name, _free(name, taken)
    elif name in taken:
        raise Wrong(f"{describe(name)} is named twice.")
    given = {"name": name, "dialect": dialect, "url": url}
    upstream = UpstreamSettings(**{key: _read(key, text) for key, text in given.items()})
    if what := _misplaced(upstream):
        raise Wrong(f"{name}: {what}")
    return upstream


def _read(key: str, text: str) -> Any:
    try:
        return _KINDS[key].of_text(text)
    except Wrong as wrong:
        raise Wrong(f"{key}: {misfit(text, _KINDS[key], wrong)}") from None


def _fits(key: str, text: str) -> bool:
    try:
        _KINDS[key].of_text(text)
    except Wrong:
        return False
    return True


def _free(name: str, taken: set[str]) -> str:
    """``name``, or ``name-2`` and so on if that is taken."""
    count = 1
    while (found := name if count == 1 else f"{name}-{count}") in taken:
        count += 1
    return found


def _misplaced(upstream: UpstreamSettings) -> str | None:
    """What is wrong with an address that has the path of a request in it."""
    ending = next((end for end in _ENDINGS[upstream.dialect] if upstream.url.endswith(end)), None)
    return ending and f'ends in "{ending}", which each request adds by itself; leave it out.'
