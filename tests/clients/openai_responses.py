"""The OpenAI SDK: the Responses API."""

from __future__ import annotations

import asyncio
from typing import Any

from clients.openai_chat import async_sdk, sdk
from clients.turn import GPT, HI, PARAMETERS, SYSTEM, USE, Place, Turns, Weather

TURNS = Turns("openai responses")

TOOL: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": PARAMETERS,
    "strict": True,
}


@TURNS.add()
def answers(place: Place) -> Any:
    with sdk(place) as client:
        return client.responses.create(model=GPT, instructions=SYSTEM, input=HI).model_dump()


@TURNS.add()
def answers_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return (await client.responses.create(model=GPT, instructions=SYSTEM, input=HI)).model_dump()

    return asyncio.run(ask())


@TURNS.add()
def streams(place: Place) -> Any:
    with sdk(place) as client:
        return [event.model_dump() for event in client.responses.create(model=GPT, input=HI, stream=True)]


@TURNS.add()
def streams_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return [e.model_dump() async for e in await client.responses.create(model=GPT, input=HI, stream=True)]

    return asyncio.run(ask())


@TURNS.add()
def gathers_a_stream(place: Place) -> Any:
    with sdk(place) as client, client.responses.stream(model=GPT, input=HI) as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_response().model_dump()


@TURNS.add("answer 1 to use the tool")
def calls_a_tool(place: Place) -> Any:
    with sdk(place) as client:
        return client.responses.create(model=GPT, input=USE, tools=[TOOL]).model_dump()


@TURNS.add("answer 1 to use the tool")
def calls_a_tool_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return (await client.responses.create(model=GPT, input=USE, tools=[TOOL])).model_dump()

    return asyncio.run(ask())


@TURNS.add("answer 1 to use the tool")
def calls_a_tool_in_a_stream(place: Place) -> Any:
    with sdk(place) as client, client.responses.stream(model=GPT, input=USE, tools=[TOOL]) as stream:
        return stream.get_final_response().model_dump()


@TURNS.add("answer 2 to rain", calls=2)
def uses_the_result_of_a_tool(place: Place) -> Any:
    with sdk(place) as client:
        asked: list[Any] = [{"role": "user", "content": USE}]
        first = client.responses.create(model=GPT, input=asked, tools=[TOOL])
        call = first.output[0]
        assert call.type == "function_call"
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
        return client.responses.create(model=GPT, input=[*asked, *first.output, result], tools=[TOOL]).model_dump()


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure(place: Place) -> Any:
    with sdk(place) as client:
        answer = client.responses.parse(model=GPT, input=HI, text_format=Weather)
        return answer.id, answer.usage, str(answer.output_parsed)


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure_async(place: Place) -> Any:
    async def ask() -> Any:
        async with async_sdk(place) as client:
            return await client.responses.parse(model=GPT, input=HI, text_format=Weather)

    answer = asyncio.run(ask())
    return answer.id, answer.usage, str(answer.output_parsed)


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure_in_a_stream(place: Place) -> Any:
    with sdk(place) as client, client.responses.stream(model=GPT, input=HI, text_format=Weather) as stream:
        answer = stream.get_final_response()
        return answer.id, answer.usage, str(answer.output_parsed)


@TURNS.add("Thought 1")
def thinks(place: Place) -> Any:
    with sdk(place) as client:
        wanted: Any = {"effort": "low", "summary": "auto"}
        asked = client.responses.create(
            model=GPT, input=HI, reasoning=wanted, include=["reasoning.encrypted_content"], store=False
        )
        return asked.model_dump()
