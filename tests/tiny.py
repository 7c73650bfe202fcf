"""The GGUF of a tiny model with random weights: real enough to be converted, compiled and run by OpenVINO."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

CONTEXT = 1024
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


OF_ITS_OWN = {
    "qwen2": {"attn_q.bias": 64, "attn_k.bias": 32, "attn_v.bias": 32},
    "qwen3": {"attn_q_norm.weight": 32, "attn_k_norm.weight": 32},
}
"""Vectors that a layer has beside those of ``llama``, by architecture."""


def write_tiny(
    path: Path,
    *,
    metadata: dict[str, Any] | None = None,
    kind: str = "Q4_1",
    seed: int = 1,
    layers: int = 1,
    architecture: str = "llama",
    unused: int = 0,
) -> Path:
    """A GGUF with random weights over a byte-level vocabulary, with so many ``unused`` tokens behind it. ``metadata``
    replaces; None leaves out."""
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    from everwarm.engine.tokens import _ALPHABET

    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(_ALPHABET), "he", "\u0120t"]
    named, tokens = len(tokens), tokens + [f"[PAD{number}]" for number in range(unused)]
    values: dict[str, Any] = {
        "general.name": "Tiny Test",
        "general.file_type": 7,
        f"{architecture}.context_length": CONTEXT,
        f"{architecture}.embedding_length": 64,
        f"{architecture}.block_count": layers,
        f"{architecture}.feed_forward_length": 64,
        f"{architecture}.attention.head_count": 2,
        f"{architecture}.attention.head_count_kv": 1,
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{architecture}.attention.key_length": 32,
        f"{architecture}.attention.value_length": 32,
        f"{architecture}.rope.freq_base": 1e4,
        f"{architecture}.rope.dimension_count": 32,
        f"{architecture}.vocab_size": len(tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3] * 3 + [1] * (named - 3) + [5] * unused,
        "tokenizer.ggml.merges": ["h e", "\u0120 t"],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.padding_token_id": 2,
        "tokenizer.chat_template": TEMPLATE,
        **(metadata or {}),
    }
    writer = GGUFWriter(path, values.pop("general.architecture", architecture))
    for key, value in values.items():
        _add(writer, key, value)
    random = np.random.default_rng(seed)
    shapes = {"attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64), "attn_output": (64, 64)}
    shapes |= {"ffn_gate": (64, 64), "ffn_up": (64, 64), "ffn_down": (64, 64)}
    blocks = [f"blk.{layer}" for layer in range(layers)]
    norms = [f"{block}.{norm}" for block in blocks for norm in ("attn_norm", "ffn_norm")]
    for name in (*norms, "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(64, np.float32))
    of_its_own = OF_ITS_OWN.get(architecture, {})
    for block, (name, size) in product(blocks, of_its_own.items()):
        writer.add_tensor(f"{block}.{name}", np.linspace(0.5, 1.5, size, dtype=np.float32))
    inner = {f"{block}.{name}": shape for block in blocks for name, shape in shapes.items()}
    for name, shape in {"token_embd": (named, 64), **inner}.items():
        quantised = GGMLQuantizationType.Q8_0 if name == "token_embd" else GGMLQuantizationType[kind]
        weights = random.standard_normal(shape).astype(np.float32) * 0.3
        if name == "token_embd":
            weights = np.concatenate([weights, np.zeros((unused, 64), np.float32)])
        writer.add_tensor(f"{name}.weight", quants.quantize(weights, quantised), raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: Any, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, list):
        writer.add_array(key, value)
