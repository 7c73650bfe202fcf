"""Why a request missed: the nearest one, in words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from everwarm.core.key import PUBLIC, ExactKey, Namespace, exact_key
from everwarm.core.reasons import NEW, Recent

pytestmark = pytest.mark.digest


def message(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def asked(*texts: str, space: Namespace = PUBLIC, **more: Any) -> tuple[ExactKey, bytes]:
    form = orjson.dumps({"messages": [message(t) for t in texts], "model": "m", **more}, option=orjson.OPT_SORT_KEYS)
    return exact_key(space, "openai_chat", "engine:x", form), form


def after(*before: tuple[ExactKey, bytes], then: tuple[ExactKey, bytes], now: float = 12) -> str:
    recent = Recent()
    for one in before:
        recent.explain(*one, 0)
        recent.settle(one[0], None, 1000)
    return recent.explain(*then, now)


def test_nothing_like_it() -> None:
    assert after(then=asked("a")) == NEW
    assert after(asked("x"), then=asked("a")) == NEW
    assert after(asked(), then=asked()) != NEW


def test_another_parameter() -> None:
    assert after(asked("a"), then=asked("a", seed=1)) == "the messages of a request 12 s ago, but seed differs"
    why = after(asked("a", temperature=0), then=asked("a", temperature=1, seed=1))
    assert why == "the messages of a request 12 s ago, but seed and temperature differ"
    why = after(asked("a"), then=asked("a", **dict.fromkeys("pqrstu", 1)))
    assert why.endswith("p, q, r, s and 2 more differ")
    assert "\n" not in after(asked("a"), then=asked("a", **{"x\ny": 1}))


def test_another_build_of_the_model() -> None:
    key, form = asked("a")
    other = exact_key(PUBLIC, "openai_chat", "engine:y", form)
    assert after((key, form), then=(other, form)) == "the same request 12 s ago, but to another build of the model"


def test_a_conversation_went_on() -> None:
    assert (
        after(asked("a", "b"), then=asked("a", "b", "c"))
        == "2 of 3 messages are those of a request 12 s ago; message 3 is new"
    )
    assert after(asked("a"), then=asked("a", "b", "c"), now=120).endswith("2 min ago; messages 2 to 3 are new")
    assert "without those that followed" in after(asked("a", "b"), then=asked("a"))


def test_the_nearest_one_counts() -> None:
    assert after(asked("a"), asked("a", "b"), then=asked("a", "b", "c")).startswith("2 of 3")


def test_another_tenant_explains_nothing() -> None:
    other = Namespace("other")
    assert after(asked("a", "b"), then=asked("a", "b", seed=2)) != NEW
    assert after(asked("a", "b"), then=asked("a", "b", space=other)) == NEW
    assert after(asked("a", "b"), then=asked("a", "b", seed=2, space=other)) == NEW


@pytest.mark.parametrize(
    ("fate", "expires", "says"),
    [
        ("it was cut off at max_tokens", None, "not kept: it was cut off at max_tokens"),
        (None, 5.0, "expired 7 s ago"),
        (None, 99.0, "dropped, or is older"),
    ],
)
def test_what_became_of_the_same(fate: str | None, expires: float | None, says: str) -> None:
    recent = Recent()
    key, form = asked("a")
    recent.explain(key, form, 0)
    recent.settle(key, fate, expires)
    assert says in recent.explain(key, form, 12)


def test_one_that_was_not_answered() -> None:
    recent = Recent()
    recent.explain(*asked("a"), 0)
    assert "not answered to its end" in recent.explain(*asked("a"), 4000)
    recent.settle(asked("never seen")[0], None, 3)


def test_the_memory_is_bounded() -> None:
    recent = Recent(links=100)
    for i in range(1000):
        recent.explain(*asked("system", f"question {i}"), i)
    assert len(recent._seen) <= 50
    assert len(recent._heads) <= 100
    assert recent.explain(*asked("system", "question 0"), 2000).startswith("1 of 2")


def test_members_count_against_the_bound() -> None:
    recent = Recent(links=100)
    for i in range(20):
        recent.explain(*asked("a", **{f"member_{j}": i for j in range(40)}), i)
    assert len(recent._seen) == 2


def test_what_is_too_large_is_not_compared() -> None:
    large = asked("x" * 2**20)
    recent = Recent()
    assert recent.explain(*large, 0) == "too large to compare with what was asked before"
    recent.note(*large, 0)
    assert not recent._seen


def test_what_is_only_noted_explains_the_next() -> None:
    recent = Recent()
    recent.note(*asked("a"), 0)
    assert "but seed differs" in recent.explain(*asked("a", seed=1), 12)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s ago"), (59, "59 s"), (3600, "1 h"), (90000, "1 d"), (-5, "0 s")]
)
def test_times_in_words(seconds: float, text: str) -> None:
    assert text in after(asked("a"), then=asked("a", seed=1), now=seconds)


def test_the_turns_of_a_responses_request_are_told_too() -> None:
    recent, first = Recent(), [{"role": "user", "content": "a"}]
    for n, (body, why) in enumerate(
        [
            ({"model": "m", "input": first}, NEW),
            ({"model": "m", "input": [*first, {"role": "user", "content": "b"}]}, "1 of 2 messages are those"),
            ({"model": "m", "input": "a text"}, NEW),
            ({"model": "m", "input": "a text", "seed": 1}, "but seed differs"),
        ]
    ):
        form = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        assert why in recent.explain(exact_key(PUBLIC, "openai_responses", "t", form), form, float(n))


def test_a_header_that_differs_is_named() -> None:
    recent, form = Recent(), asked("a")[1]
    reasons = [
        recent.explain(exact_key(PUBLIC, "openai_chat", "t", form, context), form, 1.0, context)
        for context in (b"x-run: 1\n", b"x-run: 2\n", b"x-run: 2\n?a=1", b"")
    ]
    assert reasons[0] == NEW
    assert reasons[1].endswith("but the header x-run differs")
    assert reasons[2].endswith("but the query differs")
    assert reasons[3].endswith("but the header x-run and the query differ")
    assert not any("1" in r.replace("0 s", "") for r in reasons[1:])  # no value of a header
