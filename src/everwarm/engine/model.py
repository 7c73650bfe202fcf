"""The compiled model: PagedAttention over a pool of KV blocks that we own.

OpenVINO's transformation turns stateful attention into PagedAttention, whose KV cache is an input (``pool``). One step
computes pieces of any number of sequences: of a prompt many tokens, of an answer one, or one and its drafts.

The shape of a step decides the order of its additions, and so the last bits of its results. Who needs them to be always
the same takes steps of one shape (``exact``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from everwarm.engine import runtime
from everwarm.engine.pool import BLOCK, BlockPool, blocks_of
from everwarm.errors import ModelError

KV_PRECISIONS = {
    "f16": {"KV_CACHE_PRECISION": "f16"},
    "u8": {"KV_CACHE_PRECISION": "u8", "KEY_CACHE_QUANT_MODE": "BY_TOKEN"},
}
"""What KV can be kept in, and how OpenVINO is told.

u8 with a scale for each token. Its own choice, a scale for each channel of a block's keys, changes the keys that are in
a block with each token that is added to it: what a prefix gives would depend on what came behind it.
"""

INFERENCE_PRECISION = "f32"
"""Not the processor's own default, which is bfloat16 where it has that: answers should not depend on the machine."""

Logits = np.ndarray[Any, np.dtype[np.float32]]

Frequencies = np.ndarray[Any, np.dtype[np.float64]]
"""Of rotary embeddings: by how much a position turns each pair of numbers of a key. [half of the head size]"""


class Span(NamedTuple):
    """What one sequence has computed in a step."""

    tokens: Sequence[int]
    past: int  # tokens before them, whose KV is in ``blocks``
    blocks: Sequence[int]  # of the pool, in order, with room for ``past`` and ``tokens``
    sampled: Sequence[int]  # places in ``tokens``: the logits of what follows them are wanted


class PagedModel:
    """One model and its KV pool. Not safe for use from two threads at once."""

    def __init__(self, folder: Path, *, context: int, memory: int, threads: int, kv: str = "f16") -> None:
        """``memory``: bytes of the pool, which has room for ``context`` tokens at any rate. ``kv``: its precision."""
        self.threads = threads
        try:
            model = runtime.openvino().Core().read_model(folder / "openvino_model.xml")
            self.frequencies = _frequencies(model)  # None if it has none, or several
            compiled = _compile(model, threads, kv)
            self._request = compiled.create_infer_request()
            self.pool = BlockPool(_allocate(compiled, self._request, context, memory))
        except RuntimeError as error:
            raise ModelError(
                f"the model in {folder} cannot be loaded; if we made that folder, delete it and start again, "
                "else export the model anew"
            ) from error
        self.settings = _settings(compiled)
        self._tensor = runtime.openvino().Tensor

    def step(self, spans: Sequence[Span]) -> Logits:
        """Compute all ``spans`` at once, and keep their KV. The interpreter's lock is let go of meanwhile.

        Gives a row of logits for each place that is sampled, in order: [places, vocabulary]. Valid until the next step.
        """
        inputs = _inputs(spans)
        for name, value in inputs.items():
            self._request.set_tensor(name, self._tensor(value))
        self._request.infer(share_outputs=True)  # else the logits are copied once more
        logits = self._request.get_output_tensor(0).data
        return np.asarray(logits.reshape(-1, logits.shape[-1]))


def _inputs(spans: Sequence[Span]) -> dict[str, Any]:
    """The model's inputs, as vLLM named them: see OpenVINO's PagedAttention operation."""
    sizes = [len(span.tokens) for span in spans]
    ends = [span.past + size for span, size in zip(spans, sizes, strict=True)]
    begins = [0, *accumulate(sizes)]
    return {
        "input_ids": _row(np.int64, (span.tokens for span in spans)),
        "position_ids": _row(np.int64, (range(span.past, end) for span, end in zip(spans, ends, strict=True))),
        "past_lens": np.array([span.past for span in spans], np.int32),
        "subsequence_begins": np.array(begins, np.int32),
        "block_indices": _row(np.int32, (span.blocks for span in spans)),
        "block_indices_begins": np.array([0, *accumulate(len(span.blocks) for span in spans)], np.int32),
        "max_context_len": np.array(max(ends), np.int32),
        "sampled": _row(np.int64, ([begin + at for at in s.sampled] for begin, s in zip(begins, spans, strict=False))),
    }


def _row(kind: Any, parts: Iterable[Iterable[int]]) -> Any:
    return np.array([number for part in parts for number in part], kind)


def _frequencies(model: Any) -> Frequencies | None:
    """What the positions are multiplied with before the cosine is taken: the one row of numbers that it is made of."""
    waiting = [node for node in model.get_ops() if node.get_type_name() == "Cos"]
    rows: dict[bytes, Frequencies] = {}
    while waiting:
        node = waiting.pop()
        waiting += [source.get_node() for source in node.input_values()]
        if node.get_type_name() == "Constant" and node.get_element_type().is_real() and prod(node.shape) > 1:
            row = node.get_data().reshape(-1).astype(np.float64)
            rows[row.tobytes()] = row
    return next(iter(rows.values())) if len(rows) == 1 else None


def _compile(model: Any, threads: int, kv: str) -> Any:
    from openvino._offline_transformations import paged_attention_transformation

    paged_attention_transformation(model)
    _sample_only_where_asked(model)
    properties = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # bound to a CPU, a thread waits while another program has that one
        "INFERENCE_PRECISION_HINT": INFERENCE_PRECISION,
        **KV_PRECISIONS[kv],
    }
    return runtime.openvino().Core().compile_model(model, "CPU", properties)


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


def _allocate(compiled: Any, request: Any, context: int, memory: int) -> dict[str, Any]:
    """The KV tensors, by input name."""
    ov = runtime.openvino()
    places = {p.get_any_name(): p for p in compiled.inputs if "_cache." in p.get_any_name()}
    shapes = {name: [d.get_length() for d in list(p.get_partial_shape())[1:]] for name, p in places.items()}
    block = sum(prod(shapes[name]) * p.get_element_type().size for name, p in places.items())  # bytes
    if any(shape[1] != BLOCK for shape in shapes.values()):
        raise ModelError(
            f"OpenVINO keeps KV in blocks of another form than {BLOCK} tokens; this version cannot be used"
        )
    count = blocks_of(context, memory, block)
    tensors = {}
    for name, place in places.items():
        tensors[name] = ov.Tensor(place.get_element_type(), ov.Shape([count, *shapes[name]]))
        request.set_tensor(name, tensors[name])
    return tensors


def _settings(compiled: Any) -> str:
    """All that changes the bits of an answer beside the weights, as the runtime reports it after compiling."""
    ov = runtime.openvino()
    names = ("INFERENCE_PRECISION_HINT", "KV_CACHE_PRECISION", "DYNAMIC_QUANTIZATION_GROUP_SIZE")
    known = set(compiled.get_property("SUPPORTED_PROPERTIES"))
    said = [f"{name}={compiled.get_property(name)}" for name in names if name in known]
    capabilities = sorted(ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    return " ".join([*said, *capabilities])
