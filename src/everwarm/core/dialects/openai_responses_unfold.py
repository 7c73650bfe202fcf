"""A whole response as the typed events of a stream that say the same, in as few as clients expect.

Source: OpenAI API reference, "Streaming events", as of November 2026. Whoever reads only the last event, and whoever
adds up the pieces, gets the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from everwarm.core.dialects.openai_responses_events import Numbered
from everwarm.core.wire import Json

Piece = tuple[str, dict[str, Json]]
"""The type of an event and its members, without its number."""

Place = dict[str, Json]
"""Where a piece belongs: ``item_id``, ``output_index`` and, below an item, the index there."""


_BEGUN: Final[dict[str, Json]] = {
    "status": "in_progress",
    "output": [],
    "usage": None,
    "incomplete_details": None,
    "completed_at": None,
}
"""What a response says of itself before it has said anything else."""


def unfold(response: dict[str, Any]) -> Iterator[bytes]:
    """The events of a response that has ended."""
    write = Numbered()
    begun = {**response, **{k: v for k, v in _BEGUN.items() if k in response}}
    yield write("response.created", response=begun)
    yield write("response.in_progress", response=begun)
    for index, item in enumerate(response["output"]):
        for kind, members in _item(item, index):
            yield write(kind, **members)
    yield write(f"response.{response['status']}", response=response)


def _item(item: dict[str, Any], index: int) -> Iterator[Piece]:
    """One item, from its beginning to its end; of a type without pieces just these two."""
    empty, pieces = _ITEMS.get(item["type"], _WHOLE)
    begun = {**item, **{name: type(item[name])() for name in empty if item.get(name)}}
    if "status" in item:
        begun["status"] = "in_progress"
    yield "response.output_item.added", {"output_index": index, "item": begun}
    yield from pieces(item, {"item_id": item.get("id") or "", "output_index": index})
    yield "response.output_item.done", {"output_index": index, "item": item}


def _message(item: dict[str, Any], at: Place) -> Iterator[Piece]:
    for index, part in enumerate(item["content"]):
        yield from _PARTS.get(part["type"], _part)(part, {**at, "content_index": index})


def _part(part: dict[str, Any], at: Place) -> Iterator[Piece]:
    yield "response.content_part.added", {**at, "part": part}
    yield "response.content_part.done", {**at, "part": part}


def _text(part: dict[str, Any], at: Place) -> Iterator[Piece]:
    probabilities = part.get("logprobs") or []
    begun = {k: [] if type(v) is list else v for k, v in part.items()}
    yield "response.content_part.added", {**at, "part": {**begun, "text": ""}}
    if part["text"] or probabilities:
        yield "response.output_text.delta", {**at, "delta": part["text"], "logprobs": probabilities}
    for index, annotation in enumerate(part.get("annotations") or ()):
        yield (
            "response.output_text.annotation.added",
            {**at, "annotation_index": index, "annotation": annotation},
        )
    yield "response.output_text.done", {**at, "text": part["text"], "logprobs": probabilities}
    yield "response.content_part.done", {**at, "part": part}


def _refusal(part: dict[str, Any], at: Place) -> Iterator[Piece]:
    yield "response.content_part.added", {**at, "part": {**part, "refusal": ""}}
    if part["refusal"]:
        yield "response.refusal.delta", {**at, "delta": part["refusal"]}
    yield "response.refusal.done", {**at, "refusal": part["refusal"]}
    yield "response.content_part.done", {**at, "part": part}


def _thought(part: dict[str, Any], at: Place) -> Iterator[Piece]:
    yield "response.content_part.added", {**at, "part": {**part, "text": ""}}
    yield "response.reasoning_text.delta", {**at, "delta": part["text"]}
    yield "response.reasoning_text.done", {**at, "text": part["text"]}
    yield "response.content_part.done", {**at, "part": part}


def _reasoning(item: dict[str, Any], at: Place) -> Iterator[Piece]:
    for index, part in enumerate(item.get("summary") or ()):
        place = {**at, "summary_index": index}
        yield "response.reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
        yield "response.reasoning_summary_text.delta", {**place, "delta": part["text"]}
        yield "response.reasoning_summary_text.done", {**place, "text": part["text"]}
        yield "response.reasoning_summary_part.done", {**place, "part": part}
    for index, part in enumerate(item.get("content") or ()):
        yield from _PARTS.get(part["type"], _part)(part, {**at, "content_index": index})


def _argued(member: str, event: str) -> Callable[[dict[str, Any], Place], Iterator[Piece]]:
    """For an item whose one text comes in pieces."""

    def pieces(item: dict[str, Any], at: Place) -> Iterator[Piece]:
        if item[member]:
            yield f"{event}.delta", {**at, "delta": item[member]}
        yield f"{event}.done", {**at, member: item[member]}

    return pieces


def _nothing(item: dict[str, Any], at: Place) -> Iterator[Piece]:
    return iter(())


_PARTS: Final[Mapping[str, Callable[[dict[str, Any], Place], Iterator[Piece]]]] = {
    "output_text": _text,
    "refusal": _refusal,
    "reasoning_text": _thought,
}

_WHOLE: Final = ((), _nothing)

_ITEMS: Final[Mapping[str, tuple[tuple[str, ...], Callable[[dict[str, Any], Place], Iterator[Piece]]]]] = {
    "message": (("content",), _message),
    "reasoning": (("summary", "content"), _reasoning),
    "function_call": (("arguments",), _argued("arguments", "response.function_call_arguments")),
    "custom_tool_call": (("input",), _argued("input", "response.custom_tool_call_input")),
}
"""Type of an item -> its members that are empty when it begins, and what fills them."""
