"""s17: Secrets and prompts never rest where they do not belong: sentinel values appear in no log, metric, error,
dashboard or trace. In the layout engine's notes there are only those parts of prompts that docs/layout.md names. Stored
HTML is inert in the dashboard (CSP, no inline script).
"""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from behind import MESSAGES, PATHS, VERSION, body
from live import CHAT, gateway
from program import Program, program
from providers import Provider, faults, provider

SECRETS = {
    "prompt": "zqprompt1",
    "system": "zqsystem2",
    "tool": "zqtool3",
    "answer": "zqanswer4",
    "credential": "sk-zqcredential5",
    "tenant key": "ew-zqtenant6",
    "header": "zqheader7",
    "tag": "zqtag8",
    "query": "zqquery9",
    "our credential": "sk-zqours10",
    "upstream's error": "zqerror11",
    "metadata": "zqmetadata12",
}
MODEL = "zqmodel13"
"""A model's name is no secret where models are told apart: in the ledger, in a caller's own figures and errors, in
traces. It is a client's word all the same, so it is in no log and no metric."""

EVERYTHING = {**SECRETS, "model": MODEL}

NOTED = ["system", "tool", "model"]
"""What may be found in the notes: what the requests of a stream have in common, tools as they were seen first, and of
which model tokens are known. Not what people ask, nor what they are answered."""

UPSTREAMS = """
[[upstream]]
name = "o0"
dialect = "openai"
url = "{}"
retries = 0
key_env = "EVERWARM_TEST_OURS"
[[upstream]]
name = "a0"
dialect = "anthropic"
url = "{}"
retries = 0
"""
SETTINGS = """
[log]
level = "debug"
format = "{}"
[telemetry]
otlp = "{}"
[[tenant]]
name = "acme"
keys = ["sha256:{}"]
"""


class Collector(ThreadingHTTPServer):
    """Keeps the traces that it gets."""

    taken = b""


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.taken += self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector(("127.0.0.1", 0), _Taking) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def found(text: bytes | str, secrets: dict[str, str] = EVERYTHING) -> list[str]:
    """The names of the sentinels that are in it."""
    data = text.encode() if isinstance(text, str) else text
    return [name for name, secret in secrets.items() if secret.encode() in data]


