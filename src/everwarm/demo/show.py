"""The terminal: a bar while it runs, then the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from everwarm.demo import words
from everwarm.demo.restart import moments, numbers
from everwarm.demo.script import Ask, person
from everwarm.demo.tally import Layer, Result, Tally, computed, from_prefix

EVERY = 10
"""Where there is no terminal, a line of progress after this many requests."""


class Starting:
    """What a gateway says while it starts: beside a spinner, or line by line where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting")
        self._last = ""

    def __enter__(self) -> Starting:
        self._status.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._status.stop()

    def say(self, line: str) -> None:
        """The newest line, again and again."""
        if line == self._last:
            return
        self._last = line
        if self._console.is_terminal:
            self._status.update(escape(line))
        else:
            self._console.print(f"  {line}", markup=False, highlight=False)


class Watch:
    """Progress: a bar with what is asked right now, or plain lines where the output is no terminal."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._done = 0
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (BarColumn(bar_width=28), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn("{task.description}"), console=console, transient=True)
            self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Watch:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._bar:
            self._bar.stop()

    def asking(self, group: Sequence[Ask]) -> None:
        """These are about to be sent."""
        who = " and ".join(a.who for a in group)
        if self._bar:
            self._bar.update(self._task, description=escape(words.shortened(f"{who}: {group[0].question}", 60)))

    def answered(self, results: Sequence[Result]) -> None:
        """These are back."""
        before, self._done = self._done, self._done + len(results)
        if self._bar:
            self._bar.update(self._task, completed=self._done)
        elif self._done // EVERY > before // EVERY or self._done == self._total:
            self._console.print(f"  {self._done} of {words.plural(self._total, 'request')} answered")


def summary(sums: Tally) -> Table:
    """What was asked, what was computed, what each layer saved."""
    table = _table("What was asked, and what it took")
    table.add_column("", no_wrap=True)
    for name in ("requests", "prompt\ntokens", "share", "answer\ntokens", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    asked = (words.count(sums.prompt), "100.0 %", words.count(sums.output), words.duration(sums.waited_ms))
    table.add_row("Asked", str(sums.requests), *asked, style="bold")
    table.add_row("Computed by the model", *_cells(sums.computed, sums.prompt, ""), end_section=True)
    table.add_row("Saved: response cache", *_cells(sums.exact, sums.prompt, ""))
    table.add_row("Saved: joined in flight", *_cells(sums.joined, sums.prompt, ""))
    table.add_row("Saved: KV prefix cache", *_cells(sums.prefix, sums.prompt, "about "))
    if sums.disk.requests:
        table.add_row("Saved: KV from disk", *_cells(sums.disk, sums.prompt, "about "))
    return table


def restart(results: Sequence[Result]) -> Table | None:
    """One handbook three times: computed, from memory, from disk; None without a restart."""
    found = moments(results)
    if not found:
        return None
    table = _table("One handbook, before and after the restart")
    table.add_column("", no_wrap=True)
    for name in ("prompt tokens", "to the first word"):
        table.add_column(name, justify="right", no_wrap=True)
    for moment in found:
        table.add_row(moment.name, numbers(moment), words.duration(moment.first_ms))
    return table


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))


def _cells(layer: Layer, whole: int, sign: str) -> tuple[str, ...]:
    return (
        str(layer.requests),
        words.count(layer.prompt),
        words.percent(layer.prompt, whole),
        words.count(layer.output) if layer.output else "",
        "not measured" if layer.ms is None else f"{sign}{words.duration(layer.ms)}",
    )


def times(sums: Tally) -> Iterable[str]:
    """With and without, in sentences. The requests of the prefix row are among those of the computed row."""
    yield f"The people waited {words.duration(sums.waited_ms)} in all."
    yield f"Without stored and joined answers: {words.duration(sums.without_answers_ms)} (measured on the originals)."
    if sums.without_all_ms and sums.speed:
        yield (
            f"With nothing reused at all: about {words.duration(sums.without_all_ms)} "
            f"(estimated at {words.count(sums.speed)} prompt tokens a second, the fastest measured)."
        )
    if sums.unknown:
        yield f"{words.plural(sums.unknown, 'answer')} came from before this run: no time is counted as saved for them."


def samples(results: Sequence[Result]) -> Table:
    """One line of each kind: who asked what, how it was answered, in what time."""
    table = _table("Some of the requests")
    table.add_column("", justify="right", no_wrap=True, min_width=2)
    table.add_column("who", no_wrap=True)
    table.add_column("asked")
    table.add_column("answered", no_wrap=True)
    table.add_column("in", justify="right", no_wrap=True, min_width=6)
    for result in _telling(results):
        question = ("↳ " if result.ask.follows else "") + result.ask.question
        time = words.duration(result.answer.total_ms)
        table.add_row(str(result.number), person(result.ask.who).label, Text(question), brief(result), time)
    return table


def brief(result: Result) -> str:
    """How this request was answered, in a few words."""
    reused, prompt = from_prefix(result.answer), result.answer.prompt
    if not computed(result.answer):
        return {"hit": "response cache", "joined": "joined in flight"}[result.answer.cache]
    where = "from disk" if result.restarted else "reused"
    return f"{words.count(prompt - reused)} computed" + (f", {words.count(reused)} {where}" if reused else "")


def _telling(results: Sequence[Result]) -> list[Result]:
    """The first of each kind, in order: kinds are how it was answered, for whom, and whether it continues."""
    first: dict[tuple[str, bool, str], Result] = {}
    for r in results:
        reused = "disk" if r.restarted else "prefix"
        way = r.answer.cache if not computed(r.answer) else reused if from_prefix(r.answer) else "cold"
        who = person(r.ask.who)
        special = who.name if way == "hit" and (who.streams or who.shuffles) else ""
        first.setdefault((way, r.ask.follows, special), r)
    return sorted(first.values(), key=lambda r: r.number)
