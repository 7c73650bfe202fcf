"""The dashboard in a browser: its figures are those of ``/stats``, stored text is inert, every state has its words."""

from __future__ import annotations

import copy
import re
from importlib.resources import files
from typing import Any

import pytest

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"&amp;${1}"
NOW = 1795000000.0
ROW: dict[str, Any] = {
    "at": NOW - 1, "model": "smollm2-135m-instruct", "cache": "hit", "via": "exact", "status": 200, "stream": False,
    "prompt": 1422, "output": 64, "prefix_cached": 0, "ttft_ms": 2.1, "total_ms": 2.2, "saved_ms": 911.4,
    "reason": "the same request before",
}  # fmt: skip
STATS: dict[str, Any] = {
    "version": 1, "namespace": "public", "since": NOW - 5400, "until": NOW, "requests": 1284, "errors": 3,
    "layers": {
        "exact": {"requests": 612, "hit_rate": 0.48, "tokens_saved": 488120, "seconds_saved": 1843.2},
        "flight": {"requests": 48, "hit_rate": 0.04, "tokens_saved": 40210, "seconds_saved": 122.9},
        "prefix": {
            "requests": 541, "hit_rate": 0.87, "tokens_saved": 371004, "seconds_saved": 260.1, "estimated": True,
        },
    },
    "tokens": {
        "asked": {"prompt": 1001230, "output": 81244},
        "computed": {"prompt": 141100, "output": 42040},
        "saved": {"prompt": 860130, "output": 39204},
    },
    "seconds_saved": 2226.2,
    "money": {
        "prices_of": "gpt-5-mini", "provider": "openai", "currency": "USD",
        "without": 0.41, "with": 0.09, "saved": 0.32,
    },
    "findings": [
        {
            "says": f"`{HOSTILE}` is a clock", "a_day": 3.1, "currency": "USD", "model": HOSTILE, "done": False,
            "counted": "estimated",
        },
        {
            "says": "`tools` is shuffled", "a_day": None, "currency": None, "model": "m", "done": True,
            "counted": "calibrated",
        },
    ],
    "latency_ms": {"hit": {"p50": 2.4, "p95": 6.1, "n": 612}, "miss": {"p50": 812.0, "p95": 2904.3, "n": 672}},
    "recent": [
        ROW,
        ROW | {"cache": "miss", "via": "engine", "stream": True, "prefix_cached": 1408, "ttft_ms": 181.0,
               "total_ms": 1811.0, "saved_ms": 0, "reason": HOSTILE},
        ROW | {"cache": "", "via": "", "model": HOSTILE, "status": 404},
    ],
    "store": {"entries": 612, "bytes": 4812330, "corrupt": 1, "unreadable": 0, "unwritten": 0},
}  # fmt: skip
NONE = {"p50": None, "p95": None, "n": 0}


def changed(**parts: Any) -> dict[str, Any]:
    return copy.deepcopy(STATS) | parts


def test_the_figures_are_those_of_the_server(site: Any, browser: Any) -> None:
    site.stats = STATS
    page = browser.see(site)
    assert page.console == []
    assert page.text["share"] == "83%"
    assert page.text["span"].startswith("1,284 requests, 3 with an error, since Nov 18, 2026, 9:36")
    assert (page.text["tokens"], page.text["tokens-note"]) == ("899,334", "of 1,082,474 asked for")
    assert (page.text["money"], page.text["money-note"]) == ("$0.32", "of $0.41 at the prices of gpt-5-mini")
    assert (page.text["seconds"], page.text["seconds-note"]) == ("37 min", "4.3 min of it estimated")
    legend = re.sub(r"\s+", " ", page.text["legend"])
    for words in ("Exact488,120", "Flight40,210", "Prefix371,004", "Computed183,140"):
        assert words in legend
    grown = re.findall(r'<span class="(\w+)" style="flex-grow: (\d+);">', page.dom)
    assert grown == [("exact", "488120"), ("flight", "40210"), ("prefix", "371004"), ("computed", "183140")]
    assert page.rows["layers"] == [
        ["Exact", "48%", "612", "31 min"],
        ["Flight", "4%", "48", "2 min"],
        ["Prefix", "87%", "541", "≈ 4.3 min"],
    ]
    assert page.rows["latency"] == [["From the cache 612", "2.4 ms", "6.1 ms"], ["Computed 672", "812 ms", "2.9 sec"]]
    assert "338 times sooner" in page.text["latency-note"]
    found = page.text["findings"]
    assert "is a clock $3.10 a day · " in found
    assert found.endswith("`tools` is shuffled m · tokens calibrated · repaired on the way")
    assert page.text["store"] == "612 stored answers, 4.8 MB · 1 corrupt and dropped"
    assert page.text["namespace"] == "public"
    assert {"banner", "empty"} <= page.hidden
    assert "figures" not in page.hidden
    assert len(site.asked) >= 2


def test_the_recent_requests_say_how_and_why(site: Any, browser: Any) -> None:
    site.stats = STATS
    first, second, third = browser.see(site).rows["recent"]
    assert first[1:] == ["smollm2-135m-instruct", "hitexact", "the same request before",
                         "1,422", "0", "64", "2.1 ms", "2.2 ms", "911 ms"]  # fmt: skip
    assert second[2:] == ["missengine · stream", HOSTILE, "1,422", "1,408", "64", "181 ms", "1.8 sec", "–"]
    assert third[1:3] == [HOSTILE, "error 404"]


