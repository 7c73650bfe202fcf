"""Read: precedence, and that whatever is wrong is said, with its place, all at once, and never as another exception."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from everwarm.config import SETTINGS, Config, load
from everwarm.config.settings import SECTIONS, default_data, home_of
from everwarm.config.show import word
from everwarm.errors import ConfigError

Load = Callable[..., Config]
Complaint = Callable[..., str]


def test_without_anything_there_are_defaults(configure: Load, tmp_path: Path) -> None:
    config = configure()
    assert (config.host, config.port, config.model, config.file) == ("127.0.0.1", 8400, "smollm2", None)
    assert config.data == tmp_path / "home/.local/share/everwarm"
    assert (config.limits.body_mb, config.cache.ttl, config.log.level) == (20, 86400, "info")
    assert set(config.sources.values()) == {"default"}
    assert config == Config(data=config.data)
    with pytest.raises(FrozenInstanceError):
        config.port = 1  # type: ignore[misc]


def test_later_places_win(configure: Load) -> None:
    toml = "port = 1\n[cache]\nttl = '1h'\nmemory_mb = 7\n"
    config = configure(toml, {"port": "3", "host": None}, EVERWARM_PORT="2", EVERWARM_CACHE_TTL="30m")
    assert (config.port, config.cache.ttl, config.cache.memory_mb, config.cache.disk_mb) == (3, 1800, 7, 1024)
    named = {name: config.sources[name] for name in ("port", "host", "cache.ttl", "cache.memory_mb")}
    assert named == {
        "port": "--port",
        "host": "default",
        "cache.ttl": "EVERWARM_CACHE_TTL",
        "cache.memory_mb": "everwarm.toml:4",
    }


OTHER = {
    "data": "d",
    "model": "none",
    "access": "open",
    "engine.temperature": "1.5",
    "engine.mode": "exact",
    "engine.draft": "smollm2",
    "engine.kv_precision": "u8",
    "log.level": "debug",
    "log.format": "json",
    "telemetry.otlp": "http://localhost:4318",
    "metrics.access": "open",
    "layout.mode": "off",
    "layout.reference": "{name}",
    "layout.block": "{name}: {value}",
}
"""Values of settings for which 7 is none."""


def test_each_setting_can_be_set_from_each_place(configure: Load, tmp_path: Path) -> None:
    for setting in SETTINGS.values():
        text = OTHER.get(setting.name) or ("false" if setting.default is True else "7")
        section, _, key = setting.name.rpartition(".")
        plain = isinstance(setting.default, (bool, int, float))
        raw = text if plain else f'["{text}"]' if isinstance(setting.default, tuple) else f'"{text}"'
        toml = f"[{section}]\n{key} = {raw}" if section else f"{key} = {raw}"
        seen = [
            configure("", {setting.name: text}),
            configure("", **{setting.variable: text}),
            configure(toml),
        ]
        for config, source in zip(seen, (None, setting.variable, f"everwarm.toml:{2 if section else 1}"), strict=True):
            inner = getattr(config, section) if section else config
            expected = setting.kind.of_text(text)
            assert getattr(inner, key) == (tmp_path / "d" if key == "data" else expected)
            assert getattr(inner, key) != setting.default
            assert source is None or config.sources[setting.name] == source


def test_an_empty_variable_is_not_set(configure: Load) -> None:
    assert configure(EVERWARM_PORT="", EVERWARM_CONFIG="").port == 8400


def test_the_file_is_found(configure: Load, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    for name, port in (("a.toml", 1), ("b.toml", 2), ("home/c.toml", 3)):
        (tmp_path / name).write_text(f"port = {port}")
    assert configure("port = 9", {"config": "a.toml"}, EVERWARM_CONFIG="b.toml").port == 1
    assert configure(EVERWARM_CONFIG="b.toml").port == 2
    assert configure(EVERWARM_CONFIG="~/c.toml").port == 3
    assert configure(EVERWARM_CONFIG=str(tmp_path / "b.toml")).file == tmp_path / "b.toml"
    assert configure().port == 9


def test_paths_start_where_they_were_written(configure: Load, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/x.toml").write_text('data = "d"\nmodel = "m.gguf"')
    config = configure(None, {"config": "sub/x.toml"})
    assert config.data == tmp_path / "sub/d"
    assert config.model == str(tmp_path / "sub/m.gguf")
    assert configure(None, {"config": "sub/x.toml", "data": "d"}).data == tmp_path / "d"
    assert configure(EVERWARM_DATA="~/d").data == tmp_path / "home/d"


def test_a_byte_order_mark_and_windows_lines_are_fine(configure: Load) -> None:
    assert configure("\ufeffport = 1\r\n[cache]\r\nttl = 5\r\n").sources["cache.ttl"] == "everwarm.toml:3"


def test_all_problems_come_at_once_by_line(complaint: Complaint) -> None:
    toml = "port = 99999\n[cache]\ntll = '2d'\nttl = []\n[aliases]\na = 1\n[log]\nlevel = 'loud'\n"
    message = complaint(toml, {"host": ""}, EVERWARM_LIMITS_QUEUE="deep")
    assert message.split("\n  ") == [
        "7 settings are wrong:",
        "everwarm.toml, line 1, port: found 99999; allowed is a whole number from 0 to 65535.",
        "everwarm.toml, line 3, cache.tll: unknown setting. Did you mean cache.ttl?",
        "everwarm.toml, line 4, cache.ttl: found a list; allowed is a duration from 1s to 3650d, "
        'such as "30s", "15m", "2h", "1d", or a number of seconds.',
        "everwarm.toml, line 6, aliases.a: found 1; allowed is the id of a model, as text.",
        'everwarm.toml, line 8, log.level: found "loud"; allowed is one of debug, info, warning, error.',
        'environment, EVERWARM_LIMITS_QUEUE: found "deep"; allowed is a whole number from 1 to 100000.',
        'command line, --host: found ""; allowed is an address or host name.',
    ]


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("hots = 'x'", "line 1, hots: unknown setting. Did you mean host?"),
        ("ttl = '1d'", "ttl: unknown setting. Did you mean cache.ttl?"),
        ("enabled = true", "Did you mean cache.enabled or ledger.enabled or metrics.enabled?"),
        ("[cahce]\nttl = 1", "line 1, cahce: unknown section. Did you mean [cache]?"),
        ("[tenants]\nname = 'a'", "Did you mean [tenant]?"),
        ("[zzz]", "zzz: unknown section."),
        (
            "[server]\nhost = 'x'",
            "line 2, server.host: unknown setting. The setting host stands at the top of the file",
        ),
        ("[cache]\nttl = 1\nport = 2", "line 3, cache.port: unknown setting. The setting port stands at the top"),
        ("cache = 5", "cache: found 5; allowed is a section: [cache]"),
        ("'cache.ttl' = 5", 'line 1, "cache.ttl": unknown setting. Did you mean cache.ttl?'),
        ("[cache]\nMEMORY-MB = 1", "Did you mean cache.memory_mb?"),
        ("[cache.ttl]\nx = 1", "line 1, cache.ttl: found a table"),
        ("port = '8400'", 'found "8400"; allowed is a whole number'),
        ("port = 0x" + "f" * 5000, "found a number beyond all bounds"),
        ("host = '" + "x" * 100 + " '", "x..."),
        ('host = "a\\u001b[31m"', "\\u001b"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(complaint: Complaint, toml: str, says: str) -> None:
    message = complaint(toml)
    assert says in message
    assert message.startswith("everwarm.toml, line ")
    assert "\n" not in message
    assert len(message) < 250


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"EVERWARM_PRT": "1"}, "environment, EVERWARM_PRT: unknown setting. Did you mean EVERWARM_PORT?"),
        ({"EVERWARM_ALIASES_X": "1"}, "environment, EVERWARM_ALIASES_X: unknown setting."),
        ({"EVERWARM_": "1"}, "environment, EVERWARM_: unknown setting."),
        ({"EVERWARM_PORT": "x"}, 'environment, EVERWARM_PORT: found "x"; allowed is a whole number'),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(complaint: Complaint, env: dict[str, str], says: str) -> None:
    assert says in complaint(**env)


def test_the_value_of_an_unknown_variable_is_not_repeated(complaint: Complaint) -> None:
    assert "s3cret" not in complaint("api_key = 's3cret'", EVERWARM_API_KEY="s3cret")


def test_variables_of_test_suites_are_left_alone(configure: Load) -> None:
    assert configure(EVERWARM_TEST_ANYTHING="x").port == 8400


def test_an_unknown_flag_is_named(complaint: Complaint) -> None:
    assert complaint(None, {"cache.tll": "1"}) == "command line, cache.tll: unknown setting. Did you mean cache.ttl?"


def test_a_setting_without_a_flag_names_its_source(configure: Load) -> None:
    assert configure(None, {"cache.ttl": "5m"}).sources["cache.ttl"] == "command line, cache.ttl"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"port = ", "everwarm.toml, line 1: is not valid TOML: Invalid value."),
        (b"a = 1\nb = @\n", "everwarm.toml, line 2: is not valid TOML: Invalid value (column 5)."),
        (b"\nhost = '\xff'", "everwarm.toml, line 2: is not UTF-8 text."),
        (b"x = " + b"[" * 100_000, "everwarm.toml: is not a settings file: it is nested too deeply."),
        (b"port = " + b"1" * 5000, "everwarm.toml: is not valid TOML: "),
        (b"#" * (1 << 20) + b"#", "everwarm.toml: is not a settings file: it is larger than 1 MiB."),
    ],
)
def test_a_file_that_is_no_toml_is_said_to_be_none(
    complaint: Complaint, tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "everwarm.toml").write_bytes(content)
    assert says in complaint()


def test_a_file_that_cannot_be_read_is_named_with_who_named_it(complaint: Complaint, tmp_path: Path) -> None:
    assert complaint(None, {"config": "no.toml"}) == "no.toml (--config): cannot be read: No such file or directory."
    assert complaint(EVERWARM_CONFIG="no.toml").startswith("no.toml (EVERWARM_CONFIG): cannot be read: ")
    (tmp_path / "everwarm.toml").mkdir()
    assert complaint().startswith("everwarm.toml: cannot be read: ")


def test_a_bad_file_does_not_hide_what_else_is_wrong(complaint: Complaint) -> None:
    message = complaint("port = ", {"port": "x"}, EVERWARM_HOTS="1")
    assert message.startswith("3 settings are wrong:\n  everwarm.toml, line 1: is not valid TOML")


def test_the_data_folder_is_the_platforms_own() -> None:
    env = {"HOME": "/h"}
    assert default_data(env, "linux") == Path("/h/.local/share/everwarm")
    assert default_data({**env, "XDG_DATA_HOME": "/x"}, "linux") == Path("/x/everwarm")
    assert default_data({**env, "XDG_DATA_HOME": "rel"}, "linux") == Path("/h/.local/share/everwarm")
    assert default_data({**env, "XDG_DATA_HOME": "/x"}, "darwin") == Path("/h/Library/Application Support/everwarm")
    assert default_data({"USERPROFILE": "/h", "LOCALAPPDATA": "/l"}, "win32") == Path("/l/everwarm")
    assert default_data({"USERPROFILE": "/h"}, "win32") == Path("/h/AppData/Local/everwarm")
    assert home_of({}) is not None


def test_the_table_and_the_tree_are_one() -> None:
    """Every field of a section is a setting, but for the tables that the user fills."""
    assert {f.name for f in fields(Config)} == {
        *(name for name in SETTINGS if "." not in name),
        *SECTIONS,
        "aliases",
        "upstreams",
        "tenants",
        "file",
        "sources",
    }
    for section, cls in SECTIONS.items():
        named = {f.name for f in fields(cls)} - {"models", "streams"}
        assert named == {name.partition(".")[2] for name in SETTINGS if name.startswith(section + ".")}


def test_defaults_are_allowed_values() -> None:
    for setting in SETTINGS.values():
        if setting.default is not None:
            assert setting.kind.of_toml(setting.kind.show(setting.default)) == setting.default
            assert setting.kind.of_text(word(setting.kind.show(setting.default))) == setting.default


def test_variables_are_unambiguous() -> None:
    assert len({s.variable for s in SETTINGS.values()}) == len(SETTINGS)


KNOWN = [*SETTINGS, *SECTIONS, "aliases", "models", "tenant", "upstream", "models.a", "name", "keys", "ttl", "url"]
KEYS = st.one_of(st.sampled_from([part for name in KNOWN for part in name.split(".")]), st.text(max_size=4))
SCALARS = st.one_of(
    st.text(max_size=6),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.sampled_from(["1d", "none", "a", "~/x", "x.gguf", "sha256:" + "ab" * 32]),
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12)


def toml(value: Any) -> str:
    """Any such value as TOML, on one line. Surrogates cannot be written, so they become question marks."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" if c < " " or c in '"\\\x7f' else c for c in value) + '"'
    return str(value).lower()


