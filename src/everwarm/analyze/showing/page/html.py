"""Small pieces of HTML. Whatever comes from a log goes through ``e`` (text) or an attribute of ``tag``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NamedTuple

_CODE: Final = re.compile("`([^`]+)`")


def e(text: str) -> str:
    """Text that is nothing but text, also between quotes."""
    return escape(text, quote=True)


def prose(text: str) -> str:
    """Words of the analysis: what stands in `backticks` is code."""
    return _CODE.sub(r"<code>\1</code>", e(text))


def title(text: str) -> str:
    """The same, beginning with a capital."""
    return prose(text[:1].upper() + text[1:])


def tag(name: str, inside: str = "", /, **attributes: str | int | float | None) -> str:
    """An element; ``inside`` is HTML. ``class_`` is written class, and other ``_`` as ``-``; None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{e(f"{value:g}" if isinstance(value, float) else str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{inside}</{name}>"


class Cell(NamedTuple):
    """Of a table. ``key``: what it is sorted by, where that is not its text."""

    html: str
    key: float | None = None


class Head(NamedTuple):
    """Of a column."""

    name: str
    number: bool = True  # aligned right


def table(
    caption: str, heads: Sequence[Head], rows: Iterable[Sequence[Cell]], kind: str = "", *, labelled: bool = False
) -> str:
    """In a frame that scrolls where it is too large. The first cell of a row names it.

    ``labelled``: every cell knows the name of its column, for a window too narrow for columns.
    """
    top = "".join(tag("th", e(head.name), scope="col", class_="n" if head.number else None) for head in heads)
    body = "".join(tag("tr", _cells(heads, row, labelled)) for row in rows)
    inside = tag("caption", e(caption), class_="sr") + tag("thead", tag("tr", top)) + tag("tbody", body)
    whole = tag("table", inside, class_=kind or None)
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cells(heads: Sequence[Head], row: Sequence[Cell], labelled: bool) -> str:
    first, *rest = row
    out = tag("th", first.html, scope="row", data_key=first.key)
    for head, cell in zip(heads[1:], rest, strict=True):
        kind = "n" if head.number else None
        out += tag("td", cell.html, class_=kind, data_key=cell.key, data_label=head.name if labelled else None)
    return out


def section(name: str, title: str, inside: str, note: str = "") -> str:
    """With a heading that names it."""
    lead = tag("p", e(note), class_="note") if note else ""
    heading = tag("h2", e(title), id=f"{name}-title")
    return tag("section", heading + lead + inside, id=name, aria_labelledby=f"{name}-title")


def strip(parts: Iterable[tuple[float, float, str]], kind: str = "", least: float = 0.0) -> str:
    """A flat bar of (beginning, width, class), in shares of the whole. The numbers beside it say the same.

    ``least``: the width of what is thinner, so that it is seen.
    """
    rects = "".join(
        tag("rect", x=f"{100 * at:.3f}%", width=f"{100 * max(width, least):.3f}%", height="100%", class_=name)
        for at, width, name in parts
        if width > 0
    )
    return tag("svg", rects, class_=f"strip {kind}".rstrip(), aria_hidden="true")


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """What the colours mean: (class, words)."""
    items = "".join(tag("li", tag("span", "", class_=f"swatch {name}") + e(words)) for name, words in entries)
    return tag("ul", items, class_="legend")
