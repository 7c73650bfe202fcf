"""The compiled model: PagedAttention over KV blocks that we own.

OpenVINO's transformation turns stateful attention into PagedAttention, whose KV cache is an input: one tensor a layer
for keys and one for values, [blocks, KV heads, tokens of a block, head size]. One sequence lives in them, block i
holding the tokens from i * block on: the first form of the engine needs no block table.

Why a prompt is cut at fixed multiples of ``CHUNK``, wherever reuse ended: the shape of a step decides the order of its
additions, and so the last bits of its results. With the same cuts a prompt that reuses a prefix gives bit for bit the
logits that it gives from nothing (promise r15).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from everwarm.engine import runtime
from everwarm.errors import ModelError

CHUNK = 128
"""Tokens of one prefill step, and the grain of reuse."""

KV_PRECISION = "f16"
INFERENCE_PRECISION = "f32"
"""Not the processor's own default, which is bfloat16 where it has that: answers should not depend on the machine."""

Logits = np.ndarray[Any, np.dtype[np.float32]]


class PagedModel:
    """One model with room for one sequence of ``context`` tokens. Not safe for use from two threads at once."""

    def __init__(self, folder: Path, *, context: int, threads: int, chunk: int = CHUNK) -> None:
        self.context = context
        self.chunk = chunk
        self.threads = threads
        try:
            compiled = _compile(folder, threads)
            self._request = compiled.create_infer_request()
            self._cache = _allocate(compiled, self._request, context)
        except RuntimeError as error:
            raise ModelError(f"the model in {folder} cannot be loaded; delete that folder and start again") from error
        self.block = int(next(iter(self._cache.values())).shape[2])
        self.settings = _settings(compiled, chunk)
        self._blocks = np.arange(-(-context // self.block), dtype=np.int32)

    @property
    def kv_bytes_a_token(self) -> float:
        """Bytes that one token takes in the KV cache."""
        return float(sum(t.byte_size for t in self._cache.values()) / (len(self._blocks) * self.block))

    def warm_up(self) -> None:
        """Let the runtime prepare itself for both shapes of step: half a second that the first answer would wait."""
        self.step((0,) * self.chunk, 0, (self.chunk - 1,))
        self.step((0,), self.chunk, (0,))

    def step(self, tokens: Sequence[int], past: int, sampled: Sequence[int]) -> Logits:
        """Compute ``tokens`` at the positions from ``past`` on, and keep their KV there.

        What was kept from ``past`` on before is lost. ``sampled`` are places in ``tokens``; gives the logits of what
        follows each of them, [len(sampled), vocabulary]. The interpreter's lock is let go of meanwhile.
        """
        count = len(tokens)
        if count == 0 or past + count > self.context:
            raise ValueError(f"{count} tokens after {past} do not fit a context of {self.context}")
        blocks = self._blocks[: -(-(past + count) // self.block)]
        inputs = {
            "input_ids": np.asarray(tokens, np.int64),
            "position_ids": np.arange(past, past + count, dtype=np.int64),
            "past_lens": np.array([past], np.int32),
            "subsequence_begins": np.array([0, count], np.int32),
            "block_indices": blocks,
            "block_indices_begins": np.array([0, len(blocks)], np.int32),
            "max_context_len": np.array(past + count, np.int32),
            "sampled": np.asarray(sampled, np.int64),
        }
        tensor = runtime.openvino().Tensor
        for name, value in inputs.items():
            self._request.set_tensor(name, tensor(value))
        self._request.infer()
        logits = np.array(self._request.get_output_tensor(0).data, dtype=np.float32)
        return logits.reshape(len(sampled), logits.shape[-1])


def _compile(folder: Path, threads: int) -> Any:
    from openvino._offline_transformations import paged_attention_transformation

    core = runtime.openvino().Core()
    model = core.read_model(folder / "openvino_model.xml")
    paged_attention_transformation(model)
    _sample_only_where_asked(model)
    properties = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "KV_CACHE_PRECISION": KV_PRECISION,
        "INFERENCE_PRECISION_HINT": INFERENCE_PRECISION,
    }
    return core.compile_model(model, "CPU", properties)


def _sample_only_where_asked(model: Any) -> None:
    """Add an input ``sampled``, positions of a step, and let the last projection compute the logits of these alone.

    For a vocabulary of 49,152 the projection of a whole prompt would cost more than all layers before it.
    """
    from openvino import opset13 as ops

    node = model.get_results()[0].input_value(0).get_node()
    while node.get_type_name() != "MatMul":
        node = node.input_value(0).get_node()
    sampled = ops.parameter([-1], np.int64, name="sampled")
    sampled.output(0).get_tensor().set_names({"sampled"})
    rows = ops.gather(node.input_value(0), sampled, ops.constant(np.int64(0)))
    node.input(0).replace_source_output(rows.output(0))
    model.add_parameters([sampled])
    model.validate_nodes_and_infer_types()


def _allocate(compiled: Any, request: Any, context: int) -> dict[str, Any]:
    """The KV tensors, by input name. The system gives memory to a page of them when it is first written."""
    ov = runtime.openvino()
    cache = {}
    for place in compiled.inputs:
        name = place.get_any_name()
        if "_cache." in name:
            shape = [d.get_length() if d.is_static else 0 for d in place.get_partial_shape()]
            shape[0] = -(-context // shape[2])
            cache[name] = ov.Tensor(place.get_element_type(), ov.Shape(shape))
            request.set_tensor(name, cache[name])
    return cache


def _settings(compiled: Any, chunk: int) -> str:
    """All that changes the bits of an answer beside the weights, as the runtime reports it after compiling."""
    ov = runtime.openvino()
    names = ("INFERENCE_PRECISION_HINT", "KV_CACHE_PRECISION", "DYNAMIC_QUANTIZATION_GROUP_SIZE")
    known = set(compiled.get_property("SUPPORTED_PROPERTIES"))
    said = [f"{name}={compiled.get_property(name)}" for name in names if name in known]
    capabilities = sorted(ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    return " ".join([*said, f"CHUNK={chunk}", *capabilities])
