"""Passing on: what the gateway costs when it cannot help, against a bare forwarder with the same client library."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.hits import CONNECTIONS, SIZES, body, middle, row
from benchmarks.servers import Running, everwarm, load, started


def request(data: bytes, more: str = "") -> bytes:
    """As it goes over the wire."""
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n"
        f"authorization: Bearer sk-bench\r\n{more}"
        f"content-type: application/json\r\nuser-agent: bench\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def run(*, seconds: float, rounds: int) -> None:
    """Prints a table: the forwarder, ours told not to store, ours where each request is new and is stored."""
    names = ("body", "", "requests/s", "of the floor", "p50 ms", "p99 ms", "server CPU us", "client CPU")
    table = Table(*names, title="Passed on to a provider, 32 connections, one worker process each")
    for label, size in SIZES.items():
        figures = measured(size, seconds, rounds)
        floor = middle(figures["forwarder"], "per_second")
        for who, of in figures.items():
            row(table, label if who == "forwarder" else "", who, of, floor)
        table.add_section()
    Console().print(table)


def measured(size: int, seconds: float, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """All at once, loaded in turns, so that a machine that drifts drifts for all."""
    new = body(size)[:-1] + b',"seed":1@@@@@@@@}'
    asked = {
        "forwarder": request(new),
        "no-store": request(new, "cache-control: no-store\r\n"),
        "stored": request(new),
    }
    out: dict[str, list[dict[str, Any]]] = {who: [] for who in asked}
    with ExitStack() as stack:
        provider = stack.enter_context(started(["benchmarks.provider"]))
        url = f"http://127.0.0.1:{provider.port}"
        bare = stack.enter_context(started(["benchmarks.forwarder", url]))
        flags = ("--model", "none", "--upstream", f"openai={url}/v1")
        ours: Running = stack.enter_context(everwarm(*flags))
        for _ in range(rounds):
            for who, server in (("forwarder", bare), ("no-store", ours), ("stored", ours)):
                out[who].append(load(server, asked[who], seconds=seconds, connections=CONNECTIONS))
    return out
