"""``everwarm model show``: what is known of the model inside, before and after its first start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

import converted
from everwarm.cli import main
from everwarm.engine import measure, runtime
from everwarm.engine.engine import Engine
from everwarm.engine.settings import Settings
from everwarm.engine.weights import prepare

Show = Callable[..., tuple[int, str, str]]
KV = 1 * 2 * 32  # numbers of a token: one head of 32 in one layer, keys and values


def quiet(what: str, done: float) -> None:
    pass


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """``show(words...)``: exit status, standard output, standard error, with a data folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERWARM_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/secret.key").write_bytes(converted.SECRET)

    def shown(*words: str) -> tuple[int, str, str]:
        status = main(["model", "show", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return shown


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests that run beside these are nobody."""
    monkeypatch.setattr(measure, "crowded", lambda cpus: False)


def start(gguf: Path, data: Path, **settings: Any) -> None:
    asyncio.run(Engine.load(gguf, data, converted.SECRET, Settings(**settings)).close())


def test_before_it_was_converted_it_says_what_to_do(show: Show, tiny_gguf: Path) -> None:
    status, out, err = show("--model", str(tiny_gguf))
    assert (status, out) == (1, "")
    assert err == (
        f"everwarm: the model has not been converted yet: start it once with `everwarm serve --model {tiny_gguf}`\n"
    )


def test_before_it_was_measured_all_but_speeds_are_known(show: Show, tiny_gguf: Path, tmp_path: Path) -> None:
    prepare(tiny_gguf, tmp_path / "data", converted.SECRET, quiet)
    status, out, _ = show("--model", str(tiny_gguf))
    assert status == 0
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert lines["model"].strip() == "tiny-test (llama)"
    assert lines["KV a token"].strip() == f"f16 {2 * KV} bytes, u8 {KV + 2 * 8} bytes"
    assert lines["threads"].strip() == "chosen at the first start"
    assert lines["speed"].strip().startswith("not measured yet with these settings: start")


def test_after_the_first_start_speeds_are_known_too(
    show: Show, tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tiny_gguf, tmp_path / "data", kv_bytes=64 << 20)
    monkeypatch.setenv("EVERWARM_ENGINE_KV_MB", "64")
    status, out, _ = show("--model", str(tiny_gguf), "--json")
    told = orjson.loads(out)
    assert status == 0
    assert told["context"] == 1024
    assert told["vocabulary"] == 261
    assert told["threads"] in range(1, runtime.available_cpus() + 1)
    assert told["kv"]["memory_tokens"] == (64 << 20) // (2 * KV)
    assert told["kv"]["disk_bytes"] == 2048 << 20
    speeds = told["measured"]["answer_tokens_a_second"]
    assert set(speeds) == {"1", "8", "16"}
    assert all(speed > 0 for speed in speeds.values())
    assert told["measured"]["prompt_tokens_a_second"] > 0
    assert " CPUs" in told["measured"]["on"]
    assert "tokens a second for 8" in show("--model", str(tiny_gguf))[1]


def test_what_was_measured_holds_for_its_settings_only(
    show: Show, tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tiny_gguf, tmp_path / "data", threads=1)
    monkeypatch.setenv("EVERWARM_ENGINE_THREADS", "1")
    known = orjson.loads(show("--model", str(tiny_gguf), "--json")[1])
    assert known["measured"] is not None
    assert known["threads"] == 1
    monkeypatch.setenv("EVERWARM_ENGINE_KV_PRECISION", "u8")
    assert orjson.loads(show("--model", str(tiny_gguf), "--json")[1])["measured"] is None


def test_it_is_measured_once(tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, said = tmp_path / "data", []

    def load(**settings: Any) -> list[str]:
        said.clear()
        engine = Engine.load(
            tiny_gguf, data, converted.SECRET, Settings(**settings), lambda what, done: said.append(what)
        )
        asyncio.run(engine.close())
        return said

    assert measure.WHAT in load()
    assert measure.WHAT not in load()
    assert measure.WHAT in load(mode="exact")
    assert measure.WHAT not in load(mode="exact", context=512)
    for kept in data.glob("models/*/measured-*"):
        kept.write_bytes(kept.read_bytes()[:-1])
    assert measure.WHAT in load(mode="exact")
    monkeypatch.setattr(runtime, "available_cpus", lambda: 1)
    assert measure.WHAT in load(mode="exact"), "another machine"


def test_in_a_crowd_it_is_not_measured(
    show: Show, tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for crowded in (True, False):
        monkeypatch.setattr(measure, "crowded", lambda cpus, crowded=crowded: crowded)
        caplog.clear()
        start(tiny_gguf, tmp_path / "data")
        assert ("other programs compute on this machine" in caplog.text) is crowded
        assert ("not measured yet" in show("--model", str(tiny_gguf))[1]) is crowded


def test_features_follow_settings(
    show: Show, make_gguf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_gguf(tmp_path / "w.gguf", metadata={"llama.attention.sliding_window": 512})
    prepare(path, tmp_path / "data", converted.SECRET, quiet)
    monkeypatch.setenv("EVERWARM_ENGINE_MODE", "exact")
    monkeypatch.setenv("EVERWARM_ENGINE_KV_DISK_MB", "0")
    told = orjson.loads(show("--model", str(path), "--json")[1])
    assert told["context"] == 512
    assert told["features"] == {
        "shared prefixes": "in pieces of 128 tokens",
        "answers at a time": "8",
        "kept over a restart": "no: engine.kv_disk_mb is 0",
        "drafts": "looked up",
        "tools": "no: the chat template does not know them",
        "sliding window": "the context ends with it, at 512 tokens",
    }


def test_a_draft_model_is_named(
    show: Show, tiny_gguf: Path, make_gguf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = make_gguf(tmp_path / "small.gguf", seed=3, metadata={"general.name": "Small Test"})
    words = ("--model", str(tiny_gguf), "--draft", str(draft))
    prepare(tiny_gguf, tmp_path / "data", converted.SECRET, quiet)
    status, _, err = show(*words)
    assert status == 1
    assert err.startswith("everwarm: engine.draft: the model has not been converted yet: start `everwarm serve`")
    prepare(draft, tmp_path / "data", converted.SECRET, quiet)
    monkeypatch.setenv("EVERWARM_ENGINE_KV_MB", "64")
    lines = dict(line.split("  ", 1) for line in show(*words)[1].splitlines())
    assert lines["draft model"].strip() == f"small-test, KV 8 MiB: {(8 << 20) // (2 * KV):,} tokens"
    assert lines["KV in memory"].strip() == f"f16, 56 MiB: {(56 << 20) // (2 * KV):,} tokens"
    assert lines["drafts"].strip() == "looked up, then by small-test"
    told = orjson.loads(show(*words, "--json")[1])
    assert told["draft"]["model"] == "small-test"
    assert orjson.loads(show("--model", str(tiny_gguf), "--json")[1])["draft"] is None
    other = make_gguf(tmp_path / "other.gguf", metadata={"tokenizer.ggml.eos_token_id": 0})
    prepare(other, tmp_path / "data", converted.SECRET, quiet)
    status, _, err = show("--model", str(tiny_gguf), "--draft", str(other))
    assert status == 1
    assert "engine.draft: the draft model has another vocabulary" in err


def test_no_model_and_a_wrong_one(show: Show, tmp_path: Path) -> None:
    assert show("--model", "none") == (0, "There is no model inside: the setting model is none.\n", "")
    status, _, err = show("--model", "./absent")
    assert status == 1
    assert "there is no model file" in err
    assert "or of a folder of OpenVINO files" in err
    assert show("--model", str(tmp_path))[2].startswith(f"everwarm: the folder {tmp_path} has no openvino_model.xml")
    assert "allowed is" in show("--model", "gpt-4")[2]
