"""What a line says of itself by its head: ``User: Mia Li``, ``cwd: /home/mia``, ``On branch main``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from everwarm.core.layout.span import Span

_HEAD: Final = re.compile(
    r"""\n[ \t>*#•`"'<-]*+(?P<name>[^\W\d_][\w '’/-]{1,31}+)[*_`"']*+[ \t]?[:=：>][*_]{0,2}+
    [ \t「『`"']*+(?P<value>[^\n]{1,200})""",
    re.VERBOSE,
)
_BILLING: Final = re.compile(r"x-anthropic-billing-header:[^\n]*")
_BRANCH: Final = re.compile(r"\n[ \t]*On branch ([^\s]{1,200})")
_STATUS: Final = re.compile(
    r"\n[ \t]*(?:[Gg]it )?[Ss]tatus:[ \t]*\n?((?:[ \t]*(?:[MADRCU]{1,2}|\?\?|!!)[ \t][^\n]+\n?)+)"
)
_COMMITS: Final = re.compile(
    r"\n[ \t]*(?:[Rr]ecent|[Ll]ast|[Ll]atest) commits?:[ \t]*\n?((?:[ \t*-]*[0-9a-f]{7,40}[ \t][^\n]*\n?)+)"
)

_WORD: Final = r"[A-ZÀ-ÖØ-Þ][\w’'.-]*"
_SMALL: Final = r"(?:(?:de|da|del|der|di|du|la|le|van|von|of|the|am|an|bin|al)[ ])*"
_PERSON: Final = re.compile(
    rf"{_WORD}(?:[ ]{_SMALL}{_WORD}){{1,3}}(?:[ ]?(?:\([^()\n]{{1,60}}\)|<[^<>@\n]{{1,40}}@[^<>@\n]{{1,40}}>))?"
)
_LOGIN: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?=[\w.-]*[0-9_.])[A-Za-z0-9][\w-]*(?:[.-][\w]+)*")
_ONE_WORD: Final = re.compile(_WORD)
_ASIAN: Final = re.compile(r"[々一-鿿぀-ヿー・]{1,12}(?:[ 　][々一-鿿぀-ヿー]{1,8})?(?:さん|様)?")
_TOWN: Final = re.compile(
    rf"{_WORD}(?:,?[ ]{_SMALL}{_WORD}){{0,5}}|-?[0-9]{{1,3}}\.[0-9]+°?[NS]?,[ ]?-?[0-9]{{1,3}}\.[0-9]+°?[EW]?"
)
_FOLDER: Final = re.compile(r"(?:~|/|[A-Za-z]:[\\/])[^\s`\"'<>|]*")
_BRANCH_NAME: Final = re.compile(r"[\w./#@+-]+")

_USER: Final = (_PERSON, _LOGIN, _ASIAN)
_NAME: Final = (_PERSON, _ASIAN, _LOGIN, _ONE_WORD)
_ID: Final = (_LOGIN, re.compile(r"[0-9A-Za-z][\w.-]*"))
_PLACE: Final = (_TOWN, _ASIAN)


_Meaning = tuple[str, tuple[re.Pattern[str], ...]]


def _named(names: str, kind: str, *forms: re.Pattern[str]) -> dict[str, _Meaning]:
    return {name.strip(): (kind, forms) for name in names.split(",")}


_FORMS: Final[dict[str, _Meaning]] = {
    **_named("user, customer, client, current user, ユーザー, ユーザ, お客様", "a user", *_USER),
    **_named("name, full name, 名前, 氏名, お名前", "a user", _PERSON, _ASIAN),
    **_named("user name, username, user's name, customer name, customer's name, login, ユーザー名", "a user", *_NAME),
    **_named("user id, userid, customer id, account id, client id, member id", "a user", *_ID),
    **_named("email, e-mail, user email, email address, user's email address, メール", "a user", _LOGIN),
    **_named("location, user location, current location, user's location, city, country", "a place", *_PLACE),
    **_named("場所, 現在地, 所在地, 住所", "a place", *_PLACE),
    **_named("cwd, pwd, working directory, current working directory, primary working directory", "a path", _FOLDER),
    **_named("workdir, current directory, workspace, project root, root directory", "a path", _FOLDER),
    **_named("current branch, branch, git branch", "git state", _BRANCH_NAME),
}
"""The name at the head of a line, in small letters; what its value is, and the forms that it then has."""

_END: Final = re.compile(r"""[ \t]*(?:[|;,<(（」』]|[ \t]{2}|$)""")


def may_go_on(text: str) -> bool:
    """Whether some of these may go over the end of a line in ``text``."""
    return "tatus:" in text or " commit" in text


def spans(text: str) -> Iterator[Span]:
    """All of these in ``text``. In no order, and some may overlap."""
    for m in _BILLING.finditer(text) if "x-anthropic" in text else ():
        yield Span(*m.span(), "a billing line")
    lines = "\n" + text  # every line has its end before it; so all places are one too far
    for m in _HEAD.finditer(lines):
        kind, forms = _FORMS.get(m["name"].replace("_", " ").strip().lower(), ("", ()))
        end = _value(m["value"], forms)
        if end:
            yield Span(m.start("value") - 1, m.start("value") - 1 + end, kind)
    for pattern in (_BRANCH, _STATUS, _COMMITS) if may_go_on(text) else (_BRANCH,):
        for m in pattern.finditer(lines):
            block = m[1].strip()
            start = m.start(1) + m[1].index(block) - 1
            yield Span(start, start + len(block), "git state")


def _value(rest: str, forms: tuple[re.Pattern[str], ...]) -> int:
    """How many characters of the rest of a line are the value; 0 if it has none of these forms."""
    for form in forms:
        m = form.match(rest)
        if m is not None and _closes(rest[m.end() :]):
            return m.end()
    return 0


def _closes(behind: str) -> bool:
    """Whether a value may end before this: at the end of the line, or at a sign that begins something else."""
    return _END.match(behind.lstrip("`\"'*_.。」』")) is not None
