from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.demo import svg
from everwarm.demo.lanes import tooltip
from everwarm.demo.picture import picture
from everwarm.demo.restart import SECONDS
from everwarm.demo.script import OPENING, Ask
from everwarm.demo.tally import Characters, Result, tally

Make = Callable[..., Result]


@pytest.fixture
def run(made: Make) -> list[Result]:
    """Cold, warm with a session, replayed, joined, from disk."""
    first = Characters(1800, 0, 200)
    later = Characters(1800, 400, 200)
    return [
        made(1, Ask("Amara", "How long?"), first, key="a", prompt=1000, first_ms=2000.0, total_ms=2500.0),
        made(2, Ask("Ben", "How high?"), first, key="b", prompt=1000, cached=896, total_ms=700.0),
        made(3, Ask("Ben", "And then?", follows=True), later, key="c", prompt=1200, cached=1024, total_ms=800.0),
        made(4, Ask("Chiyo", "How high?"), first, key="b", prompt=1000, cached=896, cache="hit", total_ms=3.0),
        made(5, Ask("Elif", "How high?"), first, key="b", prompt=1000, cached=896, cache="joined", total_ms=600.0),
        made(6, Ask("Farid", "And?"), first, key="d", prompt=1000, cached=960, restarted=True, total_ms=90.0),
    ]


@pytest.fixture
def acts(made: Make) -> list[Result]:
    """All eight at once; then somebody warm; then the restart."""
    group = [made(n, ask, prompt=1000 + n, cached=0 if n == 1 else 990) for n, ask in enumerate(OPENING, 1)]
    group[0] = group[0]._replace(answer=group[0].answer._replace(first_ms=1000.0))
    warm = made(9, Ask("Amara", "Why?"), prompt=1010, cached=990, first_ms=40.0)
    after = made(10, Ask("Amara", "<b>?", follows=True), prompt=1050, cached=1030, first_ms=100.0, restarted=True)
    return [*group, warm, after]


def page_of(results: list[Result], money: str = "It saved $ 1.") -> ElementTree.Element:
    return ElementTree.fromstring(picture(results, tally(results), money, "model-1"))


