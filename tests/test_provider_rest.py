"""The fake provider beside its chats: older APIs, what it echoes, what it refuses, and that it is deterministic."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from providers import Provider, faults, nobody_listens, provider

HI: Any = [{"role": "user", "content": "hi"}]
CLAUDE: Any = {"model": "claude", "max_tokens": 100}


@pytest.fixture
def gpt(fake: Provider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=fake.url, api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(fake: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=fake.anthropic_url, api_key="sk-ant", max_retries=0) as client:
        yield client


def test_completions_as_json_and_as_a_stream(gpt: openai.OpenAI) -> None:
    plain = gpt.completions.create(model="gpt", prompt=["a", "b"], logprobs=1)
    assert [c.text for c in plain.choices] == ["answer 1 to a", "answer 1 to b (choice 1)"]
    chunks = list(gpt.completions.create(model="gpt", prompt="a", stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].text for c in chunks if c.choices) == "answer 2 to a"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 5


def test_embeddings_depend_on_the_text_alone(fake: Provider, gpt: openai.OpenAI) -> None:
    def vectors(*texts: str) -> list[list[float]]:
        data = gpt.embeddings.create(model="e", input=list(texts), dimensions=64, encoding_format="float").data
        return [d.embedding for d in data]

    def likeness(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    near, same, far = vectors("the cat sat", "the cat sat down", "unlike words")
    assert [near] == vectors("the cat sat")
    assert likeness(near, near) == pytest.approx(1)
    assert likeness(near, same) > 0.6 > likeness(near, far)
    body = {"model": "e", "input": "the cat sat", "dimensions": 64, "encoding_format": "base64"}
    coded = httpx.post(fake.url + "/embeddings", json=body).json()["data"][0]["embedding"]
    assert list(struct.unpack("<64f", base64.b64decode(coded))) == near


def test_models_come_in_the_shape_of_who_asks(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    assert gpt.models.list().data[0].owned_by == "system"
    assert claude.models.list().data[0].display_name == "Claude Fake"
    assert gpt.models.retrieve("gpt-fake").id == "gpt-fake"
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("gpt-fake")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_what_is_not_known_is_echoed(fake: Provider, method: str) -> None:
    body = bytes(range(256))
    answer = httpx.request(method, fake.url + "/files/a%2Fb?x=1&x=2", content=body)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.content == f"{method} /v1/files/a%2Fb?x=1&x=2\n".encode() + body


def test_refusals_are_the_apis_own(fake: Provider, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    with pytest.raises(openai.BadRequestError, match="wrong type"):
        gpt.chat.completions.create(model="gpt", messages=[1])  # type: ignore[list-item]
    for bad in (b"{", b"[]", b'{"model": 1}'):
        answer = httpx.post(fake.url + "/chat/completions", content=bad)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    fake.keys = {"sk-other", "sk-ant"}
    with pytest.raises(openai.AuthenticationError):
        gpt.chat.completions.create(model="gpt", messages=HI)
    claude.messages.create(**CLAUDE, messages=HI)


def test_two_providers_asked_the_same_answer_the_same_bytes() -> None:
    def all_of_it() -> list[tuple[bytes, list[tuple[bytes, bytes]]]]:
        bodies = [{"model": "gpt", "messages": HI, "stream": s} for s in (False, True)]
        with provider() as one:
            answers = [httpx.post(one.url + "/chat/completions", json=b) for b in bodies]
        return [(a.content, a.headers.raw) for a in answers]

    assert all_of_it() == all_of_it()


def test_a_provider_that_is_down_refuses_connections() -> None:
    with nobody_listens() as url, pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_plan_that_could_not_happen_is_a_problem() -> None:
    def planned() -> None:
        with provider() as one:
            one.plan = [faults.reset(at=5)]
            httpx.get(one.url + "/files")

    with pytest.raises(AssertionError, match="did not happen"):
        planned()
