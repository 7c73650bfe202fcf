"""The life of a request: every state, every event, and what a client may ask of the cache."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core import policy
from everwarm.core.policy import (
    Aboard,
    Absent,
    Control,
    Failed,
    Fly,
    Forward,
    Found,
    Gone,
    Life,
    Recall,
    Refuse,
    Replay,
    Sent,
    Unsuited,
)
from everwarm.errors import BadRequest, Broken, Bug, NotStored


def lived(control: Control, *events: policy.Event) -> tuple[Life, list[object]]:
    life, effect = policy.begin(control)
    effects: list[object] = [effect]
    for event in events:
        life, effect = policy.step(life, event)
        effects.append(effect)
    return life, effects


def test_a_hit() -> None:
    life, effects = lived(Control(max_age=5), Found(), Sent())
    assert effects == [Recall(5), Replay(), None]
    assert (life.phase, life.cache, life.why) == ("over", "hit", "")


def test_a_miss() -> None:
    life, effects = lived(Control(), Absent("new"), Aboard(joined=False), Sent())
    assert effects == [Recall(None), Fly("join"), Forward(), None]
    assert (life.cache, life.why) == ("miss", "new")


def test_a_join() -> None:
    life, _ = lived(Control(), Absent("new"), Aboard(joined=True), Sent())
    assert life.cache == "joined"
    assert "under way" in life.why


def test_what_cannot_be_had_in_the_wanted_form_is_asked_for_anew() -> None:
    life, effects = lived(Control(), Absent("new"), Unsuited(), Aboard(joined=False), Sent())
    assert effects == [Recall(None), Fly("join"), Fly("second"), Forward(), None]
    assert life.cache == "miss"
    assert "form" in life.why
    _, effects = lived(Control(), Absent("new"), Unsuited(), Unsuited())
    assert effects[-1] == Fly("anew")
    _, effects = lived(Control(read=False, write=False), Unsuited())
    assert effects[-1] == Fly("alone")


def test_who_wants_a_stored_answer_only_asks_no_model() -> None:
    life, effects = lived(Control(only_stored=True), Absent("new"), Sent())
    assert effects[0] == Recall(None)
    assert isinstance(effects[1], Refuse)
    assert isinstance(effects[1].error, NotStored)
    assert "new" in effects[1].error.message
    assert (life.phase, life.cache) == ("over", "miss")
    life, effects = lived(Control(read=False, write=False, why="off", only_stored=True), Sent())
    assert isinstance(effects[0], Refuse)
    _, effects = lived(Control(only_stored=True), Found(), Sent())
    assert effects == [Recall(None), Replay(), None]


def test_only_if_cached_is_read_with_the_other_directives() -> None:
    assert policy.control("only-if-cached") == Control(only_stored=True)
    assert policy.control("max-age=3, only-if-cached") == Control(max_age=3.0, only_stored=True)
    assert policy.hindered(policy.control("only-if-cached"), "off") == Control(
        read=False, write=False, why="off", only_stored=True
    )


def test_a_bypass_flies_alone() -> None:
    life, effects = lived(Control(read=False, write=False, why="told so"), Aboard(joined=False), Sent())
    assert effects == [Fly("alone"), Forward(), None]
    assert (life.cache, life.why) == ("bypass", "told so")


def test_a_refresh_starts_anew_and_is_a_miss() -> None:
    life, effects = lived(Control(read=False, why="anew"), Aboard(joined=False), Sent())
    assert effects[0] == Fly("anew")
    assert (life.cache, life.why) == ("miss", "anew")


def test_a_failure_is_told() -> None:
    error = Broken("it broke")
    life, effects = lived(Control(), Absent("new"), Failed(error), Sent())
    assert effects[-2:] == [Refuse(error), None]
    assert life.phase == "over"


@pytest.mark.parametrize("events", [(), (Absent("x"),), (Absent("x"), Aboard(joined=False))])
def test_a_client_may_go_at_any_time(events: tuple[policy.Event, ...]) -> None:
    life, effects = lived(Control(), *events, Gone())
    assert life.phase == "over"
    assert effects[-1] is None


EVENTS = [Found(), Absent("x"), Aboard(joined=True), Aboard(joined=False), Failed(Broken("x")), Sent(), Gone()]


@given(st.lists(st.sampled_from(EVENTS), max_size=6), st.booleans(), st.booleans())
def test_any_order_ends_or_is_a_bug(events: list[policy.Event], read: bool, write: bool) -> None:
    life, _ = policy.begin(Control(read, write))
    for event in events:
        try:
            life, effect = policy.step(life, event)
        except Bug:
            return
        if life.phase == "over":
            assert effect is None or isinstance(effect, Refuse)
        if isinstance(effect, Replay):
            assert read


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Control()),
        ("no-cache", Control(read=False, why="asked anew with Cache-Control: no-cache")),
        ("no-store", Control(read=False, write=False, why="asked with Cache-Control: no-store", rest=False)),
        ("no-cache, no-store", Control(read=False, write=False, why="asked with Cache-Control: no-store", rest=False)),
        ("max-age=60", Control(max_age=60)),
        ("Max-Age=60, no-transform", Control(max_age=60)),
        ('max-age="60"', Control(max_age=60)),
        ("max-age=60, max-age=5", Control(max_age=5)),
        ("max-age=-1", Control(max_age=0)),
        ("max-age=soon", Control(max_age=0)),
        ("max-age=٣", Control(max_age=0)),
        ("private", Control()),
    ],
)
def test_cache_control(header: str, expected: Control) -> None:
    assert policy.control(header) == expected


def test_an_obstacle_bypasses() -> None:
    assert policy.hindered(policy.control("max-age=3"), "in the way") == Control(
        read=False, write=False, why="in the way"
    )


def test_without_an_obstacle_all_is_as_it_was_asked() -> None:
    asked = policy.control("max-age=3")
    assert policy.hindered(asked, None) == asked


def test_who_asks_for_nothing_special_lives_as_by_the_rule() -> None:
    """Its steps are ready-made: they are those of anybody who asks for the same in words."""
    assert policy.begin(policy.control("")) == policy.begin(Control())


def test_tags() -> None:
    assert policy.tags(" a, b ,,a") == ("a", "b")
    assert policy.tags("") == ()
    with pytest.raises(BadRequest, match="17 tags"):
        policy.tags(",".join(map(str, range(17))))
    with pytest.raises(BadRequest, match="longer"):
        policy.tags("x" * 65)
    with pytest.raises(BadRequest, match="printable"):
        policy.tags("a\x07")
