"""Which web pages may talk to a gateway that asks for no credential."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.gateway.door.origin import allowed

TRUSTED = ("box.lan", "proxy.lan:8443", "https://chat.example", "vscode-webview://abc", "null")


@pytest.mark.parametrize("listening", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8400",
        "localhost.:8400",
        "app.localhost:1",
        "127.0.0.1:8400",
        "127.255.0.9",
        "[::1]:8400",
    ],
)
def test_on_loopback_a_request_may_name_this_machine(listening: str, host: str) -> None:
    assert allowed(host, None, listening, ()) is None
    assert allowed(host, f"http://{host}", listening, ()) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8400",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "128.0.0.1",
        "192.168.1.9",
        "0.0.0.0",
        "[::2]",
        "",
        "a b",
        "evil@localhost",
        "localhost/evil",
        "localhost:port",
        "[::1",
    ],
)
def test_on_loopback_any_other_name_is_refused(host: str) -> None:
    why = allowed(host, None, "127.0.0.1", ())
    assert why is not None
    assert "Host" in why


def test_without_a_host_it_is_no_browser() -> None:
    assert allowed(None, None, "127.0.0.1", ()) is None
    assert allowed(None, "http://localhost", "127.0.0.1", ()) is not None


@pytest.mark.parametrize("host", ["box.lan", "BOX.lan:8400", "box.lan.:1", "proxy.lan:8443"])
def test_trusted_hosts(host: str) -> None:
    assert allowed(host, None, "127.0.0.1", TRUSTED) is None
    assert allowed("localhost:8400", f"https://{host}", "127.0.0.1", TRUSTED) is None


@pytest.mark.parametrize("host", ["proxy.lan", "proxy.lan:1", "chat.example", "sub.box.lan", "null"])
def test_hosts_that_only_look_trusted(host: str) -> None:
    assert allowed(host, None, "127.0.0.1", TRUSTED) is not None


@pytest.mark.parametrize("listening", ["127.0.0.1", "0.0.0.0", "::", "10.0.0.7", "box.lan"])
@pytest.mark.parametrize(
    ("host", "origin", "passes"),
    [
        ("localhost:8400", "http://localhost:8400", True),
        ("localhost:8400", "http://LocalHost:8400", True),
        ("localhost:8400", "http://localhost:3000", False),
        ("localhost:8400", "http://localhost", False),
        ("localhost:8400", "http://127.0.0.1:8400", False),
        ("localhost", "http://localhost:80", True),
        ("localhost", "https://localhost", True),
        ("localhost", "https://localhost:443", True),
        ("localhost:443", "http://localhost", False),
        ("localhost:8400", "https://evil.example", False),
        ("localhost:8400", "http://localhost:8400.evil.example", False),
        ("localhost:8400", "http://evil@localhost:8400", False),
        ("localhost:8400", "null", False),
        ("localhost:8400", "", False),
        ("localhost:8400", "ftp://localhost:8400", False),
        ("localhost:8400", "vscode-webview://abc", False),
        ("localhost:8400", "http://", False),
    ],
)
def test_a_page_may_talk_to_where_it_came_from(listening: str, host: str, origin: str, passes: bool) -> None:
    assert (allowed(host, origin, listening, ()) is None) == passes


@pytest.mark.parametrize("origin", ["https://chat.example", "vscode-webview://abc", "null", "http://box.lan:3000"])
def test_trusted_origins(origin: str) -> None:
    assert allowed("localhost:8400", origin, "127.0.0.1", TRUSTED) is None
    assert allowed("localhost:8400", origin + "x", "127.0.0.1", TRUSTED) is not None


def test_elsewhere_any_host_will_do() -> None:
    assert allowed("gateway.example", None, "0.0.0.0", ()) is None
    assert allowed("gateway.example", "https://gateway.example", "0.0.0.0", ()) is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_sent_is_judged(host: str, origin: str) -> None:
    why = allowed(host, origin, "127.0.0.1", TRUSTED)
    assert why is None or len(why) < 1000
