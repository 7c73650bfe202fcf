"""One upstream over HTTP: one attempt at one request, byte for byte.

aiohttp is the client: httpx collapses under concurrency (an eighteenth of the throughput at 32 connections).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from functools import lru_cache
from io import BytesIO
from types import NoneType
from typing import Any, Final, TypeVar
from weakref import WeakSet

import aiohttp
import orjson
from yarl import URL

from everwarm.config import UpstreamSettings
from everwarm.core import sse
from everwarm.core.answer import Form
from everwarm.core.manners import Breaker, Budget
from everwarm.errors import Broken, TimedOut, Unreachable, UpstreamError
from everwarm.gateway.headers import Headers, back, onward
from everwarm.gateway.kept import Kept, dead, fresh
from everwarm.gateway.patience import Patience
from everwarm.gateway.source import Item, Opening, Sending

T = TypeVar("T")

BUFFER: Final = 2**16
"""Bytes that may wait between the upstream's socket and us; beyond, it is told to wait."""

LONG: Final = 256
"""Characters of a path and query that are not worth keeping as a URL."""

KEEP_SECONDS: Final = 30.0
"""How long a connection is kept that nobody uses."""

IN_ONE: Final = 2**20
"""Bytes of a body that are given to the socket in one piece; of longer ones only what it takes."""

_PREFIX: Final = {"openai": "/v1", "anthropic": ""}
"""What of a path here is part of the base URL there, as the vendors' SDKs take it."""


_COUNTED: Final = b',"stream_options":{"include_usage":true}'
"""Put at the end of a body whose stream would not say what it took."""


