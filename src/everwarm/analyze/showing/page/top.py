"""The head of the page: what was read, what could have been, and what that costs."""

from __future__ import annotations

from everwarm.analyze.report import Report
from everwarm.analyze.showing.figures import count, every, many, moment, percent, usd
from everwarm.analyze.showing.headline import Headline, headline
from everwarm.analyze.showing.page.html import e, legend, strip, tag
from everwarm.analyze.showing.page.traces import traces_of


def top(report: Report) -> str:
    """The sentence, the bar, and four figures."""
    head = headline(report)
    if not head.prompt:
        return tag("section", _no_prompts(report), class_="hero")
    return tag(
        "section",
        _sentence(head) + _span(report) + _bar(head) + _money(report, head) + _ceilings(report),
        class_="hero",
    )


def _no_prompts(report: Report) -> str:
    if not traces_of(report):
        return tag("h1", "No prompt was found in what was read.") + _span(report)
    first = traces_of(report)[0]
    rate = tag("b", percent(first.unlimited, 1), id="could", class_="read-ink")
    words = f"Of {count(first.tokens)} prompt tokens, a cache that keeps everything would have read {rate}."
    return tag("h1", words) + tag("p", e(f"{many(first.requests, 'request')} of {first.name}"), class_="note")


def _sentence(head: Headline) -> str:
    read = tag("b", percent(head.read, head.prompt), id="rate", class_="read-ink")
    could = tag("b", percent(head.could, head.prompt), id="could", class_="read-ink")
    tokens = tag("span", count(head.prompt), id="prompt")
    return tag("h1", f"Read {read} of {tokens} prompt tokens from the cache. It could have been {could}.")


def _span(report: Report) -> str:
    total = report.total
    words = [many(total.calls, "call") + (f", {count(total.failed)} failed" if total.failed else "")]
    if report.one_in > 1:
        words.append(f"{every(report.one_in)} conversation")
    if report.began is not None and report.ended is not None:
        words.append(f"{moment(report.began)} to {moment(report.ended)} UTC")
    words.append(f"from {many(len(report.sources), 'source')}")
    return tag("p", e(" · ".join(words)), class_="note")


def _bar(head: Headline) -> str:
    parts = (("read", head.read, "read"), ("lost", head.lost, "lost"), ("new", head.new, "new: not sent before"))
    at, shapes, words = 0.0, [], []
    for name, tokens, what in parts:
        shapes.append((at, tokens / head.prompt, name))
        at += tokens / head.prompt
        words.append((name, f"{percent(tokens, head.prompt)} {what}"))
    return strip(shapes, "tall") + legend(words)


def _money(report: Report, head: Headline) -> str:
    how = "with the best repairs, replayed on this log"
    where, spans = ("in this log", "spans") if report.one_in == 1 else ("in these conversations", "span")
    entries = [
        ("cost", "Paid", usd(head.cost), f"{usd(head.uncached)} without any cache"),
        ("repaired", "Could have paid", usd(head.repaired), how if head.replayed else "no repair pays on this log"),
        ("lost", "Tokens lost", count(head.lost), f"{percent(head.lost, head.prompt)} of all prompt tokens"),
    ]
    if head.per_day is None:
        entries.append(("per-day", "Money lost", usd(head.lost_money), f"{where}, which {spans} less than a day"))
    else:
        entries.append(("per-day", "Lost per day", usd(head.per_day), f"{usd(head.lost_money)} {where}"))
    return tag("dl", "".join(_figure(*entry) for entry in entries), class_="figures")


def _figure(name: str, term: str, value: str, note: str) -> str:
    kind = "lost-ink" if name == "per-day" else None
    parts = tag("dt", e(term)), tag("dd", e(value), id=name, class_=kind), tag("dd", e(note), class_="note")
    return tag("div", "".join(parts))


def _ceilings(report: Report) -> str:
    total = report.total
    ideal, rules = percent(total.ideal, total.prompt), percent(total.rules, total.prompt)
    words = [f"For the prompts as they were sent: an unlimited cache would have read {ideal}"]
    words.append(f"the providers' own rules allow {rules}")
    said = "" if total.reported == total.calls else _silent(total.calls - total.reported, total.calls)
    return tag("p", e(", ".join(words) + "." + said), class_="note")


def _silent(calls: int, of: int) -> str:
    return (
        f" Of {count(calls)} of {count(of)} calls the log does not tell what was read: what the rules give stands in."
    )
