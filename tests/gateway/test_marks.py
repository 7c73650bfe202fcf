"""Cache rules at work: which marks and keys a provider gets in mode rewrite, and in which cases it gets none."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import pytest

from behind import MESSAGES, RESPONSES, VERSION, upstreams
from everwarm.core.key import PUBLIC
from everwarm.errors import ConfigError
from everwarm.gateway.reload import take_up
from gateway_upstreams import asks
from live import CHAT, Live, gateway, settings_of
from providers import Provider

REWRITE = '[layout]\nmode = "rewrite"\n'
LONG = "Answer from the handbook, calmly, and in one sentence. " * 400
TOOL = {"name": "weather", "description": LONG, "input_schema": {"type": "object", "properties": {}}}
MARK = {"type": "ephemeral"}
MARKED = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 50,
    "tools": [TOOL],
    "system": LONG,
    "messages": [{"role": "user", "content": "hi"}],
}


@pytest.fixture
def live(tmp_path: Path, fake: Provider) -> Iterator[Live]:
    with gateway(tmp_path, toml=REWRITE + upstreams(fake), inside=False) as running:
        yield running


def sent(live: Live, fake: Provider, path: str, body: dict[str, Any]) -> bytes:
    """What the provider gets of it."""
    assert live.client.post(path, json=body, headers=VERSION).status_code == 200
    return fake.asked[-1].body


def test_a_claude_gets_marks_where_its_prompt_is_the_same_again(live: Live, fake: Provider) -> None:
    body = orjson.loads(sent(live, fake, MESSAGES, MARKED))
    assert body["tools"][-1]["cache_control"] == MARK
    assert body["system"] == [{"type": "text", "text": LONG, "cache_control": MARK}]
    assert body["messages"][-1]["content"] == [{"type": "text", "text": "hi", "cache_control": MARK}]


def test_with_the_clients_own_there_are_four_at_most(live: Live, fake: Provider) -> None:
    own = [{"type": "text", "text": LONG + str(n), "cache_control": MARK} for n in range(3)]
    data = sent(live, fake, MESSAGES, {**MARKED, "system": own})
    assert orjson.loads(data)["system"] == own
    assert data.count(b'"cache_control"') == 4


@pytest.mark.parametrize(
    "settings", ['[layout]\nmode = "advise"\n', REWRITE + "breakpoints = false\n", '[layout]\nmode = "off"\n']
)
def test_nothing_is_marked_unless_that_is_asked_for(tmp_path: Path, fake: Provider, settings: str) -> None:
    with gateway(tmp_path, toml=settings + upstreams(fake), inside=False) as live:
        for path, body in ((MESSAGES, MARKED), (CHAT, chat("gpt-5"))):
            data = orjson.dumps(body)
            live.client.post(path, content=data, headers={**VERSION, "content-type": "application/json"})
            assert fake.asked[-1].body == data


@pytest.mark.parametrize(("path", "model"), [(MESSAGES, "glm-5"), (CHAT, "llama-4"), (CHAT, "gpt-oss-120b")])
def test_nothing_is_marked_for_models_of_others(live: Live, fake: Provider, path: str, model: str) -> None:
    """They speak the protocol; what their caches are like is not known by that."""
    body = {**(MARKED if path == MESSAGES else chat(model)), "model": model}
    assert orjson.loads(sent(live, fake, path, body)) == body


def test_the_users_own_rules_come_first(tmp_path: Path, fake: Provider) -> None:
    (tmp_path / "rules").mkdir(parents=True)
    ours = (files("everwarm") / "data/rules/anthropic.toml").read_text("utf-8")
    (tmp_path / "rules/mine.toml").write_text(ours.replace("minimum = 1024", "minimum = 100_000"))
    with gateway(tmp_path, toml=REWRITE + upstreams(fake), inside=False) as live:
        assert b"cache_control" not in sent(live, fake, MESSAGES, MARKED)


def test_what_is_wrong_with_them_is_told_at_the_start(tmp_path: Path, fake: Provider) -> None:
    (tmp_path / "rules").mkdir(parents=True)
    (tmp_path / "rules/mine.toml").write_text("[[rule]]\nminimun = 3\n")
    with pytest.raises(ConfigError, match=r"mine\.toml, rule 1: minimun.*Did you mean minimum"):
        gateway(tmp_path, toml=asks(fake.url), inside=False).__enter__()


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


def test_a_gpt_gets_a_key_of_its_stream(live: Live, fake: Provider) -> None:
    keys = [
        orjson.loads(sent(live, fake, CHAT, chat("gpt-5", messages=said)))["prompt_cache_key"]
        for said in (
            [{"role": "user", "content": "one"}],
            [{"role": "user", "content": "two"}],
            [{"role": "system", "content": LONG}, {"role": "user", "content": "one"}],
        )
    ]
    assert keys[0] == keys[1] != keys[2]
    assert PUBLIC.id not in keys[0]


def test_a_clients_own_key_stays(live: Live, fake: Provider) -> None:
    own = chat("gpt-5", prompt_cache_key="mine")
    assert orjson.loads(sent(live, fake, CHAT, own)) == own


def test_responses_have_a_key_too_and_completions_know_none(live: Live, fake: Provider) -> None:
    assert b"prompt_cache_key" in sent(live, fake, RESPONSES, {"model": "gpt-5", "input": "hi"})
    plain = {"model": "gpt-3.5-turbo-instruct", "prompt": "hi"}
    assert orjson.loads(sent(live, fake, "/v1/completions", plain)) == plain


# --- whose cache it is ----------------------------------------------------------------------------------------------

POINT = {"mode": "explicit"}
TURN = [{"role": "system", "content": LONG}, {"role": "user", "content": "hi"}]


def of(fake: Provider, provider: str) -> str:
    return REWRITE + upstreams(fake, more=f'provider = "{provider}"')


def marked(kind: str, words: str, **mark: Any) -> list[dict[str, Any]]:
    return [{"type": kind, "text": words, **mark}]


def test_a_gpt_with_breakpoints_gets_them_in_both_protocols(live: Live, fake: Provider) -> None:
    body = orjson.loads(sent(live, fake, CHAT, chat("gpt-5.6-terra", messages=TURN)))
    said = [message["content"] for message in body["messages"]]
    point = {"prompt_cache_breakpoint": POINT}
    assert said == [marked("text", LONG, **point), marked("text", "hi", **point)]
    body = orjson.loads(sent(live, fake, RESPONSES, {"model": "gpt-5.6-terra", "input": TURN}))
    assert [item["content"] for item in body["input"]] == [
        marked("input_text", words, **point) for words in (LONG, "hi")
    ]


def test_what_is_qwens_is_said_of_the_upstream(tmp_path: Path, fake: Provider) -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": LONG}}]
    with gateway(tmp_path, toml=of(fake, "qwen"), inside=False) as live:
        body = orjson.loads(sent(live, fake, CHAT, chat("qwen4-max", messages=TURN, tools=tools)))
        assert [message["content"] for message in body["messages"]] == [
            marked("text", LONG, cache_control=MARK),
            marked("text", "hi", cache_control=MARK),
        ]
        assert body["tools"] == tools
        assert "prompt_cache_key" not in body
        responses = {"model": "qwen4-max", "input": TURN}
        assert orjson.loads(sent(live, fake, RESPONSES, responses)) == responses, "Qwen has no marks there"
        body = orjson.loads(sent(live, fake, MESSAGES, {**MARKED, "model": "qwen4-max"}))
        assert body["system"] == marked("text", LONG, cache_control=MARK)


def test_bedrocks_claude_gets_marks_by_its_own_rule(tmp_path: Path, fake: Provider) -> None:
    toml = of(fake, "bedrock").replace('dialect = "anthropic"', 'dialect = "anthropic"\nkey_env = "BEDROCK_KEY"')
    with gateway(tmp_path, toml=toml, inside=False, env={"BEDROCK_KEY": "sk-a"}) as live:
        model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
        body = orjson.loads(sent(live, fake, MESSAGES, {**MARKED, "model": model}))
        assert body["tools"][-1]["cache_control"] == MARK
        assert body["system"] == marked("text", LONG, cache_control=MARK)
        assert body["messages"][-1]["content"] == marked("text", "hi", cache_control=MARK)
        assert fake.asked[-1].header("authorization") == "Bearer sk-a"
        assert fake.asked[-1].header("x-api-key") is None
        short = {**MARKED, "model": "us.anthropic.claude-of-tomorrow", "system": LONG[:8000], "tools": []}
        assert orjson.loads(sent(live, fake, MESSAGES, short)) == short, "under the minimum of a model without a row"


def test_where_a_request_may_go_to_two_caches_it_is_marked_for_neither(tmp_path: Path, fake: Provider) -> None:
    other = asks(fake.url, more='provider = "vllm"').replace('"u0"', '"other"')
    with gateway(tmp_path, toml=of(fake, "openai") + other, inside=False) as live:
        body = chat("gpt-5.6", messages=TURN)
        assert orjson.loads(sent(live, fake, CHAT, body)) == body


def test_a_provider_that_no_rule_is_about(tmp_path: Path, fake: Provider) -> None:
    with pytest.raises(
        ConfigError, match=r"upstream 'o0'.*'qwem'\. Did you mean 'qwen'\? There are: anthropic, bedrock"
    ):
        gateway(tmp_path, toml=of(fake, "qwem"), inside=False).__enter__()
    with gateway(tmp_path, toml=of(fake, "qwen"), inside=False) as live:
        before = live.house.config, live.house.directory
        with pytest.raises(ConfigError, match="no cache rule is about the provider 'mine'"):
            take_up(live.house, settings_of(tmp_path, of(fake, "mine")))
        assert (live.house.config, live.house.directory) == before
    (tmp_path / "rules").mkdir()
    ours = (files("everwarm") / "data/rules/qwen.toml").read_text("utf-8")
    (tmp_path / "rules/mine.toml").write_text(ours.replace('"qwen"', '"mine"'))
    with gateway(tmp_path, toml=of(fake, "mine"), inside=False) as live:
        assert b"cache_control" in sent(live, fake, CHAT, chat("house-model", messages=TURN))
