"""openai-agents: an agent that runs until it has an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import agents

from clients.openai_chat import async_sdk
from clients.turn import GPT, HI, SYSTEM, USE, Place, Turns, Weather, weather

TURNS = Turns("openai-agents")


def outcome(place: Place, text: str, *, chat: bool = False, stream: bool = False, **more: Any) -> Any:
    """What an agent says in the end, and what the model said on the way."""

    async def run() -> Any:
        async with async_sdk(place) as client:
            kind = agents.OpenAIChatCompletionsModel if chat else agents.OpenAIResponsesModel
            agent = agents.Agent(name="Guide", instructions=SYSTEM, model=kind(GPT, client), **more)
            quiet = agents.RunConfig(tracing_disabled=True)
            if not stream:
                return seen(await agents.Runner.run(agent, text, run_config=quiet))
            streamed = agents.Runner.run_streamed(agent, text, run_config=quiet)
            kinds = [event.type async for event in streamed.stream_events()]
            return kinds, seen(streamed)

    def seen(result: Any) -> Any:
        return str(result.final_output), [(r.output, r.usage, r.response_id) for r in result.raw_responses]

    return asyncio.run(run())


@TURNS.add()
def answers(place: Place) -> Any:
    return outcome(place, HI)


@TURNS.add()
def streams(place: Place) -> Any:
    return outcome(place, HI, stream=True)


@TURNS.add("answer 2 to rain", calls=2)
def uses_a_tool(place: Place) -> Any:
    return outcome(place, USE, tools=[agents.function_tool(weather)])


@TURNS.add("answer 2 to rain", calls=2)
def uses_a_tool_in_a_stream(place: Place) -> Any:
    return outcome(place, USE, tools=[agents.function_tool(weather)], stream=True)


@TURNS.add("city='answer 1 to hi' rain=True")
def answers_in_a_structure(place: Place) -> Any:
    return outcome(place, HI, output_type=Weather)


@TURNS.add()
def answers_by_chat(place: Place) -> Any:
    text, turns = outcome(place, HI, chat=True)
    return text, [usage for _, usage, _ in turns]


@TURNS.add("answer 2 to rain", calls=2)
def uses_a_tool_by_chat_in_a_stream(place: Place) -> Any:
    kinds, (text, turns) = outcome(place, USE, chat=True, tools=[agents.function_tool(weather)], stream=True)
    return kinds, text, [usage for _, usage, _ in turns]
