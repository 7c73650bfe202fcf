"""All turns of all clients for Python."""

from __future__ import annotations

from clients import anthropic_messages, langchain, openai_agents, openai_chat, openai_responses, pydantic_agents
from clients.turn import Turn

MODULES = (openai_chat, openai_responses, anthropic_messages, openai_agents, langchain, pydantic_agents)

TURNS: dict[str, Turn] = {name: turn for module in MODULES for name, turn in module.TURNS.items()}
