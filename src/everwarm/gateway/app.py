"""The ASGI application: routes, errors, and one ledger row a chat request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from everwarm.core.dialects import openai_chat
from everwarm.errors import Bug, EverwarmError, MethodNotAllowed, NotFound
from everwarm.gateway import manage, pages
from everwarm.gateway.ask import DIALECT, Ask, understand
from everwarm.gateway.exchange import Disconnected, Exchange, Receive, Scope, Send
from everwarm.gateway.house import House
from everwarm.gateway.run import Run
from everwarm.ledger.record import Row

log = logging.getLogger("everwarm.gateway")

FAILED: Final = "Everwarm failed on this request. The server's log says more."
MIB: Final = 2**20
CLIENT_GONE: Final = 499
"""What the ledger says of a client that left before its answer began: no status was sent (nginx's number)."""

Handler = Callable[[House, Exchange], Awaitable[None]]


async def chat(house: House, x: Exchange) -> None:
    """``POST /v1/chat/completions``."""
    run: Run | None = None
    ask: Ask | None = None
    try:
        ask = await understand(house, x, await x.body(house.config.limits.body_mb * MIB, house.patience))
        run = Run(house, x, ask)
        await run.live()
    except EverwarmError as e:
        await x.refuse(e)
    except Disconnected:
        pass
    except Exception:  # as in App, but before the row is written
        log.exception("a request could not be answered")
        await x.refuse(Bug(FAILED))
    finally:
        if house.ledger is not None:
            house.ledger.add(_row(house, x, ask, run))


def _row(house: House, x: Exchange, ask: Ask | None, run: Run | None) -> Row:
    life = run.life if run else None
    usage = run.usage if run else None
    cache = life.cache if life else ""
    computed = cache in ("miss", "bypass")
    total = x.elapsed
    prefilled = run.prefilled if run and computed else None
    return Row(
        at=x.at,
        namespace=ask.question.namespace.id if ask else house.auth.namespace(x).id,
        dialect=DIALECT,
        model=ask.question.target.card.id if ask else "",
        status=x.status or CLIENT_GONE,
        cache=cache,
        via=run.via if run and cache else "",
        stream=ask.question.envelope.stream if ask else False,
        bytes_in=x.bytes_in,
        bytes_out=x.bytes_out,
        prompt=usage.prompt if usage else 0,
        output=usage.output if usage else 0,
        prefix_cached=usage.cache_read if usage and computed else 0,
        ttft_ms=1000 * (x.first_byte if x.first_byte is not None else total),
        total_ms=1000 * total,
        saved_ms=0.0 if computed or not run or not usage else 1000 * max(0.0, run.original_seconds - total),
        prefill_ms=1000 * prefilled.seconds if prefilled else 0.0,
        reason=life.why if life else "",
    )


ROUTES: Final[dict[str, dict[str, Handler]]] = {
    openai_chat.PATH: {"POST": chat},
    "/v1/models": {"GET": manage.models},
    "/v1/cache": {"DELETE": manage.drop},
    "/healthz": {"GET": manage.health},
    "/stats": {"GET": manage.stats},
    "/favicon.ico": {"GET": pages.no_icon},
    **{path: {"GET": pages.page} for path in pages.FILES},
}


class App:
    """Every request ends in exactly one response; none of them is a traceback."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's entry. Lifespan and websockets are not spoken here (uvicorn is told so)."""
        x: Exchange | None = None
        try:
            x = Exchange(scope, receive, send)
            await _handler(scope["path"], scope["method"])(self.house, x)
        except Disconnected:
            return
        except EverwarmError as e:
            allow = [(b"allow", e.allow.encode())] if isinstance(e, MethodNotAllowed) else []
            await (x or Exchange({**scope, "headers": []}, receive, send)).refuse(e, allow)
        except Exception:  # a bug of ours: the client gets a clear error, the log gets the trace
            log.exception("a request could not be answered")
            if x is not None:
                await x.refuse(Bug(FAILED))


def _handler(path: str, method: str) -> Handler:
    methods = ROUTES.get(path)
    if methods is None and path.startswith("/v1/models/"):
        methods = {"GET": manage.model}
    if methods is None:
        raise NotFound(f"There is nothing at {path[:200]!r}. Chat is at {openai_chat.PATH}, models are at /v1/models.")
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        raise MethodNotAllowed(f"{path} takes {', '.join(methods)}, not {method[:20]}.", allow=", ".join(methods))
    return handler