class Provider:
    """An upstream of the configuration. ``breaker`` and ``budget`` are kept by who asks it."""

    def __init__(self, settings: UpstreamSettings, credential: str | None) -> None:
        self.name = f"upstream:{settings.name}"
        self.settings = settings
        self.breaker = Breaker()
        self.budget = Budget()
        self.credential = credential
        self.answered = [0] * 10  # responses so far, by the first digit of their status; [0]: requests without one
        self.again = 0  # requests that were sent here once more
        self._session: aiohttp.ClientSession | None = None
        self._sending = 0
        self._responses: WeakSet[aiohttp.ClientResponse] = WeakSet()
        self._opening = Patience(settings.first_byte_seconds)
        self._idle = Patience(settings.idle_seconds)

    def address(self, path: str, query: bytes) -> URL:
        """Where a path of ours is there. Nothing of a request can change the host (promise s16)."""
        rest = path.removeprefix(_PREFIX[self.settings.dialect])
        made = _url if len(rest) + len(query) < LONG else _url.__wrapped__
        return made(self.settings.url, rest, _text(query))

    async def send(self, method: str, url: URL, headers: Headers, body: Any) -> aiohttp.ClientResponse:
        """The response, when its head is there. Raises ``Unreachable``, ``TimedOut`` or ``Broken``."""
        pairs = [(_text(n), _text(v)) for n, v in headers] + self._identified()
        request = self._request(method, url, pairs, body)
        self._sending += 1
        try:
            response = await self._within(self._opening, request, "did not begin to answer")
        except UpstreamError:
            self.answered[0] += 1
            raise
        finally:
            self._sending -= 1
        self.answered[response.status // 100] += 1
        if not 200 <= response.status < 600:
            response.close()
            raise Broken(
                f"The upstream {self.settings.name} answered with status {response.status}, which ends nothing."
            )
        self._responses.add(response)
        return response

    async def _request(self, method: str, url: URL, pairs: list[tuple[str, str]], body: Any) -> aiohttp.ClientResponse:
        """Sends it, and sends it again where a kept connection turns out to be dead; there are only so many of them."""
        session = self._connected()
        while True:
            fresh()
            data = BytesIO(body) if type(body) is bytes and len(body) > IN_ONE else body
            try:
                return await session.request(method, url, headers=pairs, data=data, allow_redirects=False)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not dead() or type(body) not in (bytes, NoneType):
                    raise

    async def fetch(self, sending: Sending) -> AsyncIterator[Item]:
        """One attempt. See ``source.Source``."""
        headers = onward(sending.headers, self.credential, sending.credential)
        data, wanted = self._written(sending)
        response = await self.send("POST", self.address(sending.path, sending.query), headers, data)
        try:
            opening = Opening(response.status, back(response.raw_headers), _form(response, wanted), self.name)
            yield opening
            whole = opening.form is not None and opening.form.stream
            async for piece in self._events(response) if whole else self.pieces(response):
                yield piece
        finally:
            response.close() if not response.content.at_eof() else response.release()

    def _written(self, sending: Sending) -> tuple[bytes, Form]:
        """What is sent, and the form that it asks for: the client's bytes; with ``count_streams`` one member more."""
        data, form = sending.data, sending.form
        if not self.settings.count_streams or form.counted or b'"stream_options"' in data:
            return data, form
        start, end, rest = data.rpartition(b"}")
        return start + _COUNTED + end + rest, Form(stream=True, counted=True)

    async def pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ``Broken`` or ``TimedOut`` where it breaks off."""
        content = response.content
        while not content.at_eof() or content.exception() is not None:
            piece = await self._within(self._idle, content.readany(), "fell silent in the middle of its answer")
            if piece:
                yield piece

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        framer = sse.Framer()
        async for piece in self.pieces(response):
            if whole := framer.feed(piece):
                yield whole
        if framer.rest and _is_whole(framer.rest):
            yield framer.rest

    async def _within(self, patience: Patience, work: Awaitable[T], what: str) -> T:
        try:
            return await patience.wait(work)
        except aiohttp.ConnectionTimeoutError:
            within = f"{self.settings.connect_seconds:g} s"
            raise TimedOut(f"The upstream {self.settings.name} gave no connection within {within}.") from None
        except (TimeoutError, aiohttp.ServerTimeoutError):
            raise TimedOut(f"The upstream {self.settings.name} {what} within {patience.seconds:g} s.") from None
        except aiohttp.ClientPayloadError:
            raise Broken(f"The upstream {self.settings.name} broke off in the middle of its answer.") from None
        except (aiohttp.ClientError, OSError) as e:
            raise self._lost(e) from None

    def _lost(self, e: Exception) -> UpstreamError:
        if isinstance(e, aiohttp.ClientConnectorError):
            return Unreachable(f"The upstream {self.settings.name} cannot be reached: {e.os_error.strerror or e}.")
        if isinstance(e, aiohttp.ClientResponseError):
            return Unreachable(f"The upstream {self.settings.name} did not answer in HTTP.")
        return Unreachable(f"The upstream {self.settings.name} closed the connection before it answered.")

    def _identified(self) -> list[tuple[str, str]]:
        if self.credential is None:
            return []
        if self.settings.dialect == "anthropic":
            return [("x-api-key", self.credential)]
        return [("authorization", f"Bearer {self.credential}")]

    def _connected(self) -> aiohttp.ClientSession:
        """The pool of connections; made at the first use, in the event loop that uses it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Kept(KEEP_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.settings.connect_seconds),
                headers={"accept-encoding": "identity"},
                skip_auto_headers=("user-agent", "content-type", "accept"),
                read_bufsize=BUFFER,
                max_line_size=2**16,
                max_field_size=2**16,
            )
        return self._session

    async def retire(self) -> None:
        """Close when what is under way has ended: the upstream is no longer one of ours."""
        while self._sending or any(not r.closed for r in self._responses):  # noqa: ASYNC110  what ends tells nobody
            await asyncio.sleep(1)
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
            await asyncio.sleep(0)  # transports close in the next turn of the loop


def _text(value: bytes) -> str:
    """A header as aiohttp takes it, which writes UTF-8: so that the very bytes go out, if they are that."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


@lru_cache(maxsize=1024)
def _url(base: str, path: str, query: str) -> URL:
    return URL(f"{base}{path}?{query}" if query else base + path, encoded=True)


def _form(response: aiohttp.ClientResponse, wanted: Form) -> Form | None:
    """What kind of answer this is, by what it says itself: a server may ignore ``stream``."""
    if response.status != 200:
        return None
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return Form(stream=True, counted=wanted.counted and wanted.stream)
    return Form(stream=False) if kind == "application/json" else None


def _is_whole(rest: bytes) -> bool:
    """Whether what stands after the last empty line of a stream is an event all the same, or the rest of that line."""
    if not rest.strip(b"\r\n"):
        return True
    data = "".join(event.data for event in sse.events(rest))
    if data == "[DONE]":
        return True
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True
