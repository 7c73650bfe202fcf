"""The tables of ``docs/configuration.md``; ``python -m everwarm.config.docs FILE`` writes them into FILE.

Each stands between two marks, ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from everwarm.config import tenant_tables, upstream_tables
from everwarm.config.reload import APPLIED
from everwarm.config.setting import Setting
from everwarm.config.settings import SETTINGS
from everwarm.config.show import word


def settings() -> str:
    """All settings that have one name, and how each is set from outside the file."""
    return _table(
        ("setting", "default", "allowed", "what it is", "environment, flag"),
        ((*_cells(setting), _outside(setting)) for setting in SETTINGS.values()),
    )


def _members(members: Iterable[Setting]) -> str:
    """The keys of a table that can be there several times."""
    return _table(("key", "default", "allowed", "what it is"), map(_cells, members))


def _reload() -> str:
    """The settings that are applied while the gateway runs."""
    return "".join(f"- `{name}`\n" for name in SETTINGS if name in APPLIED)


PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "upstream": lambda: _members(upstream_tables.MEMBERS),
    "tenant": lambda: _members(tenant_tables.MEMBERS),
    "reload": _reload,
}
"""Name of a mark -> what stands there."""


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _cells(setting: Setting) -> tuple[str, ...]:
    default = setting.default_text
    if default is None:
        shown = word(setting.kind.show(setting.default))
        default = f"`{shown}`" if shown else "none"
    return f"`{setting.name}`", default, setting.kind.allowed, setting.help


def _outside(setting: Setting) -> str:
    return f"`{setting.variable}`" + (f", `{setting.flag}`" if setting.flag else "")


def filled(text: str) -> str:
    """The page with what stands between marks brought up to date."""
    for name, made in PARTS.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if begin in text:
            before, _, rest = text.partition(begin)
            text = f"{before}{begin}\n{made()}{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(filled(page.read_text("utf-8")), "utf-8")
