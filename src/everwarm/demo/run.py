"""The demo from its start to its exit status: a gateway, the script, the tables, the picture."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from everwarm.demo import show
from everwarm.demo.audit import Audit, Verdict
from everwarm.demo.client import Client
from everwarm.demo.picture import picture
from everwarm.demo.play import Play
from everwarm.demo.script import SCRIPT, Ask, instructions, rounds
from everwarm.demo.server import serving
from everwarm.demo.tally import Result, Tally, tally
from everwarm.errors import ConfigError, EverwarmError, StoreError

INTERRUPTED = 130


def main(url: str | None, out: Path, data: Path, model: str | None) -> int:
    """Run the demo; the exit status of the command.

    ``url``: a running gateway; None starts one of our own on a free port, ended afterwards. ``out``: the picture.
    ``data``: the user's data folder, whose models are used. ``model``: with ``url`` the
    name to ask for, else the weights to serve.
    """
    console, errors = Console(), Console(stderr=True)
    try:
        with _ended_by_sigterm():
            _check_writable(out)
            with _gateway(console, url, data, model) as client:
                return demo(console, client, (model if url else None) or "default", out)
    except EverwarmError as error:
        errors.print(f"everwarm demo: {error.message}", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("everwarm demo: stopped.")
        return INTERRUPTED


def demo(console: Console, client: Client, model: str, out: Path, script: Sequence[Ask] = SCRIPT) -> int:
    """Play the script against the gateway behind ``client``, show what came of it, write the picture."""
    audit = Audit(client)
    results = _play(console, Play(client, model, instructions()), rounds(script))
    sums = tally(results)
    verdict = audit.verdict(sums)
    _show(console, results, sums, verdict)
    _write(out, picture(results, sums, verdict.money, results[0].answer.model if results else model))
    console.print(f"The picture: [bold]{escape(str(out.resolve()))}[/bold]", soft_wrap=True, highlight=False)
    return 1 if verdict.differences else 0


@contextmanager
def _gateway(console: Console, url: str | None, data: Path, model: str | None) -> Iterator[Client]:
    """A client of the gateway at ``url``, or of one of our own, which is ended on the way out."""
    if url is not None:
        # A key that nobody had before: a memory of our own, empty, whatever this gateway has answered until now.
        yield Client(url, f"everwarm-demo-{secrets.token_hex(8)}")
        return
    with ExitStack() as stack:
        console.print("Starting a gateway on a free port, with nothing in its memory.")
        with show.Starting(console) as starting:
            address = stack.enter_context(serving(data, model, starting.say))
        yield Client(address)


def _play(console: Console, play: Play, groups: Sequence[Sequence[Ask]]) -> list[Result]:
    results: list[Result] = []
    console.print("Eight people ask about their coffee machines.")
    with show.Watch(console, sum(map(len, groups))) as watch:
        for group in groups:
            watch.asking(group)
            answered = play.group(group)
            watch.answered(answered)
            results += answered
    return results


def _show(console: Console, results: Sequence[Result], sums: Tally, verdict: Verdict) -> None:
    console.print()
    console.print(show.samples(results))
    console.print(show.summary(sums))
    for line in (*show.times(sums), verdict.money):
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
