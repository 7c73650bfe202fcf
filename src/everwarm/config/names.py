"""Kinds of names: of upstreams and tenants, of environment variables, patterns of names, and lists of any of these."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

from everwarm.config.kinds import Kind, Text, Wrong, is_plain

_NAME = re.compile(r"[a-z0-9._-]{1,64}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~?-]{1,64}")
_LONGEST_PATTERN = 256


class Name(Text):
    """What something is called in rows, logs and commands."""

    def __init__(self, *taken: str) -> None:
        but = ", and not " + " or ".join(f'"{word}"' for word in taken) if taken else ""
        super().__init__(f'a name of 1 to 64 of a-z, 0-9, "-", "_", "."{but}')
        self.taken = taken

    def of_text(self, text: str) -> str:
        if not _NAME.fullmatch(text) or text in self.taken:
            raise Wrong
        return text


class Variable(Text):
    """The name of an environment variable. Only upper case, so that a credential is hardly ever taken for a name."""

    def __init__(self) -> None:
        super().__init__("the name of an environment variable, in upper case: OPENAI_API_KEY")

    def of_text(self, text: str) -> str:
        if not _VARIABLE.fullmatch(text):
            raise Wrong(f"found a text that is no such name; allowed is {self.allowed}. It is not the key itself.")
        return text


class Pattern(Text):
    """A name, or many: ``*`` stands for any characters, ``?`` for one."""

    def __init__(self) -> None:
        super().__init__('a name in which "*" stands for any characters and "?" for one')

    def of_text(self, text: str) -> str:
        if not is_plain(text) or len(text) > _LONGEST_PATTERN or "," in text:
            raise Wrong
        return text


class HeaderPattern(Pattern):
    """The name of a header, or many, in lower case."""

    def of_text(self, text: str) -> str:
        if not _HEADER.fullmatch(text):
            raise Wrong
        return text.lower()


class Listed(Kind[tuple[str, ...]]):
    """A list; in the environment and in flags its parts stand between commas."""

    def __init__(self, item: Text, *, least: int = 0) -> None:
        self.item, self.least = item, least
        self.allowed = f"a list, {'not empty, ' if least else ''}of which each is {item.allowed}"

    def of_toml(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) < self.least:
            raise Wrong
        return tuple(self.item.of_toml(part) for part in value)

    def of_text(self, text: str) -> tuple[str, ...]:
        return self.of_toml([part.strip() for part in text.split(",")] if text.strip() else [])

    def show(self, value: tuple[str, ...]) -> object:
        return list(value)


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether one of the patterns stands for this name."""
    return any(_compiled(pattern).match(name) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """``translate`` makes no backtracking of many stars; its third sign, the bracket, is an ordinary one here."""
    return re.compile(translate(pattern.replace("[", "[[]")))
