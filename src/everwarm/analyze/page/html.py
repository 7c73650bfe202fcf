"""Small pieces of HTML. Whatever comes from a log goes through ``e`` (text) or an attribute of ``tag``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple


def e(text: str) -> str:
    """Text that is nothing but text, also between quotes."""
    return escape(text, quote=True)


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


def table(caption: str, heads: Sequence[Head], rows: Iterable[Sequence[Cell]], kind: str = "") -> str:
    """In a frame that scrolls sideways where the window is narrow. The first cell of a row names it."""
    top = "".join(tag("th", e(head.name), scope="col", class_="n" if head.number else None) for head in heads)
    body = "".join(tag("tr", _cells(heads, row)) for row in rows)
    inside = tag("caption", e(caption), class_="sr") + tag("thead", tag("tr", top)) + tag("tbody", body)
    whole = tag("table", inside, class_=kind or None)
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cells(heads: Sequence[Head], row: Sequence[Cell]) -> str:
    first, *rest = row
    out = tag("th", first.html, scope="row", data_key=first.key)
    for head, cell in zip(heads[1:], rest, strict=True):
        out += tag("td", cell.html, class_="n" if head.number else None, data_key=cell.key)
    return out


def section(name: str, title: str, inside: str, note: str = "") -> str:
    """With a heading that names it."""
    lead = tag("p", e(note), class_="note") if note else ""
    heading = tag("h2", e(title), id=f"{name}-title")
    return tag("section", heading + lead + inside, id=name, aria_labelledby=f"{name}-title")


def strip(parts: Iterable[tuple[float, float, str]], kind: str = "") -> str:
    """A flat bar of (beginning, width, class), in shares of the whole. The numbers beside it say the same."""
    rects = "".join(
        tag("rect", x=f"{100 * at:.3f}%", width=f"{100 * width:.3f}%", height="100%", class_=name)
        for at, width, name in parts
        if width > 0
    )
    return tag("svg", rects, class_=f"strip {kind}".rstrip(), aria_hidden="true")


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """What the colours mean: (class, words)."""
    items = "".join(tag("li", tag("span", "", class_=f"swatch {name}") + e(words)) for name, words in entries)
    return tag("ul", items, class_="legend")
