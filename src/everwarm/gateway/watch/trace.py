"""Traces for a collector: one span a request for an answer, in the words of OpenTelemetry's conventions for generative
AI. What a request says and what is answered is never in it, nor are headers, credentials or tags.

A span is made when its request has ended, of the same row as the ledger's. The library sends them from a thread of its
own, in batches, and lets go of what it cannot send: a collector that is dead costs the requests nothing.

The names of attributes are written out here: the conventions are still in development and were moved out of the
library that has them as constants.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from everwarm import __version__
from everwarm.config import Telemetry
from everwarm.core.dialects.dialect import Dialect
from everwarm.errors import ConfigError
from everwarm.gateway.door.exchange import Exchange
from everwarm.ledger.record import Row

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = logging.getLogger("everwarm.gateway")

OPERATIONS: Final = {"openai_completions": "text_completion", "openai_embeddings": "embeddings"}
"""What a dialect does, in the words of the conventions; all others chat."""

CLOSE_SECONDS: Final = 3.0
"""How long the end of the gateway waits for a collector."""
WARN_SECONDS: Final = 60.0
LONGEST_NAME: Final = 200

Attributes = dict[str, str | int | float | bool]


def require(settings: Telemetry) -> None:
    """Raises ``ConfigError`` if traces are wanted and cannot be made."""
    wanted = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
    if settings.otlp and not all(map(_installed, wanted)):
        raise ConfigError(
            "telemetry.otlp is set, but OpenTelemetry is not installed: pip install 'everwarm[telemetry]', or take the "
            "setting away."
        )


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # not even the package that it would be in
        return False


class Tracer:
    """Makes spans and sends them. ``exporter``: where to, for tests; else OTLP over HTTP, to the configured address."""

    def __init__(self, settings: Telemetry, exporter: SpanExporter | None = None) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it says all it has to say at every batch
        resource = Resource.create({"service.name": settings.service, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(settings.otlp)))
        self._tracer = self._provider.get_tracer("everwarm", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def record(self, x: Exchange, dialect: Dialect, row: Row, asked: str) -> None:
        """One request has ended. ``asked``: the model as the client named it; empty if that is not known."""
        from opentelemetry.trace import SpanKind, StatusCode

        operation, asked = OPERATIONS.get(dialect.name, "chat"), asked[:LONGEST_NAME]
        begun = int(row.at * 1e9)
        span = self._tracer.start_span(
            f"{operation} {asked}" if asked else operation,
            self._parent(x),
            SpanKind.SERVER,
            _attributes(x, dialect, row, operation, asked),
            start_time=begun,
        )
        if row.status >= 500 or x.error:
            span.set_status(StatusCode.ERROR)
        span.end(begun + int(row.total_ms * 1e6))

    def _parent(self, x: Exchange) -> Context:
        names = (b"traceparent", b"tracestate")
        carrier = {n.decode(): v.decode("latin-1") for n, v in x.headers if n in names}
        return self._propagator.extract(carrier)

    def close(self) -> None:
        """Send what is left, if the collector takes it at once."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_SECONDS)


def _attributes(x: Exchange, dialect: Dialect, row: Row, operation: str, asked: str) -> Attributes:
    told: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": dialect.vendor,
        "gen_ai.request.model": asked,
        "gen_ai.request.stream": row.stream,
        "gen_ai.response.model": row.model if row.model != asked else "",
        "gen_ai.usage.input_tokens": row.prompt,
        "gen_ai.usage.output_tokens": row.output,
        "gen_ai.usage.cache_read.input_tokens": row.prefix_cached,
        "everwarm.cache": row.cache,
        "everwarm.via": row.via,
        "everwarm.saved_ms": row.saved_ms,
        "http.request.method": x.scope["method"],
        "http.route": dialect.path,
        "http.response.status_code": row.status,
        "url.path": dialect.path,
        "url.scheme": "http",
        "error.type": x.error or (str(row.status) if row.status >= 400 else ""),
    }
    if row.stream:
        told["gen_ai.response.time_to_first_chunk"] = row.ttft_ms / 1000
    return {name: value for name, value in told.items() if value not in ("", 0) or value is False}


def _exporter(address: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Calm(SpanExporter):
        """Says once a minute that spans were lost, where the library would say so at every batch."""

        def __init__(self) -> None:
            self._inner = OTLPSpanExporter(address.rstrip("/") + "/v1/traces")
            self._lost = 0
            self._warned = float("-inf")

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            result = self._inner.export(spans)
            if result is not SpanExportResult.SUCCESS:
                self._lost += len(spans)
                self._warn()
            return result

        def _warn(self) -> None:
            if monotonic() - self._warned >= WARN_SECONDS:
                self._warned = monotonic()
                log.warning("%s does not take traces; %d spans were lost so far.", address, self._lost)

        def shutdown(self) -> None:
            self._inner.shutdown()  # type: ignore[no-untyped-call]

    return Calm()
