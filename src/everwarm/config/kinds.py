"""What a setting can hold: one class per kind of value, each able to read it from TOML and from text, and to show it.

TOML has types, so ``port = "8400"`` is refused there; the environment and flags have only text. Both ways raise
``Wrong`` when the value does not fit; the reader of the configuration turns that into a message with its place. Kinds
of addresses are in ``addresses``, those of names and lists in ``names``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([smhd]?)")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,9})?")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Wrong(ValueError):
    """The value does not fit its kind. Its text, if it has one, says so without repeating the value."""


class Place(NamedTuple):
    """Where a value was written, for those that mean a path: what relative paths and ``~`` start from."""

    base: Path
    home: Path | None


class Kind(ABC, Generic[T]):
    """Reads and shows the values of one setting. ``allowed`` completes the sentence "allowed is ..."."""

    allowed: str

    @abstractmethod
    def of_toml(self, value: object) -> T:
        """The value as TOML gave it; raises ``Wrong``."""

    @abstractmethod
    def of_text(self, text: str) -> T:
        """The value as the environment or a flag gives it; raises ``Wrong``."""

    def placed(self, value: T, place: Place) -> T:
        """The value made independent of where it was written. Only paths change."""
        return value

    def show(self, value: T) -> object:
        """The value as TOML and JSON would write it: text, number or boolean."""
        return value


def is_plain(text: str) -> bool:
    """Not empty, no spaces around it, nothing that a terminal or a path could trip over."""
    return bool(text) and text == text.strip() and text.isprintable()


class Text(Kind[str]):
    """One line of text."""

    def __init__(self, allowed: str = "a text of one line, not empty") -> None:
        self.allowed = allowed

    def of_toml(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong
        return self.of_text(value)

    def of_text(self, text: str) -> str:
        if not is_plain(text):
            raise Wrong
        return text


class Choice(Text):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        super().__init__("one of " + ", ".join(words))
        self.words = words

    def of_text(self, text: str) -> str:
        if text not in self.words:
            raise Wrong
        return text


class Switch(Kind[bool]):
    """On or off."""

    allowed = "true or false"

    def of_toml(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise Wrong
        return value

    def of_text(self, text: str) -> bool:
        word = text.strip().lower()
        if word not in _TRUE + _FALSE:
            raise Wrong
        return word in _TRUE


class Whole(Kind[int]):
    """A whole number within bounds, both allowed."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.allowed = f"a whole number from {low} to {high}"

    def of_toml(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise Wrong
        return value

    def of_text(self, text: str) -> int:
        if not _WHOLE.fullmatch(text.strip()):
            raise Wrong
        return self.of_toml(int(text))


class Number(Kind[float]):
    """A number within bounds, both allowed."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.allowed = f"a number from {low:g} to {high:g}"

    def of_toml(self, value: object) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise Wrong
        return float(value)

    def of_text(self, text: str) -> float:
        if not _NUMBER.fullmatch(text.strip()):
            raise Wrong
        return self.of_toml(float(text))

    def show(self, value: float) -> object:
        return int(value) if value.is_integer() else value


class Duration(Number):
    """A length of time, in seconds: 30s, 15m, 2h, 1d, or a plain number of seconds."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        bounds = f"from {show_duration(low)} to {show_duration(high)}"
        self.allowed = f'a duration {bounds}, such as "30s", "15m", "2h", "1d", or a number of seconds'

    def of_toml(self, value: object) -> float:
        return self.of_text(value) if isinstance(value, str) else super().of_toml(value)

    def of_text(self, text: str) -> float:
        match = _DURATION.fullmatch(text.strip())
        if match is None:
            raise Wrong
        return super().of_toml(float(match[1]) * _UNITS[match[2] or "s"])

    def show(self, value: float) -> object:
        return show_duration(value)


def show_duration(seconds: float) -> str:
    """The shortest exact form that ``Duration`` reads back: 86400 is "1d", 5400 is "90m", 1.5 is "1.5s"."""
    for unit in "dhm":
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{int(seconds // _UNITS[unit])}{unit}"
    return f"{int(seconds)}s" if float(seconds).is_integer() else f"{round(seconds, 9)!r}s"


class Folder(Kind[Path]):
    """A folder, which need not exist yet."""

    allowed = "a path to a folder"

    def of_toml(self, value: object) -> Path:
        if not isinstance(value, str):
            raise Wrong
        return self.of_text(value)

    def of_text(self, text: str) -> Path:
        if not is_plain(text):
            raise Wrong
        return Path(text)

    def placed(self, value: Path, place: Place) -> Path:
        return absolute(value, place)

    def show(self, value: Path) -> object:
        return str(value)


class Weights(Text):
    """The model inside: a name that we know, "none", a GGUF file, or a folder, which is told by a slash in its path."""

    names = ("smollm2", "none")

    def __init__(self) -> None:
        super().__init__('"smollm2", "none", a path to a .gguf file, or one with a slash to a folder of OpenVINO files')

    def of_text(self, text: str) -> str:
        path = text.lower().endswith(".gguf") or "/" in text or "\\" in text
        if not is_plain(text) or not (text in self.names or path):
            raise Wrong
        return text

    def placed(self, value: str, place: Place) -> str:
        return value if value in self.names else str(absolute(Path(value), place))


class DraftWeights(Weights):
    """A second model beside it, or none, which is empty."""

    names = ("smollm2", "")

    def __init__(self) -> None:
        super().__init__()
        self.allowed = (
            '"smollm2", a path to a .gguf file, one with a slash to a folder of OpenVINO files, or "" for none'
        )

    def of_text(self, text: str) -> str:
        return text if text == "" else super().of_text(text)


def absolute(path: Path, place: Place) -> Path:
    """``path`` from where it was written. Only a leading ``~/`` is expanded; ``~name`` is an ordinary name."""
    if path.parts and path.parts[0] == "~":
        if place.home is None:
            raise Wrong
        return place.home.joinpath(*path.parts[1:])
    return place.base / path
