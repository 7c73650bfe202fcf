"""What is found in programs, and what is not."""

from __future__ import annotations

import ast
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.lint.finding import Finding
from everwarm.lint.python.check import check
from lint_programs import BAD, GOOD, LONG, Case


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_what_is_wrong_is_found(case: Case) -> None:
    found = check(case.text, "app.py")
    assert [(f.line, f.kind) for f in found] == list(case.found)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_what_is_right_is_left_alone(case: Case) -> None:
    assert check(case.text, "app.py") == []


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_diff_is_of_this_program_and_makes_a_program(case: Case, tmp_path: object) -> None:
    """Applied by ``git apply`` it gives a program that parses, with one finding fewer."""
    for finding in check(case.text, "app.py"):
        assert finding.diff or finding.todo
        if finding.diff:
            after = patched(case.text, finding.diff, str(tmp_path))
            ast.parse(after)
            assert len(check(after, "app.py")) < len(case.found)


def patched(text: str, diff: str, folder: str) -> str:
    path = f"{folder}/app.py"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    command = ["git", "apply", "--unidiff-zero", "-p0", "-"]
    subprocess.run(command, cwd=folder, input=diff.encode(), check=True, capture_output=True)
    with open(path, encoding="utf-8") as file:
        return file.read()


def the_only(text: str) -> Finding:
    (found,) = check(text, "app.py")
    return found


@pytest.mark.parametrize(
    ("value", "more"),
    [
        ("'=' * 80", 80), ("80 * '='", 80), ("'-=' * 10 * 2", 40), ("'=' * -1", 0), ("''  * 5", 0), ("'x' * 10**9", 0),
        ("'ab' * 1000000000", 100_000 - 2 - len(LONG)), ("60 * 60 * 24", 0), ("time.time() * 1000", 0), ("n * 1000", 0),
    ],
)  # fmt: skip
def test_a_text_that_is_repeated_counts_as_often(value: str, more: int) -> None:
    """Behind the process's number, with two spaces; as far as texts are counted."""
    program = f"import time\nimport os\nMORE = {value}\nsystem_prompt = f'{{os.getpid()}} {{MORE}} {LONG}'\n"
    assert check(program, "app.py")[-1].lost == (2 + len(LONG) + more) // 4


def test_a_finding_says_where_what_and_how_much() -> None:
    found = the_only(f'from datetime import datetime as d\nsystem_prompt = f"é {{d.now()}} {LONG}"\n')
    assert (found.line, found.column) == (2, 22)
    assert (found.kind, found.shown, found.place) == ("a clock", "d.now()", "system_prompt")
    assert found.lost == (len(LONG) + 1) // 4
    assert found.story == (
        "It is read once in each process: the 511 characters of text behind it and the conversation cannot be reused."
    )


def test_the_value_moves_to_the_end_of_the_user_message() -> None:
    found = the_only(BAD[0].text)
    assert found.todo == ""
    assert '+            {"role": "system", "content": f"Current time: (see <context name=' in found.diff
    assert """+            {"role": "user", "content": question + f'\\n\\n<context name="Current time">""" in found.diff


def test_where_no_user_message_is_in_sight_the_rest_is_in_words() -> None:
    found = the_only('import time\ndef system_prompt():\n    return f"Now: {time.time()}. Be kind."\n')
    assert "+    return f\"Now: (see <context name='Now'>). Be kind.\"" in found.diff
    assert found.todo == 'put {time.time()} at the end of the newest user message, as <context name="Now">'


def test_sets_and_keys_are_sorted() -> None:
    assert '+system_prompt = ", ".join(sorted({"a", "b"}))' in the_only('system_prompt = ", ".join({"a", "b"})\n').diff
    assert "+system_prompt = str(sorted({*x}))" in the_only("system_prompt = str(list({*x}))\n").diff
    call = "import json\ndef system_prompt(x):\n    return json.dumps(x{})\n"
    for given_, fixed in (
        ("", ", sort_keys=True"),
        (", sort_keys=False", ", sort_keys=True"),
        (", indent=1,", ", indent=1, sort_keys=True"),
    ):
        assert f"+    return json.dumps(x{fixed})" in the_only(call.replace("{}", given_)).diff
    other = the_only("import orjson\ndef system_prompt(x):\n    return orjson.dumps(x)\n")
    assert (other.diff, other.todo[:13]) == ("", "sort the keys")
    assert (
        check("import orjson\ndef system_prompt(x):\n    return orjson.dumps(x, option=orjson.OPT_SORT_KEYS)\n", "a")
        == []
    )


def test_one_source_in_several_prompts_is_told_once_with_the_most_behind_it() -> None:
    text = f'import time\nnow = time.time()\nsystem_prompt = f"{{now}}"\nother_system_prompt = f"{{now}} {LONG}"\n'
    assert the_only(text).place == "other_system_prompt"


def test_no_more_work_than_can_be_done() -> None:
    """Each line doubles what there is to read."""
    lines = ["import time", "t0 = str(time.time())", *(f"t{i + 1} = t{i} + t{i} + f'{{t{i}}}'" for i in range(60))]
    check("\n".join([*lines, "system_prompt = t60"]), "app.py")


def test_long_sums_and_deep_nests_are_read() -> None:
    """As far as that goes; what is deeper is unknown."""
    long = " + ".join(["'x'"] * 400)
    assert the_only(f"import time\nsystem_prompt = {long} + str(time.time()) + {long}\n").lost == 100
    nest = "import time\nsystem_prompt = {}time.time(){}"
    assert check(nest.format("[" * 50, "]" * 50 + ".real" * 50), "app.py")
    assert check(nest.format("", ".real" * 900), "app.py") == []


names = st.sampled_from(["a", "b", "system_prompt", "self", "f", "json", "time"])
leaves = st.one_of(names, st.just("'x'"), st.just("1"), st.just("time.time()"), st.just("{'p', 'q'}"))
expressions = st.recursive(
    leaves,
    lambda e: st.one_of(
        st.tuples(e, e).map(lambda p: f"({p[0]} + {p[1]})"),
        st.tuples(e, e).map(lambda p: f"({p[0]} % {p[1]})"),
        st.tuples(e, names).map(lambda p: f"{p[0]}.{p[1]}".replace("1.", "(1).")),
        e.map(lambda x: "f'''{" + x.replace("'", '"') + "}'''"),
        st.tuples(names, e, e).map(lambda p: f"{p[0]}({p[1]}, k={p[2]})"),
        st.tuples(e, e, e).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(e, e).map(lambda p: f"[{p[0]} for a in {p[1]}]"),
        st.tuples(e, e).map(lambda p: f"({p[0]})[{p[1]}]"),
        e.map(lambda x: f"'{{}} {{a}}'.format({x}, a={x})"),
        e.map(lambda x: f"json.dumps({x})"),
        e.map(lambda x: f"(lambda a: {x})(1)"),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(names, expressions), max_size=5))
def test_any_program_is_read_to_the_end(statements: list[tuple[str, str]]) -> None:
    body = [f"{name} = {value}" for name, value in statements if name != "self"]
    text = "\n".join(["import json, time", *body, "def f(a, b=1):", *(f"    {line}" for line in body), "    return a"])
    try:
        ast.parse(text)
    except SyntaxError:  # quotes within quotes
        return
    check(text, "app.py")
