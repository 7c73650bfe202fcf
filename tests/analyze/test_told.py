"""What stands beside a body is found under its surest name, in the object that is named first."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.formats.told import Told, known

NAMES = ("timestamp", "ts", "time", "created_at", "session_id", "sessionId", "chat_id", "user", "status", "error")
WHATS = ("at", "session", "user", "status", "error")

scopes = st.lists(
    st.one_of(
        st.none(),
        st.just("no object"),
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from((None, "", 0, False, 1.5, "x", "y", [], {"z": 1}))),
    ),
    max_size=3,
)
told = st.dictionaries(st.sampled_from(WHATS), st.sampled_from((None, "", "given", 0)))


def surest(what: str, scopes: list[Any], told: dict[str, Any]) -> Any:
    """Asked of each name in turn."""
    if told.get(what) not in (None, ""):
        return told[what]
    for scope in scopes:
        if isinstance(scope, dict):
            places = [(place[1], name) for name in scope if (place := known(name)) is not None and place[0] == what]
            for _, name in sorted(places, key=lambda place: place[0]):
                if scope[name] not in (None, ""):
                    return scope[name]
    return None


@given(scopes, told)
def test_the_surest_is_found(scopes: list[Any], told: dict[str, Any]) -> None:
    found = Told(*scopes, **told)
    for what in WHATS:
        assert found.get(what) is surest(what, scopes, told)
        assert found.any(frozenset((what,))) is (found.get(what) is not None)


def test_names_are_known_however_they_are_spelled() -> None:
    for name in ("session_id", "sessionId", "SESSION-ID"):
        assert Told({"chat_id": "c", name: "s"}).text("session") == "s"
    assert Told({"session_id": "", "chat_id": "c"}).text("session") == "c", "an empty one tells nothing"
