"""A report as JSON; and without any text of a prompt, for those who may not see it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from everwarm.analyze.report import Flame, Report, Step, Sums
from everwarm.core.analysis.loss import UNAVOIDABLE


def as_json(report: Report) -> bytes:
    """All of it, indented; with the hit rate of each sum."""
    return orjson.dumps(plain(report), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def plain(report: Report) -> dict[str, Any]:
    """As values that JSON has."""
    value = asdict(report)
    for name in ("models", "streams", "apps", "days"):
        for sums, made in zip(getattr(report, name), value[name], strict=True):
            made["rate"] = round(sums.rate, 6)
    value["total"]["rate"] = round(report.total.rate, 6)
    return value


def redact(report: Report) -> None:
    """Replace every text that is from a prompt by its length, in place. Paths, kinds, files and lines stay."""
    groups = [report.total, *report.models, *report.streams, *report.apps, *report.days]
    for step in (step for sums in groups for step in sums.steps):
        _redact_step(step)
    for number, sums in enumerate(report.streams, 1):
        sums.name = f"stream {number}"
    for worst in report.worst:
        worst.was, worst.became = _length(worst.was), _length(worst.became)
        for bar in worst.bars:
            bar.text = ""
    waiting: list[Flame] = list(report.flame)
    while waiting:
        flame = waiting.pop()
        flame.text = flame.tier
        waiting += flame.inside
    for source in report.sources:
        source.sample = source.sample.split(": ", 1)[0]
    report.notes.append("Texts of prompts were left out (--redact).")


def _redact_step(step: Step) -> None:
    step.was, step.became = _length(step.was), _length(step.became)


def _length(text: str) -> str:
    return f"({len(text)} characters)" if text else ""


def too_low(total: Sums, least: float) -> str:
    """What to say if fewer than ``least`` percent were read; "" if it is enough."""
    rate = 100 * total.rate
    if rate >= least:
        return ""
    worst = next((step for step in total.steps if step.cause not in UNAVOIDABLE), None)
    most = f" Most was lost to this: {worst.label} ({worst.tokens:,} tokens)." if worst else ""
    return f"{rate:.1f} % of the prompt tokens were read from the cache; at least {least:g} % were wanted.{most}"
