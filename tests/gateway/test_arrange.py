"""The room "arrange": what goes to an upstream, how often it is looked at, what is told, and what a failure costs."""

from __future__ import annotations

import gc
import json
import logging
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from arranging import CLOCK, arranged
from everwarm.core.layout.notes import MemoryNotes
from everwarm.gateway.ask import LARGE
from everwarm.gateway.how import LONGEST_WHY
from everwarm.gateway.reload import take_up
from everwarm.store.notes import DiskNotes
from gateway_upstreams import asks
from live import CHAT, Live, gateway, settings_of
from providers import Provider, faults, provider
from raw import wait_for

BODY = b'{ "model":"gpt-x","messages" : [{"role":"user","content":"It is NOW. h\\u00e9"}], "x_vendor": 1.0 }\n'
REWRITE = '[layout]\nmode = "rewrite"\n'


@pytest.fixture
def advising(tmp_path: Path, fake: Provider) -> Iterator[Live]:
    with gateway(tmp_path, toml=asks(fake.url), inside=False) as running:
        yield running


@pytest.fixture
def rewriting(tmp_path: Path, fake: Provider) -> Iterator[Live]:
    with gateway(tmp_path, toml=REWRITE + asks(fake.url), inside=False) as running:
        yield running


def test_by_default_the_upstream_gets_the_clients_very_bytes(advising: Live, fake: Provider) -> None:
    assert advising.post(BODY).status_code == 200
    with arranged(advising) as engines:
        assert advising.post(BODY.replace(b"It", b"it")).status_code == 200
        assert engines.seen == [("public", "openai_chat", "gpt-x", "advise")]
    assert [asked.body for asked in fake.asked] == [BODY, BODY.replace(b"It", b"it")]


def test_what_is_rewritten_goes_out_and_the_answer_is_found_under_the_clients_body(
    rewriting: Live, fake: Provider
) -> None:
    with arranged(rewriting) as engines:
        first, second = rewriting.post(BODY), rewriting.post(BODY)
        assert [asked.body for asked in fake.asked] == [BODY.replace(b"NOW", b"THEN")]
        assert second.headers["x-everwarm-cache"] == "hit"
        assert second.content == first.content
        assert second.headers["x-everwarm-key"] == first.headers["x-everwarm-key"]
        assert rewriting.post(BODY.replace(b"NOW", b"THEN")).headers["x-everwarm-cache"] == "miss", "another question"
        assert engines.modes == ["rewrite", "rewrite"], "a hit is not looked at"


def test_off_asks_nobody(tmp_path: Path, fake: Provider) -> None:
    with gateway(tmp_path, toml='[layout]\nmode = "off"\n' + asks(fake.url), inside=False) as live:
        with arranged(live) as engines:
            live.post(BODY)
        assert engines.seen == []
        assert [asked.body for asked in fake.asked] == [BODY]


@pytest.mark.parametrize(
    ("layout", "model", "upstreams", "mode"),
    [
        ("rewrite", None, [None], "rewrite"),
        ("rewrite", None, ["off"], "off"),
        ("off", None, ["rewrite"], "rewrite"),
        ("off", "advise", ["rewrite"], "advise"),
        ("off", None, ["rewrite", "advise"], "advise"),  # the more careful one: the other may have to be asked
        ("advise", None, ["rewrite", None], "advise"),
        ("rewrite", None, ["rewrite", None], "rewrite"),
    ],
)
def test_a_models_word_counts_before_its_upstreams(
    tmp_path: Path, fake: Provider, layout: str, model: str | None, upstreams: list[str | None], mode: str
) -> None:
    toml = f'[layout]\nmode = "{layout}"\n' + (f'[models."gpt-x"]\nlayout = "{model}"\n' if model else "")
    for i, said in enumerate(upstreams):
        more = f'layout = "{said}"' if said else ""
        toml += asks(fake.url, more=more).replace('"u0"', f'"u{i}"')
    with gateway(tmp_path, toml=toml, inside=False) as live, arranged(live) as engines:
        live.post(BODY)
        assert engines.modes == ([] if mode == "off" else [mode])


def test_a_reload_takes_effect_with_the_next_request(advising: Live, fake: Provider) -> None:
    with arranged(advising):
        advising.post(BODY)
        told = take_up(advising.house, settings_of(advising.house.config.data, REWRITE + asks(fake.url)))
        assert told.applied == ["layout.mode"]
        advising.post(BODY, cache_control="no-cache")
    assert [asked.body for asked in fake.asked] == [BODY, BODY.replace(b"NOW", b"THEN")]


