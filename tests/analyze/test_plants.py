"""Real agent requests with what applications plant in their prompts: each plant is named as the first cause, at its
place; and what the replay says of its repair is what the gateway then really sends."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from benchmarks.layout.conversations import AbsentError
from benchmarks.layout.conversations import calls as conversations
from benchmarks.layout.plants import PLANTS, Call, planted
from benchmarks.layout.rates import ANTHROPIC, CHARACTERS, OPENAI, Sent, came, in_messages
from benchmarks.layout.rates import openai as openai_rate

from analyzed import analysed, gathered, written
from everwarm.analyze.report import Repair, Report, Step
from everwarm.analyze.sums import rewriting
from everwarm.core.analysis.bodies import Bodies
from everwarm.core.breakpoints import place
from everwarm.core.caches import AnthropicCache
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.compact import compact
from everwarm.core.layout.finding import Arranged
from everwarm.core.layout.outline import outline
from everwarm.core.layout.splice import splice
from everwarm.core.marks import blocks, marks_in
from everwarm.core.rules import Rule
from everwarm.rules import load
from gateway_upstreams import asks
from live import gateway
from providers import Provider

REQUESTS: Final = 80
WIRED: Final = 40
"""Requests that go through a gateway."""

MODELS: Final = {OPENAI: ("openai", "gpt-5-mini"), ANTHROPIC: ("anthropic", "claude-sonnet-4-5")}
SYSTEM: Final = {OPENAI: "messages[0].content", ANTHROPIC: "system"}

ORDER: Final = "tools and their keys in another order"
NAMED: Final = {
    "a clock in line 1": ("system_changed", "a clock"),
    "a clock at the end of the system prompt": ("system_changed", "a clock"),
    "name and id of the user first": ("system_changed", "a user"),
    "shuffled keys and tools": ("tools_changed", ORDER),
    "a billing line": ("system_changed", "a billing line"),
    "retrieved passages first": ("system_changed", "other passages, such as retrieved ones"),
    "a memory that grows": ("system_changed", "growing text, such as a memory"),
    "all together": ("tools_changed", ORDER),
}
"""Plant -> cause, and what changed."""

EXACT: Final = {
    "a clock in line 1": "20",  # how the value begins
    "a clock at the end of the system prompt": "20",
    "name and id of the user first": "",
    "a billing line": "x-anthropic-billing-header",
}
"""Plants of which the very value has a place: a form of its own tells its ends."""


@cache
def clean() -> tuple[Call, ...]:
    try:
        return tuple(conversations()[:REQUESTS])
    except AbsentError as e:
        pytest.skip(str(e))


def rule(dialect: str) -> Rule:
    found = load().of(*MODELS[dialect])
    assert found
    return found


def sent(plant: str, dialect: str) -> list[Sent]:
    """As a client of this protocol writes them; to Anthropic with marks where they belong. But tools that are shuffled
    have none: those of which one is marked stay in their order, in rewriting too."""
    row = list(planted(list(clean()), PLANTS[plant]))
    if dialect == OPENAI:
        return came(row)
    tools = NAMED.get(plant, ("",))[0] != "tools_changed"
    return [Sent(marked(data, tools=tools), at) for data, at in in_messages(row)]


def marked(data: bytes, *, tools: bool) -> bytes:
    value, ttl = orjson.loads(data), rule(ANTHROPIC).ttls[0].name
    edits = place(ANTHROPIC, value, outline(ANTHROPIC, value), rule(ANTHROPIC), ttl, ttl)
    return splice(data, [edit for edit in edits if tools or edit.path[0] != "tools"])


def log(path: Path, row: list[Sent]) -> Path:
    return written(path, ({"timestamp": one.at, "request": orjson.loads(one.data)} for one in row))


def first(report: Report) -> Step:
    return report.total.steps[0]


def repair(report: Report, name: str) -> Repair:
    return next(each for each in report.repairs if each.name == name)


def value_at(body: dict[str, Any], path: str) -> str:
    """What stands at one of the two paths of a system prompt; Anthropic's is a list once it is marked."""
    if path == "messages[0].content":
        return str(body["messages"][0]["content"])
    return str(body["system"] if isinstance(body["system"], str) else body["system"][0]["text"])


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("plant", NAMED)
def test_each_is_the_first_cause_at_its_place(tmp_path: Path, plant: str, dialect: str) -> None:
    row = sent(plant, dialect)
    found = first(analysed(log(tmp_path / "log.jsonl", row), replayed=0))
    assert (found.cause, found.what) == NAMED[plant]
    if found.cause == "tools_changed":
        assert found.path == "tools"
        return
    assert found.path.split("[0].text")[0] == SYSTEM[dialect]
    body = orjson.loads(row[int(found.where.rsplit(":", 1)[1]) - 1].data)
    text = value_at(body, SYSTEM[dialect])
    if plant in EXACT:
        assert text[found.start : found.end] == found.became
        assert found.became.startswith(EXACT[plant])
        assert found.was != found.became
    else:  # a few characters before are shown, and as much behind as there is room for
        assert text[found.start :].startswith(found.became.removeprefix("...")[12:])


