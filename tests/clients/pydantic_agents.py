"""pydantic-ai: an agent over each of the three protocols."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import openai
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from clients import anthropic_messages, openai_chat
from clients.turn import CLAUDE, GPT, HI, SYSTEM, USE, Place, Turns, Weather, weather

TURNS = Turns("pydantic-ai")


def outcome(place: Place, api: str, text: str = HI, *, stream: bool = False, **more: Any) -> Any:
    """The output, the tokens, and the ids that the provider gave."""

    async def run() -> Any:
        async with openai_chat.async_sdk(place) as o, anthropic_messages.async_sdk(place) as a:
            agent = Agent(MODELS[api](o, a), instructions=SYSTEM, **more)
            if not stream:
                result = await agent.run(text)
                return str(result.output), result.usage, ids(result)
            async with agent.run_stream(text) as streamed:
                pieces = [str(piece) async for piece in streamed.stream_output(debounce_by=None)]
                return pieces, str(await streamed.get_output()), streamed.usage, ids(streamed)

    def ids(result: Any) -> list[Any]:
        return [getattr(m, "provider_response_id", None) for m in result.all_messages()]

    return asyncio.run(run())


def _chat(o: openai.AsyncOpenAI, a: anthropic.AsyncAnthropic) -> Model:
    return OpenAIChatModel(GPT, provider=OpenAIProvider(openai_client=o))


def _responses(o: openai.AsyncOpenAI, a: anthropic.AsyncAnthropic) -> Model:
    return OpenAIResponsesModel(GPT, provider=OpenAIProvider(openai_client=o))


def _messages(o: openai.AsyncOpenAI, a: anthropic.AsyncAnthropic) -> Model:
    return AnthropicModel(CLAUDE, provider=AnthropicProvider(anthropic_client=a))


MODELS = {"chat": _chat, "responses": _responses, "messages": _messages}


def add_for(api: str) -> None:
    """The turns that are the same in each protocol."""

    def named(name: str, says: str, calls: int, **more: Any) -> None:
        def take(place: Place) -> Any:
            return outcome(place, api, **more)

        take.__name__ = f"{name} by {api}"
        TURNS.add(says, calls)(take)

    begun = ("I will look.", 1) if api == "messages" else ("answer 2 to rain", 2)  # it takes the first text for the end
    named("answers", "answer 1 to hi", 1)
    named("streams", "answer 1 to hi", 1, stream=True)
    named("uses a tool", "answer 2 to rain", 2, text=USE, tools=[weather])
    named("uses a tool in a stream", *begun, text=USE, tools=[weather], stream=True)
    named("answers in a structure", "city='answer 1 to hi' rain=True", 1, output_type=ToolOutput(Weather))
    if api != "messages":  # where it looks at the model's name to know whether it can
        named("answers by a schema", "city='answer 1 to hi' rain=True", 1, output_type=NativeOutput(Weather))


for _api in MODELS:
    add_for(_api)
