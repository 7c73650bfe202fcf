"""Addresses: which are read, which are refused, and that no message repeats what may be a credential."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.config.addresses import Origin, Url
from everwarm.config.kinds import Wrong

URL = Url("a URL")
SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://api.anthropic.com/", "https://api.anthropic.com"),
        ("http://127.0.0.1:8000/v1//", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:11434/v1", "http://[::1]:11434/v1"),
        ("http://ollama", "http://ollama"),
        ("http://my_service:65535", "http://my_service:65535"),
    ],
)
def test_a_url_is_kept_without_a_slash_at_its_end(text: str, kept: str) -> None:
    assert URL.of_text(text) == kept
    assert URL.of_toml(text) == kept


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"http://user:{SECRET}@host/v1", "a URL with a credential in it"),
        (f"http://{SECRET}@host", "a URL with a credential in it"),
        (f"http://user:pa/{SECRET}@host", "a URL with a credential in it"),
        (f"http://host/v1?key={SECRET}", "a URL with a query or a fragment"),
        (f"http://host/v1#{SECRET}", "a URL with a query or a fragment"),
        (SECRET, 'a text that starts with neither "http://" nor "https://"; allowed is a URL.'),
        ("localhost:8000", 'starts with neither "http://" nor "https://"'),
        ("ftp://host", 'starts with neither "http://" nor "https://"'),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_it(text: str, says: str) -> None:
    with pytest.raises(Wrong) as caught:
        URL.of_text(text)
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "http:///v1",
        "http://host:0",
        "http://host:65536",
        "http://host:x",
        "http://ho st",
        "http://host/a b",
        "http://host/\n",
        "http://-host",
        "http://[::1",
        "http://hö.de",
        "http://host\\v1",
    ],
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        URL.of_text(text)


def test_no_url_at_all_can_be_allowed() -> None:
    assert Url("", or_empty=True).of_text("") == ""
    assert Url("", or_empty=True).of_toml("http://h/") == "http://h"


@given(st.text(max_size=12).map("http://".__add__) | st.text(max_size=12))
def test_any_text_is_a_url_or_wrong(text: str) -> None:
    try:
        kept = URL.of_text(text)
    except Wrong:
        return
    assert URL.of_text(kept) == kept
    assert not set(kept) & set("@?# \\\r\n")


def test_an_origin_is_a_host_and_perhaps_a_port() -> None:
    assert Origin().of_text("App.Example.com") == "app.example.com"
    assert Origin().of_text("localhost:3000") == "localhost:3000"
    assert Origin().of_text("[::1]:3000") == "[::1]:3000"


@pytest.mark.parametrize("text", ["", "http://a", "a/", "a:b", "a:0", "a:99999", "*", "a b", "a@b"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        Origin().of_text(text)
