"""Lines: the one stated is the right one, or none is."""

from __future__ import annotations

import json
import random
import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from everwarm.config.lines import At, _paths, lines_of

TRICKY = '''# port = 1
port = 8400 # [cache]
"quoted key" = """
[cache]
ttl = 1
"""
literal = \'\'\'
x = 1 \'\'\'

[cache] # a comment with ] and "
ttl = "# not a comment"
a.b . "c.d" = 1
when = 1979-05-27 07:32:00

  [ models . "gpt-4o.mini" ]
  ttl = 'a "quoted" one'
inline = { x = 1, "y z" = [1, { deep = 2 }], s = "}" }
list = [
  1, # one ]
  "two, ]",
  [3,
   4], { k = 5 },
]
empty = []
none = {}

[[tenant]]
name = "a"
keys = ["""
x""", "y",
  'z']
[tenant.sub]
k = 1
[[tenant]]
name = "b"
[[tenant.sub.many]]
k = 2
[["tenant".sub.many]]
k = 3
quotes = """a""""" # five at the end
esc = "\\\\"
last = """\\""" """
'''


def located(text: str) -> dict[At, int]:
    return lines_of(text, tomllib.loads(text))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("port",), 2),
        (("quoted key",), 3),
        (("literal",), 7),
        (("cache",), 10),
        (("cache", "ttl"), 11),
        (("cache", "a"), 12),
        (("cache", "a", "b", "c.d"), 12),
        (("cache", "when"), 13),
        (("models",), 15),
        (("models", "gpt-4o.mini", "ttl"), 16),
        (("models", "gpt-4o.mini", "inline", "y z", 1, "deep"), 17),
        (("models", "gpt-4o.mini", "list"), 18),
        (("models", "gpt-4o.mini", "list", 1), 20),
        (("models", "gpt-4o.mini", "list", 2, 1), 22),
        (("models", "gpt-4o.mini", "list", 3, "k"), 22),
        (("models", "gpt-4o.mini", "empty"), 24),
        (("models", "gpt-4o.mini", "none"), 25),
        (("tenant",), 27),
        (("tenant", 0, "keys", 1), 30),
        (("tenant", 0, "keys", 2), 31),
        (("tenant", 0, "sub"), 32),
        (("tenant", 0, "sub", "k"), 33),
        (("tenant", 1), 34),
        (("tenant", 1, "name"), 35),
        (("tenant", 1, "sub", "many", 0, "k"), 37),
        (("tenant", 1, "sub", "many", 1), 38),
        (("tenant", 1, "sub", "many", 1, "quotes"), 40),
        (("tenant", 1, "sub", "many", 1, "last"), 42),
    ],
)
def test_every_form_of_key_has_its_line(path: At, line: int) -> None:
    assert located(TRICKY)[path] == line
    assert located(TRICKY.replace("\n", "\r\n"))[path] == line


def test_a_header_after_its_subtable_is_the_place_of_the_table() -> None:
    assert located("[a.b]\nx=1\n[a]\ny=1")[("a",)] == 3


def test_where_the_scanner_and_tomllib_differ_nothing_is_said() -> None:
    assert lines_of("a = 1", {"b": 1}) == {}
    assert lines_of("a = 1", {}) == {}
    assert lines_of("what is this", {}) == {}


@given(st.text(max_size=80))
@example("\ufeff")
@example("'\x08'")
def test_any_text_is_survived(text: str) -> None:
    assert isinstance(lines_of(text, {}), dict)


LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8)
SCALARS = st.one_of(LETTERS, st.integers(-9, 9), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS, inner, max_size=3))
TABLES = st.recursive(
    st.dictionaries(LETTERS, VALUES, max_size=3),
    lambda inner: st.dictionaries(LETTERS, VALUES | inner | st.lists(inner, min_size=1, max_size=3), max_size=4),
    max_leaves=8,
)


