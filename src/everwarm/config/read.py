"""Reads the configuration: built-in default < file < environment < flags. All that is wrong is reported at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from everwarm.config import file, keys, model_tables, stream_tables, upstream_tables
from everwarm.config.kinds import Place, Wrong
from everwarm.config.problems import Problems, describe, hint, misfit, nearest
from everwarm.config.setting import PREFIX, Setting
from everwarm.config.settings import SECTIONS, SETTINGS, Config, build, default_data, home_of
from everwarm.config.tables import STREAMS, TABLES, Tables, dotted
from everwarm.config.tenant_tables import Register
from everwarm.config.tenants import Tenants
from everwarm.config.upstream_tables import Upstreams
from everwarm.config.upstreams import UpstreamSettings

_TEST_PREFIX = PREFIX + "TEST_"  # for test suites; not ours to judge
CLIENT_KEY = PREFIX + "KEY"
"""The key that commands send which speak to a gateway. It is no setting."""

_OTHERS = (file.VARIABLE, upstream_tables.VARIABLE, CLIENT_KEY)
_BY_VARIABLE = {setting.variable: setting for setting in SETTINGS.values()}
_BY_PATH = {tuple(name.split(".")): setting for name, setting in SETTINGS.items()}


def load(
    flags: Mapping[str, str | None],
    env: Mapping[str, str],
    cwd: Path,
    *,
    upstreams: Sequence[str] = (),
    credentials: bool = True,
    platform: str = sys.platform,
) -> Config:
    """The effective configuration, or one ``ConfigError`` that lists everything wrong with it.

    ``flags`` maps dotted names, and "config" for the file, to what the command line said; None is "not given".
    ``upstreams`` are the words of ``--upstream``. An environment variable that is empty counts as not set. Relative
    paths start from the file's folder if the file says them, else from ``cwd``. ``keys.toml`` of the data folder is
    read too. Without ``credentials``, the variables that hold those of upstreams need not be set: for commands that
    call no upstream.
    """
    reader = _Reader(env, cwd)
    document = reader.document(flags.get("config"), env)
    reader.of_file(document)
    reader.of_environment(env)
    reader.of_flags(flags)
    reader.values.setdefault("data", default_data(env, platform))
    tables = Tables(document, reader.problems)
    rest = {
        "aliases": model_tables.aliases(tables, reader.sources),
        "models": model_tables.models(tables, reader.sources),
        "streams": stream_tables.streams(tables, reader.sources),
        "upstreams": reader.upstreams(tables, env, upstreams, credentials),
        "tenants": reader.tenants(tables),
    }
    reader.problems.raise_if_any()
    return build(reader.values, **rest, file=document.path, sources=reader.sources)


class _Given(NamedTuple):
    """One value as somebody wrote it."""

    raw: Any
    where: str  # for a message
    source: str  # for the table of sources
    line: float = inf


class _Reader:
    """Later values replace earlier ones; problems pile up."""

    def __init__(self, env: Mapping[str, str], cwd: Path) -> None:
        self.place = Place(cwd, home_of(env))
        self.problems = Problems()
        self.values: dict[str, Any] = {}
        self.sources = dict.fromkeys(SETTINGS, "default")

    def document(self, flag: str | None, env: Mapping[str, str]) -> file.Document:
        found = file.find(flag, env, self.place)
        if found is None:
            return file.Document()
        named_by = " (--config)" if flag is not None else f" ({file.VARIABLE})" if env.get(file.VARIABLE) else ""
        return file.read(*found, named_by, self.problems)

    def of_file(self, document: file.Document) -> None:
        place = self.place if document.path is None else self.place._replace(base=document.path.parent)
        for path, raw in _leaves(document.data):
            setting = _BY_PATH.get(path)
            where, line = f"{document.where(path)}, {dotted(path)}", document.line(path)
            if setting is None:
                self.problems.add(where, _unknown(path, raw), line)
            else:
                self.take(setting, _Given(raw, where, document.source(path), line), setting.kind.of_toml, place)

    def of_environment(self, env: Mapping[str, str]) -> None:
        for name in sorted(env):
            if not name.startswith(PREFIX) or name in _OTHERS or name.startswith(_TEST_PREFIX):
                continue
            setting = _BY_VARIABLE.get(name)
            where = f"environment, {describe(name)[1:-1]}"
            if setting is None:
                self.problems.add(where, f"unknown setting.{hint(_near_variable(name))}")
            elif env[name]:
                self.take(setting, _Given(env[name], where, name), setting.kind.of_text, self.place)

    def of_flags(self, flags: Mapping[str, str | None]) -> None:
        for name, text in flags.items():
            setting = SETTINGS.get(name)
            if text is None or name == "config":
                continue
            if setting is None:
                where = f"command line, {describe(name)[1:-1]}"
                self.problems.add(where, f"unknown setting.{hint(nearest(name, SETTINGS))}")
                continue
            flag = setting.flag or f"command line, {name}"
            where = flag if setting.flag is None else f"command line, {flag}"
            self.take(setting, _Given(text, where, flag), setting.kind.of_text, self.place)

    def upstreams(
        self, tables: Tables, env: Mapping[str, str], words: Sequence[str], credentials: bool
    ) -> tuple[UpstreamSettings, ...]:
        found = Upstreams(self.problems, self.sources)
        found.of_file(tables)
        variable = upstream_tables.VARIABLE
        listed = env[variable].split(",") if env.get(variable) else []
        found.of_words([word.strip() for word in listed], f"environment, {variable}", variable)
        found.of_words(words, f"command line, {upstream_tables.FLAG}", upstream_tables.FLAG)
        if credentials:
            found.demand_credentials(env)
        return found.upstreams()

    def tenants(self, tables: Tables) -> Tenants:
        register = Register(self.sources)
        register.of_file(tables)
        register.of_keys(keys.read(self.values["data"], self.problems), self.problems)
        store_mb = self.values.get("cache.disk_mb", SETTINGS["cache.disk_mb"].default)
        return register.tenants(store_mb, self.problems)

    def take(self, setting: Setting, given: _Given, read: Callable[[Any], Any], place: Place) -> None:
        """Keep the value, or the problem with it."""
        try:
            self.values[setting.name] = setting.kind.placed(read(given.raw), place)
            self.sources[setting.name] = given.source
        except Wrong as wrong:
            self.problems.add(given.where, misfit(given.raw, setting.kind, wrong), given.line)


def _near_variable(name: str) -> list[str]:
    return [v.upper() for v in nearest(name, [known.lower() for known in (*_BY_VARIABLE, upstream_tables.VARIABLE)])]


def _leaves(data: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """What the file sets, one by one: the keys at the top, and those of each section. The free tables are left out."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in data.items():
        if key in TABLES:
            continue
        if isinstance(value, dict) and value and not _misspelt_section(key):
            found += (((key, inner), deeper) for inner, deeper in value.items() if (key, inner) != STREAMS)
        elif not (key in SECTIONS and value == {}):
            found.append(((key,), value))
    return found


def _misspelt_section(key: str) -> bool:
    """Close to a section that we have: then one message about the section, not one about each key in it."""
    return key not in SECTIONS and bool(_sections_like(key))


def _sections_like(key: str) -> list[str]:
    return nearest(key, (*SECTIONS, *TABLES, dotted(STREAMS)))


def _unknown(path: tuple[str, ...], raw: object) -> str:
    if path[0] in SECTIONS and len(path) == 1:
        return f"found {describe(raw)}; allowed is a section: [{path[0]}], its settings below it."
    if len(path) == 1 and isinstance(raw, (dict, list)):
        return "unknown section." + hint([f"[{name}]" for name in _sections_like(path[0])])
    near = nearest(".".join(path), (*SETTINGS, dotted(STREAMS)))
    above = [name for name in near if "." not in name] if len(path) > 1 else []
    more = f" The setting {above[0]} stands at the top of the file, above the first [section]." if above else ""
    return f"unknown setting.{more or hint(near)}"
