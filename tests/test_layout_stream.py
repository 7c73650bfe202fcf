"""``everwarm layout stream ID``: what it tells of a stream that a gateway has seen, and of one that nobody has."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from everwarm.cli import main
from gateway_upstreams import asks
from live import Live, gateway
from providers import Provider

RULES = "\n".join(f"Rule {n}: answer politely, and keep to yourself what you know of number {n}." for n in range(20))
CLOCK = "2026-11-26 10:"
WHO = {"authorization": "Bearer sk-a"}

QWEN = {"provider": "qwen", "minimum": 1024, "shared": "5m", "talks": "5m"}

Tell = Callable[..., tuple[int, str, str]]


def system(n: int, talk: int) -> str:
    return f"You are a \x1b[31mcopilot.\nCurrent time: {CLOCK}{n:02}:01\nUser: user{talk}@example.com\n{RULES}"


def chat(live: Live, model: str, *, talks: int = 8, turns: int = 3) -> None:
    """Conversations of a program that tells the time first."""
    for talk in range(talks):
        messages: list[dict[str, str]] = []
        for turn in range(turns):
            messages.append({"role": "user", "content": f"question {talk} {turn}"})
            first = {"role": "system", "content": system(turns * talk + turn, talk)}
            body = {"model": model, "messages": [first, *messages]}
            live.client.post("/v1/chat/completions", json=body, headers=WHO).raise_for_status()
            messages.append({"role": "assistant", "content": f"answer {talk} {turn}"})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def live(data: Path, fake: Provider) -> Iterator[Live]:
    with gateway(data, toml=asks(fake.url), inside=False) as live:
        yield live


@pytest.fixture
def stream(live: Live) -> str:
    """The id of the one that has been seen."""
    chat(live, "gpt-5.6")
    return only(live)


@pytest.fixture
def tell(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tell:
    """The command, with what the gateway has for settings and data: status, output, errors."""
    monkeypatch.setenv("COLUMNS", "80")

    def tell_(*words: str) -> tuple[int, str, str]:
        status = main(["layout", *words, "--data", str(data), "--config", str(data / "everwarm.toml")])
        said = capsys.readouterr()
        return status, said.out, said.err

    return tell_


def only(live: Live) -> str:
    assert live.house.ledger is not None
    live.house.arranger._notes.flush()  # type: ignore[attr-defined]
    (one,) = live.house.ledger.streams()
    return one.stream


def words(text: str) -> str:
    return " ".join(text.split())


def told(tell: Tell, stream: str) -> dict[str, Any]:
    status, out, _ = tell("stream", stream, "--json")
    assert status == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_what_is_listed_can_be_looked_at(tell: Tell, stream: str) -> None:
    assert f"everwarm layout stream {stream} shows what was learned of one" in tell()[1]
    status, out, err = tell("stream", stream)
    assert (status, err) == (0, "")
    facts, _, prompt = out.partition("The system prompt\n")
    facts = words(facts)
    assert f"Stream {stream} model gpt-5.6 protocol openai_chat requests 24 of " in facts
    assert f'mode advise, as all of its kind [layout.streams.{stream}] mode = "rewrite" repairs it' in facts
    assert "`messages[0].content` char 38-57 is a clock; it made" in facts
    assert "from 16 requests arrive every " in facts
    assert "go on 10 of the last 16 went on with a conversation, after " in facts
    assert "marks 30m for what all share" in facts
    assert "by openai's rule, from 1,024 tokens on, in mode rewrite only" in facts
    assert "Current time a clock a request 86 % 5 of 5 within would move" in facts
    assert "User a user a conversation 83 % 0 of 4 within would move" in facts
    assert prompt == f"You are a �[31mcopilot.\nCurrent time: ⟨Current time⟩\nUser: ⟨User⟩\n{RULES}\n"


def test_values_are_not_shown_and_it_says_so(tell: Tell, stream: str) -> None:
    out = tell("stream", stream)[1]
    assert "What stood there is not kept" in out
    assert CLOCK not in out
    assert "@example.com" not in out
    assert CLOCK not in json.dumps(told(tell, stream))


def test_80_columns_do_but_for_the_prompt(tell: Tell, stream: str) -> None:
    facts, _, _ = tell("stream", stream)[1].partition("The system prompt\n")
    assert max(map(len, facts.splitlines())) <= 80


def test_colours_tell_how_long_a_value_lasts(tell: Tell, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in tell("stream", stream)[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    out = tell("stream", stream)[1]
    assert "\x1b[1;33m⟨Current time⟩\x1b[0m" in out
    assert "\x1b[1;36m⟨User⟩\x1b[0m" in out


def test_as_json(tell: Tell, stream: str) -> None:
    found = told(tell, stream)
    assert (found["version"], found["stream"], found["model"], found["dialect"]) == (
        1,
        stream,
        "gpt-5.6",
        "openai_chat",
    )
    assert (found["mode"], found["own"]) == ("advise", False)
    (asked,) = found["asked"]
    (learned,) = found["learned"]
    assert asked["requests"] == 24
    assert asked["namespace"] == learned["namespace"]
    assert [finding["kind"] for finding in found["findings"]] == ["a clock", "a user"]
    assert learned["text"] == ["You are a \x1b[31mcopilot.\nCurrent time: ", "\nUser: ", f"\n{RULES}"]
    assert [(span["name"], span["stability"], span["moved"], span["says"]) for span in learned["spans"]] == [
        ("Current time", "dynamic", True, "would move"), ("User", "session", True, "would move"),
    ]  # fmt: skip
    assert learned["spans"][0]["within"] == {"times": 5, "of": 5}
    assert (len(learned["gaps"]["all"]), learned["gaps"]["talks"].count(None)) == (15, 6)
    assert learned["lifetimes"] == {"provider": "openai", "minimum": 1024, "shared": "30m", "talks": "30m"}


@pytest.mark.parametrize(
    ("toml", "mode", "own"),
    [
        ('[layout.streams.{}]\nmode = "rewrite"\n', "rewrite", True),
        ('[layout]\nmode = "rewrite"\n', "rewrite", False),
        ('[models."gpt-5.6"]\nlayout = "rewrite"\n', "rewrite", False),
        ('[layout]\nmode = "off"\n[layout.streams.{}]\nmode = "rewrite"\n', "off", False),
        ('[layout.streams.{}]\nmode = "off"\n', "off", True),
    ],
)
def test_the_mode_is_that_of_the_settings(
    tell: Tell, stream: str, data: Path, fake: Provider, toml: str, mode: str, own: bool
) -> None:
    (data / "everwarm.toml").write_text(toml.format(stream) + asks(fake.url))
    found = told(tell, stream)
    assert (found["mode"], found["own"]) == (mode, own)
    (learned,) = found["learned"]
    assert learned["spans"][0]["says"] == ("moves to the turn" if mode == "rewrite" else "would move")
    assert f"mode {mode}, {'its own' if own else 'as all of its kind'}" in words(tell("stream", stream)[1])


def test_the_upstream_counts_also_for_the_cache(tell: Tell, stream: str, data: Path, fake: Provider) -> None:
    settings = data / "everwarm.toml"
    settings.write_text(asks(fake.url, more='layout = "rewrite"\nprovider = "qwen"'))
    found = told(tell, stream)
    assert (found["mode"], found["own"], found["learned"][0]["lifetimes"]) == ("rewrite", False, QWEN)
    settings.write_text("[layout]\nbreakpoints = false\n" + asks(fake.url))
    assert told(tell, stream)["learned"][0]["lifetimes"] is None
    settings.write_text("")
    found = told(tell, stream)
    assert (found["mode"], found["learned"][0]["lifetimes"]) == ("advise", None), "nobody serves it any more"


def test_what_was_forgotten_is_said_to_be(live: Live, tell: Tell, stream: str) -> None:
    live.client.delete("/v1/cache/layout", headers=WHO).raise_for_status()
    live.house.arranger._notes.flush()  # type: ignore[attr-defined]
    status, out, _ = tell("stream", stream)
    assert status == 0
    assert "What was learned of it is not in layout.db: it was forgotten" in words(out)
    assert "protocol not known" in words(out)
    assert told(tell, stream)["learned"] == []


def test_without_a_ledger_what_was_learned_is_shown(data: Path, fake: Provider, tell: Tell) -> None:
    with gateway(data, toml="[ledger]\nenabled = false\n" + asks(fake.url), inside=False) as live:
        chat(live, "gpt-5.6")
    with closing(sqlite3.connect(data / "layout.db")) as notes:
        ((name,),) = notes.execute("SELECT name FROM notes WHERE kind = 'stream'").fetchall()
    out = words(tell("stream", name.decode())[1])
    assert "model not known: no ledger tells it protocol openai_chat mode advise" in out
    assert "Current time: ⟨Current time⟩" in out


def test_requests_without_a_system_prompt(live: Live, tell: Tell) -> None:
    live.ask("hi", model="gpt-x")
    out = words(tell("stream", only(live))[1])
    assert "too few came to say how often go on no conversation went on" in out
    assert out.endswith("Its requests have no system prompt.")


def test_parts_of_a_prompt_are_told_apart(live: Live, tell: Tell) -> None:
    system = [{"type": "text", "text": "Part one."}, {"type": "text", "text": "Part two."}]
    live.ask("hi", model="gpt-x", messages=[{"role": "system", "content": system}, {"role": "user", "content": "hi"}])
    assert tell("stream", only(live))[1].endswith("Part one.\n── next part\nPart two.\n")


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("Tenant: {}", "stays: not proven to change"),
        ("```\nRun at 2026-11-26 10:0{}:00\n```", "stays: in code or a schema, or over several parts"),
    ],
)
def test_what_stays_says_why(live: Live, tell: Tell, head: str, says: str) -> None:
    for n in range(4):
        system = {"role": "system", "content": f"{head.format(('red', 'blue')[n % 2] if 'T' in head else n)}\n{RULES}"}
        live.ask("hi", model="gpt-x", messages=[system, {"role": "user", "content": f"question {n}"}])
    (learned,) = told(tell, only(live))["learned"]
    assert [span["says"] for span in learned["spans"]] == [says]


def test_too_little_text_behind_a_value_that_lasts(live: Live, tell: Tell) -> None:
    for n in range(4):
        system = {"role": "system", "content": f"{RULES}\nToday is 2026-11-2{n}, and that is all."}
        live.ask("hi", model="gpt-x", messages=[system, {"role": "user", "content": f"question {n}"}])
    (learned,) = told(tell, only(live))["learned"]
    assert [span["says"] for span in learned["spans"]] == ["stays: too little text behind it"]


def test_an_id_that_nobody_has_seen(tell: Tell, stream: str) -> None:
    slip = stream[:-1] + ("0" if stream[-1] != "0" else "1")
    status, out, err = tell("stream", slip)
    assert (status, out) == (1, "")
    assert err == (
        f"everwarm: No stream '{slip}' is known. `everwarm layout` lists those of the last week, with their ids. "
        f"Did you mean {stream}?\n"
    )
    for name in ("", "\udcff", stream.upper() + "A"):
        status, _, err = tell("stream", name)
        assert (status, err[:20]) == (1, "everwarm: No stream "), "not even one that is no id"


def test_before_anything_was_asked(tmp_path: Path, tell: Tell, data: Path) -> None:
    data.mkdir()
    (data / "everwarm.toml").write_text("")
    status, out, err = tell("stream", "9f86d081884c7d65")
    assert (status, out) == (1, "")
    assert "nothing was asked yet in" in err
    assert sorted(path.name for path in data.iterdir()) == ["everwarm.toml"], "looking makes nothing"


def test_a_file_that_cannot_be_read(live: Live, tell: Tell, stream: str, data: Path) -> None:
    live.house.arranger._notes.close()  # type: ignore[attr-defined]
    for file in data.glob("layout.db*"):
        file.unlink()
    (data / "layout.db").write_bytes(b"no database, but long enough to be looked at as one. " * 100)
    status, _, err = tell("stream", stream)
    assert status == 1
    assert "layout.db cannot be read: file is not a database." in err
    assert "Traceback" not in err
