"""s16: no request value chooses a host: no target, no header. Bodies and redirects: the files beside this one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from behind import CHAT, body, headers
from bystander import World, world
from raw import connected


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("s16")) as running:
        yield running
        running.check()


TARGETS = [
    "http://EVIL/v1/files",
    "http://EVIL/v1/models/gpt-x",
    "http://user@EVIL/v1/files",
    "http://localhost@EVIL/v1/files",
    "https://EVIL/v1/files",
    "//EVIL/v1/files",
    "///EVIL/v1/files",
    "/\\EVIL/v1/files",
    "/v1//EVIL/files",
    "/v1/http://EVIL/files",
    "/v1/@EVIL/files",
    "/v1@EVIL/files",
    "/v1:80@EVIL/files",
    "/v1/files@EVIL",
    "@EVIL/v1/files",
    ":80@EVIL/v1/files",
    ".EVIL/v1/files",
    "/v1/?@EVIL/",
    "/v1/files?url=http://EVIL/&host=EVIL&base_url=http://EVIL/",
    "/v1/files#@EVIL/",
    "/v1/..//EVIL/files",
    "/v1/../../EVIL",
    "/v1/../admin",
    "/v1/./../admin",
    "/v1/%2e%2e/admin",
    "/v1/%2E./admin",
    "/v1/%252e%252e/admin",
    "/v1/x/%2e%2e%2f%2e%2e%2fadmin",
    "/v1/..%2fadmin",
    "/v1/..%5cadmin",
    "/v1/..;/admin",
    "/v1/..;x=1/admin",
    "/v1/%2f%2fEVIL/",
    "/%76%31/../admin",
    "/v1/%0d%0aHost:%20EVIL%0d%0a/files",
    "/v1/files%20HTTP/1.1%0d%0aHost:%20EVIL",
    "/v1/%00EVIL",
    "/v1/models/%2e%2e%2f%2e%2e%2fadmin",
    "/v1/models/http://EVIL/",
    "/v1/models/..%2f..%2fFILE",
    "/FILE",
    "/../../../..FILE",
    "/app.js/..FILE",
    "/%2e%2eFILE",
    "/app.js%00FILE",
]


@pytest.mark.parametrize("target", TARGETS)
def test_no_target_does(both: World, target: str) -> None:
    """It is refused, or goes to the provider below its own base."""
    for method in ("GET", "POST"):
        before = len(both.fake.asked)
        line = f"{method} {both.filled(target)} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{{}}"
        with both.untouched(), connected(both.live.url) as client:
            client.send(line.encode())
            answer = client.answer(method)
        refused = answer.status in (400, 404, 405)
        assert refused or (answer.status == 200 and len(both.fake.asked) == before + 1)
        assert b"GGUF" not in answer.body


def test_nor_does_connect(both: World) -> None:
    with both.untouched(), connected(both.live.url) as client:
        client.send(both.filled("CONNECT EVIL HTTP/1.1\r\nhost: EVIL\r\n\r\n").encode())
        assert client.answer().status == 400


def test_a_path_that_may_be_passed_on_arrives_as_it_came(both: World) -> None:
    """The power of the tests above: such paths do reach the provider."""
    for path in ("/v1/files/a%2Fb?x=%2e%2e", "/v1/@x", "/v1//x", "/v1/a..b/...", "/v1/%7Euser"):
        with connected(both.live.url) as client:
            client.send(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            assert client.answer("GET").status == 200
        assert both.fake.asked[-1].target == path


HEADERS = [
    "host", "origin", "referer", "forwarded", "via", "x-forwarded-host", "x-forwarded-server", "x-forwarded-for",
    "x-forwarded-proto", "x-forwarded-prefix", "x-host", "x-original-url", "x-original-host", "x-rewrite-url",
    "x-http-host-override", "x-http-destinationurl", "x-proxy-url", "proxy", "alt-used", "destination", "location",
    "content-location", "base-url", "x-base-url", "x-api-base", "openai-base-url", "api-base", "x-upstream",
    "x-everwarm-upstream", "x-everwarm-via", "helicone-target-url", "helicone-openai-api-base", "x-portkey-custom-host",
    "x-target-url", "x-endpoint", "x-route", "upgrade", "http2-settings",
]  # fmt: skip
FORMS = {"host": ["EVIL"], "origin": ["http://EVIL"]}
ANY_FORM = ["EVIL", "http://EVIL/v1", "host=EVIL;proto=https", "FILE"]


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_does(both: World, name: str) -> None:
    for form in FORMS.get(name, ANY_FORM):
        before = len(both.fake.asked)
        with both.untouched():
            sent = {**headers(CHAT), name: both.filled(form)}
            answer = both.live.client.post(CHAT, json=body(CHAT, f"{name} {form}"), headers=sent)
        assert answer.status_code == 200
        assert len(both.fake.asked) == before + 1
