"""The Anthropic SDK: messages."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic

from clients.turn import CLAUDE, HI, KEY, PARAMETERS, SYSTEM, USE, Place, Turns, Weather

TURNS = Turns("anthropic")

TOOL: Any = {"name": "weather", "description": "The weather in a city.", "input_schema": PARAMETERS}
COMMON: dict[str, Any] = {"model": CLAUDE, "max_tokens": 100, "system": SYSTEM}


def sdk(place: Place) -> anthropic.Anthropic:
    """A client as it is, but for its base URL."""
    return anthropic.Anthropic(base_url=place.anthropic, api_key=KEY, max_retries=0)


def async_sdk(place: Place) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=place.anthropic, api_key=KEY, max_retries=0)


def messages(text: str = HI) -> list[Any]:
    return [{"role": "user", "content": text}]


@TURNS.add()
def answers(place: Place) -> Any:
    with sdk(place) as client:
        return client.messages.create(**COMMON, messages=messages()).model_dump()


@TURNS.add()
def answers_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return (await client.messages.create(**COMMON, messages=messages())).model_dump()

    return asyncio.run(ask())


@TURNS.add("hi")
def streams(place: Place) -> Any:
    with sdk(place) as client:
        return [event.model_dump() for event in client.messages.create(**COMMON, messages=messages(), stream=True)]


@TURNS.add("hi")
def streams_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            stream = await client.messages.create(**COMMON, messages=messages(), stream=True)
            return [event.model_dump() async for event in stream]

    return asyncio.run(ask())


@TURNS.add()
def gathers_a_stream(place: Place) -> Any:
    with sdk(place) as client, client.messages.stream(**COMMON, messages=messages()) as stream:
        return "".join(stream.text_stream), stream.get_final_message().model_dump()


@TURNS.add("answer 1 to use the tool")
def calls_a_tool(place: Place) -> Any:
    with sdk(place) as client:
        return client.messages.create(**COMMON, messages=messages(USE), tools=[TOOL]).model_dump()


@TURNS.add("answer 1 to use the tool")
def calls_a_tool_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return (await client.messages.create(**COMMON, messages=messages(USE), tools=[TOOL])).model_dump()

    return asyncio.run(ask())


@TURNS.add("answer 1 to use the tool")
def calls_a_tool_in_a_stream(place: Place) -> Any:
    with sdk(place) as client, client.messages.stream(**COMMON, messages=messages(USE), tools=[TOOL]) as stream:
        return stream.get_final_message().model_dump()


@TURNS.add("answer 2 to rain", calls=2)
def uses_the_result_of_a_tool(place: Place) -> Any:
    with sdk(place) as client:
        first = client.messages.create(**COMMON, messages=messages(USE), tools=[TOOL])
        call = first.content[-1]
        assert call.type == "tool_use"
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
        history = [
            *messages(USE),
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result]},
        ]
        return client.messages.create(**COMMON, messages=history, tools=[TOOL]).model_dump()


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure(place: Place) -> Any:
    with sdk(place) as client:
        answer = client.messages.parse(**COMMON, messages=messages(), output_format=Weather)
        return answer.id, answer.usage, str(answer.parsed_output)


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return await client.messages.parse(**COMMON, messages=messages(), output_format=Weather)

    answer = asyncio.run(ask())
    return answer.id, answer.usage, str(answer.parsed_output)


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure_in_a_stream(place: Place) -> Any:
    with sdk(place) as client:
        asked = client.messages.stream(**COMMON, messages=messages(), output_format=Weather)
        with asked as stream:
            answer = stream.get_final_message()
            return answer.id, answer.usage, str(answer.parsed_output)


@TURNS.add()
def marks_what_to_cache(place: Place) -> Any:
    with sdk(place) as client:
        marked: Any = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
        return client.messages.create(**{**COMMON, "system": marked}, messages=messages()).model_dump()


@TURNS.add()
def asks_for_a_beta(place: Place) -> Any:
    with sdk(place) as client:
        return client.beta.messages.create(**COMMON, messages=messages(), betas=["context-1m-2025-08-07"]).model_dump()
