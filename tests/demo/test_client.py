from __future__ import annotations

from typing import Any

import pytest

from everwarm.demo.client import Client
from everwarm.demo.request import body, plain_bytes
from everwarm.demo.script import person
from everwarm.errors import Broken, ConfigError, OperatorError


def asked(who: str = "Ben", question: str = "Why?") -> bytes:
    return plain_bytes(body(person(who), "default", "Be brief.", [], question))


def test_a_computed_answer_and_the_same_again(gateway: Any) -> None:
    client = Client(gateway.url)
    first, again = client.chat(asked()), client.chat(asked())
    assert (first.text, first.cache, first.via, first.model) == ("About why?", "miss", "engine", "fake-1")
    assert first.why
    assert (again.text, again.cache, again.via, again.age) == ("About why?", "hit", "exact", 0.0)
    assert first.key == again.key != ""
    assert first.prompt == again.prompt > 0
    assert first.complete
    assert first.first_ms is None
    assert first.total_ms > 0


def test_a_stream_gives_the_same_text_and_usage(gateway: Any) -> None:
    plain = Client(gateway.url).chat(asked("Ben"))
    stream = Client(gateway.url).chat(asked("Amara"))
    assert (stream.text, stream.prompt, stream.output) == (plain.text, plain.prompt, plain.output)
    assert stream.cache == "hit"
    assert stream.model == "fake-1"
    assert stream.first_ms is not None
    assert 0 < stream.first_ms <= stream.total_ms


def test_a_stream_without_its_end_is_no_answer(gateway: Any) -> None:
    gateway.break_streams = True
    with pytest.raises(Broken, match="without"):
        Client(gateway.url).chat(asked("Amara"))


def test_an_error_status_is_told_with_its_message(gateway: Any) -> None:
    gateway.refuse = (503, "too many wait already")
    with pytest.raises(Broken, match="503: too many wait already"):
        Client(gateway.url).chat(asked())


def test_a_refused_key_is_told_without_the_key(gateway: Any) -> None:
    gateway.refuse = (401, "unknown key")
    with pytest.raises(ConfigError, match="401: unknown key") as caught:
        Client(gateway.url, "secret-1").chat(asked())
    assert "secret-1" not in caught.value.message


def test_nobody_there(gateway: Any) -> None:
    gateway.server_close()
    with pytest.raises(OperatorError, match="Is it running there"):
        Client(gateway.url).chat(asked())
    with pytest.raises(OperatorError, match="Is it running there"):
        Client(gateway.url).get("/stats")


@pytest.mark.parametrize("url", ["", "localhost:8400", "ftp://host", "http://", "http://host:port", "http://[::1"])
def test_what_is_no_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ConfigError, match="not the address of a gateway"):
        Client(url)


def test_the_base_url_of_an_sdk_will_do(gateway: Any) -> None:
    assert Client(gateway.url + "/v1/").get("/healthz") == (200, {"status": "ok"})
    assert Client(gateway.url).get("/nothing")[0] == 404


def test_sent_is_told_also_when_nothing_could_be_sent(gateway: Any) -> None:
    gateway.server_close()
    told: list[bool] = []
    with pytest.raises(OperatorError):
        Client(gateway.url).chat(asked(), lambda: told.append(True))
    assert told


def test_the_credential_is_sent_as_a_bearer_token(gateway: Any) -> None:
    Client(gateway.url, "abc").chat(asked())
    Client(gateway.url).chat(asked())
    assert gateway.credentials == {"Bearer abc", None}
