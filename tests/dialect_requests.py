"""Requests as clients write them, by dialect: what promises about keys are tried on."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from requests_like import chats
from requests_like_anthropic import anthropic_requests
from requests_like_completions import completions, embeddings
from requests_like_responses import responses_requests

REQUESTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "anthropic_messages": anthropic_requests(),
    "openai_chat": chats(),
    "openai_completions": completions(),
    "openai_embeddings": embeddings(),
    "openai_responses": responses_requests(),
}
