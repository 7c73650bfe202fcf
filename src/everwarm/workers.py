"""Several processes that answer on one socket: starts them, and starts another where one dies.

                      fork                 a byte: ready
    this process ────────────> worker 0 ... N-1 ────────────> this process
         │                        ^
         └── SIGTERM, SIGHUP ─────┘         the end of a channel: the other side is gone

This process only listens to signals and waits: it has no threads, no event loop and no open database, so forking it is
safe, and a worker that takes the place of another gets the configuration that is in force and not one that somebody is
just writing. Workers that are asked to stop finish what is under way, as a single process does. If this process dies,
they see the end of their channel and stop.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from everwarm.errors import ConfigError, EverwarmError

log = logging.getLogger("everwarm.workers")

PATIENCE: Final = 20.0
"""Seconds that workers may take to stop, before they are killed."""
SETTLED: Final = 10.0
"""Seconds after which a worker that dies is replaced as if it were the first to."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds before a worker is replaced that died young: twice as long each time."""


def require() -> None:
    """Raises ``ConfigError`` where a process cannot be forked."""
    if not hasattr(os, "fork"):
        raise ConfigError("workers: this system can run one process only. Set it to 1.")


class Seat(NamedTuple):
    """What a new worker is told."""

    number: int  # from 0; who takes the place of another has the same
    first: bool  # the first worker of all: nobody has answered yet
    parent: socket.socket  # takes a byte when it is ready; ends when the parent does


@dataclass(eq=False)
class _Worker:
    index: int
    pid: int
    channel: socket.socket
    began: float
    ready: bool = False


class Workers:
    """``work`` is what a worker does, in its process; ``reload`` what this process does before it passes a reload on:
    false if there is nothing to take up."""

    def __init__(
        self, count: int, listening: socket.socket, work: Callable[[Seat], None], reload: Callable[[], bool]
    ) -> None:
        self._count = count
        self._listening = listening
        self._work = work
        self._reload = reload
        self._alive: dict[int, _Worker] = {}  # by pid
        self._due: dict[int, float] = {}  # index -> when another is started
        self._young: dict[int, int] = {}  # index -> how many died young in a row
        self._begun = False  # one has been ready
        self._failed = False  # the first one could not start
        self._stopping: float | None = None  # since when
        self._on = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGHUP: self._pass_on}

    def run(self) -> int:
        """Until told to stop; the exit status. 1 if the first worker could not start: it has said why."""
        with _heard((*self._on, signal.SIGCHLD)) as heard:
            self._start(0)  # alone: what is made once, as a model's weights, it makes for all
            while self._alive or self._due:
                self._wait(heard)
                self._reap()
                self._start_due()
        return 1 if self._failed else 0

    def _wait(self, heard: socket.socket) -> None:
        channels = {w.channel: w for w in self._alive.values()}
        readable, _, _ = select.select([heard, *channels], [], [], self._pause())
        for sock in readable:
            if sock is not heard:
                self._hear(channels[sock])
        if heard in readable:
            for number in heard.recv(4096):
                self._on.get(signal.Signals(number), lambda: None)()

    def _pause(self) -> float:
        """Seconds until something is to be done unasked."""
        now = time.monotonic()
        if self._stopping is not None:
            return max(0.0, self._stopping + PATIENCE - now)
        return max(0.0, min(self._due.values(), default=now + 60.0) - now)

    def _hear(self, worker: _Worker) -> None:
        """A byte: it is ready. The end: it is gone, and ``_reap`` will find it."""
        if not worker.channel.recv(16):
            time.sleep(0.01)
            return
        worker.ready = True
        if not self._begun:
            self._begun = True
            for index in range(1, self._count):
                self._start(index)

    # --- workers come and go ------------------------------------------------------------------------------------------

    def _start(self, index: int) -> None:
        self._due.pop(index, None)
        ours, theirs = socket.socketpair()
        signal.pthread_sigmask(signal.SIG_BLOCK, self._on)  # none may come between the fork and the worker's own ears
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._live(Seat(index, not self._begun, theirs))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._on)
        theirs.close()
        self._alive[pid] = _Worker(index, pid, ours, time.monotonic())

    def _live(self, seat: Seat) -> None:
        """In the worker. Does not return."""
        status = 1
        try:
            _forget_signals()
            for worker in self._alive.values():
                worker.channel.close()
            self._work(seat)
            status = 0
        except EverwarmError as e:
            print(f"everwarm: {e.message}", file=sys.stderr)
        except BaseException:
            log.critical("Worker %d failed.", seat.number, exc_info=True)
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os._exit(status)

    def _reap(self) -> None:
        for worker in list(self._alive.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                del self._alive[pid]
                worker.channel.close()
                self._lose(worker, os.waitstatus_to_exitcode(status))
        if self._stopping is not None and time.monotonic() >= self._stopping + PATIENCE:
            self._send(signal.SIGKILL)

    def _lose(self, worker: _Worker, status: int) -> None:
        if self._stopping is not None:
            return
        if not self._begun:
            self._failed = True
            self._stop()
            return
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        lived = time.monotonic() - worker.began
        young = 0 if lived >= SETTLED else self._young.get(worker.index, 0) + 1
        self._young[worker.index] = young
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (young - 1)) if young else 0.0
        self._due[worker.index] = time.monotonic() + pause
        log.error("Worker %d (%d) has ended (%s). Another starts in %g s.", worker.index, worker.pid, how, pause)

    def _start_due(self) -> None:
        for index, when in list(self._due.items()):
            if time.monotonic() >= when:
                self._start(index)

    # --- what this process is told ------------------------------------------------------------------------------------

    def _stop(self) -> None:
        if self._stopping is None:
            self._stopping = time.monotonic()
            self._listening.close()
        self._due.clear()
        self._send(signal.SIGTERM)

    def _pass_on(self) -> None:
        if self._stopping is None and self._reload():
            self._send(signal.SIGHUP)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._alive:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def _heard(numbers: tuple[signal.Signals, ...]) -> Iterator[socket.socket]:
    """A socket from which the numbers of these signals can be read, a byte each."""
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    handlers = {n: signal.signal(n, lambda number, frame: None) for n in numbers}
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        ours.close()
        theirs.close()


def _forget_signals() -> None:
    """In a new worker. Ctrl-C reaches it too, but its parent tells it; a reload waits until it can hear it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD])
