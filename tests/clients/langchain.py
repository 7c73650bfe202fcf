"""langchain-openai: chat models and embeddings."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from clients.turn import GPT, HI, KEY, SYSTEM, USE, Place, Turns, Weather, weather

TURNS = Turns("langchain-openai")


def model(place: Place, http: httpx2.Client, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(model=GPT, base_url=place.openai, api_key=KEY, max_retries=0, http_client=http, **more)


def async_model(place: Place, http: httpx2.AsyncClient) -> ChatOpenAI:
    return ChatOpenAI(model=GPT, base_url=place.openai, api_key=KEY, max_retries=0, http_async_client=http)


PROMPT = [("system", SYSTEM), ("user", HI)]


def message(m: Any) -> Any:
    """Without its own id, which is random where the provider gives none."""
    return m.content, m.tool_calls, m.usage_metadata, m.response_metadata


@TURNS.add()
def invokes(place: Place) -> Any:
    with httpx2.Client() as http:
        return message(model(place, http).invoke(PROMPT))


@TURNS.add()
def invokes_async(place: Place) -> Any:
    async def ask() -> Any:
        async with httpx2.AsyncClient() as http:
            return message(await async_model(place, http).ainvoke(PROMPT))

    return asyncio.run(ask())


@TURNS.add("hi")
def streams_chunks(place: Place) -> Any:
    with httpx2.Client() as http:
        return [message(chunk) for chunk in model(place, http).stream(PROMPT)]


@TURNS.add("hi")
def streams_chunks_async(place: Place) -> Any:
    async def ask() -> Any:
        async with httpx2.AsyncClient() as http:
            return [message(chunk) async for chunk in async_model(place, http).astream(PROMPT)]

    return asyncio.run(ask())


@TURNS.add("'city': 'answer 1 to use the tool'")
def calls_a_tool(place: Place) -> Any:
    with httpx2.Client() as http:
        return message(model(place, http).bind_tools([tool(weather)]).invoke(USE))


@TURNS.add("answer 2 to rain", calls=2)
def uses_the_result_of_a_tool(place: Place) -> Any:
    with httpx2.Client() as http:
        able = model(place, http).bind_tools([tool(weather)])
        said: Any = able.invoke(USE)
        result = tool(weather).invoke(said.tool_calls[0])
        return message(able.invoke([("user", USE), said, result]))


@TURNS.add("city='answer 1 to hi' rain=True")
def invokes_for_a_structure(place: Place) -> Any:
    with httpx2.Client() as http:
        return str(model(place, http).with_structured_output(Weather).invoke(HI))


@TURNS.add()
def invokes_by_responses(place: Place) -> Any:
    with httpx2.Client() as http:
        return message(model(place, http, use_responses_api=True).invoke(PROMPT))


@TURNS.add("hi")
def streams_by_responses(place: Place) -> Any:
    with httpx2.Client() as http:
        return [message(chunk) for chunk in model(place, http, use_responses_api=True).stream(PROMPT)]


@TURNS.add("0.")
def embeds(place: Place) -> Any:
    with httpx2.Client() as http:
        asked = OpenAIEmbeddings(
            model="embed-fake",
            base_url=place.openai,
            api_key=KEY,  # type: ignore[arg-type]
            check_embedding_ctx_length=False,
            http_client=http,
        )
        return asked.embed_documents(["one", "two"])
