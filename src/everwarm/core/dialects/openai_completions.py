"""OpenAI Completions, the older dialect: a raw prompt, and the text that follows it.

Answers differ from those of chat by a few names, so they are judged and converted there.
Source: OpenAI API reference, "Create completion", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from everwarm.core.answer import Form, Verdict
from everwarm.core.dialects import openai_chat, openai_chat_answer, openai_completions_request, openai_error
from everwarm.core.dialects.dialect import Dialect, Envelope, Head, Vendor, Writer
from everwarm.core.dialects.openai_completions_writer import Completions
from everwarm.core.wire import Json, Request
from everwarm.errors import EverwarmError


class OpenaiCompletions:
    """See ``dialect.Dialect``."""

    name = "openai_completions"
    vendor: Vendor = "openai"
    path = "/v1/completions"

    def envelope(self, value: Mapping[str, Json]) -> Envelope:
        return openai_chat.envelope(value)

    def obstacle(self, value: Mapping[str, Json]) -> str | None:
        return None  # it has no tools

    def parse(self, value: Mapping[str, Json]) -> Request:
        return openai_completions_request.parse(self.name, self.envelope(value), value)

    def writer(self, head: Head, request: Request) -> Writer:
        return Completions(head)

    def judge(self, answer: bytes, form: Form) -> Verdict:
        return openai_chat_answer.judge(answer, form)

    def convert(self, answer: bytes, have: Form, want: Form) -> bytes | None:
        return openai_chat_answer.convert(answer, have, want)

    def strainer(self, have: Form, want: Form) -> Callable[[bytes], bytes] | None:
        return openai_chat_answer.strainer(have, want)

    def error(self, e: EverwarmError) -> bytes:
        return openai_error.error(e)

    def error_event(self, e: EverwarmError) -> bytes:
        return openai_error.error_event(e)


DIALECT: Final[Dialect] = OpenaiCompletions()
