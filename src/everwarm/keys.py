"""``everwarm keys``: make, list and forget the keys of tenants."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from everwarm.config import Config, keys
from everwarm.config.keys import Key

_HOW_TO_USE = """
It takes the place of the vendor's key in what speaks to the gateway, for instance:
  export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=...     (OpenAI's SDK and what is built on it)
  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=...  (Anthropic's)
A gateway that runs already knows it after a reload or a new start."""


def add(config: Config, name: str, url: str) -> int:
    """The key goes to standard output, alone; what to do with it goes to standard error. ``url``: the gateway's."""
    key = keys.PREFIX + secrets.token_urlsafe(32)
    keys.add(config.data, keys.made(name, key, datetime.now(UTC)))
    print(f"A key for {name}. It is shown this once; only its digest is kept:", file=sys.stderr)
    print(key, flush=True)
    print(_HOW_TO_USE.format(url=url), file=sys.stderr)
    return 0


def show(config: Config) -> int:
    """Names, digests and dates."""
    known = keys.known(config.data)
    _print(known)
    if not known:
        print("There are none yet. Make one with: everwarm keys add NAME", file=sys.stderr)
    return 0


def remove(config: Config, name: str, digest: str) -> int:
    """All keys of a tenant, or the one whose digest starts so."""
    gone = keys.remove(config.data, name, digest)
    print("Forgotten, from the next start or reload of a gateway on:")
    _print(gone)
    return 0


def _print(known: Sequence[Key]) -> None:
    width = max((len(key.name) for key in known), default=0)
    for key in known:
        print(f"{key.name:<{width}}  sha256:{key.digest[:12]}  {key.created_at}")
