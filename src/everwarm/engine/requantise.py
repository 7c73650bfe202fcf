"""Rewrite a GGUF so that OpenVINO's reader makes a faithful model of it.

OpenVINO 2026.4's reader is exact for F16, Q8_0 and Q4_0, and for F32 where it is no matrix. Of Q4_1 it makes a worse
model: on a text where F16 made of the same weights has a negative log-likelihood of 2.543, it gives 2.747; Q8_0 made of
the same weights 2.546. F32 matrices it refuses; BF16 ones were not tried. Others it converts in its own ways, or
refuses too. So wide matrices become F16, and every other kind Q8_0 (F16 where a row is no multiple of 32).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from everwarm.engine.ggufile import MAGIC, GgufHeader, TensorInfo
from everwarm.errors import ModelError

REQUANTISATION = 1
"""Version of this rewriting, part of a model's fingerprint. Raise it when the weights that it writes change."""

_F32, _F16, _Q4_0, _Q8_0, _BF16 = 0, 1, 2, 8, 30
_KEPT = frozenset({_F16, _Q4_0, _Q8_0})
_WIDE = frozenset({_F32, _BF16})
"""Matrices that go to F16, which keeps their weights nearly as they are."""

_Q8_0_ROW = 32  # weights that share one scale
_PIECE = 4_000_000  # weights converted at once: 16 MB of float32
_LONG = 4096  # blocks of a row as gguf gets them, at most: it works on sixteen rows at a time, and short ones take long

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class _Planned(NamedTuple):
    """One tensor of the new file."""

    source: TensorInfo
    kind: int
    size: int  # bytes in the new file
    offset: int


def needs_rewriting(header: GgufHeader) -> bool:
    """Whether any tensor is of a kind that OpenVINO's reader does not read faithfully."""
    return any(_kind_for(t) != t.kind for t in header.tensors)


def rewritten_size(header: GgufHeader) -> int:
    """Bytes of data that ``rewrite`` writes."""
    return sum(p.size for p in _plan(header))


def rewrite(header: GgufHeader, target: Path, progress: Callable[[float], None]) -> None:
    """Write the same model with every tensor of a kind that is read faithfully. Metadata is copied byte by byte."""
    plan = _plan(header)
    total = sum(p.size for p in plan) or 1
    done = 0
    source = np.memmap(header.path, dtype=np.uint8, mode="r")
    with target.open("wb") as out:
        _write_header(out, header, plan, source)
        for planned in plan:
            out.write(bytes(-out.tell() % header.alignment))
            for piece in _pieces(source, header, planned):
                out.write(piece.tobytes())
                done += piece.size
                progress(done / total)


def _plan(header: GgufHeader) -> list[_Planned]:
    plan, offset, end = [], 0, header.path.stat().st_size
    for tensor in header.tensors:
        if header.data_start + tensor.offset + _bytes_of(tensor, tensor.kind) > end:
            raise ModelError(f"the model file {header.path} is cut short; fetch it again")
        kind = _kind_for(tensor)
        size = _bytes_of(tensor, kind)
        plan.append(_Planned(tensor, kind, size, offset))
        offset += -(-size // header.alignment) * header.alignment
    return plan


def _kind_for(tensor: TensorInfo) -> int:
    if tensor.kind in _KEPT:
        return tensor.kind
    if len(tensor.shape) < 2:
        return _F32  # norms and biases: small
    if tensor.kind in _WIDE or tensor.shape[0] % _Q8_0_ROW:
        return _F16
    return _Q8_0


def _bytes_of(tensor: TensorInfo, kind: int) -> int:
    """Bytes of ``tensor`` when stored as ``kind``. ``ModelError`` for a kind that nobody here knows."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        block, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    except (ValueError, KeyError):
        raise ModelError(
            f"the tensor {tensor.name} is of the unknown GGUF type {kind}; use a GGUF in F16, Q8_0 or Q4_K_M"
        ) from None
    return int(math.prod(tensor.shape) // block * size)


def _write_header(out: BinaryIO, header: GgufHeader, plan: list[_Planned], source: Bytes) -> None:
    begin, end = header.meta_span
    out.write(MAGIC + struct.pack("<IQQ", header.version, len(plan), header.meta_count))
    out.write(source[begin:end].tobytes())
    for planned in plan:
        name = planned.source.name.encode()
        shape = planned.source.shape
        out.write(struct.pack("<Q", len(name)) + name)
        out.write(struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, planned.kind, planned.offset))


def _pieces(source: Bytes, header: GgufHeader, planned: _Planned) -> Iterator[Bytes]:
    """The new bytes of one tensor, a few megabytes at a time. Blocks are independent, so rows may be any."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    tensor = planned.source
    begin = header.data_start + tensor.offset
    raw = source[begin : begin + _bytes_of(tensor, tensor.kind)]
    if planned.kind == tensor.kind:
        yield raw
        return
    block, size = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.kind)]
    together = math.gcd(len(raw) // size, _LONG)
    rows = raw.reshape(-1, size * together)
    step = max(1, _PIECE // (block * together))
    for at in range(0, len(rows), step):
        yield _convert(rows[at : at + step], tensor, planned.kind)


def _convert(rows: Bytes, tensor: TensorInfo, kind: int) -> Bytes:
    from gguf import GGMLQuantizationType, quants

    try:
        weights = quants.dequantize(rows, GGMLQuantizationType(tensor.kind))
    except NotImplementedError:
        raise ModelError(
            f"the tensor {tensor.name} is of the GGUF type {GGMLQuantizationType(tensor.kind).name}, which cannot be "
            "converted here; use a GGUF in F16, Q8_0 or Q4_K_M"
        ) from None
    return np.asarray(quants.quantize(weights, GGMLQuantizationType(kind))).view(np.uint8).reshape(-1)
