"""What the model says, the same in every API: text, tool calls, or JSON of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.answer import Call, Refused, words
from providers.schema import Schema, example

PHRASE = "use the tool"
"""A user message that contains it gets a call of the first tool; "use the tools" gets a call of each."""


@dataclass(frozen=True)
class Question:
    """What decides the answer."""

    text: str  # of the last message
    from_user: bool = True  # not the result of a tool
    tools: Mapping[str, Schema] = field(default_factory=dict)
    choice: str = "auto"  # "auto", "none", "required", or a tool's name
    schema: Schema | None = None  # of structured output
    limit: int | None = None  # most tokens of text

    def called(self) -> list[str]:
        """The tools that are called."""
        if not self.tools or self.choice == "none":
            return []
        if self.choice in self.tools:
            return [self.choice]
        asked = self.from_user and PHRASE in self.text
        if asked and PHRASE + "s" in self.text:
            return list(self.tools)
        return list(self.tools)[:1] if asked or self.choice == "required" else []


@dataclass(frozen=True)
class Speech:
    """``words`` make the text; ``calls`` are names and arguments; ``cut`` says that the limit ended it."""

    words: list[str]
    calls: list[tuple[str, dict[str, Any]]]
    cut: bool = False

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def tokens(self) -> int:
        """Of the text, and one for each call's name and each of its arguments."""
        return len(self.words) + sum(1 + len(arguments) for _, arguments in self.calls)


def speak(call: Call, question: Question, choice: int = 0) -> Speech:
    """Choice 0 is "answer N to TEXT"; others say which they are."""
    text = call.text(question.text) + (f" (choice {choice})" if choice else "")
    if named := question.called():
        return Speech([], [(name, example(question.tools[name], text, call.number)) for name in named])
    if question.schema is not None:
        text = orjson.dumps(example(question.schema, text, call.number)).decode()
    if question.limit is not None and question.limit < 1:
        raise Refused(400, "The most tokens to put out must be at least 1.")
    said = words(text)
    cut = question.limit is not None and len(said) > question.limit
    return Speech(said[: question.limit], [], cut)


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list joined by spaces."""
    if isinstance(content, str):
        return content
    parts = [p for p in content or [] if isinstance(p, dict)]
    return " ".join(p["text"] if "text" in p else text_of(p.get("content")) for p in parts if _has_text(p))


def _has_text(part: dict[str, Any]) -> bool:
    return isinstance(part.get("text"), str) or part.get("type") == "tool_result"
