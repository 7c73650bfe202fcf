"""Folders of OpenVINO files, as others export them: run as they are, or refused with words that help."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from converted import SECRET
from everwarm.engine import measure
from everwarm.engine.convert import MADE
from everwarm.engine.engine import Engine
from everwarm.engine.facts import CONTROL, NORMAL, UNUSED, USER_DEFINED
from everwarm.engine.settings import Settings
from everwarm.engine.weights import Weights, prepare
from everwarm.errors import ModelError

CONFIG = {"max_position_embeddings": 1024, "model_type": "llama"}

Ask = Callable[..., Any]
Make = Callable[..., Any]


def quiet(what: str, done: float) -> None:
    pass


@pytest.fixture
def folder(tiny_weights: Weights, tmp_path: Path) -> Path:
    """The tiny model as somebody else would have exported it."""
    made = tmp_path / "Exported Tiny"
    made.mkdir()
    for name in MADE:
        shutil.copy(tiny_weights.folder / name, made)
    say(made, "config.json", CONFIG)
    return made


def say(folder: Path, name: str, value: object) -> None:
    (folder / name).write_bytes(orjson.dumps(value))


def opened(folder: Path, data: Path) -> Weights:
    return prepare(folder, data, SECRET, quiet)


def test_it_is_the_model_that_its_gguf_is(folder: Path, tiny_weights: Weights, tmp_path: Path) -> None:
    """The vocabulary is read from the tokenizer's model, where the GGUF's was written to."""
    facts, theirs = opened(folder, tmp_path).facts, tiny_weights.facts
    own = {"name": "Exported Tiny", "created": facts.created, "gguf": facts.gguf, "build": facts.build}
    assert facts == replace(theirs, **own, files=facts.files)
    assert facts.files.items() >= theirs.files.items()


def test_it_answers_as_its_gguf_does(
    folder: Path,
    tmp_path: Path,
    engine_in: Callable[..., Engine],
    ask: Ask,
    request_of: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(measure, "crowded", lambda cpus: False)
        engine = Engine.load(folder, tmp_path / "data", SECRET, Settings(threads=1))
    request = request_of("the cat", temperature=0, max_tokens=30)
    try:
        cold, warm = ask(engine, request), ask(engine, request)
        assert cold.text == warm.text == ask(engine_in("fast"), request).text
        assert warm.prefilled.cached > 0
        assert engine.models()[0].id == "exported-tiny"
    finally:
        asyncio.run(engine.close())
    assert sorted(path.name for path in folder.iterdir()) == sorted([*MADE, "config.json"]), "nothing of ours is there"
    (beside,) = (tmp_path / "data/models").glob("exported-tiny-*")
    (kept,) = beside.iterdir()
    assert kept.name.startswith("measured-")


@pytest.mark.parametrize("name", [*MADE, "config.json"])
def test_any_other_content_is_another_model(folder: Path, tmp_path: Path, name: str) -> None:
    before = opened(folder, tmp_path)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content + (b"\0" if name.endswith(".bin") else b"\n"))
    after = opened(folder, tmp_path)
    assert after.fingerprint != before.fingerprint
    assert after.beside != before.beside


def test_json_beside_it_says_more(folder: Path, tmp_path: Path) -> None:
    say(folder, "generation_config.json", {"eos_token_id": [0, 2], "bos_token_id": 0})
    added = {
        "0": {"content": "<|endoftext|>", "special": True},
        "1": {"content": "<|im_start|>", "special": True},
        "2": {"content": "<|im_end|>", "special": False},
    }
    say(folder, "tokenizer_config.json", {"chat_template": "{{ theirs }}", "added_tokens_decoder": added})
    facts = opened(folder, tmp_path).facts
    assert (facts.ends, facts.bos, facts.chat_template) == ((0, 2), 0, "{{ theirs }}")
    assert facts.token_types[:4] == (CONTROL, CONTROL, USER_DEFINED, NORMAL)
    say(folder, "chat_template.json", {"chat_template": [{"name": "rag"}, {"name": "default", "template": "{{ a }}"}]})
    assert opened(folder, tmp_path).facts.chat_template == "{{ a }}"
    (folder / "chat_template.jinja").write_text("{{ file }}")
    assert opened(folder, tmp_path).facts.chat_template == "{{ file }}"


def test_a_sliding_window_ends_the_context(folder: Path, tmp_path: Path) -> None:
    say(folder, "config.json", CONFIG | {"sliding_window": 300})
    facts = opened(folder, tmp_path).facts
    assert (facts.context, facts.window) == (300, 300)
    for config in ({"sliding_window": 300, "use_sliding_window": False}, {"sliding_window": 4096}):
        say(folder, "config.json", CONFIG | config)
        facts = opened(folder, tmp_path).facts
        assert (facts.context, facts.window) == (1024, None)


def write_stateful(folder: Path, state: list[int], width: int = 261) -> None:
    """A model that keeps a state of this shape between tokens, and is none otherwise."""
    import openvino as ov
    from openvino import opset13 as ops
    from openvino.op.util import Variable, VariableInfo

    info = VariableInfo()
    info.data_shape, info.data_type, info.variable_id = ov.PartialShape(state), ov.Type.f32, "past.0.ssm"
    variable = Variable(info)
    ids = ops.parameter([-1, -1], np.int64, name="input_ids")
    kept = ops.read_value(ops.constant(np.zeros([max(1, n) for n in state], np.float32)), variable)
    logits = ops.constant(np.zeros((1, 1, width), np.float32))
    model = ov.Model([logits.output(0)], [ops.assign(kept, variable)], [ids], "stateful")
    ov.save_model(model, folder / "openvino_model.xml")


def test_a_recurrent_model_is_refused(folder: Path, tmp_path: Path) -> None:
    write_stateful(folder, [-1, 128, 16])
    with pytest.raises(
        ModelError, match=r"something else than KV between tokens \(past\.0\.ssm\), as recurrent models"
    ):
        opened(folder, tmp_path)


def test_a_model_that_knows_more_tokens_than_its_tokenizer(folder: Path, tmp_path: Path) -> None:
    """As those of Qwen: their logits are wider than their vocabulary."""
    write_stateful(folder, [-1, 1, -1, 32], width=300)
    facts = opened(folder, tmp_path).facts
    assert len(facts.tokens) == len(facts.token_types) == 300
    assert facts.token_types[261:] == (UNUSED,) * 39


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "write max_position_embeddings into config.json"),
        (lambda folder: (folder / "config.json").write_text("[1]"), "holds no JSON object"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json cannot be read"),
        (lambda folder: (folder / "openvino_model.bin").unlink(), r"has no openvino_model\.bin"),
        (lambda folder: (folder / "openvino_model.xml").write_text("<net"), r"openvino_model\.xml cannot be read"),
        (lambda folder: (folder / "openvino_tokenizer.xml").write_text("<net"), r"openvino_tokenizer\.xml cannot be"),
        (lambda folder: shutil.copy(folder / "openvino_model.xml", folder / "openvino_tokenizer.xml"), "cannot be r"),
        (lambda folder: write_stateful(folder, [-1, 1, -1, 32], width=100), "its tokenizer cannot be run"),
        (lambda folder: (folder / "chat_template.jinja").write_bytes(b"\xff"), r"chat_template\.jinja cannot be read"),
    ],
    ids=["context", "list", "cut", "missing", "model", "tokenizer", "no-bpe", "narrow", "template"],
)
def test_what_cannot_be_run_is_said(folder: Path, tmp_path: Path, change: Callable[[Path], object], words: str) -> None:
    change(folder)
    with pytest.raises(ModelError, match=words):
        opened(folder, tmp_path)


def test_a_vocabulary_of_words_is_refused(make_gguf: Make, tmp_path: Path) -> None:
    """A tokenizer that spells a blank otherwise than as a byte: SentencePiece's."""
    from everwarm.engine.tokens import _ALPHABET

    letters = ["\u2581" if letter == "\u0120" else letter for letter in sorted(_ALPHABET)]
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "he", "\u2581t"]
    metadata = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": ["h e", "\u2581 t"]}
    converted = prepare(make_gguf(tmp_path / "words.gguf", metadata=metadata), tmp_path, SECRET, quiet).folder
    say(converted, "config.json", CONFIG)
    with pytest.raises(ModelError, match="its tokenizer cannot be run, for it is no byte-level BPE"):
        opened(converted, tmp_path)