def words_of(element: ElementTree.Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def widths(svg_element: ElementTree.Element | None) -> dict[str, float]:
    """Sum of widths by class."""
    assert svg_element is not None
    sums: dict[str, float] = {}
    for rect in svg_element.iter("rect"):
        sums[rect.attrib["class"]] = sums.get(rect.attrib["class"], 0.0) + float(rect.attrib["width"])
    return sums


def test_the_page_states_the_result_and_the_sums(run: list[Result]) -> None:
    page = page_of(run)
    said = words_of(page)
    assert words_of(page.find(".//h1")) == "Of 6,200 prompt tokens asked, 1,320 were computed"
    for part in (
        "1,920 KV prefix cache 31.0 % of 2 requests, read before",
        "960 KV from disk 15.5 % of 1 request, after the restart",
        "1,000 Response cache 16.1 % 1 request answered before",
        "1,000 Joined in flight 16.1 % 1 request under way already",
        "1,320 Computed 21.3 % new in 4 requests",
    ):
        assert part in said, part
    assert "It saved $ 1." in said
    assert "model-1" in said
    assert "in proportion to their characters" in said


SHARES = {"prefix": 1920, "disk": 960, "exact": 1000, "joined": 1000, "computed": 1320}


def test_the_bars_are_as_long_as_the_tokens(run: list[Result]) -> None:
    page = page_of(run)
    whole = widths(page.find(".//div[@class='totals']/svg"))
    assert {k: round(v / 1120 * 6200) for k, v in whole.items()} == SHARES
    bars: dict[str, float] = {}
    for lane in page.findall(".//section[@class='lane']//svg"):
        for kind, width in widths(lane).items():
            bars[kind] = bars.get(kind, 0.0) + width
    bars.pop("area")
    scale = sum(bars.values()) / 6200
    assert {k: round(v / scale) for k, v in bars.items()} == SHARES


def test_eight_share_what_one_has_computed(acts: list[Result]) -> None:
    section = page_of(acts).findall(".//section[@class='drawn']")[0]
    said = words_of(section)
    assert "one prompt was computed as a whole; the others waited for it" in said
    assert "Of 8,036 prompt tokens 1,106 were computed." in said
    assert "1,001 computed" in said
    assert "12 computed, 990 shared" in said
    bars = widths(section.find(".//svg"))
    assert bars["prefix"] / bars["computed"] == pytest.approx(7 * 990 / 1106, rel=1e-3)


def test_without_a_shared_prefix_nothing_is_said_to_be_shared(made: Make) -> None:
    section = page_of([made(n, ask) for n, ask in enumerate(OPENING, 1)]).findall(".//section[@class='drawn']")[0]
    assert "8 prompts were computed as a whole. Of 800 prompt tokens 800 were computed." in words_of(section)
    assert "the same for everybody" not in words_of(section)


def test_the_restart_is_drawn_to_scale_in_tokens_and_in_time(acts: list[Result]) -> None:
    section = page_of(acts).findall(".//section[@class='drawn']")[1]
    said = words_of(section)
    assert "Amara goes on with the conversation from before: “<b>?”" in said
    for part in ("1,001 computed", "20 computed, 990 from memory", "20 computed, 1,030 from disk"):
        assert part in said, part
    bars = widths(section.find(".//svg"))
    assert bars["disk"] / bars["prefix"] == pytest.approx(1030 / 990, rel=1e-3)
    times = [float(r.attrib["width"]) for r in section.iter("rect") if r.attrib["class"] == "time"]
    assert times == pytest.approx([SECONDS, 0.04 * SECONDS, 0.1 * SECONDS], abs=0.01)


def test_one_row_for_each_request_with_its_story(run: list[Result]) -> None:
    titles = [t.text or "" for t in page_of(run).iter("title")][1:]
    assert len(titles) == 6
    assert titles == sorted(titles, key=lambda t: int(re.findall(r"\d+", t)[0]))
    assert titles[2] == (
        "Request 3, Ben: And then?\n1,200 prompt tokens: about 900 static, 200 session, 100 dynamic\n"
        "computed 176 tokens, 1,024 from the KV cache, in 800 ms"
    )
    assert tooltip(run[3], 900).endswith("answered from the response cache, in 3.0 ms")
    assert titles[5].endswith("computed 40 tokens, 960 from the disk, after the restart, in 90 ms")


def test_height_tells_the_part(run: list[Result]) -> None:
    lane = page_of(run).findall(".//section[@class='lane']")[1]
    row = lane.findall(".//g")[1]
    bars = [(r.attrib["class"], float(r.attrib["height"])) for r in row.iter("rect")][1:]
    assert bars == [("prefix", 6.0), ("prefix", 9.5), ("computed", 9.5), ("computed", 13.0)]


def test_nothing_is_fetched_and_nothing_runs(run: list[Result]) -> None:
    text = picture(run, tally(run), "", "model-1")
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert not re.search(r"\son\w+=", text)


HOSTILE = "</title><script>alert(1)</script>\" onload='x' & \x00\x1b\ud800 {title}"


def test_hostile_text_stays_text(made: Make) -> None:
    results = [made(1, Ask("Ben", HOSTILE), Characters(80, 10, 10))]
    text = picture(results, tally(results), HOSTILE, HOSTILE)
    page = ElementTree.fromstring(text.encode("utf-8"))
    assert not list(page.iter("script"))
    assert not [e for e in page.iter() for name in e.attrib if name.startswith("on")]
    assert text.count("<script") == 0
    assert "<script>alert(1)</script>" in words_of(page)


@given(st.text())
def test_any_text_makes_well_formed_xml(text: str) -> None:
    drawing = svg.svg(10, 10, text, svg.titled(text, svg.text(1, 1, text), "row"))
    element = ElementTree.fromstring(drawing.encode("utf-8"))
    assert element.find(".//text") is not None


def test_a_run_without_conversations_and_an_empty_run(made: Make) -> None:
    assert page_of([made()]).findall(".//section[@class='lane']")
    assert words_of(page_of([])).startswith("Of 0 prompt tokens asked, 0 were computed")
