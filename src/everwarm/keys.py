"""Keys of tenants at the command line: made, listed, forgotten."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from everwarm.config import keys
from everwarm.config.keys import Key

_HOW_TO_USE = """
It takes the place of the vendor's key in what speaks to the gateway, for instance:
  export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=...     (OpenAI's SDK and what is built on it)
  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=...  (Anthropic's)
A gateway that runs already knows it after a reload or a new start."""


def add(data: Path, name: str, url: str) -> None:
    """The key goes to standard output, alone; what to do with it at the gateway ``url`` goes to standard error."""
    key = keys.PREFIX + secrets.token_urlsafe(32)
    keys.add(data, keys.made(name, key, datetime.now(UTC)))
    print(f"A key for {name}. It is shown this once; only its digest is kept:", file=sys.stderr)
    print(key, flush=True)
    print(_HOW_TO_USE.format(url=url), file=sys.stderr)


def show(data: Path) -> None:
    """Names, digests and dates of all that were made."""
    known = keys.known(data)
    _print(known)
    if not known:
        print("There are none yet. Make one with: everwarm keys add NAME", file=sys.stderr)


def remove(data: Path, name: str, digest: str) -> None:
    """Those of ``name`` whose digests begin with ``digest``."""
    gone = keys.remove(data, name, digest)
    print("Forgotten, from the next start or reload of a gateway on:")
    _print(gone)


def _print(some: Sequence[Key]) -> None:
    width = max((len(key.name) for key in some), default=0)
    for key in some:
        print(f"{key.name:<{width}}  sha256:{key.digest[:12]}  {key.created_at}")
