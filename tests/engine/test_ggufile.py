from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.engine.ggufile import read_header
from everwarm.errors import ModelError


def test_reads_what_the_gguf_package_wrote(tiny_gguf: Path) -> None:
    from gguf import GGUFReader

    header, reader = read_header(tiny_gguf), GGUFReader(tiny_gguf)
    theirs = {k: f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}
    assert header.meta.keys() == theirs.keys()
    for key, value in theirs.items():
        assert header.meta[key] == value
    assert [(t.name, list(t.shape), t.kind, header.data_start + t.offset) for t in header.tensors] == [
        (t.name, t.shape.tolist(), int(t.tensor_type), t.data_offset) for t in reader.tensors
    ]


def test_what_is_no_gguf_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model file"):
        read_header(tmp_path / "absent.gguf")
    for content in (b"", b"PK\x03\x04 something else entirely"):
        (tmp_path / "other.gguf").write_bytes(content)
        with pytest.raises(ModelError):
            read_header(tmp_path / "other.gguf")
    with pytest.raises(ModelError):
        read_header(tmp_path)


def test_a_file_cut_short_anywhere_is_said(tiny_gguf: Path, tmp_path: Path) -> None:
    whole = tiny_gguf.read_bytes()
    start = read_header(tiny_gguf).data_start
    cut = tmp_path / "cut.gguf"
    for length in [*range(0, start, 97), start, start + 100, len(whole) - 4096]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            read_header(cut)


@given(at=st.integers(0, 9000), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_byte_is_read_or_said(tiny_gguf: Path, tmp_path: Path, at: int, value: int) -> None:
    content = bytearray(tiny_gguf.read_bytes())
    content[at % len(content)] = value
    path = tmp_path / "flipped.gguf"
    path.write_bytes(content)
    with suppress(ModelError):
        read_header(path)
