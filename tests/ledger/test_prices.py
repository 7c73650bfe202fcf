from __future__ import annotations

import subprocess
import sys

import pytest

from everwarm.errors import ConfigError
from everwarm.ledger.prices import Price, Prices

AT = 1_795_000_000.0  # 2026-11-18; the list is frozen by the lock file


def test_the_prices_of_a_model() -> None:
    """OpenAI's published prices of gpt-5-mini: $0.25, $0.025 and $2 per million."""
    assert Prices("gpt-5-mini").find(AT) == Price("gpt-5-mini", "openai", "USD", 0.25, 0.025, 2.0)


def test_a_provider_may_be_named() -> None:
    assert Prices("openai/gpt-5-mini").find(AT) == Prices("gpt-5-mini").find(AT)
    assert Prices("OpenAI/GPT-5-mini").find(AT).provider == "openai"
    assert Prices("azure/gpt-5-mini").find(AT).provider == "azure"
    assert Prices("openrouter/openai/gpt-5-mini").find(AT).provider == "openrouter"


def test_where_the_price_depends_on_length_the_base_counts() -> None:
    """Anthropic's published prices of Claude Sonnet 4.5 below 200,000 tokens: $3, $0.30 and $15."""
    assert Prices("claude-sonnet-4-5").find(AT)[3:] == (3.0, 0.3, 15.0)


def test_a_model_without_a_cache_discount_pays_in_full() -> None:
    price = Prices("gpt-4").find(AT)
    assert price.cache_read == price.input == 30.0


def test_what_tokens_cost() -> None:
    price = Price("m", "p", "USD", input=2.0, cache_read=0.5, output=8.0)
    assert price.of(1_000_000, 0, 0) == 2.0
    assert price.of(500_000, 2_000_000, 125_000) == 1.0 + 1.0 + 1.0


@pytest.mark.parametrize(
    ("name", "near"),
    [("gpt-5-mni", "gpt-5-mini"), ("openai/gpt-5-mni", "openai/gpt-5-mini"), ("Claude-Sonet-4-5", "claude-sonnet-4-5")],
)
def test_an_unknown_model_gets_near_names(name: str, near: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Prices(name).find(AT)
    assert name in raised.value.message
    assert near in raised.value.message.split("Did you mean ")[1]
    assert raised.value.param == "stats.prices_of"


def test_a_name_like_no_other_gets_an_example() -> None:
    with pytest.raises(ConfigError, match="PROVIDER/MODEL, such as openai/gpt-5-mini"):
        Prices("xyzzy").find(AT)


def test_the_list_is_loaded_only_when_it_is_asked() -> None:
    code = "import sys, everwarm.ledger.report as r; r.Prices('gpt-5-mini'); print(*sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"genai_prices", "pydantic", "rich"} & set(modules)
