r"""Where the values of a JSON text begin and end, in bytes, without reading them.

The text is known to be valid, so a value is found by its strings and brackets alone. One regular expression passes over
a whole value, and all its repeats are possessive: it never goes back. Strings are what is long; they are passed over at
the speed of a search for the next quote, which ends the string unless a backslash stands before it.
"""

from __future__ import annotations

import json
import re
from typing import Final

_LEVELS: Final = 8
"""Containers in containers that one match passes over. Deeper ones take a match for each token."""

SPACE: Final = b" \t\n\r"
"""What JSON allows between tokens."""

STRIDE: Final = 16
"""How many elements of an array ``stride`` passes over."""

_ESCAPED: Final = rb'(?:(?<=[^\\]\\)|(?<=[^\\]\\\\\\))"[^"]*+'  # behind one backslash, or three, a quote is text
_EASY: Final = rb'"[^"]*+(?:%b)*+(?<!\\)"' % _ESCAPED
_ANY: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'  # byte by byte: five times slower
_STRING: Final = rb"(?:%b|%b)" % (_EASY, _ANY)
_BETWEEN: Final = rb'[^"{}\[\]]*+'
_SPACE: Final = rb"[%b]*+" % SPACE


def _container(levels: int) -> bytes:
    return rb"[{\[]%b" % _rest(levels)


def _rest(levels: int) -> bytes:
    """Of a container, behind its opening bracket or any of its tokens."""
    inner = rb"%b|%b" % (_STRING, _container(levels - 1)) if levels else _STRING
    return rb"%b(?:(?:%b)%b)*+[}\]]" % (_BETWEEN, inner, _BETWEEN)


_VALUE: Final = rb'(?:%b|%b|[^"{}\[\],%b]++)' % (_STRING, _container(_LEVELS), SPACE)

_value: Final = re.compile(_VALUE, re.DOTALL).match
_values: Final = re.compile(rb"(?:%b%b,%b){%d}" % (_VALUE, _SPACE, _SPACE, STRIDE), re.DOTALL).match
_closed: Final = re.compile(_rest(_LEVELS), re.DOTALL).match
_token: Final = re.compile(rb"%b|[{}\[\]]" % _STRING, re.DOTALL).finditer
_comma: Final = re.compile(rb"%b(,?)%b" % (_SPACE, _SPACE)).match
_key: Final = re.compile(rb"(%b)%b:%b" % (_STRING, _SPACE, _SPACE), re.DOTALL).match
_space: Final = re.compile(_SPACE).match


def begin(data: bytes) -> int:
    """Where the first value begins: behind white space and a byte order mark."""
    return after_space(data, 3 if data.startswith(b"\xef\xbb\xbf") else 0)


def after_space(data: bytes, at: int) -> int:
    """The first place from ``at`` on that is no white space."""
    found = _space(data, at)
    assert found is not None  # it matches nothing, too
    return found.end()


def end(data: bytes, at: int) -> int:
    """Where the value that begins at ``at`` ends."""
    found = _value(data, at)
    return found.end() if found is not None else _end_of_deep(data, at, 0)


def close(data: bytes, at: int) -> int:
    """Where the container ends in which a token begins at ``at``."""
    found = _closed(data, at)
    return found.end() if found is not None else _end_of_deep(data, at, 1)


def stride(data: bytes, at: int) -> int | None:
    """Where the value ``STRIDE`` elements behind the one at ``at`` begins; None if that cannot be told at once."""
    found = _values(data, at)
    return found.end() if found is not None else None


def key(data: bytes, at: int) -> tuple[str, int]:
    """The name of the member that begins at ``at``, and where its value begins."""
    found = _key(data, at)
    assert found is not None, "a member of an object begins with its name"
    written = found[1]
    return json.loads(written) if b"\\" in written else written[1:-1].decode(), found.end()


def following(data: bytes, at: int) -> tuple[bool, int]:
    """Behind a value in a container, which ends at ``at``: whether another follows, and where; or the bracket."""
    found = _comma(data, at)
    assert found is not None  # it matches nothing, too
    return found.end(1) > found.start(1), found.end()


def _end_of_deep(data: bytes, at: int, depth: int) -> int:
    tokens = _token(data, at)
    while True:
        token = next(tokens)
        first = data[token.start()]
        if first in b"{[":
            depth += 1
        elif first in b"}]":
            depth -= 1
            if not depth:
                return token.end()
