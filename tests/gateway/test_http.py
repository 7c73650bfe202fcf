"""The edge: paths, methods, sizes, shapes of errors; never a 500, never a traceback."""

from __future__ import annotations

import http.client
import json
import logging
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.core.upstream import Upstream
from everwarm.errors import ConfigError
from everwarm.gateway.serve import listening, run
from live import CHAT, Live, gateway, settings_of
from requests_like import json_values


def error(response: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code, param; in the dialect's shape."""
    assert response.headers["content-type"] == "application/json"
    told = response.json()["error"]
    assert set(told) == {"message", "type", "param", "code"}
    return response.status_code, told["code"], told["param"]


def test_an_unknown_model_lists_what_there_is(live: Live) -> None:
    answer = live.ask(model="gpt-9")
    assert error(answer) == (404, "model_not_found", "model")
    for name in ("test-model", "default", "tm"):
        assert name in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"[1]", 400, "invalid_json"),
        (b'{"model": NaN}', 400, "invalid_json"),
        (b"{" * 100_000, 400, "invalid_json"),
        (b'{"a":' * 100_000, 400, "invalid_json"),
        (b'{"model":"default","messages":[],"x":' + b"[" * 300 + b"]" * 300 + b"}", 400, "invalid_json"),
        (b'{"model":"default","messages":[]}', 400, "invalid_value"),
        (b'{"messages":[]}', 400, "missing_required_parameter"),
        (
            b'{"model":"default","messages":[{"role":"user","content":"x"}],"logprobs":true}',
            400,
            "unsupported_parameter",
        ),
        (b'{"model":"default","messages":[{"role":"user","content":"x"}],"temperature":9}', 400, "invalid_value"),
        (
            b'{"model":"default","messages":[{"role":"user","content":"x"}],"logit_bias":{"' + b"9" * 5000 + b'":1}}',
            400,
            "invalid_value",
        ),
    ],
)
def test_bad_requests(live: Live, data: bytes, status: int, code: str) -> None:
    assert error(live.post(data))[:2] == (status, code)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=50), json_values.map(lambda v: json.dumps({"model": "default", "messages": v}).encode())
    )
)
def test_never_a_500(live: Live, data: bytes) -> None:
    answer = live.post(data)
    assert answer.status_code in (200, 400, 404), answer.text


