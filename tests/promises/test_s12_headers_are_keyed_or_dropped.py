"""s12: a header that reaches upstream is keyed or dropped, and so is a query.

The same body is sent with two values of a header, and without it. What the provider saw decides: if it saw the header,
each is another request, unless the page docs/gateway.md names it as one that cannot change an answer. If it did not see
it, all are the same. Credentials are keyed otherwise: they make the namespace (s01, s03).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from behind import MESSAGES, PATHS, body, headers, upstreams
from everwarm.gateway.upstreams.headers import CREDENTIALS, HOP_BY_HOP, KEPT_HERE
from live import CHAT, Live, gateway
from providers import Asked, Provider, provider
from raw import chunked, connected, post

PAGE = Path(__file__).parents[2] / "docs" / "gateway.md"
COMPLETIONS, EMBEDDINGS = "/v1/completions", "/v1/embeddings"
ASKS: dict[str, dict[str, Any]] = {COMPLETIONS: {"prompt": "{}"}, EMBEDDINGS: {"input": "{}", "dimensions": 4}}

FRAMES = frozenset({"content-length", "transfer-encoding"})
"""They say where the body ends, so a client cannot choose them. See the test of chunks."""

VALUES = {
    "cache-control": ("max-age=1000", "max-age=2000"),
    "connection": ("keep-alive", "close"),
    "content-encoding": ("identity", ""),
    "content-type": ("application/json", "application/json; charset=utf-8"),
    "expect": ("100-continue", "100-Continue"),
    "host": ("localhost", "127.0.0.1:1"),
    "origin": ("https://a.example", "https://b.example"),
    "x-everwarm-tags": ("a", "b"),
}
"""Of headers that do not take any value."""


def published() -> list[str]:
    """Names and patterns of the table in docs/gateway.md."""
    table = PAGE.read_text("utf-8").partition("<!-- headers:begin")[2].partition("<!-- headers:end")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.M)


LISTED = published()
VENDORS = [
    "anthropic-beta", "anthropic-version", "openai-organization", "openai-project", "openai-beta", "accept-charset",
    "x-goog-user-project", "x-tenant", "x-user-id", "cache_salt", "x-api-version", "range", "if-none-match", "date",
]  # fmt: skip
KNOWN = sorted(
    {
        *(n.decode() for n in KEPT_HERE | HOP_BY_HOP),
        *(p.replace("*", "x") for p in LISTED),
        *(p.replace("*", "") for p in LISTED),
        *VALUES,
        *VENDORS,
        "x-everwarm-new",
    }
    - FRAMES
)
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~", min_size=1, max_size=16)
PREFIXES = st.sampled_from(["", "x-", "sec-", "x-forwarded-", "x-everwarm-", "x-stainless-", "anthropic-", "openai-"])
NAMES = st.tuples(PREFIXES, TOKENS).map("".join).filter(lambda n: n.encode() not in CREDENTIALS and n not in FRAMES)
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
number = count()


class Both(NamedTuple):
    live: Live
    fake: Provider

    def ask(self, path: str, question: str, *more: tuple[str, str], query: str = "") -> tuple[str, list[Asked]]:
        """How it was answered, and what of it reached the provider."""
        before = len(self.fake.asked)
        sent = {"model": "gpt-x", **ASKS[path]} if path in ASKS else body(path, question)
        sent = {k: v.format(question) if isinstance(v, str) else v for k, v in sent.items()}
        named = {n for n, _ in more}
        usual = [(n, v) for n, v in headers(path).items() if n not in named]
        answer = self.live.client.post(path + query, json=sent, headers=[*usual, *more])
        assert answer.status_code == 200, answer.text
        return answer.headers["x-everwarm-cache"], self.fake.asked[before:]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with provider() as fake:
        toml = 'trusted_origins = ["a.example", "b.example"]\n' + upstreams(fake)
        with gateway(tmp_path_factory.mktemp("s12"), toml=toml, inside=False) as live:
            yield Both(live, fake)


def keyed_or_dropped(both: Both, path: str, name: str, a: str, b: str) -> None:
    question = f"question {next(number)}"
    first, (asked,) = both.ask(path, question, (name, a))
    assert first == "miss"
    reached = a in asked.all(name)
    listed = any(fnmatchcase(name, pattern) for pattern in LISTED)
    expected = "miss" if reached and not listed else "hit"
    assert both.ask(path, question, (name, b))[0] == expected
    if not (path == MESSAGES and name == "anthropic-version"):  # without which it is no request of that protocol
        assert both.ask(path, question)[0] == expected
    assert both.ask(path, question, (name, a))[0] == "hit", "the same header, the same request"


@pytest.mark.parametrize("name", KNOWN)
def test_known_names(both: Both, name: str) -> None:
    a, b = VALUES.get(name, ("a", "b"))
    keyed_or_dropped(both, CHAT, name, a, b)


@settings(max_examples=100, deadline=None)
@given(NAMES, TEXTS, TEXTS, st.sampled_from([*PATHS, COMPLETIONS, EMBEDDINGS]))
@example("x-beta", "a", "A", EMBEDDINGS)
@example("anthropic-version", "2023-01-01", "2023-06-01", MESSAGES)
def test_any_name_in_any_protocol(both: Both, name: str, a: str, b: str, path: str) -> None:
    if a != b and name not in VALUES:
        keyed_or_dropped(both, path, name, a, b)


def test_both_kinds_were_met(both: Both) -> None:
    """The power of the tests above: some names reach the provider, and some do not."""
    _, (asked,) = both.ask(CHAT, "power", *((n, VALUES.get(n, ("a",))[0]) for n in KNOWN))
    seen = {n for n in KNOWN if asked.all(n)}
    assert {"x-tenant", "user-agent", "anthropic-beta", "x-request-id", "sec-x"} <= seen
    assert not {"cookie", "x-real-ip", "via", "forwarded", "te", "x-everwarm-tags"} & seen


def test_a_listed_header_reaches_the_provider_or_there_were_no_need_to_list_it(both: Both) -> None:
    for name in (p.replace("*", "x") for p in LISTED):
        _, (asked,) = both.ask(CHAT, f"listed {name}", (name, VALUES.get(name, ("a",))[0]))
        assert asked.all(name), name


def test_what_connection_names_is_dropped_and_does_not_count(both: Both) -> None:
    """The same header reaches the provider where ``Connection`` does not name it: that is another request."""
    first, (asked,) = both.ask(CHAT, "named", ("connection", "x-beta"), ("x-beta", "a"))
    assert not asked.all("x-beta")
    assert both.ask(CHAT, "named")[0] == "hit"
    second, passed = both.ask(CHAT, "named", ("x-beta", "a"))
    assert (first, second) == ("miss", "miss")
    assert passed[0].all("x-beta") == ["a"]


def test_a_header_that_stands_twice(both: Both) -> None:
    """Its values are a list (RFC 9110, section 5.3): how many there are counts, and in which order."""
    lists = [("a", "b"), ("b", "a"), ("a",), ("a", "b", "b"), ("a, b",)]
    for values in lists:
        how, asked = both.ask(CHAT, "twice", *(("x-beta", v) for v in values))
        assert how == "miss", values
        assert asked[0].all("x-beta") == list(values)
    for values in lists:
        assert both.ask(CHAT, "twice", *(("x-beta", v) for v in values))[0] == "hit"


def test_names_and_values_cannot_pass_for_each_other(both: Both) -> None:
    lists = [[("x-a", "1"), ("x-b", "2")], [("x-a", "1x-b: 2")], [("x-a", "1?x-b: 2")], [("x-a", "1"), ("x-b", "?2")]]
    assert [both.ask(CHAT, "framed", *some)[0] for some in lists] == ["miss"] * len(lists)
    assert both.ask(CHAT, "framed", ("x-a", "1"), query="?x-b:%202")[0] == "miss"
    assert both.ask(CHAT, "framed", ("x-b", "2"), ("x-a", "1"))[0] == "hit", (
        "the order of different headers says nothing"
    )


@pytest.mark.parametrize("path", [*PATHS, COMPLETIONS, EMBEDDINGS])
def test_a_query_reaches_the_provider_and_counts(both: Both, path: str) -> None:
    for query in ("?api-version=1", "?api-version=2", "?a=1&b=2", "?b=2&a=1", "?a=%31&b=2", "?", ""):
        how, asked = both.ask(path, f"query {path}", query=query)
        seen = asked[0].target.partition("?")[2] if asked else ""
        assert (how, seen) == ("hit" if query == "" else "miss", query[1:])
        assert both.ask(path, f"query {path}", query=query)[0] == "hit"


def test_how_a_body_is_framed_reaches_nobody(both: Both) -> None:
    data = httpx.Request("POST", "http://x", json=body(CHAT, "framed in chunks")).content
    with connected(both.live.url) as raw:
        for request, expected in ((post(CHAT, data), "miss"), (chunked(CHAT, data[:9], data[9:]), "hit")):
            raw.send(request)
            assert raw.answer().headers["x-everwarm-cache"] == expected


def test_the_model_inside_reads_no_header_and_no_query(tmp_path: Path) -> None:
    with gateway(tmp_path) as live:
        live.ask(headers={"x-beta": "a"})
        assert live.ask(headers={"x-beta": "b"}).headers["x-everwarm-cache"] == "hit"
