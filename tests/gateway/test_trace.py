"""Spans: their names, attributes and parents; a collector that is dead, and a library that is not there."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from everwarm.config import Telemetry
from everwarm.errors import ConfigError
from everwarm.gateway.watch import trace
from live import CHAT, Live, gateway
from scripted import Scripted

if find_spec("opentelemetry") is None:
    pytest.skip("OpenTelemetry is not installed: pip install 'everwarm[telemetry]'", allow_module_level=True)

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter(live: Live) -> InMemorySpanExporter:
    made = InMemorySpanExporter()
    live.house.tracer = trace.Tracer(Telemetry(otlp="http://127.0.0.1:1"), made)
    return made


def spans(live: Live, exporter: InMemorySpanExporter) -> list[Any]:
    assert live.house.tracer is not None
    live.house.tracer.close()
    live.house.tracer = None
    return list(exporter.get_finished_spans())


def test_an_answer_is_a_span(live: Live, exporter: InMemorySpanExporter) -> None:
    live.ask("hello there", headers={"traceparent": PARENT})
    live.ask("hello there")
    miss, hit = spans(live, exporter)
    assert miss.name == "chat default"
    assert miss.kind is SpanKind.SERVER
    assert f"{miss.parent.trace_id:x}" in PARENT
    assert f"{miss.parent.span_id:x}" in PARENT
    assert hit.parent is None
    told = dict(miss.attributes)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "openai"
    assert told["gen_ai.request.model"] == "default"
    assert told["gen_ai.response.model"] == "test-model"
    assert told["gen_ai.usage.input_tokens"] == 2
    assert told["gen_ai.usage.output_tokens"] > 0
    assert told["everwarm.cache"] == "miss"
    assert told["http.response.status_code"] == 200
    assert "error.type" not in told
    assert hit.attributes["everwarm.cache"] == "hit"
    assert miss.end_time > miss.start_time
    assert miss.resource.attributes["service.name"] == "everwarm"


def test_a_stream_says_when_it_began(live: Live, exporter: InMemorySpanExporter) -> None:
    live.ask("hi", stream=True)
    (span,) = spans(live, exporter)
    assert span.attributes["gen_ai.request.stream"] is True
    assert span.attributes["gen_ai.response.time_to_first_chunk"] > 0


def test_an_error_is_named(live: Live, exporter: InMemorySpanExporter) -> None:
    live.ask(model="nothing")
    live.upstream.fail_at[1] = OSError("a sentinel")
    live.ask(stream=True)
    live.client.post(CHAT, content=b"{")
    unknown, broken, wrong = spans(live, exporter)
    assert unknown.attributes["error.type"] == "ModelNotFound"
    assert unknown.attributes["http.response.status_code"] == 404
    assert broken.attributes["error.type"] == "Bug"
    assert broken.status.status_code is StatusCode.ERROR
    assert wrong.name == "chat"
    assert "gen_ai.request.model" not in wrong.attributes
    assert "sentinel" not in "".join(s.to_json() for s in (unknown, broken, wrong))


def test_a_wrong_parent_is_none(live: Live, exporter: InMemorySpanExporter) -> None:
    live.ask(headers={"traceparent": "00-zz"})
    (span,) = spans(live, exporter)
    assert span.parent is None


class Collector(HTTPServer):
    """Takes spans, or refuses them."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.status = status
        self.paths: list[str] = []
        self.taken = b""


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.paths.append(self.path)
        self.server.taken += body
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(params=[200])
def collector(request: pytest.FixtureRequest) -> Iterator[Collector]:
    with Collector(request.param) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def address(collector: Collector) -> str:
    return f"http://127.0.0.1:{collector.server_port}"


def test_a_collector_gets_them(tmp_path: Path, collector: Collector) -> None:
    with gateway(tmp_path, toml=f'[telemetry]\notlp = "{address(collector)}"\nservice = "front"') as live:
        live.ask("secret words")
    assert set(collector.paths) == {"/v1/traces"}
    assert b"chat default" in collector.taken
    assert b"front" in collector.taken
    assert b"secret words" not in collector.taken


@pytest.mark.parametrize("collector", [400], indirect=True)
def test_a_collector_that_refuses_is_told_of_once(
    tmp_path: Path, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = trace._exporter(address(collector))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            exporter.export([])
    assert [r.name for r in caplog.records if r.name.startswith("everwarm")] == ["everwarm.gateway"]


def test_a_collector_that_is_dead_holds_up_neither_requests_nor_the_end(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes connections and never answers
        port = silent.getsockname()[1]
        with gateway(tmp_path, Scripted(), f'[telemetry]\notlp = "http://127.0.0.1:{port}"') as live:
            for n in range(20):
                assert live.ask(f"{n}").status_code == 200
            ending = threading.Thread(target=live.house.tracer.close)  # type: ignore[union-attr]
            ending.start()
            ending.join(trace.CLOSE_SECONDS + 5)
            assert not ending.is_alive()


def test_without_the_library_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "find_spec", lambda name: None)
    trace.require(Telemetry())
    with pytest.raises(ConfigError, match=r"pip install 'everwarm\[telemetry\]'"):
        trace.require(Telemetry(otlp="http://localhost:4318"))


def test_without_traces_the_library_is_not_loaded() -> None:
    import subprocess
    import sys

    code = "import everwarm.gateway.serve, sys; print('opentelemetry' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
