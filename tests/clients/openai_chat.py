"""The OpenAI SDK: chat completions, completions, embeddings."""

from __future__ import annotations

import asyncio
from typing import Any

import openai

from clients.turn import GPT, HI, KEY, PARAMETERS, SYSTEM, USE, Place, Turns, Weather

TURNS = Turns("openai chat")

TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather in a city.", "parameters": PARAMETERS},
}


def sdk(place: Place) -> openai.OpenAI:
    """A client as it is, but for its base URL."""
    return openai.OpenAI(base_url=place.openai, api_key=KEY, max_retries=0)


def async_sdk(place: Place) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=place.openai, api_key=KEY, max_retries=0)


def messages(text: str = HI) -> list[Any]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


@TURNS.add()
def answers(place: Place) -> Any:
    with sdk(place) as client:
        return client.chat.completions.create(model=GPT, messages=messages()).model_dump()


@TURNS.add()
def answers_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return (await client.chat.completions.create(model=GPT, messages=messages())).model_dump()

    return asyncio.run(ask())


@TURNS.add("hi")
def streams(place: Place) -> Any:
    with sdk(place) as client:
        counted: Any = {"include_usage": True}
        stream = client.chat.completions.create(model=GPT, messages=messages(), stream=True, stream_options=counted)
        return [chunk.model_dump() for chunk in stream]


@TURNS.add("hi")
def streams_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            stream = await client.chat.completions.create(model=GPT, messages=messages(), stream=True)
            return [chunk.model_dump() async for chunk in stream]

    return asyncio.run(ask())


@TURNS.add("hi")
def streams_without_usage(place: Place) -> Any:
    with sdk(place) as client:
        stream = client.chat.completions.create(model=GPT, messages=messages(), stream=True)
        return [chunk.model_dump() for chunk in stream]


@TURNS.add()
def gathers_a_stream(place: Place) -> Any:
    with sdk(place) as client, client.chat.completions.stream(model=GPT, messages=messages()) as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_completion().model_dump()


@TURNS.add('"answer 1 to use the tool"')
def calls_a_tool(place: Place) -> Any:
    with sdk(place) as client:
        return client.chat.completions.create(model=GPT, messages=messages(USE), tools=[TOOL]).model_dump()


@TURNS.add("answer 1 to use the tool")
def calls_a_tool_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            asked = client.chat.completions.create(model=GPT, messages=messages(USE), tools=[TOOL])
            return (await asked).model_dump()

    return asyncio.run(ask())


@TURNS.add("answer 1 to use the tool")
def calls_a_tool_in_a_stream(place: Place) -> Any:
    with sdk(place) as client:
        asked = client.chat.completions.stream(model=GPT, messages=messages(USE), tools=[TOOL])
        with asked as stream:
            return stream.get_final_completion().model_dump()


@TURNS.add("answer 2 to rain", calls=2)
def uses_the_result_of_a_tool(place: Place) -> Any:
    with sdk(place) as client:
        first = client.chat.completions.create(model=GPT, messages=messages(USE), tools=[TOOL]).choices[0].message
        assert first.tool_calls
        result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "rain"}
        history = [*messages(USE), first, result]
        return client.chat.completions.create(model=GPT, messages=history, tools=[TOOL]).model_dump()


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure(place: Place) -> Any:
    with sdk(place) as client:
        answer = client.chat.completions.parse(model=GPT, messages=messages(), response_format=Weather)
        return answer.id, answer.usage, str(answer.choices[0].message.parsed)


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return await client.chat.completions.parse(model=GPT, messages=messages(), response_format=Weather)

    answer = asyncio.run(ask())
    return answer.id, answer.usage, str(answer.choices[0].message.parsed)


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure_in_a_stream(place: Place) -> Any:
    with sdk(place) as client:
        asked = client.chat.completions.stream(model=GPT, messages=messages(), response_format=Weather)
        with asked as stream:
            answer = stream.get_final_completion()
            return answer.id, answer.usage, str(answer.choices[0].message.parsed)


@TURNS.add('"answer 1 to hi"')
def answers_by_a_schema(place: Place) -> Any:
    with sdk(place) as client:
        wanted: Any = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": PARAMETERS}}
        asked = client.chat.completions.create(model=GPT, messages=messages(), response_format=wanted)
        return asked.model_dump()


@TURNS.add("(choice 1)")
def answers_twice(place: Place) -> Any:
    with sdk(place) as client:
        return client.chat.completions.create(model=GPT, messages=messages(), n=2, seed=7).model_dump()


@TURNS.add()
def completes(place: Place) -> Any:
    with sdk(place) as client:
        return client.completions.create(model=GPT, prompt=HI).model_dump()


@TURNS.add("hi")
def completes_in_a_stream(place: Place) -> Any:
    with sdk(place) as client:
        return [chunk.model_dump() for chunk in client.completions.create(model=GPT, prompt=HI, stream=True)]


@TURNS.add("'index': 1")
def embeds(place: Place) -> Any:
    with sdk(place) as client:
        return client.embeddings.create(model="embed-fake", input=["one", "two"]).model_dump()


@TURNS.add("'index': 0")
def embeds_as_numbers(place: Place) -> Any:
    with sdk(place) as client:
        asked = client.embeddings.create(model="embed-fake", input="one", encoding_format="float", dimensions=8)
        return asked.model_dump()
