"""A request for an answer, in any dialect: from its body to its ledger row."""

from __future__ import annotations

import logging
from typing import Final

from everwarm.core.dialects.dialect import Dialect
from everwarm.errors import Bug, EverwarmError, UnsupportedMediaType
from everwarm.gateway.ask import Ask, understand, understand_now
from everwarm.gateway.auth import ANYBODY, Caller
from everwarm.gateway.exchange import Disconnected, Exchange
from everwarm.gateway.house import House
from everwarm.gateway.notice import take_down
from everwarm.gateway.run import Run
from everwarm.gateway.turn import Turn
from everwarm.ledger.record import Row

log = logging.getLogger("everwarm.gateway")

FAILED: Final = "Everwarm failed on this request. The server's log says more."
MIB: Final = 2**20
CLIENT_GONE: Final = 499
"""What the ledger says of a client that left before its answer began: no status was sent (nginx's number)."""


async def converse(house: House, x: Exchange, dialect: Dialect, kind: type[Run] = Run) -> None:
    """One request, one answer, one row. ``kind``: how the request lives."""
    run: Run | None = None
    caller = ANYBODY
    x.dialect = dialect
    try:
        caller = house.auth.caller(x)
        require_json(x)
        data = await x.body(house.config.limits.body_mb * MIB, house.patience)
        run = kind(house, x, await understand(house, x, dialect, caller, data))
    except EverwarmError as e:
        await x.refuse(e)
    except Disconnected:
        pass
    except Exception:  # as in App, but before the row is written
        log.exception("a request could not be answered")
        await x.refuse(Bug(FAILED))
    if run is None:
        take_down(house, x, _row(x, caller, None), "")
    else:
        await _live(house, run)


def at_once(house: House, x: Exchange, dialect: Dialect) -> bool:
    """As ``converse``, for a small body that is here: whether memory had the answer and it is out. If not, ``go_on``
    does the rest. Raises ``EverwarmError``, and then nothing has happened."""
    x.dialect = dialect
    caller = house.auth.caller(x)
    require_json(x)
    run = Run(house, x, understand_now(house, x, dialect, caller, x.body_now()))
    if run.at_once():
        take_down(house, x, _row(x, caller, run), run.ask.question.envelope.model)
        return True
    x.turn.pending = run
    x.turn.body.clear()
    return False


async def go_on(house: House, turn: Turn) -> Exchange:
    """With what ``at_once`` has begun."""
    run: Run = turn.pending
    turn.pending = None
    await _live(house, run)
    return run.x


async def _live(house: House, run: Run) -> None:
    x = run.x
    try:
        await run.live()
    except EverwarmError as e:
        await x.refuse(e)
    except Disconnected:
        pass
    except Exception:  # as in App, but before the row is written
        log.exception("a request could not be answered")
        await x.refuse(Bug(FAILED))
    finally:
        take_down(house, x, _row(x, run.ask.caller, run), run.ask.question.envelope.model)


def require_json(x: Exchange) -> None:
    """Raises ``UnsupportedMediaType`` for a body that says that it is something else. Silence counts as JSON."""
    kind = x.header(b"content-type").partition(b";")[0].strip().lower()
    if kind not in (b"", b"application/json") and not kind.endswith(b"+json") and kind != CURLS:
        raise UnsupportedMediaType("The body must be JSON: send it with Content-Type: application/json.")
    if x.header(b"content-encoding") not in (b"", b"identity"):
        raise UnsupportedMediaType("The body must not be compressed: send it without Content-Encoding.")


CURLS: Final = b"application/x-www-form-urlencoded"
"""What ``curl -d`` says of any body; those who forget the header mean JSON."""


def _row(x: Exchange, caller: Caller, run: Run | None) -> Row:
    ask: Ask | None = run.ask if run else None
    life = run.life if run else None
    usage = run.usage if run else None
    cache = life.cache if life else ""
    computed = cache in ("miss", "bypass")
    total = x.elapsed
    prefilled = run.prefilled if run and computed else None
    return Row(
        at=x.at,
        namespace=caller.namespace.id,
        dialect=x.dialect.name,
        model=ask.question.target.model if ask else "",
        status=x.status or CLIENT_GONE,
        cache=cache,
        via=run.via if run and cache else "",
        stream=ask.question.envelope.form.stream if ask else False,
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
