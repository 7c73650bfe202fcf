"""A list of a body that goes on where one of an earlier body ended, as histories of conversations do."""

from __future__ import annotations

from everwarm.core.wire import Json

Known = tuple[int, str, int]
"""What ``Prompts`` has made of a row, which need not be looked at again: the units that stood before it in its body, as
a prefix of ``Prompts.bodies``; the dialect; the prefix that ends with the units of the row."""


class Row(list[Json]):
    """Its items, all of them. The first ones are all those of ``begun``, if that is a row."""

    __slots__ = ("begun", "known")

    def __init__(self, items: list[Json], begun: Row | None = None) -> None:
        super().__init__(items)
        self.begun = begun
        self.known: Known | None = None

    def then(self, items: list[Json]) -> Row:
        """This one with more items behind it; itself, if there are none."""
        return Row([*self, *items], self) if items else self