def test_who_joins_a_call_is_not_looked_at(rewriting: Live, fake: Provider) -> None:
    fake.hold_at = 0
    with arranged(rewriting) as engines:
        heard: list[str] = []
        threads = [
            threading.Thread(target=lambda: heard.append(rewriting.post(BODY).headers["x-everwarm-cache"]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        wait_for(lambda: rewriting.house.tower.aboard == 4)
        fake.go.set()
        for thread in threads:
            thread.join()
        assert sorted(heard) == ["joined", "joined", "joined", "miss"]
        assert len(engines.seen) == len(fake.asked) == 1
    assert rewriting.house.ledger is not None
    (found,) = rewriting.house.ledger.sums().findings
    assert (found.seen, found.requests) == (1, 1)


def test_what_was_just_understood_is_not_parsed_again(advising: Live) -> None:
    with arranged(advising) as engines:
        for text in (b"one", b"two", b"x" * LARGE):
            advising.post(BODY.replace(b"NOW", text))
        assert [engine.parsed for engine in engines.made] == [3, 0]
        for _ in range(3):
            advising.post(BODY, cache_control="no-cache")
        assert [engine.parsed for engine in engines.made] == [5, 0], "what comes again is known, and not parsed at all"


def bodies(mark: str) -> int:
    """How many parsed bodies are in memory that have this for their ``x_mark``."""
    return sum(type(thing) is dict and thing.get("x_mark") == mark for thing in gc.get_objects())


@pytest.mark.parametrize("mode", ["off", "advise", "rewrite"])
def test_a_parsed_body_is_let_go_before_the_upstream_is_waited_for(tmp_path: Path, fake: Provider, mode: str) -> None:
    toml = f'[layout]\nmode = "{mode}"\n' + asks(fake.url)
    fake.hold_at = 0
    with gateway(tmp_path, toml=toml, inside=False) as live, arranged(live):
        data = (
            BODY.replace(b"x_vendor", b"x_mark").replace(b"1.0", b'"here"') + b" " * LARGE
        )  # such are never remembered
        threads = [threading.Thread(target=live.post, args=(data,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for(lambda: live.house.tower.aboard == 3 and len(fake.asked) == 1)
        wait_for(lambda: bodies("here") == 0)
        fake.go.set()
        for thread in threads:
            thread.join()


def test_another_upstream_is_sent_the_same_bytes(tmp_path: Path, fake: Provider) -> None:
    with provider() as other, gateway(tmp_path, toml=REWRITE + asks(fake.url, other.url), inside=False) as live:
        fake.plan = [faults.status(503)] * 9
        with arranged(live) as engines:
            assert live.post(BODY).status_code == 200
        assert len(engines.seen) == 1
        sent = {asked.body for asked in (*fake.asked, *other.asked)}
        assert sent == {BODY.replace(b"NOW", b"THEN")}
        assert len(fake.asked) >= 1
        assert len(other.asked) == 1


def test_token_counts_are_asked_for_behind_what_was_arranged(tmp_path: Path, fake: Provider) -> None:
    toml = REWRITE + asks(fake.url, more="count_streams = true")
    with gateway(tmp_path, toml=toml, inside=False) as live, arranged(live):
        body = BODY.replace(b"1.0 }", b'1.0, "stream": true }')
        assert live.post(body).status_code == 200
        (asked,) = fake.asked
        assert json.loads(asked.body)["stream_options"] == {"include_usage": True}
        rest = asked.body.replace(b',"stream_options":{"include_usage":true}', b"")
        assert rest == body.replace(b"NOW", b"THEN")


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_the_model_inside_reads_what_was_arranged(tmp_path: Path, large: bool) -> None:
    with gateway(tmp_path, toml=REWRITE) as live, arranged(live) as engines:
        answer = live.ask("NOW" + "x" * LARGE * large)
        assert answer.headers["x-everwarm-via"] == "engine"
        ((request, _),) = live.upstream.asked
        assert request.messages[-1].text == "THEN" + "x" * LARGE * large
        assert request.rests
        live.ask("NOW", headers={"cache-control": "no-store"})
        assert not live.upstream.asked[-1][0].rests
        assert engines.modes == ["rewrite", "rewrite"]


def test_what_is_large_is_arranged_in_a_thread_and_what_is_small_waits_for_it(advising: Live) -> None:
    """One engine does one thing at a time, and the event loop answers meanwhile."""
    entered, go = threading.Event(), threading.Event()
    with arranged(advising) as engines:
        engine = engines.made[0]
        advising.ask("small", model="gpt-x")
        engine.enter = lambda: (entered.set(), go.wait(20))
        texts = ("large" + "x" * LARGE, "small again")
        threads = [threading.Thread(target=advising.ask, args=(text,), kwargs={"model": "gpt-x"}) for text in texts]
        threads[0].start()
        assert entered.wait(20)
        threads[1].start()
        wait_for(lambda: len(advising.house.tower) == 2)
        assert advising.client.get("/healthz").status_code == 200
        assert len(engines.seen) == 2
        go.set()
        for thread in threads:
            thread.join()
        engine.enter = lambda: None
        advising.ask("and small", model="gpt-x")
        aside = ["everwarm-arrange" in name for name in engine.threads]
        assert aside == [False, True, True, False]


def test_a_failure_of_the_engine_costs_no_request(
    rewriting: Live, fake: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    with arranged(rewriting) as engines, caplog.at_level(logging.WARNING):
        engines.made[0].fails = True
        for number in range(3):
            answer = rewriting.post(BODY.replace(b"1.0", b"%d.5" % number))
            assert answer.status_code == 200
            assert "clock" not in answer.headers["x-everwarm-why"]
        assert [asked.body for asked in fake.asked] == [BODY.replace(b"1.0", b"%d.5" % n) for n in range(3)]
    told = [record for record in caplog.records if "the layout engine has failed" in record.message]
    assert len(told) == 1


def told(live: Live, answers: int, space: str = "public") -> str:
    """What is said of the clock once so many answers have taught what a token is."""
    tokens_of = partial(live.house.counter.tokens_of, space, "gpt-x")
    wait_for(lambda: tokens_of(0).answers == answers)
    lost, total = (tokens_of(characters).tokens for characters in (CLOCK.lost, CLOCK.total))
    return f"messages[0].content char 18-37 is a clock; it makes {lost:,} of {total:,} tokens uncachable"


def test_the_costliest_finding_is_told_on_a_miss_and_kept_in_the_row(advising: Live) -> None:
    estimated = told(advising, 0)
    assert estimated.endswith("it makes 11,840 of 12,212 tokens uncachable")
    with arranged(advising):
        first = advising.post(BODY)
        assert first.headers["x-everwarm-why"] == f"nothing like it was asked before; {estimated}"
        calibrated = told(advising, 1)
        bypass = advising.post(BODY, cache_control="no-store")
        assert bypass.headers["x-everwarm-why"] == f"asked with Cache-Control: no-store; {calibrated}"
        assert "x-everwarm-why" not in advising.post(BODY).headers
        plain = advising.post(BODY.replace(b"NOW", b"later"))
        assert "clock" not in plain.headers["x-everwarm-why"]
    assert advising.house.ledger is not None
    reasons = [row.reason for row in advising.house.ledger.rows()]
    assert reasons[::-1][:3] == [first.headers["x-everwarm-why"], bypass.headers["x-everwarm-why"], ""]


def test_a_long_reason_leaves_room_for_the_finding(advising: Live) -> None:
    body = json.loads(BODY)
    with arranged(advising):
        advising.ask("NOW", model="gpt-x")
        calibrated = told(advising, 1)
        many = {f"member_{n}_{'x' * 30}": n for n in range(9)}
        why = advising.ask("NOW", model=body["model"], **many).headers["x-everwarm-why"]
    assert len(why) <= LONGEST_WHY
    assert why.endswith(calibrated)
    assert "the messages of a request" in why


def test_findings_are_in_the_tokens_that_the_provider_reports(advising: Live) -> None:
    """This provider's tokens are words, of five characters here. To another caller nothing is known of them."""
    with arranged(advising):
        for number in range(6):
            advising.ask(f"{number}" + " word" * 2000, model="gpt-x")
        said = told(advising, 6)
        assert advising.ask("NOW", model="gpt-x").headers["x-everwarm-why"].endswith(said)
        other = advising.ask("NOW", model="gpt-x", headers={"authorization": "Bearer sk-a"})
        assert other.headers["x-everwarm-why"].endswith("it makes 11,840 of 12,212 tokens uncachable")
    assert advising.house.ledger is not None
    known, unknown = sorted(advising.house.ledger.sums().findings, key=lambda f: f.lost)
    assert (known.calibrated, unknown.calibrated) == (1, 0)
    assert (known.lost, known.total) == (
        pytest.approx(CLOCK.lost / 5, rel=0.03),
        pytest.approx(CLOCK.total / 5, rel=0.03),
    )
    assert f"{known.lost:,} of {known.total:,}" in said


def test_only_conversations_are_looked_at(tmp_path: Path, fake: Provider) -> None:
    toml = REWRITE + asks(fake.url) + asks(fake.anthropic_url, dialect="anthropic").replace("u0", "a0")
    with gateway(tmp_path, toml=toml, inside=False) as live, arranged(live) as engines:
        asked = {"model": "m-NOW", "input": ["NOW"], "max_tokens": 9, "messages": [{"role": "user", "content": "NOW"}]}
        for path in ("/v1/embeddings", "/v1/files", "/v1/messages/count_tokens"):
            live.client.post(path, json=asked)
        live.client.get("/v1/models")
        assert engines.seen == []
        live.client.post("/v1/messages", json=asked | {"input": None})
        live.client.post("/v1/responses", json={"model": "m", "input": "NOW"})
        live.client.post("/v1/completions", json={"model": "m", "prompt": "NOW"})
        assert [dialect for _, dialect, *_ in engines.seen] == [
            "anthropic_messages", "openai_responses", "openai_completions",
        ]  # fmt: skip


def test_what_must_not_rest_leaves_no_note(rewriting: Live, tmp_path: Path) -> None:
    notes = DiskNotes(tmp_path / "notes.db", bytes(32), 10**6)
    try:
        with arranged(rewriting, notes) as engines:
            rewriting.post(BODY, cache_control="no-store")
            assert [len(engine.threads) for engine in engines.made] == [0, 1]
            assert notes.get("public", "turn", b"n") is None
            assert engines.made[1]._notes.get("public", "turn", b"n") == b"kept", "in memory the conversation goes on"
            rewriting.post(BODY)
            assert notes.get("public", "turn", b"n") == b"kept"
    finally:
        notes.close()


def test_a_caller_may_have_its_own_notes_forgotten(rewriting: Live) -> None:
    notes = MemoryNotes()
    who = {"authorization": "Bearer sk-a"}
    with arranged(rewriting, notes) as engines:
        rewriting.post(BODY)
        rewriting.post(BODY, **who)
        mine = next(space for space, *_ in engines.seen if space != "public")
        answer = rewriting.client.delete("/v1/cache/layout", headers=who)
        assert answer.json() == {"object": "layout.forgotten"}
        assert not notes.all(mine, "turn")
        assert notes.all("public", "turn") == {b"n": b"kept"}
        rewriting.post(BODY, **who, cache_control="no-cache")
        assert len(engines.made) == 4, "an engine that remembers nothing"
        assert notes.all(mine, "turn")


def test_the_figures(rewriting: Live) -> None:
    with arranged(rewriting):
        rewriting.post(BODY)
        rewriting.post(BODY.replace(b"NOW", b"later"))
    text = rewriting.client.get("/metrics").text
    assert 'everwarm_layout_findings_total{cure="move",done="true"} 1.0' in text
    assert "everwarm_layout_rewritten_total 1.0" in text


def test_notes_lie_beside_the_answers(advising: Live) -> None:
    advising.ask(model="gpt-x")
    assert (advising.house.config.data / "layout.db").stat().st_mode & 0o777 == 0o600
    assert advising.client.post(CHAT, json={}).status_code == 400


def test_it_is_the_same_for_all_forms_of_one_question(rewriting: Live, fake: Provider) -> None:
    """A stream without token counts is of no use to who wants JSON: a second call, looked at by itself."""
    fake.hold_at = 0
    with arranged(rewriting) as engines:
        bodies = [BODY.replace(b"1.0 }", b'1.0, "stream": true }'), BODY]
        threads = [threading.Thread(target=rewriting.post, args=(body,)) for body in bodies]
        threads[0].start()
        wait_for(lambda: rewriting.house.tower.aboard == 1)
        threads[1].start()
        wait_for(lambda: rewriting.house.tower.aboard == 2)
        fake.go.set()
        for thread in threads:
            thread.join()
        assert len(engines.seen) == len(fake.asked) == 2
        assert all(b"THEN" in asked.body for asked in fake.asked)
