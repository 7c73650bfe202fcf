"""The official OpenAI SDK, unchanged but for its base URL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from everwarm.errors import Overloaded
from live import Live, gateway

HI = [{"role": "user", "content": "hi"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


@pytest.fixture
def sdk(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=live.url + "/v1", api_key="sk-test", max_retries=0) as client:
        yield client


def test_chat(sdk: openai.OpenAI) -> None:
    answers = [sdk.chat.completions.create(model="default", messages=HI) for _ in range(2)]  # type: ignore[arg-type]
    assert answers[0] == answers[1]
    assert answers[0].choices[0].message.content == "answer 1 to hi"
    assert answers[0].choices[0].finish_reason == "stop"
    assert answers[0].usage is not None
    assert answers[0].usage.total_tokens == 4
    raw = sdk.chat.completions.with_raw_response.create(model="default", messages=HI)  # type: ignore[arg-type]
    assert raw.headers["x-everwarm-cache"] == "hit"


def test_stream(sdk: openai.OpenAI) -> None:
    for _ in range(2):
        stream = sdk.chat.completions.create(
            model="default", messages=HI, stream=True, stream_options={"include_usage": True}
        )  # type: ignore[call-overload]
        chunks = list(stream)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "answer 1 to hi"
        assert chunks[-1].usage.completion_tokens == 3
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


def test_tools_in_the_request(live: Live, sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model="default", messages=HI, tools=TOOLS, tool_choice="auto")  # type: ignore[call-overload]
    assert answer.choices[0].message.content == "answer 1 to hi"
    request, _ = live.upstream.asked[0]
    assert request.tools is not None
    assert request.tools[0].name == "weather"


def test_a_conversation_with_tool_results(live: Live, sdk: openai.OpenAI) -> None:
    def turn(call_id: str) -> str:
        call = {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": '{"city": "Kyoto"}'}}
        messages = [
            *HI,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": "rain"},
        ]
        raw = sdk.chat.completions.with_raw_response.create(model="default", messages=messages, tools=TOOLS)  # type: ignore[arg-type]
        return raw.headers["x-everwarm-cache"]

    assert turn("call_1") == "miss"
    assert turn("call_2") == "hit"


def test_errors_are_the_sdks_own(live: Live, sdk: openai.OpenAI, tmp_path: Path) -> None:
    create = sdk.chat.completions.create
    with pytest.raises(openai.NotFoundError) as missing:
        create(model="nope", messages=HI)  # type: ignore[arg-type]
    assert missing.value.code == "model_not_found"
    assert "default" in str(missing.value)
    with pytest.raises(openai.BadRequestError) as wrong:
        create(model="default", messages=HI, temperature=7)  # type: ignore[arg-type]
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.BadRequestError):
        create(model="default", messages=[])
    live.upstream.fail_at = {0: Overloaded("Too many wait.", retry_after=1)}
    with pytest.raises(openai.InternalServerError) as busy:
        create(model="default", messages=HI)  # type: ignore[arg-type]
    assert busy.value.status_code == 503
    with gateway(tmp_path / "small", toml="[limits]\nbody_mb = 1") as small:
        client = openai.OpenAI(base_url=small.url + "/v1", api_key="x", max_retries=0)
        with client, pytest.raises(openai.APIStatusError) as large:
            client.chat.completions.create(model="default", messages=[{"role": "user", "content": "x" * 2**20}])
        assert large.value.status_code == 413


def test_models(sdk: openai.OpenAI) -> None:
    assert [m.id for m in sdk.models.list()] == ["test-model"]
    assert sdk.models.retrieve("default").id == "test-model"


def test_async(live: Live) -> None:
    async def several() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=live.url + "/v1", api_key="sk-test", max_retries=0) as client:
            asks = [client.chat.completions.create(model="default", messages=HI) for _ in range(5)]  # type: ignore[arg-type]
            return [a.choices[0].message.content for a in await asyncio.gather(*asks)]

    assert set(asyncio.run(several())) == {"answer 1 to hi"}
