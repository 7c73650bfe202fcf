"""One request on a connection, and its answer: what uvicorn calls a cycle."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGIVersions, HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_ASGI: Final[ASGIVersions] = {"version": "3.0", "spec_version": "2.3"}


def turn_of(
    connection: HttpToolsProtocol, transport: asyncio.Transport, version: str, watched: dict[bytes, bytes]
) -> RequestResponseCycle:
    """The turn of the request whose head has come; ``watched`` are some of its headers (``framing.WATCHED``).

    Raises ``httptools.HttpParserInvalidURLError``.
    """
    return RequestResponseCycle(
        scope=_scope(connection, version),
        transport=transport,
        flow=connection.flow,
        logger=connection.logger,
        access_logger=connection.access_logger,
        access_log=False,
        default_headers=connection.server_state.default_headers,
        message_event=asyncio.Event(),
        expect_100_continue=b"expect" in watched and watched[b"expect"].lower() == b"100-continue",
        keep_alive=False,
        on_response=connection.on_response_complete,
    )


def _scope(connection: HttpToolsProtocol, version: str) -> HTTPScope:
    url = httptools.parse_url(connection.url)
    path = url.path.decode("ascii")
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": version,
        "server": connection.server,
        "client": connection.client,
        "scheme": "http",
        "method": connection.parser.get_method().decode("ascii"),
        "root_path": "",
        "path": unquote(path) if "%" in path else path,
        "raw_path": url.path,
        "query_string": url.query or b"",
        "headers": connection.headers,
        "state": {},
    }


def abandon(turn: RequestResponseCycle) -> None:
    """Let the application know that there is nobody to answer."""
    turn.waiting_for_100_continue = False
    turn.disconnected = True
    turn.message_event.set()
