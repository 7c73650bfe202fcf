"""Completions through the gateway: from a provider, and from the model inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from gateway_upstreams import asks
from live import Live, gateway
from providers import Provider

PATH = "/v1/completions"


@pytest.fixture
def far(tmp_path: Path, fake: Provider) -> Iterator[Live]:
    with gateway(tmp_path, toml=asks(fake.url), inside=False) as running:
        yield running


def cache(live: Live, prompt: Any, **more: Any) -> str:
    """How a request for it is answered."""
    answer = live.client.post(PATH, json={"model": "gpt-x", "prompt": prompt, "max_tokens": 50, **more})
    return str(answer.headers.get("x-everwarm-cache"))


def test_bytes_go_up_and_come_back_and_are_served_again(far: Live, fake: Provider) -> None:
    body = b'{ "prompt":"h\\u00e9", "model":"gpt-x","max_tokens":50, "top_p":1.0}'
    first, second = far.client.post(PATH, content=body), far.client.post(PATH, content=body)
    assert [a.body for a in fake.asked] == [body]
    assert first.content == second.content
    assert first.json()["choices"][0]["text"] == "answer 1 to hé"
    assert second.headers["x-everwarm-cache"] == "hit"


def test_two_spellings_of_a_prompt_are_one_and_two_prompts_are_not(far: Live) -> None:
    assert cache(far, "a") == "miss"
    assert cache(far, ["a"], user="u", n=1) == "hit"
    assert cache(far, ["a", "b"]) == "miss"
    assert cache(far, ["b", "a"]) == "miss"
    assert cache(far, [1, 2]) == "miss"
    assert cache(far, [[1, 2]]) == "hit"
    assert cache(far, "a", best_of=2) == "miss"


def test_one_entry_serves_json_and_streams(far: Live, fake: Provider) -> None:
    with openai.OpenAI(base_url=f"{far.url}/v1", api_key="sk-x", max_retries=0) as client:
        asked: Any = {"model": "gpt-x", "prompt": "hi", "max_tokens": 50}
        counted = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        plain = client.completions.create(**asked)
        streamed = list(client.completions.create(**asked, stream=True))
    assert len(fake.asked) == 1
    assert "".join(c.choices[0].text for c in counted if c.choices) == plain.choices[0].text == "answer 1 to hi"
    assert "".join(c.choices[0].text for c in streamed) == plain.choices[0].text
    assert counted[-1].usage == plain.usage
    assert all(c.usage is None for c in streamed)


def test_what_was_cut_off_is_not_stored(far: Live) -> None:
    assert [cache(far, "hi", max_tokens=2) for _ in range(2)] == ["miss", "miss"]


def test_the_model_inside_goes_on_from_a_prompt(live: Live) -> None:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="sk-x", max_retries=0) as client:
        plain = client.completions.create(model="default", prompt="Once upon")
        streamed = list(client.completions.create(model="default", prompt="Once upon", stream=True))
        with pytest.raises(openai.BadRequestError, match="token ids"):
            client.completions.create(model="default", prompt=[1, 2])
    assert plain.choices[0].text == "answer 1 to Once upon"
    assert plain.id.startswith("cmpl-")
    assert plain.usage is not None
    assert plain.usage.prompt_tokens == 2
    assert "".join(c.choices[0].text for c in streamed) == plain.choices[0].text
    ((request, _),) = live.upstream.asked
    assert (request.prompt, request.messages, request.sampling.max_tokens) == ("Once upon", (), 16)
