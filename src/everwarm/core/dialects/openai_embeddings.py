"""OpenAI Embeddings: what the gateway must know of a request on its way. No model inside answers it.

What is kept of an answer is told in ``core.vectors``: an input at a time, not an answer.
Source: OpenAI API reference, "Create embeddings", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import orjson

from everwarm.core.answer import JSON, Form, Verdict
from everwarm.core.dialects import openai_error
from everwarm.core.dialects.check import model
from everwarm.core.dialects.dialect import Dialect, Envelope, Head, Vendor, Writer
from everwarm.core.dialects.openai_usage import read_usage
from everwarm.core.usage import Usage
from everwarm.core.wire import Json, Request
from everwarm.errors import Bug, EverwarmError, Unsupported


class OpenaiEmbeddings:
    """See ``dialect.Dialect``."""

    name = "openai_embeddings"
    vendor: Vendor = "openai"
    path = "/v1/embeddings"

    def envelope(self, value: Mapping[str, Json]) -> Envelope:
        return Envelope(model(value.get("model")), JSON, sampled=False)

    def obstacle(self, value: Mapping[str, Json]) -> str | None:
        return None

    def parse(self, value: Mapping[str, Json]) -> Request:
        raise Unsupported(f"model: the model inside makes no embeddings. {UPSTREAM_NEEDED}", param="model")

    def writer(self, head: Head, request: Request) -> Writer:
        raise Bug("The model inside makes no embeddings.")

    def judge(self, answer: bytes, form: Form) -> Verdict:
        return Verdict(True, "embeddings are kept one by one", _usage(answer))

    def convert(self, answer: bytes, have: Form, want: Form) -> bytes | None:
        return answer if have == want else None

    def strainer(self, have: Form, want: Form) -> Callable[[bytes], bytes] | None:
        return None

    def error(self, e: EverwarmError) -> bytes:
        return openai_error.error(e)

    def error_event(self, e: EverwarmError) -> bytes:
        return openai_error.error_event(e)


def _usage(answer: bytes) -> Usage | None:
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    return read_usage(value.get("usage")) if type(value) is dict else None


UPSTREAM_NEEDED: Final = (
    "Embeddings come from an upstream that speaks OpenAI's protocols ([[upstream]] in the settings)."
)

DIALECT: Final[Dialect] = OpenaiEmbeddings()
