"""Who answered, under the name that the rules have for it: from what a log says, the URL, the model, the protocol."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_NAMED: Final = {
    "anthropic": "anthropic",
    "openai": "openai",
    "azure": "openai",
    "azure_ai": "openai",
    "azure.ai.openai": "openai",
    "az.ai.openai": "openai",
    "text-completion-openai": "openai",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "aws.bedrock": "bedrock",
    "aws_bedrock": "bedrock",
    "gemini": "gemini",
    "google": "gemini",
    "vertex_ai": "gemini",
    "vertexai": "gemini",
    "gcp.gemini": "gemini",
    "gcp.vertex_ai": "gemini",
    "gcp.gen_ai": "gemini",
    "deepseek": "deepseek",
    "dashscope": "qwen",
    "qwen": "qwen",
    "alibaba": "qwen",
    "xai": "xai",
    "x_ai": "xai",
    "vllm": "vllm",
    "hosted_vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llamacpp",
    "llama.cpp": "llamacpp",
}
"""What logs call a provider (LiteLLM, Langfuse, Helicone, OpenTelemetry) -> what the rules call it."""

_HOSTS: Final = (
    ("api.anthropic.com", "anthropic"),
    ("api.openai.com", "openai"),
    ("openai.azure.com", "openai"),
    ("bedrock", "bedrock"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("aiplatform.googleapis.com", "gemini"),
    ("api.deepseek.com", "deepseek"),
    ("dashscope", "qwen"),
    ("api.x.ai", "xai"),
)
"""Part of a URL -> the provider."""

_MODELS: Final = (
    ("claude", "anthropic"),
    ("gpt-oss", ""),  # open weights: whoever serves them
    ("gpt", "openai"),
    ("chatgpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("codex", "openai"),
    ("davinci", "openai"),
    ("gemini", "gemini"),
    ("deepseek", "deepseek"),
    ("qwen", "qwen"),
    ("qwq", "qwen"),
    ("grok", "xai"),
)
"""How the name of a model begins -> the provider that most likely answered."""


@lru_cache(maxsize=4096)
def provider_of(model: str, url: str = "", dialect: str = "", said: str = "") -> str:
    """A provider of the rules; "" if nothing tells. ``said`` is what the log itself calls it.

    A model that is served by another than its maker says so in front of its name (``bedrock/...``) or in the URL.
    """
    named = _NAMED.get(said.lower())
    if named is None:
        named = next((name for part, name in _HOSTS if part in url), "")
    *before, last = model.lower().split("/")
    prefix = next((_NAMED[word] for word in before if word in _NAMED), "")
    served = next((name for name in (named, prefix) if name), "")
    if served == "gemini" and last.startswith("claude"):
        return "anthropic"  # Claude on Vertex keeps Anthropic's rules
    if served:
        return served
    if ".anthropic." in f".{last}":
        return "bedrock"  # us.anthropic.claude-...
    maker = next((name for start, name in _MODELS if last.startswith(start)), None)
    if maker is not None:
        return maker
    return "anthropic" if dialect == "anthropic_messages" else ""
