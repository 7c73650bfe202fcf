"""An answer that came as a stream is the same however its events are written, and however its text is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.reading.answers import answer_of
from logged import CHAT_ANSWER

HEAD = {"id": "chatcmpl-0123456789", "model": "gpt-5.1"}
END = {**HEAD, "choices": [], "usage": CHAT_ANSWER["usage"]}


def said(text: str) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": {"content": text}}]}


EVENTS = [said("Hel"), said("lo\n\n"), END]
STREAM = "".join(f"data: {json.dumps(event)}\n\n" for event in EVENTS) + "data: [DONE]\n\n"


@pytest.mark.parametrize(
    "stream",
    [
        STREAM.replace("\n", "\r\n"),
        STREAM.replace("\n", "\r"),
        STREAM.replace("data: ", "data:"),
        STREAM.replace("data: ", "event: chunk\ndata: "),
        STREAM.replace("data: ", "event: chunk\rdata: "),
        STREAM.replace("data: ", "event: chunk\nid: 1\ndata: "),
        STREAM.replace("\n\n", '\n\n: -- {"error": true}\n\n'),
        STREAM.replace("\n\n", "\n\n\n"),
        "".join(f"data: {json.dumps(event, indent=1)}\n\n".replace("\n ", "\ndata:  ").replace("\n}", "\ndata: }")
                for event in EVENTS),
        STREAM.removesuffix("\n\n"),
        STREAM.removesuffix("data: [DONE]\n\n") + 'data: {"id": "cut',
    ],
    ids=["CRLF", "CR", "no space", "named", "named, CR", "with ids", "comments", "more empty lines", "several lines",
         "no end", "cut"],
)  # fmt: skip
def test_however_events_are_written(stream: str) -> None:
    assert answer_of(stream) == answer_of(EVENTS) == answer_of(STREAM)


@given(st.text(min_size=1), st.lists(st.integers(0, 9)))
def test_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    pieces, rest = list[str](), text
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    whole, parts = (answer_of([*map(said, row), END]) for row in ([text], [*pieces, rest]))
    assert whole == parts
    assert whole is not None
    assert len(whole.digest) == 16
    assert whole != answer_of([said(text + "."), END])
