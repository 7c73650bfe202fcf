"""What ``everwarm lint`` has to say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

CHARACTERS_A_TOKEN: Final = 4
"""An estimate that needs no tokenizer; near enough for English and code."""

_SHOWN: Final = 60


class Finding(NamedTuple):
    """One thing that keeps a prefix from being reused."""

    file: str
    line: int  # from 1; 0 where a JSON value has none that would help
    column: int  # from 1, in characters; 0 as above
    place: str  # what it stands in: ``system=``, or a path in a body with its characters
    kind: str  # what it is: "a clock"
    shown: str  # the expression, or the text that was found
    story: str  # what happens because of it
    lost: int  # tokens behind it, of each request, that a cache could have had; in a program at least so many
    todo: str  # in words; "" if the diff does it all
    diff: str = ""  # a unified diff of a few lines, where one is possible


class Trouble(NamedTuple):
    """Something that could not be read."""

    file: str
    what: str
    line: int = 0  # 0: the whole file


class Report(NamedTuple):
    """What all files had to tell."""

    findings: tuple[Finding, ...] = ()
    troubles: tuple[Trouble, ...] = ()  # files that could not be read
    notes: tuple[Trouble, ...] = ()  # what was passed over in files that could
    files: int = 0  # that were read

    def __add__(self, other: Report) -> Report:  # type: ignore[override]
        """Both together."""
        return Report(
            self.findings + other.findings,
            self.troubles + other.troubles,
            self.notes + other.notes,
            self.files + other.files,
        )

    @property
    def status(self) -> int:
        """Exit status: 2 something could not be read, 1 something was found, 0 all is well."""
        return 2 if self.troubles else 1 if self.findings else 0


def together(reports: Iterable[Report]) -> Report:
    """All of them, in order."""
    whole = Report()
    for report in reports:
        whole += report
    return whole


def shown(text: str) -> str:
    """What was found, in quotes, and not all of it if it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def tokens(characters: int) -> int:
    """About how many."""
    return characters // CHARACTERS_A_TOKEN
