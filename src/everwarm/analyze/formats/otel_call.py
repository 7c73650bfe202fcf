"""What a span says of a call, in the names of OpenTelemetry (new and old ones), OpenLLMetry and OpenInference.

Sources: "Semantic conventions for generative AI", where ``gen_ai.usage.input_tokens`` holds what was cached; the
``semantic_conventions.md`` of OpenInference and its change 1429, by which ``llm.token_count.prompt`` does so, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from everwarm.analyze.formats.calls import record
from everwarm.analyze.formats.langfuse import body_of, counted
from everwarm.analyze.formats.otel_prompt import Span, first, messages, parsed, system, tools
from everwarm.analyze.formats.told import Told
from everwarm.analyze.reading.answers import answer_of
from everwarm.analyze.reading.record import Record
from everwarm.analyze.reading.usages import count, disjoint
from everwarm.core.analysis.call import Place
from everwarm.core.dialects.guess import dialect_of
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_LANGFUSE: Final = "langfuse.observation."
"""How attributes begin that Langfuse's SDK writes, with what is a member of an observation in its exports."""

_MODEL: Final = (
    "gen_ai.request.model",
    "llm.model_name",
    "llm.request.model",
    "gen_ai.response.model",
    _LANGFUSE + "model.name",
)
_NO_CALLS: Final = ("embeddings", "execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "rerank")
"""Operations that ask no model for text, or of which the calls have spans of their own."""

_PROMPT: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT: Final = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_READ: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_cached_tokens",
    "gen_ai.usage.cached_tokens",
    "gen_ai.usage.cache_read_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cached_tokens",
    "llm.token_count.prompt_details.cache_read",
    "ai.usage.inputTokenDetails.cacheReadTokens",
    "ai.usage.cachedInputTokens",
)
_WRITTEN: Final = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_write_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
)
_THOUGHT: Final = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)
_TOTAL: Final = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total")


def is_call(span: Span) -> bool:
    """Whether a model was asked for text."""
    said = span.said
    if said.get("gen_ai.operation.name") in _NO_CALLS or said.get("llm.request.type") in ("embedding", "rerank"):
        return False
    if said.get(_LANGFUSE + "type", "generation") != "generation":
        return False
    kind = said.get("openinference.span.kind")
    if kind is not None:
        return bool(kind == "LLM")
    return any(name in said for name in (*_MODEL, *_PROMPT))


def call(
    span: Span, place: Place, waiting: Sequence[Json] = (), choices: Sequence[Json] = (), inner: str = ""
) -> Record:
    """``waiting`` are the messages that were logged apart from it, ``choices`` what it was answered; ``inner`` is the
    id of the call that was made within it, for one that has none."""
    said = span.said
    answer = answer_of(parsed(first(said, "gen_ai.output.messages", "output.value", _LANGFUSE + "output")))
    if answer is None and choices:
        answer = answer_of({"choices": list(choices)})
    if answer is None and isinstance(said.get("gen_ai.completion.0.content"), str):
        answer = answer_of(said["gen_ai.completion.0.content"])
    told = Told(
        at=span.at,
        began=span.began or _moment(said.get(_LANGFUSE + "completion_start_time")),
        ended=span.ended,
        first=first(said, "gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
        model=first(said, *_MODEL),
        provider=first(said, "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
        url=said.get("server.address"),
        error="error" if span.failed else said.get("error.type"),
        id=said.get("gen_ai.response.id") or inner or f"{span.trace}-{span.id}",
        session=first(said, "gen_ai.conversation.id", "session.id", "langfuse.session.id") or span.trace,
        app=span.resource.get("service.name"),
        space=first(said, "tenant.id", "gen_ai.tenant.id"),
    )
    return record(place, told, _body(span, waiting), answer, usage=_usage(said))


def _moment(value: Json) -> Json:
    """Langfuse writes it as JSON: a text with quotes."""
    return value.strip('"') if isinstance(value, str) else value


def _usage(said: Mapping[str, Json]) -> Usage | None:
    prompt, output = count(said, *_PROMPT), count(said, *_OUTPUT)
    if prompt is None and output is None:
        details = parsed(said.get(_LANGFUSE + "usage_details"))
        return counted(details) if isinstance(details, dict) and details else None
    return disjoint(
        prompt or 0,
        output or 0,
        read=count(said, *_READ) or 0,
        written=count(said, *_WRITTEN) or 0,
        reasoning=count(said, *_THOUGHT) or 0,
        total=count(said, *_TOTAL),
    )


def _body(span: Span, waiting: Sequence[Json]) -> Mapping[str, Json] | None:
    """As OpenAI's chat; or the request itself, where the span has that."""
    said = span.said
    model = first(said, *_MODEL)
    request = parsed(first(said, "input.value", "llm.request.body"))
    if isinstance(request, dict) and dialect_of(request) is not None:
        return {"model": model, **request}
    rows = [*system(said), *messages(said), *(span.messages or waiting)]
    if not rows:
        settings = said.get(_LANGFUSE + "model.parameters")
        return body_of({"input": said.get(_LANGFUSE + "input"), "modelParameters": settings}, model)
    offered = tools(said)
    return {"model": model, **({"tools": offered} if offered else {}), "messages": rows}
