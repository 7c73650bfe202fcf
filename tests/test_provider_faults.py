"""Faults in what the fake provider answers, as ordinary HTTP clients and the official SDKs see them."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator

import anthropic
import httpx
import openai
import pytest

from everwarm.core.sse import Reader, ServerEvent
from providers import Provider, faults, provider
from providers.bare import BODIES, CHAT, MESSAGES

TEXT = MESSAGES[0]["content"]
HARMLESS = {
    "none": faults.FINE,
    "CRLF": faults.crlf(),
    "CR": faults.line_ends(b"\r"),
    "no spaces": faults.tight(),
    "comments": faults.comments(),
    "merged": faults.merged(3),
    "gzip": faults.gzipped(),
    "HTTP/1.0": faults.http_1_0(),
    "until close": faults.until_close(),
    "slow first byte": faults.slow_first_byte(0.05),
    "slow head": faults.slow_head(0.0001),
    "byte by byte": faults.bytewise(),
    "split characters": faults.split_characters(),
    "100 Continue": faults.early(),
    "closed after": faults.close_after(),
    "all at once": faults.crlf() & faults.gzipped() & faults.bytewise() & faults.http_1_0(),
}
"""Faults that no client may suffer from."""


@pytest.fixture
def gpt(fake: Provider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=fake.url, api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(fake: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=fake.anthropic_url, api_key="sk-test", max_retries=0) as client:
        yield client


def answered(fake: Provider, path: str, stream: bool) -> bytes:
    """The body that an ordinary client reads."""
    connection = http.client.HTTPConnection(fake.anthropic_url.removeprefix("http://"), timeout=20)
    body = json.dumps({**BODIES[path], "stream": stream})
    connection.request("POST", path, body, {"anthropic-version": "2023-06-01"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return gzip.decompress(data) if answer.headers["content-encoding"] == "gzip" else data


def events(fake: Provider, path: str = CHAT) -> list[ServerEvent]:
    return list(Reader().feed(answered(fake, path, stream=True)))


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("fault", HARMLESS)
def test_a_harmless_fault_changes_no_event(fault: str, path: str) -> None:
    with provider() as fine, provider() as faulty:
        faulty.plan = [HARMLESS[fault]]
        assert events(faulty, path) == events(fine, path)
        assert not faulty.plan


@pytest.mark.parametrize("fault", ["gzip", "HTTP/1.0", "until close", "byte by byte", "slow head", "100 Continue"])
def test_nor_a_json_body(fault: str) -> None:
    with provider() as fine, provider() as faulty:
        faulty.plan = [HARMLESS[fault]]
        assert answered(faulty, CHAT, stream=False) == answered(fine, CHAT, stream=False)


@pytest.mark.parametrize("fault", HARMLESS)
def test_the_sdks_read_through_harmless_faults(
    fake: Provider, gpt: openai.OpenAI, claude: anthropic.Anthropic, fault: str
) -> None:
    fake.plan = [HARMLESS[fault]] * 3
    with gpt.chat.completions.stream(model="gpt", messages=MESSAGES) as chat:
        assert chat.get_final_completion().choices[0].message.content == f"answer 1 to {TEXT}"
    with gpt.responses.stream(model="gpt", input=TEXT) as response:
        assert response.get_final_response().output_text == f"answer 2 to {TEXT}"
    with claude.messages.stream(model="claude", max_tokens=50, messages=MESSAGES) as message:
        assert message.get_final_text() == f"answer 3 to {TEXT}"


def test_errors_are_the_apis_own(fake: Provider, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    fake.plan = [
        faults.status(429, retry_after=0.5, headers={"x-should-retry": "false"}),
        faults.status(529),
        faults.status(502, b"<html>", {"Content-Type": "text/html"}),
    ]
    with pytest.raises(openai.RateLimitError) as limited:
        gpt.chat.completions.create(model="gpt", messages=MESSAGES)
    assert limited.value.code == "rate_limit_exceeded"
    assert limited.value.response.headers["retry-after"] == "0.5"
    assert limited.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        claude.messages.create(model="claude", max_tokens=50, messages=MESSAGES)
    edge = httpx.post(fake.url + "/chat/completions", json=BODIES[CHAT])
    assert (edge.status_code, edge.content, edge.headers.get_list("content-type")) == (502, b"<html>", ["text/html"])
    assert gpt.chat.completions.create(model="gpt", messages=MESSAGES).id.endswith("4")


def test_a_redirect_names_another_place(fake: Provider) -> None:
    fake.plan = [faults.redirect("http://127.0.0.1:9/v1/elsewhere")]
    answer = httpx.post(fake.url + "/chat/completions", json=BODIES[CHAT])
    assert (answer.status_code, answer.headers["location"]) == (302, "http://127.0.0.1:9/v1/elsewhere")


def test_a_stream_can_say_that_it_failed(fake: Provider, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    fake.plan = [faults.error_event(at=2), faults.error_event(at=2), faults.error_event(at=3), faults.failed_response()]
    with pytest.raises(openai.APIError, match="had an error"):
        list(gpt.chat.completions.create(model="gpt", messages=MESSAGES, stream=True))
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        list(claude.messages.create(model="claude", max_tokens=50, messages=MESSAGES, stream=True))
    errors = list(gpt.responses.create(model="gpt", input=TEXT, stream=True))
    assert [(e.type, e.sequence_number) for e in errors][-2:] == [("response.output_item.added", 2), ("error", 3)]
    failed = list(gpt.responses.create(model="gpt", input=TEXT, stream=True))
    assert (failed[-1].type, failed[-1].response.status) == ("response.failed", "failed")  # type: ignore[union-attr]


@pytest.mark.parametrize("path", BODIES)
def test_the_end_can_be_missing(fake: Provider, path: str) -> None:
    fake.plan = [faults.without_end(), faults.truncated(3)]
    cut, early, fine = (events(fake, path) for _ in range(3))
    assert len(cut) == len(fine) - 1
    assert len(early) == 3
    assert "[DONE]" not in cut[-1].data
    assert cut[-1].event not in ("message_stop", "response.completed")


def test_content_can_be_broken(fake: Provider) -> None:
    fake.plan = [faults.malformed(), faults.malformed(at=2), faults.junk()]
    with pytest.raises(json.JSONDecodeError):
        json.loads(answered(fake, CHAT, stream=False))
    broken = events(fake)
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken[2].data)
    assert events(fake)[-2:] == [ServerEvent("[DONE]"), ServerEvent("{\x00")]


def test_pings_stand_between_events(fake: Provider) -> None:
    fake.plan = [faults.comments(b'event: ping\ndata: {"type": "ping"}\n\n')]
    with_pings = [e.event for e in events(fake, "/v1/messages")]
    assert with_pings[::2] == ["ping"] * (len(with_pings) // 2)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_be_huge(fake: Provider, path: str, stream: bool) -> None:
    size = 5_000_000
    fake.plan = [faults.huge(size), faults.huge(size) & faults.gzipped()]
    plain, packed = (answered(fake, path, stream) for _ in range(2))
    assert size < len(plain) < 1.2 * size
    assert abs(len(packed) - len(plain)) < 100_000
    if not stream:
        assert len(str(json.loads(plain))) > size
