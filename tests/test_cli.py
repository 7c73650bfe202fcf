"""The command line: which flags become which settings, the commands for keys, and that help is quick."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from everwarm import serve
from everwarm.cli import main
from everwarm.config import Config, load

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(words...)`` in an empty folder: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERWARM_DATA", str(tmp_path / "data"))

    def ran(*words: str) -> tuple[int, str, str]:
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return ran


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """What ``everwarm serve`` would have run with."""
    configs: list[Config] = []

    def instead(config: Config, *_: Any) -> int:
        configs.append(config)
        return 0

    monkeypatch.setattr(serve, "serve", instead)
    return configs


def test_flags_of_serve_are_settings(run: Run, served: list[Config]) -> None:
    words = "--port 0 --host ::1 --workers 4 --model none --draft smollm2 --upstream openai=http://a/v1"
    words += " --upstream x:anthropic=http://b"
    assert run("serve", *words.split())[0] == 0
    (config,) = served
    assert (config.port, config.host, config.workers, config.model) == (0, "::1", 4, "none")
    assert config.engine.draft == "smollm2"
    assert [(u.name, u.dialect, u.url) for u in config.upstreams] == [
        ("openai", "openai", "http://a/v1"),
        ("x", "anthropic", "http://b"),
    ]


def test_serve_says_all_that_is_wrong_at_once(run: Run, served: list[Config]) -> None:
    status, out, err = run("serve", "--workers", "0", "--upstream", "vllm=http://h", "--upstream", "openai=h")
    assert (status, out, served) == (1, "", [])
    assert err.startswith('everwarm: 3 settings are wrong:\n  command line, --workers: found "0"; allowed is a whole')


def test_only_who_calls_an_upstream_needs_its_credential(run: Run, served: list[Config], tmp_path: Path) -> None:
    (tmp_path / "everwarm.toml").write_text(
        '[[upstream]]\nname = "a"\ndialect = "openai"\nurl = "http://h/v1"\nkey_env = "THE_KEY_OF_A"\n'
    )
    for words in (["serve"], ["config"], ["config", "--json"]):
        status, _, err = run(*words)
        assert status == 1
        assert "the environment variable THE_KEY_OF_A is not set" in err
    assert served == []
    for words in (["keys", "list"], ["stats"]):
        assert run(*words)[0] == 0


def test_config_shows_upstreams_and_tenants_and_no_secret(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY_OF_A", "sk-live-1234567890")
    (tmp_path / "everwarm.toml").write_text(
        '[[upstream]]\nname = "a"\ndialect = "openai"\nurl = "http://h/v1"\nkey_env = "THE_KEY_OF_A"\n'
    )
    _, key, _ = run("keys", "add", "acme")
    for words in (["config"], ["config", "--json"]):
        status, out, _ = run(*words)
        assert status == 0
        assert "upstream.a.url" in out
        assert "THE_KEY_OF_A" in out
        assert "tenant.acme.keys" in out
        assert "sk-live" not in out
        assert key.strip() not in out


def test_a_key_is_printed_once_and_works(run: Run, tmp_path: Path) -> None:
    status, out, err = run("keys", "add", "acme")
    key = out.removesuffix("\n")
    assert status == 0
    assert len(key) == len("ew-") + 43
    assert key.startswith("ew-")
    assert key.isprintable()  # standard output is the key alone, for scripts
    assert key not in err
    assert "export OPENAI_BASE_URL=http://127.0.0.1:8400/v1 OPENAI_API_KEY=" in err
    assert load({}, {"EVERWARM_DATA": str(tmp_path / "data")}, tmp_path).tenant_of(key.encode()) == "acme"
    assert run("keys", "add", "acme")[1] != out


def test_keys_are_listed_and_removed(run: Run) -> None:
    assert run("keys", "list") == (0, "", "There are none yet. Make one with: everwarm keys add NAME\n")
    made = [run("keys", "add", name)[1].strip() for name in ("acme", "acme", "b")]
    digests = [sha256(key.encode()).hexdigest() for key in made]
    lines = run("keys", "list")[1].splitlines()
    assert [line.split()[:2] for line in lines] == [
        [name, f"sha256:{digest[:12]}"] for name, digest in zip(("acme", "acme", "b"), digests, strict=True)
    ]
    assert digests[0][:12] in run("keys", "remove", "acme", "--digest", digests[0][:12])[1]
    assert len(run("keys", "list")[1].splitlines()) == 2
    assert run("keys", "remove", "acme")[0] == 0
    assert [line.split()[0] for line in run("keys", "list")[1].splitlines()] == ["b"]
    assert run("keys", "remove", "acme") == (
        1,
        "",
        "everwarm: There is no key of acme. See: everwarm keys list\n",
    )


def test_nobody_can_be_called_so(run: Run) -> None:
    status, out, err = run("keys", "add", "public")
    assert (status, out) == (1, "")
    assert 'NAME: found "public"; allowed is a name of 1 to 64' in err


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:8400"), ("::", "http://[::1]:8400")])
def test_how_to_use_a_key_names_an_address_that_a_client_can_reach(
    run: Run, monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    monkeypatch.setenv("EVERWARM_HOST", host)
    assert f"ANTHROPIC_BASE_URL={url} " in run("keys", "add", "acme")[2]


def test_help_is_there_and_loads_little() -> None:
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom everwarm.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}), sep=chr(10), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {"serve", "keys", "stats", "config", "demo"} <= set(done.stdout.split())
    loaded = set(done.stderr.split())
    assert "argparse" in loaded
    assert not loaded & {"rich", "tomllib", "orjson", "uvicorn", "asyncio", "sqlite3", "secrets"}
