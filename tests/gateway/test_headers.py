"""Which headers go where. That what goes on is in the key unless a table says why not is promise s12."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.gateway.upstreams.headers import CREDENTIALS, HOP_BY_HOP, VOLATILE, Keyed, back, onward, passes

names = st.one_of(
    st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True),
    st.sampled_from([n.replace("*", "one") for n in VOLATILE]),
    st.sampled_from([n.decode() for n in (*CREDENTIALS, *HOP_BY_HOP, b"host", b"cache-control", b"x-everwarm-tags")]),
).map(str.encode)
values = st.text("abc ,;=", max_size=8).map(lambda t: t.strip().encode())
pairs = st.lists(st.tuples(names, values), max_size=8)
different = st.lists(st.tuples(names, values), max_size=8, unique_by=lambda pair: pair[0])


def ours(value: bytes) -> bool:
    return value.startswith(b"ew-")


@given(different)
def test_the_order_of_different_headers_does_not_count(headers: list[tuple[bytes, bytes]]) -> None:
    assert Keyed().of(headers) == Keyed().of(headers[::-1])


@given(pairs)
def test_nothing_is_lost(headers: list[tuple[bytes, bytes]]) -> None:
    gone_on = onward(headers, None, ours)
    assert all(pair in headers for pair in gone_on)
    kept_here = {n for n, _ in headers if not passes(n)}
    named = {w.strip().lower() for n, v in headers if n == b"connection" for w in v.split(b",")}
    assert {n for n, _ in gone_on} == {n for n, _ in headers} - kept_here - named


def test_hop_by_hop_headers_stay_and_what_connection_names_too() -> None:
    headers = [(b"connection", b"close, x-hop"), (b"x-hop", b"1"), (b"te", b"trailers"), (b"x-kept", b"1")]
    assert onward(headers, None, ours) == [(b"x-kept", b"1")]
    assert back([(b"Connection", b"x-hop"), (b"X-Hop", b"1"), (b"X-Kept", b"1"), (b"Set-Cookie", b"a")]) == [
        (b"x-kept", b"1")
    ]


def test_a_key_of_the_gateways_own_never_leaves_it() -> None:
    headers = [(b"authorization", b"ew-secret"), (b"x-api-key", b"sk-theirs")]
    assert onward(headers, None, ours) == [(b"x-api-key", b"sk-theirs")]


def test_a_configured_credential_takes_the_place_of_the_clients() -> None:
    headers = [(b"authorization", b"Bearer sk-client"), (b"x-api-key", b"sk-client"), (b"x-kept", b"1")]
    assert onward(headers, "sk-ours", ours) == [(b"x-kept", b"1")]


def test_an_upstream_cannot_speak_in_our_name() -> None:
    assert back([(b"x-everwarm-cache", b"hit")]) == []


def test_the_operator_may_leave_more_out() -> None:
    keyed = Keyed(["X-Run-*"])
    assert keyed.of([(b"x-run-id", b"1"), (b"x-beta", b"1")]) == b"x-beta: 1\n"


def test_inventing_names_does_not_fill_the_memory() -> None:
    keyed = Keyed()
    for i in range(5000):
        assert keyed.of([(b"x-%d" % i, b"1")])
    assert len(keyed._known) <= 1000


def test_every_reason_says_something() -> None:
    assert all(len(why) > 10 for why in VOLATILE.values())
