"""Who answered, as the rules call it."""

from __future__ import annotations

import pytest

from everwarm.analyze.reading.providers import _HOSTS, _MODELS, _NAMED, provider_of
from everwarm.rules import load


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-sonnet-4-5", "anthropic"),
        ("gpt-5.1", "openai"),
        ("o3-mini", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("gemini-2.5-pro", "gemini"),
        ("deepseek-chat", "deepseek"),
        ("qwen3-max", "qwen"),
        ("grok-4", "xai"),
        ("anthropic/claude-opus-4.5", "anthropic"),
        ("bedrock/us.anthropic.claude-sonnet-4-5-v1:0", "bedrock"),
        ("us.anthropic.claude-sonnet-4-5-v1:0", "bedrock"),
        ("anthropic.claude-3-5-sonnet", "bedrock"),
        ("vertex_ai/claude-sonnet-4-5", "anthropic"),
        ("azure/gpt-5.1", "openai"),
        ("hosted_vllm/qwen3-8b", "vllm"),
        ("gpt-oss-120b", ""),
        ("llama-3.3-70b", ""),
        ("", ""),
    ],
    ids=str,
)
def test_by_the_model(model: str, provider: str) -> None:
    assert provider_of(model) == provider


def test_what_is_said_is_surer_than_the_url_and_that_than_the_model() -> None:
    assert provider_of("claude-sonnet-4-5", "https://bedrock-runtime.us-east-1.amazonaws.com/model") == "bedrock"
    assert provider_of("ours", "https://x.openai.azure.com/openai") == "openai"
    assert provider_of("qwen3", "https://api.openai.com/v1", said="DashScope") == "qwen"
    assert provider_of("claude-sonnet-4-5", said="GCP.Vertex_AI") == "anthropic", "Vertex keeps Anthropic's rules"
    assert provider_of("ours", dialect="anthropic_messages") == "anthropic"
    assert provider_of("ours", dialect="openai_chat") == "", "half the world speaks it"


def test_every_name_is_one_of_the_rules() -> None:
    known = {rule.provider for layer in load().layers for rule in layer}
    named = {*_NAMED.values(), *(name for _, name in _HOSTS), *(name for _, name in _MODELS)}
    assert named - {""} == known
