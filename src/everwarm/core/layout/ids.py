"""What is made to be unlike all others: UUIDs, hashes, random ids; and what counts: the 17th request, epoch seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from everwarm.core.layout.span import Span

_HEX: Final = "[0-9A-Fa-f]"
_UUID: Final = re.compile(rf"-(?<=(?<![0-9A-Za-z]){_HEX}{{8}}-)(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}(?![0-9A-Za-z])")
_UUID_HEAD: Final = 8
"""Characters of a UUID before its first hyphen, by which it is found."""

_DIGIT_ON: Final = re.compile(r"[0-9][0-9A-Za-z_-]{6,}+")  # from the first digit of a long word to its end
_IN_WORDS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"
_LONGEST: Final = 128
"""Characters of an id at most. What is longer is data."""

_DIGEST: Final = re.compile(rf"{_HEX}{{32}}|{_HEX}{{40}}|{_HEX}{{64}}")
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_PREFIXED: Final = re.compile(
    r"(?:req|request|sess?|session|chatcmpl|cmpl|msg|resp|run|thread|trace|span|call|toolu|conv|evt|txn|batch|asst|ses)"
    r"[_-](?=[0-9A-Za-z_-]*[0-9])[0-9A-Za-z][0-9A-Za-z_-]{5,}",
    re.IGNORECASE,
)
_SHORTEST_RANDOM: Final = 16
_TURNS: Final = 0.3
"""Changes between small letters, capitals and digits for each character. By chance 0.4 to 0.6; names have fewer."""

_DIGIT_TURNS: Final = 3
"""Changes between letters and digits, at least."""

_GIVEN: Final = re.compile(
    r"""[:=#](?<=[A-Za-z"'`*_ ][:=#])['"`* \t]{0,4}+(?P<value>[A-Za-z_-]{0,64}+[0-9][0-9A-Za-z_.-]{0,128}+)"""
)
_MARKS: Final = "'\"`*_ "
_IN_NAMES: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz- "
_NEAR: Final = 36
"""Characters before a value that may be its name."""

_APART: Final = re.compile(r"[ _-]+")
_COMMIT: Final = re.compile(rf"ommit (?=[a-f]*[0-9])({_HEX}{{7,40}})(?![0-9A-Za-z])")
_OF: Final = re.compile(r" of(?<=[0-9] of)\b")
_NTH: Final = re.compile(
    r"\b(?:turn|step|request|message|iteration|attempt|round|call|query) ([0-9]{1,9})\Z", re.IGNORECASE
)

_Meaning = tuple[re.Pattern[str], str]
_CLOCK: Final[_Meaning] = re.compile(r"1[0-9]{9}(?:[0-9]{3}|[0-9]{6}|\.[0-9]+)?"), "a clock"
_HASH: Final[_Meaning] = re.compile(rf"(?:sha256-|sha1-)?{_HEX}{{7,128}}"), "a hash"
_COUNT: Final[_Meaning] = re.compile(r"[0-9]{1,9}"), "a counter"
_ID: Final[_Meaning] = re.compile(r"[0-9A-Za-z_.-]{4,}"), "an id"


def _named(names: str, meaning: _Meaning, endings: str = "") -> dict[str, _Meaning]:
    """Each of the names, with each of the endings if there are any."""
    return {name + ending: meaning for name in names.split() for ending in endings.split() or [""]}


_NAMES: Final[dict[str, _Meaning]] = {
    **_named("timestamp epoch unix unixtime time now ts created date epochseconds epochms", _CLOCK),
    **_named("commit sha sha1 sha256 hash digest checksum etag revision rev md5", _HASH),
    **_named("turn step iteration attempt counter sequence seq request message", _COUNT),
    **_named(
        "message messages request turn step call query token tokens retry", _COUNT, "count counter number no index"
    ),
    **_named("tokens messages calls", _COUNT, "used left remaining"),
    **_named("request session trace span correlation conversation thread run message call", _ID, "id uuid key"),
    **_named("session trace nonce cch salt uuid guid conversation thread", _ID),
}
"""The name of a value, small and in one: the form that the value then must have, and what it is."""


def spans(text: str) -> Iterator[Span]:
    """All of these in ``text``. In no order, and some may overlap."""
    for m in _UUID.finditer(text):
        yield Span(m.start() - _UUID_HEAD, m.end(), "a UUID")
    yield from _random(text)
    yield from _given(text)
    for m in _COMMIT.finditer(text) if "ommit " in text else ():
        yield Span(m.start(1), m.end(1), "a hash")
    for m in _OF.finditer(text) if " of" in text else ():
        nth = _NTH.search(text, max(0, m.start() - 20), m.start())
        if nth is not None:
            yield Span(nth.start(1), nth.end(1), "a counter")


def _random(text: str) -> Iterator[Span]:
    """Words that look like nothing but chance, wherever they stand."""
    for m in _DIGIT_ON.finditer(text):
        if m[0].isdigit() and len(m[0]) < _SHORTEST_RANDOM:
            continue  # a number
        near = text[max(0, m.start() - _LONGEST) : m.start()]
        start = m.start() - len(near) + len(near.rstrip(_IN_WORDS))
        word = text[start : m.end()].rstrip("_-")
        if len(word) <= _LONGEST and text[start - 1 : start] not in ("/", "."):  # not in addresses
            kind = _kind(word)
            if kind is not None:
                yield Span(start, start + len(word), kind)


def _kind(word: str) -> str | None:
    if _DIGEST.fullmatch(word):
        return "a hash"
    if _ULID.fullmatch(word) or _PREFIXED.fullmatch(word) or _is_random(word):
        return "an id"
    return None


def _is_random(word: str) -> bool:
    if len(word) < _SHORTEST_RANDOM:
        return False
    classes = ["9" if c.isdigit() else "A" if c.isupper() else "a" if c.islower() else "-" for c in word]
    turns = [{one, other} for one, other in pairwise(classes) if one != other and "-" not in (one, other)]
    return len(turns) >= _TURNS * len(word) and sum("9" in turn for turn in turns) >= _DIGIT_TURNS


def _given(text: str) -> Iterator[Span]:
    """Values that a name before them explains: ``request id: 8f3a``, ``request #17``, ``timestamp=1795601000``."""
    for m in _GIVEN.finditer(text):
        meaning = _meaning(text, m.start())
        if meaning is not None:
            form, kind = meaning
            value = m["value"].rstrip("._-")
            if form.fullmatch(value):
                yield Span(m.start("value"), m.start("value") + len(value), kind)


def _meaning(text: str, end: int) -> _Meaning | None:
    """What the last two words before ``end`` say of the value behind it, or else the last one."""
    near = text[max(0, end - _NEAR) : end].rstrip(_MARKS)
    words = _APART.split(near[len(near.rstrip(_IN_NAMES)) :].lower())
    return _NAMES.get("".join(words[-2:])) or _NAMES.get(words[-1])
