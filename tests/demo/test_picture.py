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
from everwarm.demo.script import Ask
from everwarm.demo.tally import Characters, Result, tally

Make = Callable[..., Result]


@pytest.fixture
def run(made: Make) -> list[Result]:
    """Cold, warm with a session, replayed, joined."""
    first = Characters(1800, 0, 200)
    later = Characters(1800, 400, 200)
    return [
        made(1, Ask("Amara", "How long?"), first, key="a", prompt=1000, first_ms=2000.0, total_ms=2500.0),
        made(2, Ask("Ben", "How high?"), first, key="b", prompt=1000, cached=896, total_ms=700.0),
        made(3, Ask("Ben", "And then?", follows=True), later, key="c", prompt=1200, cached=1024, total_ms=800.0),
        made(4, Ask("Chiyo", "How high?"), first, key="b", prompt=1000, cached=896, cache="hit", total_ms=3.0),
        made(5, Ask("Elif", "How high?"), first, key="b", prompt=1000, cached=896, cache="joined", total_ms=600.0),
    ]


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
    assert words_of(page.find(".//h1")) == "Of 5,200 prompt tokens asked, 1,280 were computed"
    for part in ("1,920 KV prefix cache", "1,000 Response cache", "1,000 Joined in flight", "1,280 Computed"):
        assert part in said, part
    assert "It saved $ 1." in said
    assert "model-1" in said
    assert "in proportion to their characters" in said


SHARES = {"prefix": 1920, "exact": 1000, "joined": 1000, "computed": 1280}


def test_the_bars_are_as_long_as_the_tokens(run: list[Result]) -> None:
    page = page_of(run)
    whole = widths(page.find(".//div[@class='totals']/svg"))
    assert {k: round(v / 1120 * 5200) for k, v in whole.items()} == SHARES
    bars: dict[str, float] = {}
    for lane in page.findall(".//section[@class='lane']//svg"):
        for kind, width in widths(lane).items():
            bars[kind] = bars.get(kind, 0.0) + width
    bars.pop("area")
    scale = sum(bars.values()) / 5200
    assert {k: round(v / scale) for k, v in bars.items()} == SHARES


def test_one_row_for_each_request_with_its_story(run: list[Result]) -> None:
    titles = [t.text or "" for t in page_of(run).iter("title")][1:]
    assert len(titles) == 5
    assert titles == sorted(titles, key=lambda t: int(re.findall(r"\d+", t)[0]))
    assert titles[2] == (
        "Request 3, Ben: And then?\n1,200 prompt tokens: about 900 static, 200 session, 100 dynamic\n"
        "computed 176 tokens, 1,024 from the KV cache, in 800 ms"
    )
    assert tooltip(run[3], 900).endswith("answered from the response cache, in 3.0 ms")


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
