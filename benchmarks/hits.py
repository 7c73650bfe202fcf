"""Exact hits against the floor: one worker process each, 32 connections, bodies of 2 kB and 60 kB, in turns."""

from __future__ import annotations

import http.client
import json
from contextlib import ExitStack
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.servers import Running, load, started

CONNECTIONS = 32
SIZES = {"2 kB": 2_000, "60 kB": 60_000}


def body(size: int) -> bytes:
    """A chat request of about ``size`` bytes, a long system prompt and some turns, written as the official SDKs do."""
    line = "You are the support assistant of a small company. Answer in one short sentence. "
    history = [{"role": r, "content": f"Turn {i}: how do I reset it?"} for i in range(3) for r in ("user", "assistant")]
    ask = {"role": "user", "content": "Say hello."}
    request = {"model": "default", "temperature": 0, "max_tokens": 200, "messages": [*history, ask]}
    filling = line * ((size - len(json.dumps(request)) - 40) // len(line))
    request["messages"] = [{"role": "system", "content": filling}, *history, ask]
    return json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()


def raw(data: bytes) -> bytes:
    """The request as it goes over the wire."""
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n"
        "authorization: Bearer sk-bench\r\n"
        f"content-type: application/json\r\nuser-agent: bench\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def primed(server: Running, data: bytes) -> int:
    """Ask until the answer comes from the cache; the size of its body."""
    for _ in range(2):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        headers = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
        connection.request("POST", "/v1/chat/completions", data, headers)
        response = connection.getresponse()
        size, hit = len(response.read()), response.getheader("x-everwarm-cache")
        connection.close()
    if hit != "hit":
        raise SystemExit(
            f"the second answer was no hit but {response.status} {hit}: {response.getheader('x-everwarm-why')}"
        )
    return size


def run(*, seconds: float, rounds: int) -> None:
    """Prints a table: the floor, ours where the same bytes come again, and where each request is spelled otherwise."""
    names = ("body", "", "requests/s", "of the floor", "p50 ms", "p99 ms", "server CPU us", "client CPU")
    table = Table(*names, title="Exact hits, 32 connections, one worker process each")
    for label, size in SIZES.items():
        figures = measured(size, seconds, rounds)
        floor = middle(figures["floor"], "per_second")
        for who, of in figures.items():
            row(table, label if who == "floor" else "", who, of, floor)
        table.add_section()
    Console().print(table)


def measured(size: int, seconds: float, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Both servers at once, loaded in turns, so that a machine that drifts drifts for both."""
    same = body(size)
    other = same[:-1] + b',"user":"@@@@@@@@"}'  # a member that no key counts: the same request in other bytes
    out: dict[str, list[dict[str, Any]]] = {"floor": [], "same bytes": [], "other bytes each time": []}
    with ExitStack() as stack:
        ours = stack.enter_context(started(["benchmarks.ours", stack.enter_context(TemporaryDirectory())]))
        floor = stack.enter_context(started(["benchmarks.floor", "--size", str(primed(ours, same))]))
        for _ in range(rounds):
            for who, server, request in zip(out, (floor, ours, ours), (same, same, other), strict=True):
                out[who].append(load(server, raw(request), seconds=seconds, connections=CONNECTIONS))
    return out


def middle(figures: list[dict[str, Any]], name: str) -> float:
    """The median of one figure."""
    return median(f[name] for f in figures)


def row(table: Table, label: str, who: str, figures: list[dict[str, Any]], floor: float) -> None:
    """One line of the table."""
    rate = middle(figures, "per_second")
    names = {"p50_ms": ".2f", "p99_ms": ".2f", "server_us": ".0f", "client_cpu": ".0%"}
    rest = (format(middle(figures, n), f) for n, f in names.items())
    table.add_row(label, who, f"{rate:,.0f}", f"{rate / floor:.2f}", *rest)