def quoted(text: str, rng: random.Random) -> str:
    """A basic string, some of its characters escaped."""
    out = json.dumps(text, ensure_ascii=False)[1:-1]
    return (
        '"'
        + "".join(f"\\U{ord(c):08x}" if c not in '\\"' and ord(c) > 127 and rng.random() < 0.3 else c for c in out)
        + '"'
    )


class Writer:
    """Writes a document as TOML in a random style, and notes the line of every key as it goes."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.out = ""
        self.at: dict[At, int] = {}

    @property
    def line(self) -> int:
        return self.out.count("\n") + 1

    def noise(self) -> None:
        for _ in range(self.rng.randrange(3)):
            self.out += self.rng.choice(["\n", "  \n", '# [no] = "x\n', "\t# ''' \"\"\" }\n"])

    def key(self, part: str) -> str:
        plain = part.isascii() and part.replace("-", "").replace("_", "").isalnum()
        if plain and self.rng.random() < 0.7:
            return part
        return f"'{part}'" if "'" not in part and self.rng.random() < 0.5 else quoted(part, self.rng)

    def text(self, value: str) -> str:
        style = self.rng.randrange(3)
        if style == 0 and "'" not in value:
            return f"'{value}'"
        if style == 1:
            body = quoted(value, self.rng)[1:-1]
            trims = [] if body.startswith(" ") else ["\\\n  "]  # a backslash at the end swallows spaces after it
            return '"""' + self.rng.choice(["", "\n", *trims]) + body + '"""'
        return quoted(value, self.rng)

    def value(self, path: At, value: Any) -> None:
        if isinstance(value, list):
            self.out += "["
            for i, inner in enumerate(value):
                self.out += self.rng.choice(["", " ", "\n", " # ] , [\n"])
                self.at[(*path, i)] = self.line
                self.value((*path, i), inner)
                self.out += self.rng.choice([",", " ,", "\n,"]) if i < len(value) - 1 else ""
            self.out += self.rng.choice(["", " ", "\n", ",\n"] if value else ["", "\n"]) + "]"
        elif isinstance(value, dict):
            self.out += "{"
            for i, (key, inner) in enumerate(value.items()):
                self.out += ", " if i else " "
                self.pair((*path, key), self.key(key), inner)
            self.out += "}"
        elif isinstance(value, str):
            self.out += self.text(value)
        else:
            self.out += str(value).lower()

    def pair(self, path: At, key: str, value: Any) -> None:
        self.at[path] = self.line
        self.out += key + self.rng.choice(["=", " = ", "\t= "])
        self.value(path, value)

    def table(self, path: At, table: dict[str, Any], header: str) -> None:
        later = []
        for key, value in table.items():
            tables = isinstance(value, dict) or (
                isinstance(value, list) and value and all(isinstance(v, dict) for v in value)
            )
            if tables and self.rng.random() < 0.8:
                later.append(key)
                continue
            self.noise()
            self.pair((*path, key), self.key(key), value)
            self.out += self.rng.choice(["\n", " # end\n"])
        for key in later:
            self.headed((*path, key), table[key], header)

    def headed(self, path: At, value: Any, header: str) -> None:
        key = str(path[-1])
        many = isinstance(value, list)
        for i, inner in enumerate(value if many else [value]):
            self.noise()
            name = f"{header}{self.key(key)}"
            here = (*path, i) if many else path
            self.at.setdefault(path, self.line)
            self.at[here] = self.line
            self.out += f"[[ {name} ]]\n" if many else f"[{name}]\n"
            self.table(here, inner, f"{name}{self.rng.choice(['.', ' . '])}")


@given(TABLES, st.randoms(use_true_random=False))
def test_a_document_written_in_any_style_is_located(document: dict[str, Any], rng: random.Random) -> None:
    writer = Writer(rng)
    writer.table((), document, "")
    assert tomllib.loads(writer.out) == document  # the writer is right
    assert located(writer.out) == writer.at
    assert set(writer.at) == set(_paths(document, ()))
