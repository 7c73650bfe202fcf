"""One request over HTTP, with the standard library only: what any client of the gateway sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from everwarm.errors import Broken, ConfigError, OperatorError

TIMEOUT = 180.0
"""Seconds without a byte after which an answer is given up."""


class Answer(NamedTuple):
    """What came back. Times in milliseconds from just before connecting."""

    text: str
    cache: str  # x-everwarm-cache: hit | miss | bypass | joined
    via: str  # x-everwarm-via
    why: str  # x-everwarm-why; "" if none
    key: str  # x-everwarm-key; "" if none
    age: float | None  # seconds; None if none
    prompt: int  # tokens, of usage
    output: int
    cached: int  # of the prompt, as usage says it
    first_ms: float | None  # to the first piece of text; only streams show it
    total_ms: float
    complete: bool  # ended by itself, not cut off
    model: str  # who answered, as the answer says it


class Client:
    """Speaks to one gateway. ``credential`` becomes the bearer token; without one the gateway sees the public."""

    def __init__(self, url: str, credential: str | None = None) -> None:
        self.url = url
        self._secure, self._host, self._port, self._base = _address(url)
        self._headers = {"Authorization": f"Bearer {credential}"} if credential else {}

    def chat(self, body: bytes, sent: Callable[[], object] = lambda: None) -> Answer:
        """Ask, and wait for the whole answer. ``sent`` is called once the request is on its way."""
        start = perf_counter()
        connection = self._connect()
        try:
            connection.request("POST", f"{self._base}/v1/chat/completions", body, _JSON | self._headers)
            sent()
            return _read_answer(connection.getresponse(), start)
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error
        except (ValueError, LookupError, TypeError) as error:
            raise Broken(f"{self.url} sent an answer that is no chat completion: {error}") from error
        finally:
            sent()  # whoever waits for it must not wait for ever
            connection.close()

    def get(self, path: str, timeout: float = TIMEOUT) -> tuple[int, Any]:
        """Status and JSON of one page; None in place of what is not JSON."""
        return self._exchange("GET", path, None, {"Accept": "application/json"}, timeout)

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        """Likewise, of what a JSON body brings about."""
        return self._exchange("POST", path, body, _JSON, TIMEOUT)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> tuple[int, Any]:
        connection = self._connect(timeout)
        try:
            connection.request(method, f"{self._base}{path}", body, headers | self._headers)
            response = connection.getresponse()
            return response.status, _json_or_none(response.read())
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _connect(self, timeout: float = TIMEOUT) -> HTTPConnection:
        kind = HTTPSConnection if self._secure else HTTPConnection
        return kind(self._host, self._port, timeout=timeout)

    def _unreachable(self, error: Exception) -> OperatorError:
        said = str(error) or type(error).__name__
        return OperatorError(f"The gateway at {self.url} does not answer ({said}). Is it running there?")


def _address(url: str) -> tuple[bool, str, int | None, str]:
    """Whether encrypted, host, port, and the path in front of the gateway's own."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts.scheme == "https", parts.hostname, parts.port, parts.path.rstrip("/").removesuffix("/v1")
    except ValueError:
        pass  # a port that is no number, a bracket that is not closed: the same message
    raise ConfigError(f"{url!r} is not the address of a gateway; it looks like http://127.0.0.1:8400")


_JSON = {"Content-Type": "application/json"}


def _read_answer(response: HTTPResponse, start: float) -> Answer:
    if response.status != 200:
        raise _refused(response.status, response.read())
    if (response.getheader("content-type") or "").startswith("text/event-stream"):
        text, usage, finish, model, first = _read_stream(response, start)
    else:
        reply = json.loads(response.read())
        choice, usage, model, first = reply["choices"][0], reply["usage"], reply["model"], None
        text, finish = choice["message"]["content"] or "", choice["finish_reason"]
    age = response.getheader("x-everwarm-age")
    return Answer(
        text=text,
        cache=response.getheader("x-everwarm-cache") or "",
        via=response.getheader("x-everwarm-via") or "",
        why=response.getheader("x-everwarm-why") or "",
        key=response.getheader("x-everwarm-key") or "",
        age=float(age) if age else None,
        prompt=int(usage["prompt_tokens"]),
        output=int(usage["completion_tokens"]),
        cached=int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0),
        first_ms=first,
        total_ms=(perf_counter() - start) * 1000,
        complete=finish != "length",
        model=str(model),
    )


def _read_stream(response: HTTPResponse, start: float) -> tuple[str, dict[str, Any], str, str, float | None]:
    """Text, usage, finish reason, model, milliseconds to the first text. An answer without its end is an error."""
    pieces: list[str] = []
    usage: dict[str, Any] = {}
    finish, model, first, ended = "", "", None, False
    for line in response:
        data = line.strip().removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
        if data == b"[DONE]":
            ended = True
        if not data or ended:
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise Broken(f"The answer broke off: {_message(chunk)}")
        usage, model = chunk.get("usage") or usage, chunk.get("model") or model
        for choice in chunk["choices"]:
            piece = choice["delta"].get("content") or ""
            if piece and first is None:
                first = (perf_counter() - start) * 1000
            pieces.append(piece)
            finish = choice.get("finish_reason") or finish
    if not ended:
        raise Broken("The answer broke off: the stream ended without [DONE]")
    return "".join(pieces), usage, finish, model, first


def _refused(status: int, body: bytes) -> Broken | ConfigError:
    said = _message(_json_or_none(body))
    if status in (401, 403):
        return ConfigError(f"The gateway wants another key ({status}: {said}). Put one in EVERWARM_DEMO_KEY.")
    return Broken(f"The gateway answered {status}: {said}")


def _message(reply: Any) -> str:
    """The words of an error in the dialect's shape."""
    error = reply.get("error") if isinstance(reply, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or "no reason given")


def _json_or_none(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
