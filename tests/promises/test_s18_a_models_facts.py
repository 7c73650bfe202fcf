"""s18: what is kept of a model is read back only as it was written. Its other files: tests/engine/test_weights.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from everwarm.engine import facts
from everwarm.engine.facts import Facts

WHOLE = Facts(
    name="Tiny",
    architecture="llama",
    context=1024,
    chat_template="{{ messages }}",
    tokenizer="gpt2",
    tokens=("a", "b"),
    token_types=(1, 3),
    bos=0,
    eos=1,
    ends=(1,),
    add_bos=False,
    created=1,
    gguf="0" * 32,
    build="1 2",
    files={"model.bin": "0" * 32},
)


def test_a_models_facts_are_dropped_if_any_byte_of_them_is_another(tmp_path: Path) -> None:
    """They hold a template that is run, in a sandbox, and the digests of what is handed to native code."""
    facts.dump(WHOLE, tmp_path)
    assert facts.load(tmp_path) == WHOLE
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 7
        file.write_bytes(damaged)
        assert facts.load(tmp_path) is None, f"byte {place}: {bytes(damaged[max(0, place - 20) : place + 20])!r}"


def test_nor_are_those_of_another_version_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(facts, "FACTS_VERSION", facts.FACTS_VERSION + 1)
        facts.dump(WHOLE, tmp_path)
    assert facts.load(tmp_path) is None
