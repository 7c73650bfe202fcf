"""What the file of a model tells before it is loaded: what it keeps between tokens, its vocabulary, its weights.

A prefix can be shared if what a token leaves behind is one row of keys and one of values in each layer. A recurrent
state is of all tokens before it at once: there is none of a part of a prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from everwarm.engine import runtime
from everwarm.errors import ModelError

_PRECISIONS = {"f16": (2, 0), "u8": (1, 8)}
"""Bytes of a number of a token's key or value, and of what stands behind them: in u8 a scale and a zero point."""


class Network(NamedTuple):
    """One model."""

    kv: tuple[tuple[int, int], ...]  # KV heads and head size, of each key cache and value cache
    vocabulary: int  # width of its logits
    weights: Mapping[str, int]  # bytes of its constants, by element type

    def token_bytes(self, precision: str) -> int:
        """Bytes of one token's KV."""
        number, behind = _PRECISIONS[precision]
        return sum(heads * (size * number + behind) for heads, size in self.kv)


def read_network(folder: Path) -> Network:
    """From ``openvino_model.xml``. ``ModelError`` if it cannot be read, or can share no prefix."""
    try:
        model = runtime.openvino().Core().read_model(folder / "openvino_model.xml")
    except RuntimeError as error:
        raise ModelError(f"{folder}/openvino_model.xml cannot be read by OpenVINO; make the folder anew") from error
    return Network(_kv(folder, model), _vocabulary(folder, model), _weights(model))


def _kv(folder: Path, model: Any) -> tuple[tuple[int, int], ...]:
    found = []
    for variable in model.get_variables():
        shape = list(variable.info.data_shape) if variable.info.data_shape.rank.is_static else []
        if [d.is_dynamic for d in shape] != [True, False, True, False]:  # [batch, heads, tokens, size]
            raise ModelError(
                f"{folder} keeps something else than KV between tokens ({variable.info.variable_id}), as recurrent "
                "models do: nothing of a prefix could be shared. Use a model with attention alone"
            )
        found.append((shape[1].get_length(), shape[3].get_length()))
    if not found:
        raise ModelError(f"{folder} keeps no KV between tokens; export the model for text generation with past")
    return tuple(found)


def _vocabulary(folder: Path, model: Any) -> int:
    width = model.output(0).get_partial_shape()[-1]
    if width.is_dynamic:
        raise ModelError(f"{folder} does not say how many tokens it knows; export the model anew")
    return int(width.get_length())


def _weights(model: Any) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for node in model.get_ops():
        if node.get_type_name() == "Constant":
            sizes[node.get_element_type().get_type_name()] += node.get_byte_size()
    return dict(sizes.most_common())