@pytest.mark.parametrize("dialect", MODELS)
def test_of_clean_requests_nothing_is_said_to_have_changed(tmp_path: Path, dialect: str) -> None:
    report = analysed(log(tmp_path / "log.jsonl", sent("clean", dialect)), replayed=0)
    assert not [step for step in report.total.steps if step.cause.endswith("_changed")]
    assert report.total.rate > 0.93


@pytest.mark.parametrize("plant", NAMED)
def test_rewriting_brings_nearly_all_of_it_back(tmp_path: Path, plant: str) -> None:
    found = repair(analysed(log(tmp_path / "log.jsonl", sent(plant, OPENAI))), "layout")
    assert found.before_read < found.read
    assert found.read >= 0.88 * found.prompt, f"{found.before_read / found.before_prompt:.3f} before"


def test_where_no_marks_are_set_rewriting_alone_is_of_no_use_but_both_together_are(tmp_path: Path) -> None:
    row = in_messages(list(planted(list(clean()), PLANTS["shuffled keys and tools"])))
    report = analysed(log(tmp_path / "log.jsonl", row))
    together = repair(report, "all")
    assert (together.before_read, "breakpoints" in together.label, "layout" in together.label) == (0, True, True)
    assert together.read >= 0.9 * together.prompt
    assert report.repairs[0] is together


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the replay of rewriting makes of each call, in order: the bodies that its engine gives."""
    made: list[bytes] = []

    class Watched(Layout):
        def arrange(self, *asked: Any) -> Arranged:
            arranged = super().arrange(*asked)
            made.append(arranged.data)
            return arranged

    monkeypatch.setattr(rewriting, "Layout", Watched)
    return made


PATHS: Final = {OPENAI: "/v1/chat/completions", ANTHROPIC: "/v1/messages"}


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("plant", NAMED)
def test_the_replay_is_what_goes_over_the_wire(
    tmp_path: Path, fake: Provider, rewritten: list[bytes], plant: str, dialect: str
) -> None:
    """Byte for byte; and both caches read as much of those bytes as the replay says, to a hundredth."""
    row = sent(plant, dialect)[:WIRED]
    path = log(tmp_path / "log.jsonl", row)
    calls, prompts = (logs := gathered(path)).gather.finish(), logs.gather.prompts
    bodies = Bodies(prompts)
    drafts = [bodies.of(call.dialect, call.prompt, call.rest) for call in calls]
    asked = [draft.data for draft in drafts if draft is not None]
    assert [orjson.loads(body) for body in asked] == [orjson.loads(one.data) for one in row]

    found = next((each for each in analysed(path).repairs if each.name == "layout"), None)
    openai = dialect == OPENAI
    upstream = asks(fake.url if openai else fake.anthropic_url, dialect="openai" if openai else "anthropic")
    toml = '[layout]\nmode = "rewrite"\nbreakpoints = false\n' + upstream
    with gateway(tmp_path / "house", toml=toml, inside=False) as live:
        for body in asked:
            assert live.client.post(PATHS[dialect], content=body, headers=HEADERS).status_code == 200
    assert rewritten == [one.body for one in fake.asked]

    assert found is not None
    out = [Sent(body, one.at) for body, one in zip(rewritten, row, strict=True)]
    rate = openai_rate(out, rule(OPENAI)).share if openai else anthropic_share(out)
    assert found.read / found.prompt == pytest.approx(rate, abs=0.01)


def anthropic_share(row: list[Sent]) -> float:
    """Of the tokens of all, what a cache reads by the marks that they have: marks are no part of what is compared."""
    simulated = AnthropicCache(rule(ANTHROPIC))
    readings = []
    for data, at in row:
        value = orjson.loads(data)
        paths = [block.path for block in blocks(ANTHROPIC, value)]
        marks = [(paths.index(mark.path), mark.ttl) for mark in marks_in(ANTHROPIC, value)]
        texts = [compact(text_of(block.value)) for block in blocks(ANTHROPIC, bare(value))]
        readings.append(simulated.ask([(text, len(text) // CHARACTERS) for text in texts], at, marks))
    return sum(one.read for one in readings) / sum(one.total for one in readings)


def text_of(part: Any) -> Any:
    """A string is as good as a part of text, which it has to become to have a mark."""
    return part["text"] if isinstance(part, dict) and part.keys() == {"type", "text"} else part


def bare(value: Any) -> Any:
    """Without marks."""
    if isinstance(value, dict):
        return {name: bare(each) for name, each in value.items() if name != "cache_control"}
    return [bare(each) for each in value] if isinstance(value, list) else value


HEADERS: Final = {"content-type": "application/json", "x-api-key": "k", "anthropic-version": "2023-06-01"}
