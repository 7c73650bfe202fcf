"""The demo's own count beside the gateway's (``GET /stats``): they must be equal. Money is the gateway's to tell."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any, NamedTuple

from everwarm.demo.client import Client
from everwarm.demo.tally import Tally
from everwarm.errors import Broken

WAIT_SECONDS = 5.0
"""Longest wait for the gateway's rows, which it writes in batches."""


class Counts(NamedTuple):
    """The sums that both sides know, in requests and tokens."""

    requests: int
    asked_prompt: int
    asked_output: int
    computed_prompt: int
    computed_output: int
    hits: int
    joined: int
    prefixed: int  # requests that found a part of their prompt in the KV cache
    prefix_tokens: int  # and how much


def ours(sums: Tally) -> Counts:
    """What this side counted."""
    return Counts(
        requests=sums.requests,
        asked_prompt=sums.prompt,
        asked_output=sums.output,
        computed_prompt=sums.computed.prompt,
        computed_output=sums.computed.output,
        hits=sums.exact.requests,
        joined=sums.joined.requests,
        prefixed=sums.prefix.requests + sums.disk.requests,
        prefix_tokens=sums.prefix.prompt + sums.disk.prompt,
    )


def theirs(stats: Mapping[str, Any]) -> Counts:
    """What ``/stats`` says. LookupError or TypeError if it has another shape."""
    tokens, layers = stats["tokens"], stats["layers"]
    return Counts(
        requests=stats["requests"],
        asked_prompt=tokens["asked"]["prompt"],
        asked_output=tokens["asked"]["output"],
        computed_prompt=tokens["computed"]["prompt"],
        computed_output=tokens["computed"]["output"],
        hits=layers["exact"]["requests"],
        joined=layers["flight"]["requests"],
        prefixed=layers["prefix"]["requests"],
        prefix_tokens=layers["prefix"]["tokens_saved"],
    )


def differences(mine: Counts, before: Counts, after: Counts) -> list[str]:
    """Where the two disagree, in words; empty if nowhere."""
    grown = Counts(*(b - a for a, b in zip(before, after, strict=True)))
    pairs = zip(Counts._fields, mine, grown, strict=True)
    return [f"{name}: counted here {own:,}, by the gateway {its:,}" for name, own, its in pairs if own != its]


class Verdict(NamedTuple):
    """What the comparison found."""

    differences: list[str]
    money: str  # a sentence; "" where no prices are known


class Audit:
    """The gateway's sums from before the run, to be set against those after it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._before = self._stats()

    def verdict(self, sums: Tally) -> Verdict:
        """Compare, once the gateway has written all of its rows."""
        wanted, before = ours(sums), _read(self._before)
        end = monotonic() + WAIT_SECONDS
        while True:
            stats = self._stats()
            after = _read(stats)
            if after.requests - before.requests >= wanted.requests or monotonic() > end:
                return Verdict(differences(wanted, before, after), money(self._before, stats))
            sleep(0.1)

    def _stats(self) -> Mapping[str, Any]:
        status, stats = self._client.get("/stats")
        if status != 200 or not isinstance(stats, dict):
            raise Broken(f"{self._client.url}/stats answered {status}, without the sums that the demo compares with.")
        return stats


def _read(stats: Mapping[str, Any]) -> Counts:
    try:
        return theirs(stats)
    except (LookupError, TypeError) as error:
        raise Broken(
            f"/stats has another shape than the demo knows ({error!r}): is the gateway of this version?"
        ) from error


def money(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What this run would have cost and what it cost, in the gateway's words; "" where it knows no prices."""
    now, then = after.get("money"), before.get("money")
    if not now:
        return ""
    spent = {name: now[name] - (then[name] if then else 0.0) for name in ("without", "with", "saved")}
    return (
        f"At the prices of {now['prices_of']} ({now['provider']}) it would have cost {_amount(spent['without'])} "
        f"{now['currency']}; with Everwarm {_amount(spent['with'])}, so {_amount(spent['saved'])} are saved."
    )


def _amount(value: float) -> str:
    """Four digits after the point: a demo costs cents."""
    return f"{value:.4f}"
