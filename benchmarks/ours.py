"""The real gateway, with store and ledger on disk, before a stand-in for the model: what is measured never reaches it.

``python -m benchmarks.ours FOLDER``: prints its URL, serves until told to stop.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from everwarm.config import load
from everwarm.core.key import Namespace
from everwarm.core.upstream import ModelCard
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Request
from everwarm.gateway.serve import run


class Constant:
    """Answers 600 characters in 100 deltas, at once."""

    name = "engine"

    def models(self) -> Sequence[ModelCard]:
        return [ModelCard("constant", ("default",), 0, "everwarm", 10**6, "constant")]

    def check(self, request: Request) -> None:
        pass

    async def ask(self, request: Request, namespace: Namespace) -> AsyncIterator[Event]:
        for _ in range(100):
            yield Delta(0, "cached")
        yield Finish(0, "stop")
        yield Done(Usage(500, 0, 100))

    def figures(self) -> Mapping[tuple[str, str], float]:
        return {}

    async def count(self, request: Request) -> int:
        return 500

    async def close(self) -> None:
        pass


def main() -> None:
    """Serve until told to stop."""
    config = load({"port": "0", "data": sys.argv[1], "model": "none"}, {}, Path(sys.argv[1]))
    run(config, lambda: [Constant()], lambda url, _: print(f"listening  {url}", flush=True))


if __name__ == "__main__":
    main()