def is_config_or_error(folder: Path, flags: dict[str, Any], env: dict[str, str], upstreams: Sequence[str] = ()) -> None:
    try:
        config = load(flags, env, folder, upstreams=upstreams)
    except ConfigError as error:
        assert error.message.isprintable() or "\n  " in error.message  # noqa: PT017 - both ends are fine
    else:
        assert isinstance(config, Config)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@given(st.dictionaries(KEYS, VALUES, max_size=5))
@example({"models": {"a": {"ttl": "1d"}}, "aliases": {"a": "b"}})
@example({"models": {"a": 5}, "aliases": []})
@example({"tenant": {"name": 1}})
@example({"upstream": [{"name": "a", "dialect": "openai", "url": "http://h", "models": [1], "retries": {}}, {"a": 1}]})
@example({"tenant": [{"name": "a", "keys": ["sha256:" + "ab" * 32, 3]}, {"name": "a"}, {}]})
def test_any_document_gives_a_config_or_a_config_error(folder: Path, document: dict[str, Any]) -> None:
    text = "\n".join(f"{toml(key)} = {toml(value)}" for key, value in document.items())
    (folder / "everwarm.toml").write_text(text, "utf-8")
    is_config_or_error(folder, {}, {})


@given(st.binary(max_size=200))
def test_any_bytes_give_a_config_or_a_config_error(folder: Path, content: bytes) -> None:
    (folder / "everwarm.toml").write_bytes(content)
    is_config_or_error(folder, {}, {})


NAMES = st.sampled_from(["config", "bogus", *SETTINGS])
VARIABLES = st.sampled_from(["EVERWARM_CONFIG", "EVERWARM_UPSTREAM", *(s.variable for s in SETTINGS.values())])
WORDS = st.text(st.characters(exclude_characters="\0"), max_size=8)


UPSTREAMS = st.lists(WORDS | st.from_regex(r"[a-z]{0,3}(:(openai|anthropic))?=https?://[a-z/:@?]{0,6}"), max_size=3)


@given(st.dictionaries(NAMES, WORDS | st.none(), max_size=4), st.dictionaries(VARIABLES, WORDS, max_size=4), UPSTREAMS)
def test_any_words_give_a_config_or_a_config_error(
    flags: dict[str, Any], env: dict[str, str], upstreams: list[str]
) -> None:
    is_config_or_error(Path("/nowhere"), flags, env, upstreams)
