"""A stand-in for the gateway, at the edge of the machine: real HTTP on loopback, made-up answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from typing import Any

import pytest

from everwarm.demo.client import Answer
from everwarm.demo.script import Ask
from everwarm.demo.tally import Characters, Result

COUNTED = ("requests", "asked", "output", "computed", "made", "prefixed", "prefix", "hit", "joined")


class Flight:
    """One request under way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.joined = threading.Semaphore(0)
        self.reply: dict[str, Any] = {}


class FakeGateway(ThreadingHTTPServer):
    """Remembers answers, joins equal requests in flight, and reuses the prefix of any prompt, to the letter."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.stored: dict[str, dict[str, Any]] = {}
        self.flights: dict[str, Flight] = {}
        self.known: list[str] = []  # prompts
        self.model = threading.Lock()  # who shares a prefix that is being computed waits for it
        self.bodies: list[bytes] = []
        self.credentials: set[str | None] = set()
        self.hold_for: dict[str, int] = {}  # question -> how many must have joined before it is answered
        self.speed = 0.0  # prompt tokens a second; 0 is at once
        self.refuse: tuple[int, str] | None = None
        self.break_streams = False
        self.miscount = 0
        self.counts = dict.fromkeys(COUNTED, 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stats(self) -> dict[str, Any]:
        return stats_of(self.counts, self.miscount)

    def answer(self, asked: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
        """How, the reply, and its key."""
        key = key_of(asked)
        with self.lock:
            if key in self.stored:
                return "hit", self.stored[key], key
            flight = self.flights.get(key)
            leads = flight is None
            if flight is None:
                flight = self.flights[key] = Flight()
        if not leads:
            flight.joined.release()
            assert flight.done.wait(30)
            return "joined", flight.reply, key
        for _ in range(self.hold_for.pop(text_of(asked["messages"][-1]), 0)):
            assert flight.joined.acquire(timeout=30), "nobody joined"
        flight.reply = self.compute(asked)
        with self.lock:
            self.stored[key] = flight.reply
            del self.flights[key]
        flight.done.set()
        return "miss", flight.reply, key

    def compute(self, asked: dict[str, Any]) -> dict[str, Any]:
        prompt = "".join(f"{m['role']}:{text_of(m)};" for m in asked["messages"])
        with self.model:
            longest = max((alike(prompt, other) for other in self.known), default=0)
            shared = min(longest, len(prompt) - 1)
            self.known.append(prompt)
            if self.speed:
                time.sleep((len(prompt) - shared) / self.speed)
        text = f"About {text_of(asked['messages'][-1]).lower()}"
        usage = {
            "prompt_tokens": len(prompt),
            "completion_tokens": len(text.split()),
            "prompt_tokens_details": {"cached_tokens": shared},
        }
        return {"text": text, "usage": usage}

    def count(self, how: str, usage: dict[str, Any]) -> None:
        with self.lock:
            cached = usage["prompt_tokens_details"]["cached_tokens"] if how == "miss" else 0
            self.counts["requests"] += 1
            self.counts["asked"] += usage["prompt_tokens"]
            self.counts["output"] += usage["completion_tokens"]
            self.counts["prefix"] += cached
            self.counts["prefixed"] += cached > 0
            if how == "miss":
                self.counts["computed"] += usage["prompt_tokens"] - cached
                self.counts["made"] += usage["completion_tokens"]
            if how != "miss":
                self.counts[how] += 1


def stats_of(counts: dict[str, int], miscount: int = 0) -> dict[str, Any]:
    """Sums in the shape of ``GET /stats``."""
    return {
        "requests": counts["requests"],
        "tokens": {
            "asked": {"prompt": counts["asked"] + miscount, "output": counts["output"]},
            "computed": {"prompt": counts["computed"], "output": counts["made"]},
        },
        "layers": {
            "exact": {"requests": counts["hit"]},
            "flight": {"requests": counts["joined"]},
            "prefix": {"requests": counts["prefixed"], "tokens_saved": counts["prefix"]},
        },
        "money": money(counts["asked"] / 1e6, counts["computed"] / 1e6),
    }


def money(without: float, paid: float) -> dict[str, Any]:
    """At one dollar for a million prompt tokens."""
    sums = {"without": without, "with": paid, "saved": without - paid}
    return {"prices_of": "gpt-x", "provider": "someone", "currency": "USD", **sums}


def alike(one: str, other: str) -> int:
    """Letters that both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def key_of(asked: dict[str, Any]) -> str:
    """Equal for equal meaning, as far as this demo varies it."""
    kept = {k: v for k, v in asked.items() if k not in ("user", "stream", "stream_options", "n")}
    kept["messages"] = [{**m, "content": text_of(m)} for m in asked["messages"]]
    kept["temperature"] = float(kept["temperature"])
    return json.dumps(kept, sort_keys=True)


class Handler(BaseHTTPRequestHandler):
    server: FakeGateway

    def log_message(self, *args: object) -> None:
        return

    def do_GET(self) -> None:
        pages = {"/healthz": {"status": "ok"}, "/stats": self.server.stats()}
        page = pages.get(self.path)
        self.reply(200 if page else 404, json.dumps(page).encode())

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(data)
        self.server.credentials.add(self.headers["authorization"])
        if self.server.refuse:
            status, words = self.server.refuse
            self.reply(status, json.dumps({"error": {"message": words}}).encode())
            return
        asked = json.loads(data)
        how, answer, key = self.server.answer(asked)
        self.server.count(how, answer["usage"])
        headers = {
            "x-everwarm-cache": how,
            "x-everwarm-via": "exact" if how == "hit" else "engine",
            "x-everwarm-key": f"{abs(hash(key)):x}",
            "x-everwarm-age": "0",
        }
        if how == "miss":
            headers["x-everwarm-why"] = "nothing like it was asked before"
        if asked.get("stream"):
            self.reply(200, self.events(asked, answer), headers | {"content-type": "text/event-stream"})
        else:
            choice = {"message": {"role": "assistant", "content": answer["text"]}, "finish_reason": "stop"}
            body = {"model": "fake-1", "choices": [choice], "usage": answer["usage"]}
            self.reply(200, json.dumps(body).encode(), headers)

    def events(self, asked: dict[str, Any], answer: dict[str, Any]) -> bytes:
        deltas = [{"content": word + " "} for word in answer["text"].split()]
        deltas[-1] = {"content": deltas[-1]["content"].rstrip()}
        chunks: list[dict[str, Any]] = [
            {"model": "fake-1", "choices": [{"delta": delta, "finish_reason": None}]}
            for delta in [{"role": "assistant"}, *deltas]
        ]
        chunks.append({"model": "fake-1", "choices": [{"delta": {}, "finish_reason": "stop"}]})
        if asked["stream_options"]["include_usage"]:
            chunks.append({"model": "fake-1", "choices": [], "usage": answer["usage"]})
        lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
        return b": hello\n\n" + b"".join(lines) + (b"" if self.server.break_streams else b"data: [DONE]\n\n")

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    """A fake gateway on a free port."""
    server = FakeGateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def made() -> Callable[..., Result]:
    """Results by hand: what is not said is a plain computed request."""

    def make(
        number: int = 1,
        ask: Ask | None = None,
        characters: Characters | None = None,
        restarted: bool = False,
        **said: Any,
    ) -> Result:
        answer = Answer("a", "miss", "engine", "", f"k{number}", None, 100, 5, 0, None, 50.0, True, "m")
        answer = answer._replace(**said)
        return Result(number, ask or Ask("Ben", "Why?"), characters or Characters(80, 10, 10), answer, restarted)

    return make
