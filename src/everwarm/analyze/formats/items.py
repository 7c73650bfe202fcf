"""The values of a JSON text of any length, one after another, in the memory of the largest one.

A text is one value, or several, or a list of them, or an object that holds such a list. Where a value is broken, the
next that begins as the first one did is looked for, and the rest is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from typing import Final

from everwarm.analyze.formats.spans import Broken, LostError, Spans
from everwarm.core.wire import Json

_NOTHING: Final = Broken("it is a list with nothing in it", b"[]")

Item = Json | bytes | Broken
"""A value that was parsed, or its text; or what is none."""


def items(pieces: Iterable[bytes], lists: Collection[str], loads: Callable[[bytes], Json]) -> Iterator[Item]:
    """``lists``: members of an object that hold a list of values, and within another one: "data", "log.entries".

    An object without any of them is a value itself.
    """
    text, lost = Spans(pieces, loads), False
    while begin := text.next():
        try:
            if begin == b"[":
                yield from _elements(text)
            elif begin == b"{":
                yield from _object(text, lists)
            elif lost and begin in b"]}":
                text.at += 1  # the ends of what was around the place
            else:
                text.hold()
                raise LostError("it is no JSON")
        except LostError as error:
            lost = True
            yield text.find_next(error)


def _elements(text: Spans) -> Iterator[Item]:
    """What is in a list, with its brackets passed."""
    text.begin_list()
    last: Item = None
    while (begin := text.next()) != b"]":
        if not begin:
            if not isinstance(last, Broken):
                yield Broken("the list has no end: it was cut off", b"")
            return
        last = text.value()
        yield last
    text.at += 1
    if last is None:
        yield _NOTHING


def _object(text: Spans, lists: Collection[str]) -> Iterator[Item]:
    text.hold()
    guessed = text.guess()
    if guessed is not None:
        yield guessed
    elif not (yield from _members(text, lists, "")):
        yield text.taken()


def _members(text: Spans, lists: Collection[str], path: str) -> Generator[Item, None, bool]:
    """What is in the lists of an object, and whether it has any. ``path``: the members above, "log."."""
    text.at += 1
    found = False
    while (begin := text.next()) != b"}":
        if begin != b'"':
            raise LostError(f"it is no JSON: {'a member has no name' if begin else 'it has no end'}")
        name, begin = text.name()
        if begin == b"[" and path + name in lists:
            found = True
            text.let_go()
            yield from _elements(text)
        elif begin == b"{" and any(each.startswith(f"{path}{name}.") for each in lists):
            found |= yield from _members(text, lists, f"{path}{name}.")
        else:
            text.skip()
    text.at += 1
    return found
