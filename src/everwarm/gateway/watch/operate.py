"""What an operator's machines ask: whether to send requests here, and the figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from time import monotonic
from typing import Final

import orjson
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from everwarm.errors import Forbidden, NotFound
from everwarm.gateway.door.exchange import JSON, Exchange
from everwarm.gateway.house import House

TEXT: Final = (b"content-type", CONTENT_TYPE_PLAIN_0_0_4.encode())


async def ready(house: House, x: Exchange) -> None:
    """``GET /readyz``: whether requests may be sent here; if not, why."""
    reasons = _reasons(house)
    told = {"status": "not ready", "reasons": reasons} if reasons else {"status": "ready"}
    await x.reply(503 if reasons else 200, [JSON], orjson.dumps(told))


def _reasons(house: House) -> list[str]:
    """Why not, in words. The store is open and the model inside is loaded before anybody can ask."""
    reasons = ["it was told to stop"] if house.stopping else []
    providers, now = house.directory.providers, monotonic()
    if providers and all(p.breaker.state(now) == "open" for p in providers):
        reasons.append(f"no upstream answers: {', '.join(p.settings.name for p in providers)}")
    return reasons


async def metrics(house: House, x: Exchange) -> None:
    """``GET /metrics``: sums over all tenants, so it is for the operator only."""
    if house.metrics is None:
        raise NotFound("Figures are not told here: the server runs with metrics.enabled = false.")
    if not ADMITS[house.config.metrics.access](house, x):
        raise Forbidden(
            "The figures of all tenants are for the operator. Ask from the machine on which Everwarm runs, or see the "
            "setting metrics.access."
        )
    work = partial(house.metrics.text, house.tower, house.directory, house.store)
    text = await asyncio.get_running_loop().run_in_executor(house.disk_threads, work)
    await x.reply(200, [TEXT], text)


def _is_local(house: House, x: Exchange) -> bool:
    """Whether the peer is on this machine. A proxy on it is a local peer, whoever sent it."""
    client = x.scope["client"]
    if client is None:
        return False
    address = ip_address(client[0].partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


ADMITS: Final[dict[str, Callable[[House, Exchange], bool]]] = {
    "auto": lambda house, x: _is_local(house, x) and not house.config.tenants_only,
    "local": _is_local,
    "open": lambda house, x: True,
}
"""``metrics.access`` -> whether this request may have the figures."""
