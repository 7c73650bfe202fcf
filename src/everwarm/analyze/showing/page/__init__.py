"""The report as one HTML file without a network: style, scripts and data are inside, and its policy allows no more."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import asdict, replace
from hashlib import sha256
from importlib.resources import files

from everwarm.analyze.report import Report
from everwarm.analyze.showing.figures import percent
from everwarm.analyze.showing.page.flame import flame, rows
from everwarm.analyze.showing.page.tables import answers, groups, notes, repairs, sources
from everwarm.analyze.showing.page.timeline import timeline
from everwarm.analyze.showing.page.top import top
from everwarm.analyze.showing.page.traces import traces
from everwarm.analyze.showing.page.waterfall import waterfall
from everwarm.analyze.showing.page.worst import worst

SCRIPTS = ("theme.js", "words.js", "waterfall.js", "tables.js", "timeline.js", "tree.js", "flame.js", "flame_keys.js")
"""In this order: each may use what those before it name."""

SECTIONS = (top, waterfall, repairs, flame, traces, timeline, worst, answers, groups, sources, notes)


def page(report: Report) -> str:
    """The whole file. Text of the logs is inert in it; characters that no file can hold become question marks."""
    script, style = "\n".join(map(_file, SCRIPTS)), _file("style.css")
    whole = _file("page.html").format(
        policy=f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'",
        title=f"Cache report: {percent(report.total.read, report.total.prompt)} read",
        style=style,
        main="\n".join(part for draw in SECTIONS if (part := draw(report))),
        data=data(report),
        script=script,
    )
    return whole.encode("utf-8", "replace").decode()


def data(report: Report) -> str:
    """The report as JSON that cannot end the element it stands in. ``flame`` is flat there, see ``flame.rows``."""
    values = asdict(replace(report, flame=[])) | {"flame": rows(report.flame)}
    text = json.dumps(values, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _file(name: str) -> str:
    return (files("everwarm.analyze.showing.page") / name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
