"""The demo from its start to its exit status: a gateway, the script, the tables, the picture."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import NamedTuple, NoReturn

from rich.console import Console
from rich.markup import escape

from everwarm.demo import show
from everwarm.demo.audit import Audit, Verdict
from everwarm.demo.client import Client
from everwarm.demo.opening import sentence
from everwarm.demo.picture import picture
from everwarm.demo.play import Play
from everwarm.demo.script import AFTER, SCRIPT, Ask, instructions, rounds
from everwarm.demo.server import serving
from everwarm.demo.tally import Result, Tally, tally
from everwarm.errors import ConfigError, EverwarmError, StoreError

INTERRUPTED = 130


class Stage(NamedTuple):
    """Where the demo plays."""

    client: Client
    restart: Callable[[], None] | None = None  # stops the gateway and starts it again; None: it is not ours to stop


def main(url: str | None, out: Path, data: Path, model: str | None) -> int:
    """Run the demo; the exit status of the command.

    ``url``: a running gateway, which is not restarted; None starts one of our own on a free port, restarts it for the
    last act and ends it afterwards. ``out``: the picture. ``data``: the user's data folder, whose models are used.
    ``model``: with ``url`` the name to ask for, else the weights to serve.
    """
    console, errors = Console(), Console(stderr=True)
    try:
        with _ended_by_sigterm():
            _check_writable(out)
            with _stage(console, url, data, model) as stage:
                return demo(console, stage, (model if url else None) or "default", out)
    except EverwarmError as error:
        errors.print(f"everwarm demo: {error.message}", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("everwarm demo: stopped.")
        return INTERRUPTED


def demo(console: Console, stage: Stage, model: str, out: Path) -> int:
    """Play all acts against the gateway, show what came of it, write the picture."""
    audit = Audit(stage.client)
    play = Play(stage.client, model, instructions())
    console.print("Eight people ask about their coffee machines.")
    results = _play(console, play, SCRIPT)
    if stage.restart:
        stage.restart()
        results += [result._replace(restarted=True) for result in _play(console, play, AFTER)]
    sums = tally(results)
    verdict = audit.verdict(sums)
    _show(console, results, sums, verdict)
    _write(out, picture(results, sums, verdict.money, results[0].answer.model if results else model))
    console.print(f"The picture: [bold]{escape(str(out.resolve()))}[/bold]", soft_wrap=True, highlight=False)
    return 1 if verdict.differences else 0


@contextmanager
def _stage(console: Console, url: str | None, data: Path, model: str | None) -> Iterator[Stage]:
    """The gateway at ``url``, or one of our own, which is ended on the way out."""
    if url is not None:
        # A key that nobody had before: a memory of our own, empty, whatever this gateway has answered until now.
        yield Stage(Client(url, f"everwarm-demo-{secrets.token_hex(8)}"))
        return
    with ExitStack() as stack:
        console.print("Starting a gateway on a free port, with nothing in its memory.")
        with show.Starting(console) as starting:
            gateway = stack.enter_context(serving(data, model, starting.say))

        def restart() -> None:
            console.print("Stopping the gateway, and starting it again with the same data folder.")
            with show.Starting(console) as starting:
                gateway.restart(starting.say)

        yield Stage(Client(gateway.url), restart)


def _play(console: Console, play: Play, script: Sequence[Ask]) -> list[Result]:
    results: list[Result] = []
    with show.Watch(console, len(script)) as watch:
        for group in rounds(script):
            watch.asking(group)
            answered = play.group(group)
            watch.answered(answered)
            results += answered
    return results


def _show(console: Console, results: Sequence[Result], sums: Tally, verdict: Verdict) -> None:
    console.print()
    for table in (show.samples(results), show.restart(results), show.summary(sums)):
        if table:
            console.print(table)
    for line in (sentence(results), *show.times(sums), verdict.money):
        if line:
            console.print(line, highlight=False)
    if verdict.differences:
        console.print("[bold]The gateway counts otherwise (GET /stats):[/bold]")
        for line in verdict.differences:
            console.print(f"  {line}", highlight=False)
    else:
        console.print("The gateway's own count (GET /stats) is the same.")


def _check_writable(out: Path) -> None:
    """Before two minutes of work, not after them."""
    if out.is_dir() or not out.resolve().parent.is_dir():
        raise ConfigError(f"The picture cannot be written to {out}: --out names a file in a folder that exists.")


def _write(out: Path, page: str) -> None:
    try:
        out.write_text(page, "utf-8")
    except OSError as error:
        raise StoreError(f"The picture could not be written to {out}: {error.strerror or error}") from error


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM stops the demo as Ctrl-C does, so that the gateway that it started is ended too."""
    if current_thread() is not main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
