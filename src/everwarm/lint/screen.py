"""A report for people, and for machines."""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from everwarm.lint.finding import Finding, Report, Trouble


class Rate(NamedTuple):
    """What it costs that a token of a prompt is computed, and not read from the provider's cache."""

    model: str
    per_token: float  # USD

    def of(self, tokens: int) -> float:
        """USD per 1,000 requests."""
        return tokens * self.per_token * 1000


def print_report(report: Report, rate: Rate, *, as_json: bool) -> None:
    """What was found to standard output, what could not be read to standard error."""
    if as_json:
        print(json.dumps(_for_machines(report, rate), indent=2, ensure_ascii=False))
        return
    for trouble in report.troubles:
        print(f"everwarm: {where(trouble)}: {trouble.what}.", file=sys.stderr)
    Console(highlight=False).print(_screen(report, rate), soft_wrap=True, end="")


def _screen(report: Report, rate: Rate) -> Text:
    """Finding after finding, and a last line that sums up."""
    out = Text()
    for finding in report.findings:
        out.append_text(_finding(finding, rate)).append("\n")
    for note in report.notes:
        out.append(f"{where(note)}: {note.what}\n", style="yellow")
    return out.append(_sum(report))


def _for_machines(report: Report, rate: Rate) -> dict[str, Any]:
    """The same for machines."""
    return {
        "findings": [{**f._asdict(), "usd_per_1000_requests": round(rate.of(f.lost), 6)} for f in report.findings],
        "unreadable": [trouble._asdict() for trouble in report.troubles],
        "notes": [note._asdict() for note in report.notes],
        "files": report.files,
        "prices_of": rate.model,
    }


def where(at: Trouble) -> str:
    """``file:line``, as editors understand it."""
    return f"{at.file}:{at.line}" if at.line else at.file


def _finding(finding: Finding, rate: Rate) -> Text:
    place = ":".join([finding.file, *(str(n) for n in (finding.line, finding.column) if n)])
    text = Text.assemble((place, "bold"), "  ", (finding.kind, "red"), f" in {finding.place}: {finding.shown}\n")
    text.append(f"  {finding.story}\n")
    if finding.lost:
        text.append(f"  {_cost(finding, rate)}\n", style="dim")
    text.append_text(_diff(finding.diff))
    return text.append(f"  To do: {finding.todo}.\n" if finding.todo else "")


def _cost(finding: Finding, rate: Rate) -> str:
    lost = f"{'At least' if finding.file.endswith('.py') else 'About'} {finding.lost:,} tokens of each request"
    usd = rate.of(finding.lost)
    return f"{lost}; {usd:,.2f} USD per 1,000 requests at the prices of {rate.model}." if usd >= 0.005 else f"{lost}."


def _diff(diff: str) -> Text:
    text = Text()
    for line in diff.splitlines():
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        text.append(f"  {line}\n", style=style)
    return text


def _sum(report: Report) -> str:
    files = f"{report.files:,} file{'s' * (report.files != 1)}"
    found = len(report.findings)
    if not report.files:
        return "Nothing was read: no .py, .json or .jsonl file that can be is named, or in what is named.\n"
    if not found:
        return f"Nothing found in {files}.\n"
    return f"{found:,} finding{'s' * (found != 1)} in {files}.\n"
