from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from everwarm.engine.ggufile import read_header
from everwarm.engine.requantise import needs_rewriting, rewrite, rewritten_size
from everwarm.errors import ModelError

CASES = [  # kind, shape, kind afterwards
    ("F32", (7,), "F32"),
    ("BF16", (7,), "F32"),
    ("F32", (3, 64), "F16"),
    ("BF16", (3, 20), "F16"),
    ("F16", (3, 20), "F16"),
    ("Q8_0", (3, 64), "Q8_0"),
    ("Q4_0", (3, 64), "Q4_0"),
    ("Q4_1", (300, 64), "Q8_0"),
    ("Q5_0", (3, 64), "Q8_0"),
    ("Q5_1", (2, 5, 64), "Q8_0"),
]


def write(path: Path, cases: list[tuple[str, tuple[int, ...], str]]) -> Path:
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    writer = GGUFWriter(path, "llama")
    writer.add_string("some.text", "日本語")
    writer.add_array("some.list", ["a", "b"])
    random = np.random.default_rng(3)
    for i, (name, shape, _) in enumerate(cases):
        kind = GGMLQuantizationType[name]
        weights = random.standard_normal(shape).astype(np.float32)
        raw = weights if name == "F32" else quants.quantize(weights, kind)
        writer.add_tensor(f"t{i}", raw, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_every_kind_becomes_one_that_is_read_faithfully(tmp_path: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFReader, quants

    source, target = write(tmp_path / "a.gguf", CASES), tmp_path / "b.gguf"
    seen: list[float] = []
    header = read_header(source)
    assert needs_rewriting(header)
    rewrite(header, target, seen.append)
    before, after = GGUFReader(source), GGUFReader(target)
    for case, old, new in zip(CASES, before.tensors, after.tensors, strict=True):
        assert (new.name, new.tensor_type.name, new.shape.tolist()) == (old.name, case[2], old.shape.tolist())
        weights = quants.dequantize(old.data, old.tensor_type)
        expected = quants.quantize(weights, GGMLQuantizationType[case[2]])
        same = np.array_equal(new.data, old.data) if case[0] == case[2] else False
        assert same or np.array_equal(new.data.view(np.uint8).ravel(), expected.view(np.uint8).ravel())
        scale = abs(weights).max()
        assert (
            abs(quants.dequantize(new.data, new.tensor_type) - weights).max() <= scale / 220
        )  # half a step, and its scale rounded to F16
    assert after.fields["some.text"].contents() == "日本語"
    assert after.fields["some.list"].contents() == ["a", "b"]
    assert seen == sorted(seen)
    assert seen[-1] == 1
    rewritten = read_header(target)
    assert not needs_rewriting(rewritten)
    assert rewritten_size(rewritten) == rewritten_size(header)


def test_weights_cut_short_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf", CASES)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ModelError, match="cut short"):
        rewritten_size(read_header(path))


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_0"])
def test_a_faithful_kind_is_left_alone(tmp_path: Path, kind: str) -> None:
    header = read_header(write(tmp_path / "a.gguf", [(kind, (3, 64), kind), ("F32", (7,), "F32")]))
    assert not needs_rewriting(header)
