"""Many clients, one memory: whoever asks a question, the provider is asked once. Its errors come back as its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from clients import anthropic_messages, langchain, openai_agents, openai_chat, pydantic_agents
from clients.through import between
from clients.turn import GPT, HI, Place
from providers import Provider, faults, provider

Way = Callable[[Place], Any]


def chat(place: Place) -> Any:
    with openai_chat.sdk(place) as client:
        return client.chat.completions.create(model=GPT, messages=openai_chat.messages()).choices[0].message.content


def chat_raw(place: Place) -> Any:
    with openai_chat.sdk(place) as client:
        raw = client.chat.completions.with_raw_response.create(model=GPT, messages=openai_chat.messages())
        return raw.parse().choices[0].message.content


def chat_async(place: Place) -> Any:
    async def ask() -> Any:
        async with openai_chat.async_sdk(place) as client:
            return await client.chat.completions.create(model=GPT, messages=openai_chat.messages())

    return asyncio.run(ask()).choices[0].message.content


def chat_stream(place: Place, **more: Any) -> Any:
    with openai_chat.sdk(place) as client:
        chunks = client.chat.completions.create(model=GPT, messages=openai_chat.messages(), stream=True, **more)
        return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def chat_stream_with_usage(place: Place) -> Any:
    return chat_stream(place, stream_options={"include_usage": True})


def chat_gathered(place: Place) -> Any:
    with openai_chat.sdk(place) as client:
        asked = client.chat.completions.stream(model=GPT, messages=openai_chat.messages())
        with asked as stream:
            return stream.get_final_completion().choices[0].message.content


def chat_langchain(place: Place) -> Any:
    with httpx2.Client() as http:
        return langchain.model(place, http).invoke(langchain.PROMPT).content


def chat_langchain_stream(place: Place) -> Any:
    with httpx2.Client() as http:
        return "".join(str(c.content) for c in langchain.model(place, http).stream(langchain.PROMPT))


def chat_agents(place: Place) -> Any:
    return openai_agents.outcome(place, HI, chat=True)[0]


def chat_pydantic(place: Place) -> Any:
    return pydantic_agents.outcome(place, "chat")[0]


def message(place: Place) -> Any:
    with anthropic_messages.sdk(place) as client:
        asked = client.messages.create(**anthropic_messages.COMMON, messages=anthropic_messages.messages())
        return asked.content[0].text  # type: ignore[union-attr]


def message_async(place: Place) -> Any:
    async def ask() -> Any:
        async with anthropic_messages.async_sdk(place) as client:
            return await client.messages.create(**anthropic_messages.COMMON, messages=anthropic_messages.messages())

    return asyncio.run(ask()).content[0].text


def message_stream(place: Place) -> Any:
    with anthropic_messages.sdk(place) as client:
        asked = client.messages.stream(**anthropic_messages.COMMON, messages=anthropic_messages.messages())
        with asked as stream:
            return "".join(stream.text_stream)


def message_beta(place: Place) -> Any:
    with anthropic_messages.sdk(place) as client:
        asked = client.beta.messages.create(**anthropic_messages.COMMON, messages=anthropic_messages.messages())
        return asked.content[0].text  # type: ignore[union-attr]


def response(place: Place) -> Any:
    with openai_chat.sdk(place) as client:
        return client.responses.create(model=GPT, input=HI).output_text


def response_async(place: Place) -> Any:
    async def ask() -> Any:
        async with openai_chat.async_sdk(place) as client:
            return await client.responses.create(model=GPT, input=HI)

    return asyncio.run(ask()).output_text


def response_stream(place: Place) -> Any:
    with openai_chat.sdk(place) as client, client.responses.stream(model=GPT, input=HI) as stream:
        return stream.get_final_response().output_text


CHAT: list[Way] = [
    chat,
    chat_raw,
    chat_async,
    chat_stream,
    chat_stream_with_usage,
    chat_gathered,
    chat_langchain,
    chat_langchain_stream,
    chat_agents,
    chat_pydantic,
]
MESSAGES: list[Way] = [message, message_async, message_stream, message_beta]
RESPONSES: list[Way] = [response, response_async, response_stream]


@pytest.mark.parametrize(
    ("first", "ways"),
    [
        (chat, CHAT),
        (chat_stream_with_usage, CHAT),
        (chat_agents, CHAT),
        (message, MESSAGES),
        (message_stream, MESSAGES),
        (response, RESPONSES),
        (response_stream, RESPONSES),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_one_answer_serves_every_way_of_asking(first: Way, ways: list[Way], tmp_path: Path) -> None:
    with between(tmp_path) as (place, behind):
        assert first(place) == "answer 1 to hi"
        for way in ways:
            assert way(place) == "answer 1 to hi", way.__name__
        assert len(behind.asked) == 1


ERRORS = {
    400: (openai.BadRequestError, anthropic.BadRequestError),
    401: (openai.AuthenticationError, anthropic.AuthenticationError),
    403: (openai.PermissionDeniedError, anthropic.PermissionDeniedError),
    404: (openai.NotFoundError, anthropic.NotFoundError),
    422: (openai.UnprocessableEntityError, anthropic.UnprocessableEntityError),
}
"""Status -> what the SDKs raise. Those that a gateway must not try again."""


def raised(way: Way, place: Place, fake: Provider, status: int) -> tuple[type[Exception], int, Any]:
    """What the client raises when the provider answers with that status."""
    fake.plan = [faults.status(status)]
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as caught:
        way(place)
    return caught.type, caught.value.status_code, caught.value.body


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("way", [chat, chat_stream, message, message_stream, response, response_stream])
def test_an_error_of_the_provider_is_the_sdks_own(way: Way, status: int, tmp_path: Path) -> None:
    with provider() as alone:
        direct = raised(way, Place(alone.anthropic_url), alone, status)
    with between(tmp_path) as (place, behind):
        assert raised(way, place, behind, status) == direct
        assert len(behind.asked) == 1
        assert way(place) == "answer 2 to hi"
    assert direct[0] in ERRORS[status]