def test_stored_text_is_inert(site: Any, browser: Any) -> None:
    money = STATS["money"] | {"prices_of": HOSTILE}
    site.stats = changed(namespace=HOSTILE, money=money)
    page = browser.see(site)
    assert page.console == []
    assert page.text["namespace"] == HOSTILE
    assert HOSTILE in page.text["money-note"]
    assert page.tags["script"] == 2  # the page's own, and the empty one of this test
    assert page.tags["img"] == 0
    assert "<title>Everwarm</title>" in page.dom


def test_nothing_asked_yet_shows_what_to_try(site: Any, browser: Any) -> None:
    site.stats = changed(requests=0, recent=[], money=None, latency_ms={"hit": NONE, "miss": NONE})
    site.stats["store"]["entries"] = 0
    page = browser.see(site)
    assert page.console == []
    assert "figures" in page.hidden
    assert "empty" not in page.hidden
    assert page.text["curl"].startswith(f"curl {site.origin}/v1/chat/completions ")
    assert page.text["store"].startswith("No stored answers")


def test_what_is_not_known_is_left_open(site: Any, browser: Any) -> None:
    site.stats = changed(
        money=None, why="No model is named.", store=None, recent=[], latency_ms={"hit": NONE, "miss": NONE}
    )
    site.stats["layers"]["flight"]["hit_rate"] = None
    page = browser.see(site)
    assert page.console == []
    assert page.text["money-note"] == "No model is named."
    assert (page.text["money"], page.text["store"], page.text["latency-note"]) == ("–", "", "")
    assert page.rows["latency"] == [["From the cache 0", "–", "–"], ["Computed 0", "–", "–"]]
    assert page.rows["layers"][1][1] == "–"


def test_a_server_that_goes_away_is_said_to_be_away(site: Any, browser: Any) -> None:
    site.stats = STATS
    site.gone = range(1, 99)
    page = browser.see(site)
    host = site.origin.removeprefix("http://")
    assert page.text["banner"].startswith(f"The server at {host} does not answer. What you see is from ")
    assert page.text["banner"].endswith("Trying again every 2 seconds.")
    assert "banner" not in page.hidden
    assert page.text["tokens"] == "899,334"
    assert 'class="stale"' in page.dom


def test_a_server_that_comes_back_is_found(site: Any, browser: Any) -> None:
    site.stats = STATS
    site.gone = range(2)
    page = browser.see(site)
    assert "banner" in page.hidden
    assert page.text["tokens"] == "899,334"
    assert page.text["state"].startswith("Live, ")


@pytest.mark.parametrize(
    ("status", "stats", "says"),
    [
        (
            401,
            {"error": {"message": f"No such key. {HOSTILE}"}},
            f"The server answered 401: No such key. {HOSTILE} Try",
        ),
        (500, b"<html>", "The server answered 500. Trying again"),
        (200, b"{", "The server answered 200: no figures in it."),
        (200, {"version": 2}, "This page is older than the server: reload it."),
        (200, {"version": 1, "requests": 1}, "These figures cannot be shown ("),
    ],
)
def test_an_answer_without_figures_is_reported(site: Any, browser: Any, status: int, stats: Any, says: str) -> None:
    site.status, site.stats = status, stats
    page = browser.see(site)
    assert page.text["banner"].startswith(says)
    assert "banner" not in page.hidden
    assert page.text["state"] == "No new figures"
    assert page.tags["img"] == 0


def test_a_key_is_sent_and_kept_nowhere(site: Any, browser: Any) -> None:
    site.stats = changed(namespace="acme", requests=0)
    site.driver = """
      document.getElementById("key").value = " k-123 ";
      document.getElementById("key-form").requestSubmit();
      addEventListener("DOMContentLoaded", () => setInterval(() => {
        document.title = [localStorage.length, sessionStorage.length, document.cookie.length, location.search].join();
      }, 100));"""
    page = browser.see(site)
    assert site.asked[-1] == "Bearer k-123"
    assert page.text["namespace"] == "acme"
    assert "Bearer $KEY" in page.text["curl"]
    assert "k-123" not in page.dom
    assert "<title>0,0,0,</title>" in page.dom
    assert page.console == []


def test_a_violation_would_be_seen(site: Any, browser: Any) -> None:
    """The tests above would notice: the console is read, and the policy holds."""
    site.stats = STATS
    site.inline = "<script>document.title = 'inline'</script>"
    site.driver = "console.error('from the driver')"
    page = browser.see(site)
    assert any("from the driver" in line for line in page.console)
    assert any("Content Security Policy" in line for line in page.console)
    assert "<title>Everwarm</title>" in page.dom


def test_the_files_are_self_contained() -> None:
    text = {
        name: files("everwarm.dashboard").joinpath(name).read_text("utf-8")
        for name in ("index.html", "app.js", "style.css")
    }
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Storage|cookie", text["app.js"])
    assert not re.search(r"\son\w+=|style=|<style|<script>", text["index.html"])
    assert not re.search(r"https?:|//[a-z]", "".join(text.values()).replace("// ", ""))
    assert set(re.findall(r'\$\("([\w-]+)"\)', text["app.js"])) <= set(re.findall(r'id="([\w-]+)"', text["index.html"]))
