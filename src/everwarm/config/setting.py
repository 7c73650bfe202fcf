"""What a setting is: a field of a dataclass that says what it can hold and what it is for.

Reading, showing and the docs are all made from these fields, so a setting is written down once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any, NamedTuple, TypeVar, cast

from everwarm.config.kinds import Kind

T = TypeVar("T")

PREFIX = "EVERWARM_"


class Setting(NamedTuple):
    """One row of a table of settings."""

    name: str  # dotted: "cache.ttl"
    kind: Kind[Any]
    default: Any  # None where there is none, or where it depends on the machine
    help: str
    flag: str | None  # "--port"; the file and the environment have all settings, the command line only these
    default_text: str | None  # the default in words, where its value does not say enough
    required: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.upper().replace(".", "_")


def setting(default: T, kind: Kind[T], text: str, *, flag: str | None = None, default_text: str | None = None) -> T:
    """A field that is a setting. Typed as its value, so that mypy sees the default fit the field and the kind."""
    more = {"kind": kind, "help": text, "flag": flag, "default_text": default_text}
    made: Any = field(default=default, metadata=more)
    return cast(T, made)


def optional(kind: Kind[T], text: str, *, without: str) -> T | None:
    """A field that may be left out; ``without`` says what that means."""
    made: Any = field(default=None, metadata={"kind": kind, "help": text, "default_text": without})
    return cast(T, made)


def required(kind: Kind[T], text: str) -> T:
    """A field that its table must have."""
    made: Any = field(metadata={"kind": kind, "help": text, "default_text": "required", "required": True})
    return cast(T, made)


def rows(cls: type[Any], prefix: str = "") -> list[Setting]:
    """The fields of a dataclass that are settings, in their order."""
    return [_row(prefix, f) for f in fields(cls) if "kind" in f.metadata]


def _row(prefix: str, f: Field[Any]) -> Setting:
    default = None if f.default is MISSING else f.default
    more: Mapping[str, Any] = f.metadata
    outside = (more.get("flag"), more.get("default_text"), more.get("required", False))
    return Setting(prefix + f.name, more["kind"], default, more["help"], *outside)
