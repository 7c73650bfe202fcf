"""What ``everwarm serve`` says when it listens."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from everwarm.config import load
from everwarm.gateway.upstreams.directory import Directory
from everwarm.serve import announce
from gateway_upstreams import asks
from scripted import Scripted

URL = "http://127.0.0.1:8400"
SHARED = 'key_env = "OURS"'


def said(data: Path, toml: str, capsys: pytest.CaptureFixture[str], *, inside: bool = False) -> str:
    data.mkdir(exist_ok=True)
    file = data / "everwarm.toml"
    file.write_text(toml)
    flags = {"config": str(file), "data": str(data), "model": None if inside else "none"}
    config = load(flags, {"OURS": "sk-ours"}, data)
    directory = Directory([Scripted()] if inside else [], config.aliases)
    announce(URL, SimpleNamespace(config=config, directory=directory))  # type: ignore[arg-type]
    return capsys.readouterr().out


def tenants(*names: str) -> str:
    digests = {name: sha256(name.encode()).hexdigest() for name in names}
    return "".join(f'[[tenant]]\nname = "{n}"\nkeys = ["sha256:{d}"]\n' for n, d in digests.items())


def test_where_it_listens_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(tmp_path, asks("http://upstream.example/v1"), capsys)
    assert told.index(f"listening  {URL}") < told.index("http://upstream.example")


def test_upstreams_and_how_to_point_a_client_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(tmp_path, asks("http://a.example/v1", more='models = ["gpt-*", "o?"]'), capsys)
    assert "u0 (openai) http://a.example/v1  gpt-*, o?; the client's credential" in told
    assert f"export OPENAI_BASE_URL={URL}/v1\n" in told
    assert "ANTHROPIC_BASE_URL" not in told


def test_an_anthropic_upstream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(tmp_path, asks("http://a.example", dialect="anthropic", more=SHARED), capsys)
    assert "u0 (anthropic) http://a.example  every model; our credential: OURS" in told
    assert f"export ANTHROPIC_BASE_URL={URL}\n" in told


def test_without_anybody_to_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(tmp_path, "", capsys)
    assert "none: requests get a 404" in told
    assert "export" not in told


def test_the_model_inside_and_what_to_try(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(tmp_path, "", capsys, inside=True)
    assert "model      test-model" in told
    assert f"curl -i {URL}/v1/chat/completions" in told


def test_tenants_only_and_none_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "everwarm keys add NAME" in said(tmp_path / "a", 'access = "tenants"', capsys)
    assert "keys add" not in said(tmp_path / "b", 'access = "tenants"\n' + tenants("acme"), capsys)


def test_tenants_that_share_one_credential_upstream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(tmp_path / "a", tenants("acme", "globex") + asks("http://a.example", more=SHARED), capsys)
    assert "share one credential at the provider" in told
    assert "u0 (OURS)" in told
    own = said(tmp_path / "b", tenants("acme", "globex") + asks("http://a.example"), capsys)
    assert "share one credential" not in own
