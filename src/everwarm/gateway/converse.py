"""A request for an answer, in any dialect: from its body to its ledger row."""

from __future__ import annotations

import logging
from typing import Final

from everwarm.core.dialects.dialect import Dialect
from everwarm.errors import Bug, EverwarmError, UnsupportedMediaType
from everwarm.gateway.ask import understand, understand_now
from everwarm.gateway.auth import ANYBODY, Caller
from everwarm.gateway.door.exchange import Disconnected, Exchange
from everwarm.gateway.door.turn import Turn
from everwarm.gateway.house import House
from everwarm.gateway.learn import learn
from everwarm.gateway.run import Run
from everwarm.gateway.upstreams.headers import Headers
from everwarm.gateway.watch.notice import take_down
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
        run = kind(house, x, *await understand(house, x, dialect, caller, data))
    except EverwarmError as e:
        await x.refuse(e)
    except Disconnected:
        pass
    except Exception:  # as in App, but before the row is written
        log.exception("a request could not be answered")
        await x.refuse(Bug(FAILED))
    if run is None:
        take_down(house, x, _row_of_none(x, caller), "")
    else:
        await _live(house, run)


def at_once(house: House, x: Exchange, dialect: Dialect) -> bool:
    """As ``converse``, for a small body that is here: whether memory had the answer and it is out. If not, ``go_on``
    does the rest. Raises ``EverwarmError``, and then nothing has happened."""
    x.dialect = dialect
    caller = house.auth.caller(x)
    require_json(x)
    run = Run(house, x, *understand_now(house, x, dialect, caller, x.body_now()))
    if run.at_once():
        take_down(house, x, _row(run), run.ask.question.envelope.model)
        return True
    x.turn.pending = run
    x.turn.body = bytearray()  # not needed twice
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
        take_down(house, x, _row(run), run.ask.question.envelope.model)
    await learn(run)


def require_json(x: Exchange) -> None:
    """Raises ``UnsupportedMediaType`` for a body that says that it is something else. Silence counts as JSON."""
    if flaw := x.made(_flaw):
        raise UnsupportedMediaType(flaw)


def _flaw(headers: Headers) -> str:
    """What headers say against a body being JSON, in words; empty if they say nothing."""
    said = dict(headers)
    kind = said.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind not in (b"", b"application/json") and not kind.endswith(b"+json") and kind != CURLS:
        return "The body must be JSON: send it with Content-Type: application/json."
    if said.get(b"content-encoding", b"") not in (b"", b"identity"):
        return "The body must not be compressed: send it without Content-Encoding."
    return ""


CURLS: Final = b"application/x-www-form-urlencoded"
"""What ``curl -d`` says of any body; those who forget the header mean JSON."""


def _row(run: Run) -> Row:
    x, life, usage, ask = run.x, run.life, run.usage, run.ask
    computed = life.cache in ("miss", "bypass")
    total = x.elapsed
    prefilled = run.prefilled if computed else None
    saved = run.original_seconds - total if usage is not None and not computed else 0.0
    return Row(  # by place: names would take twice the time, for every request
        x.at,
        ask.caller.namespace.id,
        x.dialect.name,
        ask.question.target.model,
        x.status or CLIENT_GONE,
        life.cache,
        run.via if life.cache else "",
        run.wanted.stream,
        x.bytes_in,
        x.bytes_out,
        usage.prompt if usage is not None else 0,
        usage.output if usage is not None else 0,
        usage.cache_read if usage is not None and computed else 0,  # prefix_cached
        1000 * (x.first_byte if x.first_byte is not None else total),
        1000 * total,
        1000 * saved if saved > 0 else 0.0,
        1000 * prefilled.seconds if prefilled is not None else 0.0,
        run.why,
    )


def _row_of_none(x: Exchange, caller: Caller) -> Row:
    """Of a request that was refused before it was understood."""
    total = 1000 * x.elapsed
    first = 1000 * x.first_byte if x.first_byte is not None else total
    who, how = (x.at, caller.namespace.id, x.dialect.name, ""), (x.status or CLIENT_GONE, "", "", False)
    return Row(*who, *how, x.bytes_in, x.bytes_out, 0, 0, 0, first, total, 0.0, 0.0, "")
