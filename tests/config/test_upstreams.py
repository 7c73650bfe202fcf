"""Upstreams: what one is, what the file, the environment and flags say of it, and that its credential stays outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest

from everwarm.config import Config, UpstreamSettings, as_json

Load = Callable[..., Config]
Complaint = Callable[..., str]

SECRET = "sk-live-1234567890"


def upstream(name: str = "a", url: str = "http://h/v1", *more: str, dialect: str = "openai") -> str:
    lines = [f'name = "{name}"', f'dialect = "{dialect}"', f'url = "{url}"', *more]
    return "[[upstream]]\n" + "\n".join(lines) + "\n"


def test_without_any_there_are_none(configure: Load) -> None:
    assert configure().upstreams == ()


def test_an_upstream_has_defaults(configure: Load) -> None:
    (found,) = configure(upstream(url="http://h/v1/")).upstreams
    assert found == UpstreamSettings(name="a", dialect="openai", url="http://h/v1")
    assert (found.models, found.key_env, found.weight, found.retries) == ((), None, None, 2)
    seconds = (found.connect_seconds, found.first_byte_seconds, found.idle_seconds, found.seconds)
    assert seconds == (5, 600, 120, 1800)
    with pytest.raises(FrozenInstanceError):
        found.url = "x"  # type: ignore[misc]


def test_every_member_can_be_set(configure: Load) -> None:
    more = (
        'models = ["claude-*"]',
        'key_env = "OUR_KEY"',
        "connect_seconds = 1",
        "first_byte_seconds = 2",
        "idle_seconds = 3.5",
        "seconds = 4",
        "retries = 0",
        "weight = 2",
        "count_streams = true",
        'provider = "bedrock"',
    )
    config = configure(upstream("x", "https://h", *more, dialect="anthropic"), OUR_KEY=SECRET)
    assert config.upstreams == (
        UpstreamSettings(
            name="x",
            dialect="anthropic",
            url="https://h",
            provider="bedrock",
            models=("claude-*",),
            key_env="OUR_KEY",
            connect_seconds=1,
            first_byte_seconds=2,
            idle_seconds=3.5,
            seconds=4,
            retries=0,
            weight=2,
            count_streams=True,
        ),
    )
    assert config.sources["upstream.x.weight"] == "everwarm.toml:12"


def test_it_serves_the_models_that_its_patterns_name() -> None:
    some = UpstreamSettings(name="a", dialect="openai", url="http://h", models=("gpt-*", "o3"))
    assert [some.serves(m) for m in ("gpt-5", "o3", "o4", "my-gpt-5")] == [True, True, False, False]
    assert UpstreamSettings(name="a", dialect="openai", url="http://h").serves("anything")


def test_a_credential_stays_in_the_environment(configure: Load) -> None:
    config = configure(upstream("a", "http://h/v1", 'key_env = "OUR_KEY"'), OUR_KEY=SECRET)
    assert config.upstreams[0].credential({"OUR_KEY": SECRET}) == SECRET
    assert config.upstreams[0].credential({}) is None
    assert configure(upstream()).upstreams[0].credential({"OUR_KEY": SECRET}) is None
    assert SECRET not in repr(config)
    assert SECRET not in as_json(config)


@pytest.mark.parametrize("env", [{}, {"OUR_KEY": ""}])
def test_a_credential_that_is_not_there_is_a_problem(
    configure: Load, complaint: Complaint, env: dict[str, str]
) -> None:
    toml = upstream("a", "http://h/v1", 'key_env = "OUR_KEY"')
    says = "everwarm.toml, line 5, upstream[0].key_env: the environment variable OUR_KEY is not set, or empty."
    assert complaint(toml, **env) == says
    assert configure(toml, credentials=False, **env).upstreams[0].key_env == "OUR_KEY"
    replaced = configure(toml, None, ["a:openai=http://other/v1"], **env)
    assert replaced.upstreams[0].key_env is None


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (upstream("engine"), 'line 2, upstream[0].name: found "engine"; allowed is a name of 1 to 64 of'),
        (upstream("exact"), "and not \"engine\" or \"exact\""),
        (upstream("A"), 'found "A"'),
        (upstream("a") + upstream("a"), 'line 6, upstream[1].name: "a" is taken: see everwarm.toml, line 2.'),
        (upstream(dialect="gemini"), 'line 3, upstream[0].dialect: found "gemini"; allowed is one of openai'),
        ("[[upstream]]\nname = 'a'\ndialect = 'openai'", "line 1, upstream[0].url: missing; allowed is an"),
        (upstream(url="h:80"), "line 4, upstream[0].url: found a text that starts with neither"),
        (upstream(url=f"http://u:{SECRET}@h"), "upstream[0].url: found a URL with a credential in it"),
        (upstream(url=f"http://h?k={SECRET}"), "upstream[0].url: found a URL with a query"),
        (upstream(url="http://h/v1", dialect="anthropic"), 'line 4, upstream[0].url: ends in "/v1", which'),
        (upstream(url="http://h/v1/messages/", dialect="anthropic"), 'url: ends in "/messages"'),
        (upstream(url="http://h/v1/chat/completions"), 'url: ends in "/chat/completions"'),
        (upstream("a", "http://h", f'key_env = "{SECRET}"'), "key_env: found a text that is no such name; allowed is"),
        (upstream("a", "http://h", f'api_key = "{SECRET}"'), "upstream[0].api_key: unknown; known here are name"),
        (upstream("a", "http://h", f'api_key = "{SECRET}"'), "weight and layout. Did you mean key_env?"),
        (upstream("a", "http://h", "base_url = 1"), "Did you mean url?"),
        (upstream("a", "http://h", "retrys = 1"), "Did you mean retries?"),
        (upstream("a", "http://h", "retries = 11"), "retries: found 11; allowed is a whole number from 0 to 10."),
        (upstream("a", "http://h", "weight = 0"), "weight: found 0; allowed is a number from 0.01 to 1000."),
        (upstream("a", "http://h", 'models = "m"'), "models: found \"m\"; allowed is a list"),
        ("[upstream]\nname = 'a'", "upstream: found a table; allowed are tables: [[upstream]], then"),
        ("[[upstreams]]\nname = 'a'", "Did you mean [upstream]?"),
    ],
)  # fmt: skip
def test_a_wrong_upstream_is_named_without_its_secret(complaint: Complaint, toml: str, says: str) -> None:
    message = complaint(toml)
    assert says in message
    assert SECRET not in message


def told(config: Config) -> list[tuple[str, str, str]]:
    return [(u.name, u.dialect, u.url) for u in config.upstreams]


def test_flags_name_upstreams_by_dialect_or_by_name(configure: Load) -> None:
    words = ["openai=http://a/v1", "anthropic=http://b", "openai=http://c/v1", "vllm:openai=http://d:8000/v1/"]
    config = configure(None, None, words)
    assert told(config) == [
        ("openai", "openai", "http://a/v1"),
        ("anthropic", "anthropic", "http://b"),
        ("openai-2", "openai", "http://c/v1"),
        ("vllm", "openai", "http://d:8000/v1"),
    ]
    assert config.sources["upstream.vllm.url"] == "--upstream"


def test_later_places_come_after_and_replace_by_name(configure: Load) -> None:
    toml = upstream("a") + upstream("openai", "http://file/v1", "retries = 7")
    env = "openai=http://env/v1, b:anthropic=http://b"
    config = configure(toml, None, ["b:openai=http://flag/v1", "c:openai=http://c"], EVERWARM_UPSTREAM=env)
    assert told(config) == [
        ("a", "openai", "http://h/v1"),
        ("openai", "openai", "http://env/v1"),
        ("b", "openai", "http://flag/v1"),
        ("c", "openai", "http://c"),
    ]
    assert config.upstreams[1].retries == 2  # the whole is replaced
    assert config.sources["upstream.openai.url"] == "EVERWARM_UPSTREAM"
    assert "upstream.openai.retries" not in config.sources


def test_an_empty_variable_names_none(configure: Load) -> None:
    assert configure(EVERWARM_UPSTREAM="").upstreams == ()


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("http://h/v1", "found no name in front; allowed is openai=URL, anthropic=URL, or NAME:DIALECT=URL"),
        (f"http://u:{SECRET}@h/?a=b", "found no name in front"),
        ("vllm=http://h", '"vllm" is no dialect; write vllm:openai=URL or vllm:anthropic=URL.'),
        ("=http://h", '"" is no dialect; allowed is openai=URL'),
        ("a:b=http://h", 'dialect: found "b"; allowed is one of openai, anthropic.'),
        ("engine:openai=http://h", 'name: found "engine"; allowed is a name of'),
        ("openai=h", "url: found a text that starts with neither"),
        (f"openai=http://h?{SECRET}=1", "url: found a URL with a query"),
        ("anthropic=http://h/v1", 'anthropic: ends in "/v1", which each request adds by itself; leave it out.'),
        ("", "found no name in front"),
    ],
)
def test_a_wrong_word_is_named_with_its_place(complaint: Complaint, word: str, says: str) -> None:
    message = complaint(None, None, [word])
    assert message.startswith("command line, --upstream: ")
    assert says in message
    assert SECRET not in message
    if word:
        assert complaint(EVERWARM_UPSTREAM=word).startswith("environment, EVERWARM_UPSTREAM: ")


def test_a_name_is_given_once_in_one_place(complaint: Complaint) -> None:
    says = complaint(None, None, ["a:openai=http://h", "a:openai=http://i", "x"])
    assert says.split("\n  ")[1:] == [
        'command line, --upstream: "a" is named twice.',
        "command line, --upstream: found no name in front; allowed is openai=URL, anthropic=URL, or NAME:DIALECT=URL "
        "where DIALECT is openai or anthropic.",
    ]


def test_a_misspelt_variable_is_told(complaint: Complaint) -> None:
    assert "Did you mean EVERWARM_UPSTREAM?" in complaint(EVERWARM_UPSTREAMS="x")


@pytest.mark.parametrize(
    ("host", "access", "key", "only"),
    [
        ("127.0.0.1", "auto", True, False),
        ("::1", "auto", True, False),
        ("localhost", "auto", True, False),
        ("0.0.0.0", "auto", False, False),
        ("0.0.0.0", "auto", True, True),
        ("::", "auto", True, True),
        ("gateway.example.com", "auto", True, True),
        ("0.0.0.0", "open", True, False),
        ("127.0.0.1", "tenants", False, True),
    ],
)
def test_strangers_do_not_spend_our_credential(configure: Load, host: str, access: str, key: bool, only: bool) -> None:
    more = ['key_env = "OUR_KEY"'] if key else []
    toml = upstream("first") + upstream("a", "http://h/v1", *more)
    assert configure(toml, {"host": host, "access": access}, OUR_KEY="k").tenants_only is only
