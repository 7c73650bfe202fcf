"""The picture of a run: one HTML page, no scripts, nothing fetched. Pure: results in, text out.

Colour says what became of a token, height says what part of the prompt it belongs to. So the eye sees long low coloured
beams (the handbook, reused) with a short high dark end (the newest question, computed).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files

from everwarm.demo import svg, words
from everwarm.demo.anatomy import anatomy
from everwarm.demo.lanes import lanes
from everwarm.demo.opening import opening
from everwarm.demo.restart import restart
from everwarm.demo.segments import static_tokens
from everwarm.demo.tally import Result, Tally

WIDTH = 1120.0
"""Of every drawing, in units of the view box."""


def picture(results: Sequence[Result], sums: Tally, money: str, model: str) -> str:
    """The page. ``money`` is a sentence about prices, or empty; ``model`` is the name of what answered."""
    static = static_tokens(results)
    title = f"Of {words.count(sums.prompt)} prompt tokens asked, {words.count(sums.computed.prompt)} were computed"
    return _PAGE.format(
        title=svg.clean(title),
        style=(files("everwarm.demo") / "content" / "picture.css").read_text("utf-8"),
        lead="\n".join(f'<p class="lead">{svg.clean(line)}</p>' for line in _lead(sums, money, model) if line),
        totals=_total_bar(sums),
        cards="\n".join(_cards(sums)),
        opening=opening(results, static, WIDTH),
        restart=restart(results, WIDTH),
        anatomy=anatomy(results, static, WIDTH),
        lanes=lanes(results, static, WIDTH),
        notes="\n".join(f"<p>{svg.clean(note)}</p>" for note in _notes(sums, static)),
    )


def _lead(sums: Tally, money: str, model: str) -> Iterable[str]:
    yield (
        f"A support copilot: {words.plural(sums.requests, 'request')} of eight people, with one system prompt and one "
        f"handbook in front of every question. {model} answered, behind Everwarm."
    )
    waited, stored = _solid(sums.waited_ms), _solid(sums.without_answers_ms)
    cold = f", and about {_solid(sums.without_all_ms)} had nothing been reused" if sums.without_all_ms else ""
    yield f"The people waited {waited} in all. It would have been {stored} without stored answers{cold}. {money}"


def _solid(ms: float) -> str:
    """A duration that no line break divides."""
    return words.duration(ms).replace(" ", "\u00a0")


def _shares(sums: Tally) -> tuple[tuple[str, int], ...]:
    """Class and prompt tokens of each fate. They add up to all that was asked. Nothing is on disk without a restart."""
    return (
        ("prefix", sums.prefix.prompt),
        *((("disk", sums.disk.prompt),) if sums.disk.prompt else ()),
        ("exact", sums.exact.prompt),
        ("joined", sums.joined.prompt),
        ("computed", sums.computed.prompt),
    )


def _total_bar(sums: Tally) -> str:
    scale, at, body = WIDTH / max(1, sums.prompt), 0.0, []
    for kind, tokens in _shares(sums):
        body.append(svg.rect(at, 0, tokens * scale, 30, kind))
        at += tokens * scale
    label = ", ".join(f"{kind}: {words.count(tokens)} tokens" for kind, tokens in _shares(sums))
    return svg.svg(WIDTH, 30, f"All prompt tokens by what became of them. {label}", "".join(body))


_SAYS = {
    "prefix": ("KV prefix cache", "of {}, read before"),
    "disk": ("KV from disk", "of {}, after the restart"),
    "exact": ("Response cache", "{} answered before"),
    "joined": ("Joined in flight", "{} under way already"),
    "computed": ("Computed", "new in {}"),
}


def _cards(sums: Tally) -> Iterable[str]:
    """The legend and the totals in one. The requests of prefix and disk are among those of computed."""
    for kind, tokens in _shares(sums):
        name, meaning = _SAYS[kind]
        requests = words.plural(getattr(sums, kind).requests, "request")
        yield (
            f'<li><b><i class="{kind}"></i>{words.count(tokens)}</b> <strong>{name}</strong> '
            f"{words.percent(tokens, sums.prompt)} <br/>{meaning.format(requests)}</li>"
        )


def _notes(sums: Tally, static: int) -> Iterable[str]:
    yield (
        "Exact: the length of every bar, and how much of it was reused or computed, as the gateway reported it in "
        "usage and in its headers. Estimated: where in a bar static, session and dynamic meet. The gateway reports "
        "only the whole, so the parts are in proportion to their characters "
        f"(static: about {words.count(static)} tokens, the same length for every request)."
    )
    yield (
        "A prefix is reused to the token, whoever sent it first, also while the first is still being answered. What is "
        "computed at the seam of a conversation are the marks that end the last answer and begin the next question."
    )
    if sums.speed:
        yield (
            "Times without stored answers are measured: each repeated request counts with the time that its original "
            "took. Times with nothing reused are estimated: reused tokens would have been computed at "
            f"{words.count(sums.speed)} tokens a second, as measured in the fastest stream."
        )


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{lead}
<div class="totals">{totals}</div>
<ul class="cards">
{cards}
</ul>
<section class="drawn">
{opening}
</section>
<section class="drawn">
{restart}
</section>
<section class="drawn">
{anatomy}
</section>
<h2>Every request</h2>
<p class="note">One bar per request, as long as its prompt, numbered in the order in which they were sent.</p>
{lanes}
<footer>
{notes}
</footer>
</main>
</body>
</html>
"""
