"""The ASGI application: routes, and errors that nobody else has told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from everwarm.core.dialects import openai_chat, openai_embeddings
from everwarm.core.dialects.registry import CONVERSING, telling
from everwarm.errors import Bug, EverwarmError, Forbidden, MethodNotAllowed, NotFound
from everwarm.gateway import count, manage, models, pages, prefixes, warming
from everwarm.gateway.converse import FAILED, at_once, converse, go_on
from everwarm.gateway.door.exchange import Disconnected, Exchange, Receive, Scope, Send
from everwarm.gateway.door.turn import EXTENSION, Turn
from everwarm.gateway.embeddings import embed
from everwarm.gateway.house import House
from everwarm.gateway.upstreams import passthrough
from everwarm.gateway.watch import operate
from everwarm.gateway.watch.notice import log_access

log = logging.getLogger("everwarm.gateway")

Handler = Callable[[House, Exchange], Awaitable[None]]

ROUTES: Final[dict[str, dict[str, Handler]]] = {
    **{d.path: {"POST": partial(converse, dialect=d)} for d in CONVERSING},
    count.PATH: {"POST": count.tokens},
    openai_embeddings.DIALECT.path: {"POST": embed.embeddings},
    models.PATH: {"GET": models.models},
    "/v1/cache": {"DELETE": manage.drop},
    "/v1/cache/layout": {"DELETE": manage.forget},
    prefixes.PATH: {"POST": prefixes.listed},
    warming.WARM: {"POST": warming.warm},
    "/healthz": {"GET": manage.health},
    "/readyz": {"GET": operate.ready},
    "/metrics": {"GET": operate.metrics},
    "/stats": {"GET": manage.stats},
    "/favicon.ico": {"GET": pages.no_icon},
    **{path: {"GET": pages.page} for path in pages.FILES},
}


AT_ONCE: Final = {d.path: d for d in CONVERSING}
"""Where an answer may be found in memory, without waiting for anything."""


class App:
    """Every request ends in exactly one response; none of them is a traceback."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry. Lifespan and websockets are not spoken here (uvicorn is told so)."""
        turn: Turn = scope["extensions"][EXTENSION]
        x: Exchange | None = None
        try:
            if turn.pending is not None:
                x = await go_on(self.house, turn)
                return
            x = Exchange(turn)
            self._require_trust(x)
            await _handler(scope["path"], scope["method"])(self.house, x)
        except Disconnected:
            return
        except EverwarmError as e:
            allow = [(b"allow", e.allow.encode())] if isinstance(e, MethodNotAllowed) else []
            x = x or Exchange(turn, [])
            x.dialect = telling(scope["path"])
            await x.refuse(e, allow)
        except Exception:  # a bug of ours: the client gets a clear error, the log gets the trace
            log.exception("a request could not be answered")
            if x is not None:
                await x.refuse(Bug(FAILED))
        finally:
            if x is not None:
                log_access(x)

    def at_once(self, turn: Turn) -> bool:
        """Answer a request whose body is here, if memory has the answer; whether it was so. If not, what was understood
        of it waits in the turn. Whatever is wrong with the request is told when the application is called."""
        dialect = AT_ONCE.get(turn.scope["path"])
        if dialect is None or turn.scope["method"] != "POST" or turn.flow.write_paused:
            return False
        try:
            x = Exchange(turn)
            self._require_trust(x)
            answered = at_once(self.house, x, dialect)
        except EverwarmError:
            return False
        except Exception:  # a bug of ours: told to the client when the application comes to the same point
            log.exception("a request could not be answered at once")
            return False
        if answered:
            log_access(x)
        return answered

    def _require_trust(self, x: Exchange) -> None:
        """Raises ``Forbidden`` for what somebody else's web page sends from a browser here."""
        reason = x.made(self.house.origins.objection)
        if reason is not None:
            raise Forbidden(reason)


def _handler(path: str, method: str) -> Handler:
    """What answers; for the rest of a provider's paths, what passes them on."""
    methods = ROUTES.get(path)
    if methods is None and path.startswith(models.PATH + "/"):
        methods = {"GET": models.model}
    if methods is None and path.startswith(prefixes.PATH + "/"):
        methods = {"DELETE": prefixes.unpin}
    if methods is None and path.startswith("/v1/"):
        return passthrough.relay
    if methods is None:
        where = f"Chat is at {openai_chat.DIALECT.path}, models are at /v1/models."
        raise NotFound(f"There is nothing at {path[:200]!r}. {where}")
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        raise MethodNotAllowed(f"{path} takes {', '.join(methods)}, not {method[:20]}.", allow=", ".join(methods))
    return handler