def test_a_large_body_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with gateway(tmp_path, toml="[limits]\nbody_mb = 1") as live:
        assert error(live.post(b"x" * (2**20 + 1)))[:2] == (413, "request_too_large")
        host = urlsplit(live.url)
        assert host.hostname
        connection = http.client.HTTPConnection(host.hostname, host.port, timeout=10)
        connection.putrequest("POST", CHAT)
        connection.putheader("content-length", str(10**12))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_a_body_without_a_length_is_bounded_too(tmp_path: Path) -> None:
    with gateway(tmp_path, toml="[limits]\nbody_mb = 1") as live:
        pieces = (b"x" * 65536 for _ in range(40))
        assert live.client.post(CHAT, content=pieces).status_code == 413


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    with gateway(tmp_path, toml="[limits]\nbody_seconds = 1") as live:
        host = urlsplit(live.url)
        with socket.create_connection((host.hostname, host.port), timeout=10) as sock:
            sock.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{{".encode())
            assert b"408" in sock.recv(4096).split(b"\r\n")[0]


def test_paths_and_methods(live: Live) -> None:
    assert error(live.client.get("/nothing"))[:2] == (404, "not_found")
    assert error(live.client.get(CHAT))[:2] == (405, "method_not_allowed")
    assert error(live.client.post("/stats"))[:2] == (405, "method_not_allowed")
    assert error(live.client.get("/../../etc/passwd"))[0] == 404
    assert live.client.get("/healthz").json() == {"status": "ok"}
    head = live.client.head("/healthz")
    assert head.status_code == 200
    assert head.content == b""


def test_models(live: Live) -> None:
    listed = live.client.get("/v1/models").json()
    assert [m["id"] for m in listed["data"]] == ["test-model"]
    assert live.client.get("/v1/models/tm").json()["id"] == "test-model"
    assert error(live.client.get("/v1/models/other"))[0] == 404


def test_a_header_sent_twice_is_refused(live: Live) -> None:
    answer = live.client.get("/stats", headers=[("authorization", "Bearer a"), ("authorization", "Bearer b")])
    assert error(answer) == (400, "invalid_value", "authorization")


def test_tags_are_checked(live: Live) -> None:
    assert error(live.ask(headers={"x-everwarm-tags": "x" * 65}))[:2] == (400, "invalid_value")


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css")]
)
def test_the_page(live: Live, path: str, kind: str) -> None:
    answer = live.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert len(answer.content) > 200


def test_a_bug_of_ours_is_told_without_a_traceback(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.upstream.text = lambda n, r: 1 / 0  # type: ignore[arg-type,return-value]
    with caplog.at_level(logging.ERROR, "everwarm"):
        answer = live.ask()
    assert error(answer)[:2] == (500, "internal_error")
    assert "ZeroDivision" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_stats_are_ones_own(live: Live) -> None:
    for _ in range(3):
        live.ask("one two")
    live.ask("theirs", headers={"authorization": "Bearer b"})
    live.ask(model="no-such-model")
    assert live.house.ledger is not None
    live.house.ledger.flush()
    told = live.client.get("/stats").json()
    assert told["namespace"] == "public"
    assert (told["requests"], told["errors"]) == (4, 1)
    assert told["layers"]["exact"]["requests"] == 2
    assert told["tokens"]["asked"]["prompt"] == 6
    theirs = live.client.get("/stats", headers={"authorization": "Bearer b"}).json()
    assert theirs["requests"] == 1
    assert "theirs" not in json.dumps(theirs)


def test_stats_without_a_ledger(tmp_path: Path) -> None:
    with gateway(tmp_path, toml="[ledger]\nenabled = false") as live:
        assert live.ask().status_code == 200
        assert error(live.client.get("/stats"))[0] == 404


@pytest.mark.parametrize("spoiled", ['"a":"\\u0022"', '"a":"\\ud800"', '"a":1,"a":2'])
def test_a_large_integer_in_a_body_that_is_read_with_care(live: Live, spoiled: str) -> None:
    body = '{"model":"default","messages":[{"role":"user","content":"x"}],"zz":123456789012345678901234567890,%s}'
    assert live.post(body % spoiled).status_code == 200


def test_a_long_key_is_not_told_again(live: Live) -> None:
    key = "k" * 5000
    body = f'{{"model":"default","messages":[{{"role":"user","content":"x"}}],"{key}":1,"{key}":2}}'
    why = live.post(body).headers["x-everwarm-why"]
    assert why == "a key stands twice in one object"


def test_405_says_what_is_allowed(live: Live) -> None:
    assert live.client.get(CHAT).headers["allow"] == "POST"


def test_an_upgrade_is_not_taken_up_and_the_request_is_answered(live: Live) -> None:
    answer = live.ask(headers={"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c"})
    assert answer.status_code == 200
    assert answer.json()["choices"]


def test_a_web_page_of_somebody_else_is_refused(live: Live) -> None:
    """Of another origin; and under a name of its own that was made to lead here."""
    page = live.ask(headers={"origin": "https://evil.example"})
    assert page.status_code == 403
    assert "evil.example" in page.json()["error"]["message"]
    named = live.ask(headers={"host": "evil.example:8400"})
    assert named.status_code == 403
    own = live.ask(headers={"origin": live.url})
    assert own.status_code == 200
    assert len(live.upstream.asked) == 1


def test_http_1_0_gets_a_stream_without_chunks(live: Live) -> None:
    host = urlsplit(live.url)
    body = b'{"model":"default","stream":true,"messages":[{"role":"user","content":"hi"}]}'
    with socket.create_connection((host.hostname, host.port), timeout=10) as sock:
        sock.sendall(f"POST {CHAT} HTTP/1.0\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert content.startswith(b"data: ")
    assert content.endswith(b"data: [DONE]\n\n")


def test_a_large_body_is_answered_while_others_are(live: Live) -> None:
    for _ in range(2):
        answer = live.ask("x" * 400_000)
        assert answer.status_code == 200
    assert answer.headers["x-everwarm-cache"] == "hit"
    assert error(live.ask("x" * 400_000, temperature=9))[0] == 400


def test_one_data_folder_one_server(live: Live) -> None:
    with pytest.raises(ConfigError, match="--data"), gateway(live.house.config.data):
        pass


def test_rules_for_a_model_that_is_not_there_are_said_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="test-model"), gateway(tmp_path, toml='[models."tst-model"]\nttl = 5'):
        pass


def test_the_port_is_tried_before_a_model_is_loaded(live: Live, tmp_path: Path) -> None:
    def load() -> list[Upstream]:
        raise AssertionError("the model was loaded for nothing")

    config = replace(settings_of(tmp_path), port=urlsplit(live.url).port or 0)
    with pytest.raises(ConfigError, match="--port"):
        run(config, load, lambda url, house: None)


def test_a_taken_port_is_said(live: Live) -> None:
    port = urlsplit(live.url).port
    assert port
    with pytest.raises(ConfigError, match="--port"), listening("127.0.0.1", port) as sock:
        sock.listen()


def test_aliases_of_the_configuration(tmp_path: Path) -> None:
    with gateway(tmp_path, toml='[aliases]\n"gpt-4o-mini" = "test-model"') as live:
        answer = live.ask(model="gpt-4o-mini")
        assert answer.json()["model"] == "test-model"
        assert live.ask(model="default").headers["x-everwarm-cache"] == "hit"


def test_an_alias_that_leads_nowhere_is_said_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="test-model"), gateway(tmp_path, toml='[aliases]\nx = "nowhere"'):
        pass
