"""What our tokenizer makes of text: passages of a given number of tokens, and prompts as the model reads them."""

from __future__ import annotations

import pydoc_data.topics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from everwarm.core.wire import Message, Part
from everwarm.engine.facts import Facts
from everwarm.engine.template import ChatTemplate
from everwarm.engine.tokens import Tokenizer

Messages = Sequence[tuple[str, str]]
"""Role and text of each."""


class Reader:
    """The packaged model's tokenizer and chat template."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self.ends = facts.ends
        self._tokenizer = Tokenizer(folder, facts)
        special = {"bos_token": facts.bos, "eos_token": facts.eos}
        named = {name: "" if token is None else facts.tokens[token] for name, token in special.items()}
        self._template = ChatTemplate(facts.chat_template, named)
        topics = pydoc_data.topics.topics
        self._text = self._tokenizer.encode("\n".join(topics[name] for name in sorted(topics)))

    def prompt(self, messages: Messages, answer: str = "") -> list[int]:
        """The tokens of a conversation up to where its next answer begins, or with that answer."""
        given = [Message(role, (Part("text", text),)) for role, text in messages]
        return self._tokenizer.encode(self._template.render(given, None, datetime(2026, 1, 1, tzinfo=UTC)) + answer)

    def passages(self) -> Passages:
        """From the first word on."""
        return Passages(self._tokenizer, self._text)


class Passages:
    """Python's own documentation in pieces, none of which is given twice. The same ones in each run of one version of
    Python."""

    def __init__(self, tokenizer: Tokenizer, text: list[int]) -> None:
        self._tokenizer = tokenizer
        self._text = text
        self._at = 0

    def next(self, tokens: int) -> str:
        """The next one, of so many tokens, give or take two at its ends."""
        begun, self._at = self._at, self._at + tokens
        if self._at > len(self._text):
            raise ValueError(f"there are only {len(self._text):,} tokens of text")
        return self._tokenizer.decode(self._text[begun : self._at]).strip()