def all_of(folder: Path, start: str) -> bytes:
    """The files of this name, with those that SQLite keeps beside them."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob(start + "*")))


class Clients:
    """Everything that goes wrong, and what goes right, with sentinels in all places."""

    def __init__(self, running: Program, fake: Provider) -> None:
        self.url = running.url
        self.fake = fake
        self.errors = b""  # bodies of refusals that are the gateway's own

    def ask(
        self,
        path: str,
        *,
        key: str = SECRETS["credential"],
        system: str = SECRETS["system"],
        control: str = "",
        **more: Any,
    ) -> httpx.Response:
        sent = body(path, f"tell me {SECRETS['prompt']}", **more)
        sent |= {"model": MODEL, "metadata": {"user_id": SECRETS["metadata"]}}
        if path == CHAT:
            sent["messages"].insert(0, {"role": "system", "content": system})
            sent["tools"] = [{"type": "function", "function": {"name": SECRETS["tool"], "parameters": {}}}]
        headers = {"authorization": f"Bearer {key}", "x-secret": SECRETS["header"], "x-everwarm-tags": SECRETS["tag"]}
        headers |= VERSION if path == MESSAGES else {}
        headers |= {"cache-control": control} if control else {}
        query = {"api_key": SECRETS["query"]}
        return httpx.post(self.url + path, json=sent, headers=headers, params=query, timeout=20)

    def refuse(self, content: bytes | str, **headers: str) -> None:
        """Send what the gateway itself refuses."""
        named = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        answer = httpx.post(self.url + CHAT, content=content, headers=named)
        assert answer.status_code >= 400
        self.errors += answer.content

    def right(self) -> None:
        for path in PATHS:
            for stream in (False, True):
                caches = {self.ask(path, stream=stream).headers["x-everwarm-cache"] for _ in range(2)}
                assert "hit" in caches
        assert self.ask(CHAT, key=SECRETS["tenant key"]).status_code == 200
        httpx.get(self.url + "/v1/files?after=" + SECRETS["query"], headers={"x-secret": SECRETS["header"]})
        httpx.request("DELETE", self.url + "/v1/cache?tag=" + SECRETS["tag"])

    def wrong_upstreams(self) -> None:
        told = b'{"error": "' + SECRETS["upstream's error"].encode() + b'"}'
        any_form = [faults.status(500, told), faults.status(400, told), faults.reset(), faults.malformed()]
        any_form += [faults.gzipped(), faults.junk_after_end(), faults.close(at=0, inside=True)]
        streams = [faults.reset(at=2), faults.error_event(), faults.truncated(1)]
        every = [*product(any_form, (False, True)), *product(streams, (True,))]
        for number, (plan, stream) in enumerate(every):
            self.fake.plan = [plan]
            with suppress(httpx.RemoteProtocolError):
                self.ask(CHAT, stream=stream, seed=number)

    def wrong_requests(self) -> None:
        secret = SECRETS["prompt"]
        self.refuse(f'{{"messages": [{secret!r}')
        self.refuse(f'{{"model": 3, "messages": "{secret}"}}')
        self.refuse(f'{{"model": "{MODEL}", "messages": [], "n": {{"{secret}": NaN}}}}')
        self.refuse(secret, content_type=f"text/{SECRETS['header']}")
        self.refuse(secret, content_encoding=SECRETS["header"])
        self.refuse("{}", cookie=SECRETS["credential"], content_length="2, 2")
        answer = httpx.get(self.url + "/nothing?x=" + SECRETS["query"])
        self.errors += answer.content


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_sentinel_in_log_ledger_metrics_errors_figures_or_traces(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("EVERWARM_TEST_OURS", SECRETS["our credential"])
    data = tmp_path / "data"
    otlp = f"http://127.0.0.1:{collector.server_port}" if find_spec("opentelemetry") else ""
    settings = SETTINGS.format(form, otlp, sha256(SECRETS["tenant key"].encode()).hexdigest())
    with provider() as fake:
        fake.text = lambda n, question: f"the answer {n} is {SECRETS['answer']}, you asked {question}"
        toml = settings + UPSTREAMS.format(fake.url, fake.anthropic_url)
        with program(data, toml) as running:
            clients = Clients(running, fake)
            clients.right()
            clients.wrong_upstreams()
            clients.wrong_requests()
            metrics, stats = running.get("/metrics").text, running.get("/stats").text
            own = httpx.get(running.url + "/stats", headers={"authorization": f"Bearer {SECRETS['credential']}"}).text
        told = running.told
        log = running.said
        assert fake.asked
        fake.plan = []
    assert found(metrics) == []
    assert 'status_class="2xx"' in metrics
    assert found(stats) == [], "nobody's figures tell of another's model"
    assert found(own, SECRETS) == []
    assert found(clients.errors, SECRETS) == []
    assert f"POST {CHAT} 200 hit" in log
    assert found(log) == []
    assert found(told) == []
    assert found(all_of(data, "ledger.db"), SECRETS) == []
    assert found(all_of(data, "ledger.db")) == ["model"], "the search finds what is there"
    assert found(all_of(data, "layout.db")) == NOTED
    assert found(all_of(data, "keys") + all_of(data, "secret")) == []
    assert {"answer", "tag"} <= set(found(all_of(data, "cache.db"))), "likewise"
    assert (
        found(all_of(data, "cache.db"), {k: SECRETS[k] for k in ("credential", "tenant key", "our credential")}) == []
    )
    if otlp:
        assert found(collector.taken) == ["model"]


CLOCK = "Current time: 2026-03-02 09:0{}:59\n"
LATER = f"{SECRETS['system']} is what the model is told behind it. " * 9
UNKEPT = "zqunkept14"
IN_JSON = '{"b": 1, "a": "zqjson15"}'


def test_the_notes_hold_parts_of_prompts_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation whose clock is moved: the values that must be told again in each turn rest, as it is written."""
    monkeypatch.setenv("EVERWARM_TEST_OURS", SECRETS["our credential"])
    data, settings = tmp_path / "data", '[layout]\nmode = "rewrite"\n'
    settings += f'[[tenant]]\nname = "acme"\nkeys = ["sha256:{sha256(SECRETS["tenant key"].encode()).hexdigest()}"]\n'
    with provider() as fake:
        fake.text = lambda n, question: f"the answer {n} is {SECRETS['answer']}"
        with program(data, settings + UPSTREAMS.format(fake.url, fake.anthropic_url)) as running:
            clients = Clients(running, fake)
            for key in (SECRETS["credential"], SECRETS["tenant key"]):
                talk: list[dict[str, str]] = []
                for turn in range(6):
                    talk.append(
                        {"role": "user", "content": f"{turn}: tell me {SECRETS['prompt']}" if turn else IN_JSON}
                    )
                    answer = clients.ask(CHAT, key=key, system=CLOCK.format(turn) + LATER, messages=list(talk))
                    talk.append(answer.json()["choices"][0]["message"])
            clients.ask(CHAT, system=CLOCK.format(9) + UNKEPT + LATER, control="no-store")
        last = fake.asked[-2].json["messages"]
    assert CLOCK.format(5).strip() not in last[0]["content"], "it was moved"
    notes = all_of(data, "layout.db")
    assert b"2026-03-02 09:05:59" in notes, "so its value rests"
    assert IN_JSON.encode() in notes, "as does the first spelling of what is JSON"
    assert UNKEPT.encode() not in notes
    assert found(notes) == NOTED
    for path in (data, *data.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name


def test_a_bug_of_ours_tells_the_log_where_and_not_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The exception of a library that quotes what it choked on."""
    import logging

    from everwarm import log
    from everwarm.gateway import ask, converse

    handler = logging.StreamHandler()
    handler.setFormatter(log.Lines())
    monkeypatch.setattr(logging.getLogger("everwarm"), "handlers", [handler])

    def understand(*args: object) -> object:
        raise ValueError(f"cannot make anything of {SECRETS['prompt']}")

    monkeypatch.setattr(converse, "understand_now", understand)  # where it is tried at once, and the second time
    monkeypatch.setattr(ask, "understand_now", understand)
    with gateway(tmp_path) as live:
        answer = live.ask(SECRETS["prompt"])
    assert answer.status_code == 500
    assert found(answer.content) == []
    said = capfd.readouterr().err
    assert "ValueError" in said
    assert "understand" in said
    assert found(said) == []


HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>"


def test_stored_html_is_inert_in_the_dashboard(tmp_path: Path) -> None:
    with gateway(tmp_path) as live:
        live.ask(model=HOSTILE)
        page, stats = live.client.get("/"), live.client.get("/stats")
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert HOSTILE not in page.text
        assert stats.headers["content-type"] == "application/json"
    here = files("everwarm.dashboard")
    markup, script = (here.joinpath(name).read_text("utf-8") for name in ("index.html", "app.js"))
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+\s*=|javascript:|<style|\sstyle=", markup, re.I)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script)
