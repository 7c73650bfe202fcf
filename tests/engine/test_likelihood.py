"""Is the converted model the model of the GGUF? Its likelihoods are compared with those of the architecture written out
in numpy over the dequantised weights, which shares nothing with OpenVINO: not its reader, its rotation, its attention.

On this text the reference gives 3.394 nats a token. The same weights as F16 in OpenVINO give 3.394 (0.005 % less),
requantised to Q8_0 3.401 (0.2 % more), and OpenVINO's own reading of the Q4_1 weights 3.688 (8.7 % more).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from everwarm.engine.ggufile import GgufHeader, TensorInfo, read_header
from everwarm.engine.model import KV_PRECISIONS, PagedModel, Span
from everwarm.engine.packaged import find_packaged
from everwarm.engine.steps import CHUNK
from everwarm.engine.tokens import Tokenizer

TEXT = """\
The harbour office keeps a book for every boat. In it the clerk writes when the boat came in, what it carried,
who paid the fee and when it left. The book is not long, but it is never thrown away, because a question about a
cargo may come years later. When a captain returns, the clerk does not ask everything again. He opens the book
at the last page, reads what is already known, and writes down only what is new. Most visits take two minutes
for this reason. A boat that nobody has seen before takes half an hour. Once, in a hard winter, the roof leaked
and the ink of eleven books ran. For months afterwards the queue at the window was as long as the pier, and
people understood what the old books had been doing for them all the time.
def fee(length, nights):
    if nights > 7:
        return 4.50 * length * 7 + 2.25 * length * (nights - 7)
    return 4.50 * length * nights
"""
Floats = np.ndarray[Any, np.dtype[np.float32]]


class Reference:
    """A llama, as its paper and GGUF's conventions have it: pairs (2i, 2i+1) of a head are rotated together."""

    def __init__(self, path: Path) -> None:
        header = read_header(path)
        meta = header.meta
        self.weights = {t.name: dequantised(header, t) for t in header.tensors}
        self.layers = meta["llama.block_count"]
        self.heads, self.shared = meta["llama.attention.head_count"], meta["llama.attention.head_count_kv"]
        self.epsilon, self.base = meta["llama.attention.layer_norm_rms_epsilon"], meta["llama.rope.freq_base"]

    def logits(self, ids: list[int]) -> Floats:
        x = self.weights["token_embd.weight"][ids]
        for i in range(self.layers):
            w = {n: self.weights[f"blk.{i}.{n}.weight"] for n in ("attn_q", "attn_k", "attn_v", "attn_output")}
            x = x + self.attend(self.norm(x, f"blk.{i}.attn_norm"), w)
            h = self.norm(x, f"blk.{i}.ffn_norm")
            gate, up = (h @ self.weights[f"blk.{i}.ffn_{n}.weight"].T for n in ("gate", "up"))
            x = x + (gate / (1 + np.exp(-gate)) * up) @ self.weights[f"blk.{i}.ffn_down.weight"].T
        return self.norm(x, "output_norm") @ self.weights["token_embd.weight"].T

    def norm(self, x: Floats, name: str) -> Floats:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * self.weights[f"{name}.weight"]

    def attend(self, h: Floats, w: dict[str, Floats]) -> Floats:
        n = len(h)
        q = self.rotate((h @ w["attn_q"].T).reshape(n, self.heads, -1))
        k = self.rotate((h @ w["attn_k"].T).reshape(n, self.shared, -1))
        v = (h @ w["attn_v"].T).reshape(n, self.shared, -1)
        k, v = (np.repeat(t, self.heads // self.shared, axis=1) for t in (k, v))
        q, k, v = (t.transpose(1, 0, 2) for t in (q, k, v))  # heads first
        scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(q.shape[-1]))
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        return (scores @ v).transpose(1, 0, 2).reshape(n, -1) @ w["attn_output"].T

    def rotate(self, x: Floats) -> Floats:
        half = x.shape[-1] // 2
        angles = np.outer(np.arange(len(x)), self.base ** (-np.arange(half) / half))[:, None, :]
        even, odd = x[..., 0::2], x[..., 1::2]
        turned = np.stack(
            [even * np.cos(angles) - odd * np.sin(angles), even * np.sin(angles) + odd * np.cos(angles)], -1
        )
        return turned.reshape(x.shape).astype(np.float32)


def dequantised(header: GgufHeader, tensor: TensorInfo) -> Floats:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

    kind = GGMLQuantizationType(tensor.kind)
    block, size = GGML_QUANT_SIZES[kind]
    blocks = math.prod(tensor.shape) // block
    raw = np.fromfile(header.path, np.uint8, blocks * size, offset=header.data_start + tensor.offset)
    rows = raw.reshape(-1, size * math.gcd(blocks, 4096))  # long rows: gguf works on sixteen at a time
    return np.asarray(quants.dequantize(rows, kind)).reshape(tensor.shape[::-1])


def likelihoods(logits: Floats, ids: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The negative log-likelihood of each token but the first, given those before it."""
    wide = logits[:-1].astype(np.float64)
    wide -= wide.max(-1, keepdims=True)
    return np.log(np.exp(wide).sum(-1)) - wide[np.arange(len(ids) - 1), ids[1:]]


def by_engine(model: PagedModel, ids: list[int]) -> Floats:
    blocks = [model.pool.take() for _ in range(-(-len(ids) // model.pool.size))]
    pieces = [(ids[at : at + CHUNK], at) for at in range(0, len(ids), CHUNK)]
    steps = [Span(piece, at, blocks, range(len(piece))) for piece, at in pieces]
    return np.concatenate([model.step([step]).copy() for step in steps])


@pytest.mark.parametrize("kv", sorted(KV_PRECISIONS))
def test_the_tiny_model_gives_the_reference_s_logits(tiny_weights: Any, tiny_gguf: Path, kv: str) -> None:
    ids = [(7 * i * i + 3) % 250 for i in range(200)]
    ours = by_engine(PagedModel(tiny_weights.folder, context=256, memory=0, threads=1, kv=kv), ids)
    expected = Reference(tiny_gguf).logits(ids)
    assert abs(likelihoods(ours, ids).mean() / likelihoods(expected, ids).mean() - 1) < 0.005
    assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > 0.999


@pytest.mark.model
@pytest.mark.parametrize("kv", sorted(KV_PRECISIONS))
def test_the_likelihood_is_that_of_the_weights(weights: Any, data: Path, kv: str) -> None:
    ids = Tokenizer(weights.folder, weights.facts).encode(TEXT)
    assert len(ids) > 200
    model = PagedModel(weights.folder, context=512, memory=0, threads=2, kv=kv)
    ours = likelihoods(by_engine(model, ids), ids)
    expected = likelihoods(Reference(find_packaged(data)).logits(ids), ids)
    assert abs(ours.mean() / expected.mean() - 1) < 0.01
    assert np.corrcoef(ours, expected)[0, 1] > 0.99
