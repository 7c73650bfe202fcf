"""Providers' prompt cache rules: those that come with Everwarm, and those of the user."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from everwarm.core.rules import Rule, Rules, parse
from everwarm.errors import ConfigError


def load(extra: Path | None = None) -> Rules:
    """The packaged rules and, before them, those in the files ``*.toml`` of the folder ``extra``, if there is one.

    Raises ``ConfigError`` for a file that cannot be read or understood.
    """
    packaged = files("everwarm") / "data" / "rules"
    names = sorted(file.name for file in packaged.iterdir() if file.name.endswith(".toml"))
    ours = [rule for name in names for rule in parse((packaged / name).read_text("utf-8"), name)]
    return Rules(tuple(_of_user(extra)) if extra else (), tuple(ours))


def _of_user(folder: Path) -> Iterator[Rule]:
    for path in sorted(folder.glob("*.toml")):
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ConfigError(f"{path}: cannot be read: {why}.") from None
        yield from parse(text, str(path))
