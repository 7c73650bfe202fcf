"""``everwarm lint`` as a user runs it: files, bodies, logs, exit statuses, prices."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

import everwarm
from everwarm.cli import main
from everwarm.lint.log import HELD

SOURCE = str(Path(everwarm.__file__).parents[1])

Run = Callable[..., tuple[int, str, str]]

CLOCKED = 'from datetime import datetime\nsystem_prompt = f"It is {datetime.now()}. Be kind."\n'
CLEAN = 'system_prompt = "Be kind."\n'
PACKED: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstandard.compress}
RULES = "Never promise what is not in the policy. " * 50


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(words...)`` in an empty folder: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def ran(*words: str) -> tuple[int, str, str]:
        status = main(["lint", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return ran


def chat(system: str, *turns: str, **members: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return {"model": "m", "messages": [{"role": "system", "content": system}, *messages], **members}


def write_log(path: Path, values: list[Any]) -> str:
    lines = "".join(v if isinstance(v, str) else json.dumps(v) + "\n" for v in values).encode()
    path.write_bytes(PACKED.get(path.suffix, bytes)(lines))
    return path.name


def found_in(run: Run, *words: str) -> list[dict[str, Any]]:
    status, out, err = run("--json", *words)
    report = json.loads(out)
    assert status == (1 if report["findings"] else 0), err
    assert report["unreadable"] == []
    return report["findings"]  # type: ignore[no-any-return]


# --- files and exit statuses ---


def test_a_clean_file(run: Run) -> None:
    Path("a.py").write_text(CLEAN)
    assert run("a.py") == (0, "Nothing found in 1 file.\n", "")


def test_a_folder_with_nothing_to_read_says_what_is_read(run: Run) -> None:
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("hi")
    status, out, err = run("empty")
    assert (status, err) == (0, "")
    assert " ".join(out.split()) == (
        "Nothing was read: no .py, .json or .jsonl file that can be is named, or in what is named."
    )


def test_a_finding_is_on_the_screen_with_its_diff(run: Run) -> None:
    Path("a.py").write_text(CLOCKED)
    status, out, err = run("a.py")
    assert (status, err) == (1, "")
    assert out.startswith("a.py:2:26  a clock in system_prompt: datetime.now()\n")
    assert '+system_prompt = f"It is (see <context name=' in out
    assert out.endswith("\n1 finding in 1 file.\n")


def test_the_price_is_that_of_a_model(run: Run) -> None:
    Path("a.py").write_text(CLOCKED.replace("Be kind.", RULES))
    lost = (len(RULES) + 2) // 4
    for words, model, usd in (((), "gpt-5-mini", 0.225), (("--price-of", "openai/gpt-4o"), "gpt-4o", 1.25)):
        (found,) = found_in(run, "a.py", *words)
        assert found["lost"] == lost
        assert found["usd_per_1000_requests"] == pytest.approx(lost * usd / 1e6 * 1000)
        cost = f"At least {lost} tokens of each request; {lost * usd / 1000:.2f} USD per 1,000 requests"
        assert f"{cost} at the prices of {model}." in run("a.py", *words)[1]


def test_a_price_that_is_not_known(run: Run) -> None:
    Path("a.py").write_text(CLOCKED)
    status, out, err = run("a.py", "--price-of", "gpt-5-minni")
    assert (status, out) == (2, "")
    assert "There is no price for the model 'gpt-5-minni'" in err


def test_a_folder_is_walked(run: Run) -> None:
    for name, text in {
        "app/main.py": CLOCKED,
        "app/body.json": json.dumps(chat("It is 2026-11-25 10:03.", "Hi")),
        "app/package.json": '{"name": "app"}',
        "app/tsconfig.json": "{ // a comment\n}",
        "app/events.jsonl": '{"event": 1}\n',
        "app/notes.txt": "no",
        "app/.git/x.py": CLOCKED,
        "app/node_modules/x.py": CLOCKED,
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    assert [f["file"] for f in found_in(run, "app")] == ["app/body.json", "app/main.py"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.py", b"def f(:\n", "a.py:1: it is no Python: invalid syntax"),
        ("b.py", b"x = 1\nif x:\n", "b.py:2: it is no Python: expected an indented block"),
        ("c.py", b"\xff\xfe\x00binary\x00", "c.py"),
        ("d.py", b"x = '\x00'", "d.py: it is no Python: source code string cannot contain null bytes"),
        ("e.py", b"x = " + b"-" * 20_000 + b"1", "e.py: its expressions are nested too deeply"),
        ("f.json", b'{"a": 1,\n]', "f.json:2: it is no JSON"),
        ("g.json", b"\x89PNG\r\n\x1a\n\x00", "g.json:1: it is no JSON"),
        ("h.json", b"[1, 2]", "h.json: it holds no request body"),
        ("o.json", b'{"body": "no JSON"}', "o.json: it holds no request body"),
        ("p.json", b'{"body": {"body": {"body": {"messages": []}}}}', "p.json: it holds no request body"),
        ("i.jsonl", b"no\nyes\n", "i.jsonl:1: 2 of 2 lines hold no request, such as line 1: it is no JSON"),
        ("j.jsonl.gz", b"not packed", "j.jsonl.gz:1: 1 of 1 lines hold no request, such as line 1: it is no JSON"),
        ("k.jsonl.gz", gzip.compress(b"{}\n" * 999)[:-9], "k.jsonl.gz: it is packed, and its end is missing"),
        ("l.png", b"", "l.png: what it holds is told by its name"),
        ("m.py", None, "m.py: there is no such file"),
        ("n", None, "n: there is no such file"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 11 else "",
)
def test_what_cannot_be_read_is_said_and_the_rest_is_read(run: Run, name: str, data: bytes | None, said: str) -> None:
    if data is not None:
        Path(name).write_bytes(data)
    Path("good.py").write_text(CLOCKED)
    status, out, err = run(name, "good.py")
    assert status == 2
    assert err.startswith(f"everwarm: {said}")
    assert err.count("\n") == 1
    assert out.endswith("1 finding in 1 file.\n")
    assert json.loads(run("--json", name)[1])["unreadable"][0]["file"] == name


def test_a_deep_program_is_read_or_it_is_said(run: Run) -> None:
    """Some versions of Python read it."""
    Path("a.py").write_bytes(b"x = " + b".".join([b"a"] * 5_000))
    status, _, err = run("a.py")
    assert (status, err) == (0, "") or err.startswith("everwarm: a.py: its expressions are nested too deeply")


def test_python_in_another_encoding_and_with_other_line_ends(run: Run) -> None:
    Path("a.py").write_bytes(b"# coding: latin-1\r\n# \xe9\r\n" + CLOCKED.replace("\n", "\r\n").encode())
    assert [(f["line"], f["kind"]) for f in found_in(run, "a.py")] == [(4, "a clock")]


def test_nothing_of_the_program_is_run(run: Run) -> None:
    Path("a.py").write_text(f"open('ran', 'w')\n{CLOCKED}")
    found_in(run, "a.py")
    assert not Path("ran").exists()


def test_the_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CLOCKED)
    command = [sys.executable, "-m", "everwarm", "lint", "a.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": SOURCE, "COLUMNS": "20"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "a.py:2:26  a clock in system_prompt: datetime.now()"


# --- bodies ---


def test_a_body_with_a_clock(run: Run) -> None:
    Path("b.json").write_text(json.dumps(chat(f"It is 2026-11-25 10:03. {RULES}", "Hi")))
    (found,) = found_in(run, "b.json")
    assert found["place"] == "messages[0].content characters 6-22"
    assert (found["kind"], found["shown"]) == ("a clock", "'2026-11-25 10:03'")
    assert found["lost"] == (len(RULES) + 4) // 4


ANTHROPIC = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "It is 10:03:22."}]}


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (chat("Be kind.", "It is 2026-11-25 10:03."), []),
        ({**ANTHROPIC, "system": "It is 2026-11-25 10:03."}, ["system characters 6-22"]),
        (
            {
                **ANTHROPIC,
                "system": [{"type": "text", "text": "x"}, {"type": "text", "text": "It is 2026-11-25 10:03."}],
            },
            ["system[1].text characters 6-22"],
        ),
        ({"model": "m", "instructions": "It is 2026-11-25 10:03.", "input": "Hi"}, ["instructions characters 6-22"]),
        ({"request": chat("It is 2026-11-25 10:03.")}, ["messages[0].content characters 6-22"]),
        ({"body": json.dumps(chat("It is 2026-11-25 10:03."))}, ["messages[0].content characters 6-22"]),
        ([chat("Kind."), chat("It is 2026-11-25 10:03.")], ["[1].messages[0].content characters 6-22"]),
        (
            chat(
                "Kind.",
                tools=[{"type": "function", "function": {"name": "f", "description": "Now: 2026-11-25 10:03."}}],
            ),
            ["tools[0].function.description characters 5-21"],
        ),
        (
            {**ANTHROPIC, "tools": [{"name": "f", "description": "At 2026-11-25 10:03", "input_schema": {}}]},
            ["tools[0].description characters 3-19"],
        ),
        ({"model": "m", "prompt": "It is 2026-11-25 10:03."}, []),
        (
            {
                **ANTHROPIC,
                "messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {}}]}],
            },
            [],
        ),
        (chat("Kind.", tools=[{"function": {"parameters": {"description": "Such as 2026-11-25 10:03"}}}]), []),
    ],
)
def test_bodies_of_all_dialects(run: Run, body: Any, places: list[str]) -> None:
    Path("b.json").write_text(json.dumps(body))
    assert [found["place"] for found in found_in(run, "b.json")] == places


# --- logs ---


def test_a_clock_in_a_log_with_how_often_and_how_much(run: Run) -> None:
    bodies = [chat(f"It is 2026-11-25 10:0{i}. {RULES}", "Hi", "Hello", f"And {i}?") for i in range(5)]
    (found,) = found_in(run, write_log(Path("l.jsonl"), bodies))
    assert (found["kind"], found["place"], found["line"]) == ("a clock", "messages[0].content characters 6-22", 2)
    assert "in 4 of the 4 requests that followed another like it (100%)" in found["story"]
    assert found["shown"] == "'2026-11-25 10:00' became '2026-11-25 10:01'"
    kept = len(f"0. {RULES}") + len("Hi") + len("Hello") + len("\n<|user|>\n") + len("\n<|assistant|>\n")
    assert found["lost"] == pytest.approx(kept / 4, abs=8), "where messages begin counts, too"
    assert found["todo"].startswith("put it behind the last message")


@pytest.mark.parametrize("name", ["l.jsonl", "l.jsonl.gz", "l.jsonl.zst"])
@pytest.mark.parametrize(
    "wrap", [lambda b: b, lambda b: {"request": b}, lambda b: {"body": b}], ids=["", "request", "body"]
)
def test_logs_in_all_forms(run: Run, name: str, wrap: Callable[[Any], Any]) -> None:
    bodies = [wrap(chat(f"Session {i}{i}, kind. {RULES}", "Hi")) for i in range(3)]
    (found,) = found_in(run, write_log(Path(name), bodies))
    assert "in 2 of the 2" in found["story"]


def test_what_only_grows_and_what_begins_anew_is_no_finding(run: Run) -> None:
    turns = ["Hi", "Hello", "How late?", "Ten."]
    grown = [chat(RULES, *turns[:n]) for n in (1, 3)]
    other = [chat(RULES, *("Where?", "Here.", "Oh")[:n]) for n in (1, 3)]
    write_log(Path("l.jsonl"), [grown[0], other[0], grown[1], other[1], chat("Another application", "Hi", model="n")])
    assert found_in(run, "l.jsonl") == []


def test_history_that_is_written_anew(run: Run) -> None:
    bodies = [chat(RULES, f"[2026-11-25 10:0{i}:00] Hi", *([RULES, "So"] * i)) for i in range(4)]
    (found,) = found_in(run, write_log(Path("l.jsonl"), bodies))
    assert (found["place"], found["kind"]) == ("messages[1].content characters 1-20", "a clock")
    assert found["line"] == 3, "until an answer is there, it may be another conversation"
    assert "in 2 of the 3 requests" in found["story"]
    assert len(RULES) // 4 < found["lost"] < len(RULES), "of both, on average"
    assert found["todo"] == "send earlier messages again just as they were sent first"


def test_messages_that_are_dropped(run: Run) -> None:
    turns = [f"{number} {word} {RULES}" for number in range(9) for word in ("asks", "says")]
    bodies = [chat(RULES, *turns[2 * n : 2 * n + 5]) for n in range(5)]
    (found,) = found_in(run, write_log(Path("l.jsonl"), bodies))
    assert (found["kind"], found["place"]) == ("earlier messages dropped (a sliding window)", "messages[1]")
    assert "in 4 of the 4 requests" in found["story"]


def tool(name: str, *keys: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"properties": {key: {} for key in keys}}}}


@pytest.mark.parametrize(
    ("one", "other", "kind", "place", "shown"),
    [
        ([tool("a"), tool("b")], [tool("b"), tool("a")], "tools in another order", "tools", "'a, b' became 'b, a'"),
        ([tool("a", "x", "y")], [tool("a", "y", "x")], "keys in another order", "tools[0] characters 71-79", '"x":'),
        ([tool("a", "x")], [tool("a", "y")], "a tool changed: text that changes", "tools[0] characters 71-72", '"x":'),
        ([tool("a")], [tool("a"), tool("b")], "tools added", "tools[1]", "'' became 'b'"),
    ],
)
def test_tools_that_change(run: Run, one: list[Any], other: list[Any], kind: str, place: str, shown: str) -> None:
    bodies = [chat(RULES, "Hi", tools=tools) for tools in (one, other)]
    (found,) = found_in(run, write_log(Path("l.jsonl"), bodies))
    assert (found["kind"], found["place"]) == (kind, place)
    assert shown in found["shown"]
    assert found["lost"] >= len(RULES) // 4
    assert found["todo"]


def test_an_unnamed_change_of_the_system_prompt(run: Run) -> None:
    bodies = [chat(f"The customer likes {what}. {RULES}", "Hi") for what in ("tea", "milk", "tea")]
    (found,) = found_in(run, write_log(Path("l.jsonl"), bodies))
    assert (found["kind"], found["place"]) == ("text that changes", "messages[0].content characters 19-23")
    assert found["shown"].startswith("'...tomer likes tea. Never")
    assert "became '...tomer likes milk. Never" in found["shown"]
    assert "in 1 of the 2" in found["story"], "the third is like the first"


def test_broken_lines_are_counted_and_one_is_shown(run: Run) -> None:
    write_log(Path("l.jsonl"), [chat(RULES, "Hi"), "{broken\n", "\n", '{"event": 1}\n', chat(RULES, "Hi")])
    status, out, err = run("l.jsonl")
    assert (status, err) == (0, "")
    assert out.startswith("l.jsonl:2: 2 of 4 lines hold no request, such as line 2: it is no JSON (")
    assert json.loads(run("--json", "l.jsonl")[1])["notes"][0]["line"] == 2


def test_what_is_nested_too_deeply_is_no_request(run: Run) -> None:
    deep = '{"model": "m", "messages": [{"role": "user", "content": %s}]}\n' % ("[" * 300 + "]" * 300)
    write_log(Path("l.jsonl"), [chat(RULES, "Hi"), deep])
    assert "line 2: its values are nested too deeply" in run("l.jsonl")[1]


def test_a_change_is_seen_however_much_later_and_whatever_other_models_were_asked(run: Run) -> None:
    others = [chat(RULES, "Hi", model=f"m{i}") for i in range(70)]
    write_log(Path("l.jsonl"), [chat(f"1 {RULES}", "Hi"), *others, chat(f"2 {RULES}", "Hi")])
    (found,) = found_in(run, "l.jsonl")
    assert found["line"] == 72
    assert "in 1 of the 1 requests that followed another like it" in found["story"]


def test_memory_of_a_log_is_bounded(run: Run) -> None:
    """What was said before much else is forgotten: what changed since is not known."""
    others = [chat(RULES, str(i) * (HELD // 4), model="n") for i in range(5)]
    write_log(Path("l.jsonl"), [chat(f"1 {RULES}", "Hi"), *others, chat(f"2 {RULES}", "Hi"), chat(f"3 {RULES}", "Hi")])
    (found,) = found_in(run, "l.jsonl")
    assert found["line"] == 8
    assert "in 1 of the 4 requests" in found["story"], "the others but two followed one, too"
