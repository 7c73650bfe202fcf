"""What stands beside ours in a run: one provider, and the peers before it. Started when first asked for."""

from __future__ import annotations

import http.client
import time
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType

from rich.console import Console

from benchmarks.asking import Gateway
from benchmarks.environments import NotInstalledError, environment
from benchmarks.peers import PEERS, Peer
from benchmarks.servers import NotStartedError, Running, started

PAUSE = 0.025  # seconds between the pieces of a stream: an answer takes a tenth of a second
TRIES = 20


class Field:
    """Ended with the block."""

    def __init__(self, console: Console, *, peers: bool) -> None:
        self._console = console
        self._peers = PEERS if peers else []
        self._stack = ExitStack()

    def __enter__(self) -> Field:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def provider(self) -> Running:
        """Answers what is no hit."""
        return self._stack.enter_context(started(["benchmarks.provider", "--pause", str(PAUSE)]))

    @cached_property
    def peers(self) -> list[Gateway]:
        """Those that install and start; of each other one is said why it is left out."""
        return [gateway for peer in self._peers if (gateway := self._begun(peer))]

    def _begun(self, peer: Peer) -> Gateway | None:
        try:
            programs = environment(peer.lock, self._console)
            self._console.print(f"{peer.name}: starting ...")
            return self._stack.enter_context(peer.begun(programs, self.provider.url))
        except NotInstalledError as e:
            self._console.print(f"{peer.name} is left out: it did not install: {e}", markup=False)
        except NotStartedError as e:
            self._console.print(f"{peer.name} is left out: it did not start: {e}", markup=False)
        return None

    def calls(self) -> int:
        """How often the provider was asked so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self.provider.port, timeout=60)
        connection.request("GET", "/calls")
        answer = int(connection.getresponse().read())
        connection.close()
        return answer

    def primed(self, gateway: Gateway, size: int) -> int:
        """Ask until the provider is not asked any more; the size of the answer's body."""
        for _ in range(TRIES):
            before = self.calls()
            answer = _asked(gateway, gateway.body(size))
            if self.calls() == before:
                return answer
            time.sleep(0.2)  # some store after they have answered
        raise SystemExit(f"{gateway.name} asks the provider again and again: no answer of it is a hit")


def _asked(gateway: Gateway, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.server.port, timeout=600)
    headers = {"content-type": "application/json", "authorization": f"Bearer {gateway.key}"}
    connection.request("POST", gateway.path, body, headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{gateway.name} answered {response.status}: {data[:300]!r}")
    return len(data)
