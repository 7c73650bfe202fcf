"""Events of a stream -> the whole message, and back.

Only what is understood is folded: an answer with an event or a piece that nobody has described stays in the form it
has. No number changes on the way: what a tool is given is copied as the model wrote it, and all else is read exactly.
Source: Claude API reference, "Streaming Messages", as of November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, Final

import orjson

from everwarm.core import sse
from everwarm.core.dialects.anthropic_writer import write
from everwarm.core.wire import Json

Block = dict[str, Any]


class Unfit(Exception):
    """It cannot be had in that form. Never leaves the core."""


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise Unfit
    return number


read: Final[Callable[[str], Json]] = json.JSONDecoder(parse_float=_finite, parse_constant=_finite).decode
"""JSON with every integer exact. The standard library's, as orjson makes floats of those beyond 64 bits."""


_STOPS: Final = ("stop_reason", "stop_sequence", "stop_details")
"""Members of a message that a stream tells at its end."""

_ENDINGS: Final = frozenset({*_STOPS, "container"})
_BESIDE: Final = frozenset({"type", "delta", "usage", "context_management", "input_transformations"})
_SILENT: Final = frozenset({"ping", "content_block_stop"})

_TOTALS: Final = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "output_tokens_details",
    "server_tool_use",
)
"""Members of ``usage`` that a stream tells again at its end."""


class Fold:
    """One message, put together event by event. Raises ``Unfit``, ``KeyError`` or ``TypeError`` where it cannot be."""

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}
        self._blocks: dict[int, Block] = {}
        self._inputs: dict[int, str] = {}  # what a tool is given, in pieces, by the index of its block
        self._ended = False

    def add(self, event: Mapping[str, Json]) -> None:
        """One more event of the stream."""
        if event["type"] not in _SILENT:
            _EVENTS[event["type"]](self, event)

    def whole(self) -> dict[str, Json]:
        """After the last event."""
        if not self._ended:
            raise Unfit
        for index, pieces in self._inputs.items():
            self._blocks[index]["input"] = orjson.Fragment(_object(pieces))
        return {**self._whole, "content": list(self._blocks.values())}

    def _start(self, event: Mapping[str, Json]) -> None:
        if self._whole:
            raise Unfit
        self._whole = {**event["message"], "usage": dict(event["message"]["usage"])}
        self._blocks = dict(enumerate(event["message"]["content"]))

    def _start_block(self, event: Mapping[str, Json]) -> None:
        if event["index"] != len(self._blocks):
            raise Unfit
        block = self._blocks[event["index"]] = dict(event["content_block"])
        if block["type"] == "fallback":  # from here on another model speaks, and the whole bears its name
            self._whole["model"] = block["to"]["model"]

    def _delta(self, event: Mapping[str, Json]) -> None:
        delta, index = event["delta"], event["index"]
        if delta["type"] == "input_json_delta":
            if self._blocks[index]["input"] != {}:
                raise Unfit
            self._inputs[index] = self._inputs.get(index, "") + delta["partial_json"]
        else:
            _DELTAS[delta["type"]](self._blocks[index], delta)

    def _end(self, event: Mapping[str, Json]) -> None:
        if not event["delta"].keys() <= _ENDINGS or not event.keys() <= _BESIDE:
            raise Unfit
        beside = {k: v for k, v in event.items() if k not in ("type", "delta", "usage")}
        _renew(self._whole, {**event["delta"], **beside})
        _renew(self._whole["usage"], event.get("usage") or {})

    def _stop(self, event: Mapping[str, Json]) -> None:
        self._ended = bool(self._whole)


_EVENTS: Final[Mapping[str, Callable[[Fold, Mapping[str, Json]], None]]] = {
    "message_start": Fold._start,
    "content_block_start": Fold._start_block,
    "content_block_delta": Fold._delta,
    "message_delta": Fold._end,
    "message_stop": Fold._stop,
}


def _renew(old: dict[str, Any], new: Mapping[str, Json]) -> None:
    """Later values win; null says nothing."""
    old.update({k: v for k, v in new.items() if v is not None or k not in old})


def _object(pieces: str) -> bytes:
    if type(orjson.loads(pieces or "{}")) is not dict:
        raise Unfit
    return pieces.encode() or b"{}"


def _joins(name: str) -> Callable[[Block, Block], None]:
    """Deltas that hold more of a text."""

    def add(block: Block, delta: Block) -> None:
        block[name] = block[name] + delta[name]

    return add


def _sign(block: Block, delta: Block) -> None:
    if block.get("signature"):
        raise Unfit  # two of them: nobody has said which counts
    block["signature"] = delta["signature"]


def _cite(block: Block, delta: Block) -> None:
    block["citations"] = [*(block.get("citations") or []), delta["citation"]]


_DELTAS: Final[Mapping[str, Callable[[Block, Block], None]]] = {
    "text_delta": _joins("text"),
    "thinking_delta": _joins("thinking"),
    "signature_delta": _sign,
    "citations_delta": _cite,
}


def fold(events: Iterable[sse.ServerEvent]) -> dict[str, Json]:
    """The whole message of a stream."""
    message = Fold()
    for event in events:
        message.add(read(event.data))
    return message.whole()


def unfold(whole: dict[str, Json]) -> Iterator[bytes]:
    """A whole message as the stream that says the same, in as few events as clients expect."""
    ends = {k: whole[k] for k in _STOPS if k in whole}
    totals = {k: whole["usage"][k] for k in _TOTALS if whole["usage"].get(k) is not None}
    usage = {**whole["usage"], **({"output_tokens": 0} if "output_tokens" in totals else {})}
    yield write("message_start", message={**whole, **dict.fromkeys(ends), "content": [], "usage": usage})
    for index, block in enumerate(whole["content"]):
        yield from _unfold_block(index, block)
    yield write("message_delta", delta=ends, usage=totals)
    yield write("message_stop")


def _unfold_block(index: int, block: Block) -> Iterator[bytes]:
    start, deltas = _PIECES.get(block["type"], _as_it_is)(block)
    yield write("content_block_start", index=index, content_block=start)
    for delta in deltas:
        yield write("content_block_delta", index=index, delta=delta)
    yield write("content_block_stop", index=index)


def _as_it_is(block: Block) -> tuple[Block, list[Block]]:
    return block, []


def _text(block: Block) -> tuple[Block, list[Block]]:
    cited = block.get("citations") or []
    if type(block["text"]) is not str or type(cited) is not list:
        raise Unfit
    start = {**block, "text": "", **({"citations": []} if cited else {})}
    text = [{"type": "text_delta", "text": block["text"]}] if block["text"] else []
    return start, [*text, *({"type": "citations_delta", "citation": c} for c in cited)]


def _thinking(block: Block) -> tuple[Block, list[Block]]:
    said = [name for name in ("thinking", "signature") if type(block.get(name)) is str and block[name]]
    start = {**block, **dict.fromkeys(said, "")}
    return start, [{"type": f"{name}_delta", name: block[name]} for name in said]


def _tool(block: Block) -> tuple[Block, list[Block]]:
    if type(block["input"]) is not dict:
        raise Unfit
    text = json.dumps(block["input"], ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": text}]


_PIECES: Final[Mapping[str, Callable[[Block], tuple[Block, list[Block]]]]] = {
    "text": _text,
    "thinking": _thinking,
    "tool_use": _tool,
    "server_tool_use": _tool,
    "mcp_tool_use": _tool,
}
"""How a block is told in pieces. Any other comes whole, when it starts."""
