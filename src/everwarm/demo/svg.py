"""The few pieces of SVG that the picture is made of, as text. Everything that comes from outside is escaped here."""

from __future__ import annotations

import re
from html import escape

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Safe as text and within a double-quoted attribute. Characters that XML cannot hold are replaced."""
    return escape(_FORBIDDEN.sub("\ufffd", text))


def svg(width: float, height: float, label: str, body: str) -> str:
    """One drawing. ``label`` says to those who do not see it what it shows."""
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{clean(label)}">{body}</svg>'


def rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A filled rectangle; ``kind`` is a class of the style sheet."""
    return f'<rect class="{kind}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"/>'


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """One line of text that starts (or, by its class, ends or is centred) at ``x`` on the base line ``y``."""
    return f'<text class="{kind}" x="{x:.2f}" y="{y:.2f}">{clean(words)}</text>'


def path(points: str, kind: str) -> str:
    """A stroked line."""
    return f'<path class="{kind}" d="{points}"/>'


def titled(words: str, body: str, kind: str) -> str:
    """A group that shows ``words`` when the pointer rests on it."""
    return f'<g class="{kind}"><title>{clean(words)}</title>{body}</g>'
