"""A list of a body that goes on where one of an earlier body ended, as histories of conversations do."""

from __future__ import annotations

from everwarm.core.wire import Json

Known = tuple[int, str, int]
"""What ``Prompts`` has made of a row, which need not be looked at again: the units that stood before it in its body, as
a prefix of ``Prompts.bodies``; the dialect; the prefix that ends with the units of the row."""


class Row(list[Json]):
    """Its items, all of them. The first ``kept`` are those of an earlier row, of which ``begun`` is known."""

    __slots__ = ("begun", "kept", "known")

    def __init__(self, items: list[Json], kept: int = 0, begun: Known | None = None) -> None:
        super().__init__(items)
        self.kept = kept
        self.begun = begun
        self.known: Known | None = None
