"""The rules that come with Everwarm, the user's own before them, and ``everwarm rules``."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from everwarm.cli import main
from everwarm.errors import ConfigError
from everwarm.rule_table import show
from everwarm.rules import load

OURS = load().layers[1]
TODAY = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("provider", "model", "minimum", "read"),
    [
        ("anthropic", "claude-opus-5", 512, 0.1),
        ("anthropic", "claude-opus-5-5", 512, 0.05),
        ("anthropic", "claude-fable-5.2", 512, 0.025),
        ("anthropic", "claude-sonnet-4-5-20250929", 1024, 0.1),
        ("anthropic", "claude-opus-4-7", 2048, 0.1),
        ("anthropic", "claude-haiku-4-5", 4096, 0.1),
        ("anthropic", "claude-of-tomorrow", 4096, 0.1),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 1024, 0.1),
        ("openai", "gpt-4o", 1024, 0.5),
        ("openai", "gpt-5-mini", 1024, 0.1),
        ("openai", "gpt-5.6-terra", 1024, 0.1),
        ("vllm", "anything", 16, 0.0),
    ],
)
def test_what_is_packaged(provider: str, model: str, minimum: int, read: float) -> None:
    rule = load().of(provider, model)
    assert rule
    assert (rule.minimum, rule.read_factor) == (minimum, read)


def test_only_new_models_of_openai_have_breakpoints() -> None:
    marks = {model: getattr(load().of("openai", model), "marks", None) for model in ("gpt-5.5", "gpt-5.6", "gpt-6")}
    assert marks == {"gpt-5.5": 0, "gpt-5.6": 4, "gpt-6": 4}


def test_every_packaged_rule_says_where_it_is_from() -> None:
    assert {rule.provider for rule in OURS} == {rule.origin.removesuffix(".toml") for rule in OURS}
    for rule in OURS:
        assert rule.source.startswith("https://")
        assert date(2026, 11, 1) <= date.fromisoformat(rule.checked)
        assert rule.confidence == "high" or rule.conflicts or rule.provider == "bedrock"


def own(folder: Path, text: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mine.toml"
    path.write_text(
        text
        or '[[rule]]\nprovider = "anthropic"\nmodels = ["claude-*"]\nminimum = 7\nread_factor = 0.1\nautomatic = true\n'
        'source = "a letter"\nchecked = 2020-01-01\nconfidence = "low"\n'
    )
    return path


def test_the_users_own_rules_come_first(tmp_path: Path) -> None:
    assert load(tmp_path / "none").of("anthropic", "claude-opus-5") == load().of("anthropic", "claude-opus-5")
    path = own(tmp_path)
    rule = load(tmp_path).of("anthropic", "claude-opus-5")
    assert rule
    assert (rule.minimum, rule.origin) == (7, str(path))
    assert load(tmp_path).of("openai", "gpt-5") == load().of("openai", "gpt-5")


def test_a_file_that_cannot_be_understood(tmp_path: Path) -> None:
    path = own(tmp_path, "[[rule]]\nprovidor = 'x'")
    with pytest.raises(ConfigError, match=r"mine.toml, rule 1: providor: no rule has such a member"):
        load(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"mine.toml: cannot be read: it is not UTF-8 text"):
        load(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match=r"mine.toml: cannot be read: Is a directory"):
        load(tmp_path)


def screen(folder: Path) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(show(load(folder), TODAY))
    return out.getvalue()


def test_the_table_fits_eighty_columns_and_cuts_nothing(tmp_path: Path) -> None:
    own(tmp_path)
    said = screen(tmp_path)
    assert "…" not in said
    assert all(pattern in said for rule in OURS for pattern in rule.models)
    lines = said.splitlines()
    first = next(line for line in lines if "claude-*" in line and "*claude" not in line)
    assert first.split()[1:6] == ["7", "1", "auto", "no", "end"]
    assert f"{(TODAY - date(2020, 1, 1)).days} d" in first
    assert "(your own)" in lines[lines.index(first) + 1]
    new = next(line for line in lines if "gpt-5.6*" in line)
    assert new.split()[1:6] == ["1,024", "1", "auto+4", "30m", "x1.25"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    own(tmp_path / "data" / "rules")
    assert main(["rules", "--data", "data"]) == 0
    assert "claude-opus-4.8*" in capsys.readouterr().out
    assert main(["rules", "--data", "data", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(OURS) + 1
    assert (rows[0]["provider"], rows[0]["minimum"], rows[0]["checked"]) == ("anthropic", 7, "2020-01-01")
    assert rows[0]["age_days"] > 2000
    opus = next(row for row in rows if "claude-opus-4.8*" in row["models"])
    assert opus["ttls"] == [{"seconds": 300, "write_factor": 1.25}, {"seconds": 3600, "write_factor": 2.0}]
    assert opus["invalidates"]["tool_choice"] == ["messages"]
    own(tmp_path / "data" / "rules", "rule = 1")
    assert main(["rules", "--data", "data"]) == 1
    assert capsys.readouterr().err.startswith("everwarm: ")
