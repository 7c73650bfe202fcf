"""How chat and completions ask for tokens to be chosen: the members that both have, read into ``wire.Sampling``.

Source: OpenAI API reference, "Create chat completion" and "Create completion", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from everwarm.core.dialects.check import number, whole, wrong
from everwarm.core.wire import Json, Sampling
from everwarm.errors import BadRequest

_NUMBERS: Final = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "frequency_penalty": (-2.0, 2.0),
    "presence_penalty": (-2.0, 2.0),
}


def sampling(said: Mapping[str, Json], limit: str) -> Sampling:
    """Of a request without its nulls. ``limit`` is the member that bounds the answer.

    Raises ``BadRequest`` with the path of the member that is wrong.
    """
    numbers = {k: number(said[k], k, low, high) for k, (low, high) in _NUMBERS.items() if k in said}
    return Sampling(
        **numbers,
        seed=whole(said["seed"], "seed", -(2**63), 2**63 - 1) if "seed" in said else None,
        max_tokens=whole(said[limit], limit, 1, 2**31 - 1) if limit in said else None,
        stop=_stop(said["stop"]) if "stop" in said else (),
        logit_bias=_bias(said["logit_bias"]) if "logit_bias" in said else {},
        n=whole(said["n"], "n", 1, 128) if "n" in said else 1,
    )


def _stop(value: Json) -> tuple[str, ...]:
    stops = [value] if type(value) is str else value
    if type(stops) is not list or len(stops) > 4 or not all(type(s) is str and s for s in stops):
        raise BadRequest("stop must be a non-empty string, or an array of up to four of them.", param="stop")
    return tuple(stops)


def _bias(value: Json) -> dict[int, float]:
    if type(value) is not dict:
        raise wrong("logit_bias", "an object from token ids to numbers", value)
    out = {}
    for token, bias in value.items():
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            raise BadRequest("logit_bias has a key that is no token id.", param="logit_bias")
        out[int(token)] = number(bias, f"logit_bias.{token}", -100, 100)
    return out
