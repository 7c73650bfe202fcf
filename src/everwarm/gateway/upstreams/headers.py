"""Which headers of a request reach an upstream, which of them count in the key, and which of an answer come back.

What reaches an upstream is in the key unless a table here says why it cannot change an answer (promise s12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from operator import itemgetter
from re import compile as pattern
from typing import Final

Headers = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade http2-settings".split()
)
"""Of one connection only (RFC 9110, section 7.6.1); those that ``Connection`` names come on top."""

KEPT_HERE: Final = HOP_BY_HOP | frozenset(
    b"host content-length accept-encoding expect cache-control pragma cookie forwarded via x-forwarded-for "
    b"x-forwarded-host x-forwarded-proto x-forwarded-port x-real-ip".split()
)
"""For the gateway, or of the way to it. Our own, ``x-everwarm-...``, stay here too."""

CREDENTIALS: Final = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
"""Who asks. They make the namespace, so they are in every key."""

VOLATILE: Final = {
    "accept": "the body says whether a stream is wanted",
    "accept-language": "sent by browsers; no provider's model reads it",
    "content-type": "checked to be JSON",
    "dnt": "about the page that asks",
    "http-referer": "names the application, for the provider's statistics",
    "idempotency-key": "made up for each request, so that the provider recognises a retry",
    "origin": "the page that asks",
    "priority": "about the delivery only",
    "referer": "the page that asks",
    "sec-*": "about the browser and the page that asks",
    "user-agent": "names the client",
    "x-title": "names the application, for the provider's statistics",
    "x-stainless-*": "how the vendors' SDKs describe themselves",
    "x-request-id": "made up for each request",
    "x-client-request-id": "made up for each request",
    "x-correlation-id": "made up for each request",
    "x-session-id": "made up for each session",
    "x-session-affinity": "made up for each session",
    "x-parent-session-id": "made up for each session",
    "session_id": "made up for each session",
    "session-id": "made up for each session",
    "conversation_id": "made up for each session; it routes to the provider's cache",
    "originator": "names the client",
    "version": "names the client's version",
    "thread-id": "made up for each session",
    "x-codex-turn-metadata": "describes the session and the folder, for the provider's statistics",
    "x-codex-window-id": "made up for each session",
    "traceparent": "belongs to a trace",
    "tracestate": "belongs to a trace",
    "baggage": "belongs to a trace",
    "b3": "belongs to a trace",
    "x-b3-*": "belongs to a trace",
    "x-amzn-trace-id": "belongs to a trace",
    "x-cloud-trace-context": "belongs to a trace",
    "x-datadog-*": "belongs to a trace",
    "langfuse-*": "belongs to a trace",
    "helicone-*": "belongs to a trace",
}
"""What reaches an upstream and is left out of the key, and why: name, or pattern with ``*``."""

NOT_BACK: Final = HOP_BY_HOP | frozenset((b"content-length", b"date", b"set-cookie", b"alt-svc"))
"""Of an answer, what stays here: of the connection to the upstream, a cookie that is not this server's, or what this
server says itself."""


class Keyed:
    """Tells which headers that reach an upstream are in the key. ``ignored``: the operator's patterns."""

    def __init__(self, ignored: Iterable[str] = ()) -> None:
        every = (*VOLATILE, *(i.lower() for i in ignored))
        whole = pattern("|".join(translate(p) for p in every))
        self._volatile: Callable[[str], object] = whole.match
        self._known: dict[bytes, bool] = {}

    def of(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """What of ``headers`` goes on and counts: lines, which no value can imitate (none holds a line end), sorted by
        name. Values of one name keep their order, which may say something (RFC 9110, section 5.3)."""
        known = self._known
        named = _named_by_connection(headers)
        counted = []
        for name, value in headers:
            counts = known.get(name)
            if counts is None:
                counts = self._learn(name)
            if counts and name not in named:
                counted.append((name, value))
        if len(counted) > 1:
            counted.sort(key=itemgetter(0))
        return b"".join([b"%b: %b\n" % pair for pair in counted])

    def _learn(self, name: bytes) -> bool:
        counts = passes(name) and name not in CREDENTIALS and not self._volatile(name.decode("latin-1"))
        if len(self._known) < 1000:  # whoever invents names does not fill the memory with them
            self._known[name] = counts
        return counts


@lru_cache(maxsize=1024)
def passes(name: bytes) -> bool:
    """Whether a request's header reaches an upstream."""
    return name not in KEPT_HERE and not name.startswith(b"x-everwarm-")


def onward(headers: Iterable[tuple[bytes, bytes]], credential: str | None, ours: Callable[[bytes], bool]) -> Headers:
    """A request's headers as an upstream gets them. ``credential`` replaces the client's; ``ours`` names a credential
    that is of this gateway and never leaves it."""
    named = _named_by_connection(headers)
    out = [(n, v) for n, v in headers if passes(n) and n not in named]
    if credential is None:
        return [(n, v) for n, v in out if n not in CREDENTIALS or not ours(v)]
    return [(n, v) for n, v in out if n not in CREDENTIALS]


def back(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """An answer's headers as the client gets them; names in lower case."""
    pairs = [(n.lower(), v) for n, v in headers]
    named = _named_by_connection(pairs)
    return [(n, v) for n, v in pairs if n not in NOT_BACK and n not in named and not n.startswith(b"x-everwarm-")]


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> Sequence[bytes]:
    values = [v for n, v in headers if n == b"connection"]
    return [name.strip().lower() for v in values for name in v.split(b",")] if values else ()
