"""The bodies are what the vendors' SDKs take, and their messages are what the builder takes."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import anthropic
import httpx
import httpx2
import openai

from everwarm import Prompt

TOOL = {"name": "find", "description": "Finds.", "parameters": {"type": "object", "properties": {}}}
PROMPT = Prompt().tools([TOOL]).static("You are kind.").session("Ada.").dynamic("10:03", name="clock")
BLOCK = '<context name="clock">10:03</context>'

CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Here."}}],
}
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "content": [{"type": "text", "text": "Here."}],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {
            "id": "o",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Here.", "annotations": []}],
        }
    ],
}


class Wire:
    """Answers each request with one answer, and keeps what was sent."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.sent: list[dict[str, Any]] = []
        self._answer = answer

    def client(self, http: ModuleType) -> Any:
        """``http``: the library that the SDK uses."""

        def handle(request: Any) -> Any:
            self.sent.append(json.loads(request.content))
            return http.Response(200, json=self._answer)

        return http.Client(transport=http.MockTransport(handle))


def test_openai_chat_with_the_sdks_own_messages_in_the_history() -> None:
    wire = Wire(CHAT)
    with openai.OpenAI(api_key="k", http_client=wire.client(httpx)) as client:
        messages: list[Any] = []
        for question in ("Where?", "When?"):
            messages.append(PROMPT.turn(question))
            answer = client.chat.completions.create(**PROMPT.chat(messages, model="m"))
            messages.append(answer.choices[0].message)
    first, second = (body["messages"] for body in wire.sent)
    assert second[: len(first)] == first
    assert [m["content"] for m in second[1:]] == [f"Where?\n\n{BLOCK}", "Here.", f"When?\n\n{BLOCK}"]


def test_openai_responses() -> None:
    wire = Wire(RESPONSE)
    with openai.OpenAI(api_key="k", http_client=wire.client(httpx)) as client:
        items: list[Any] = []
        for question in ("Where?", "When?"):
            items.append(PROMPT.turn(question))
            items += client.responses.create(**PROMPT.responses(items, model="m")).output
    first, second = wire.sent
    assert second["input"][:1] == first["input"]
    assert second["instructions"] == first["instructions"] == "You are kind.\n\nAda."
    assert second["tools"] == first["tools"]


def test_anthropic_with_the_sdks_own_blocks_in_the_history() -> None:
    wire = Wire(MESSAGE)
    with anthropic.Anthropic(api_key="k", http_client=wire.client(httpx2)) as client:
        messages: list[Any] = []
        for question in ("Where?", "When?"):
            messages.append(PROMPT.turn(question))
            answer = client.messages.create(**PROMPT.anthropic(messages, model="m", max_tokens=5))
            messages.append({"role": "assistant", "content": answer.content})
    second = wire.sent[1]
    assert json.dumps(second).count("cache_control") == 4
    assert second["messages"][0]["content"] == f"Where?\n\n{BLOCK}"
    assert second["messages"][2]["content"][0]["text"] == f"When?\n\n{BLOCK}"
