"""Answers held to a format. What is written may have no sense at all: it comes from random logits."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from everwarm.core.wire import Format, Request
from everwarm.engine import grammar
from everwarm.engine.facts import Facts
from everwarm.engine.grammar import DEEPEST, Grammars, constraint_for, revision
from everwarm.engine.tokens import token_bytes
from everwarm.errors import BadRequest, Unsupported
from held import write

if find_spec("llguidance") is None:
    pytest.skip("the package llguidance is not installed: pip install 'everwarm[local]'", allow_module_level=True)

ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string"}, "number": {"type": ["integer", "null"]}},
    "required": ["street", "number"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["name", "below"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "nested objects": {"type": "object", "properties": {"home": ADDRESS, "work": ADDRESS}, "required": ["work"]},
    "optional properties": {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}}},
    "an enum": {"enum": ["red", "green", 3, None, True, [1, {"a": "b"}]]},
    "unicode": {"type": "object", "properties": {"名前 é": {"enum": ["日本", "😀", "שלום"]}}, "required": ["名前 é"]},
    "quotes and escapes": {"const": 'a "quoted"\\ line\nand \t tab \u0001'},
    "what looks like a control token": {"const": "<|im_end|>"},
    "an array with bounds": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4},
    "a tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"const": 5}], "minItems": 2, "items": False},
    "a string with bounds": {"type": "string", "minLength": 3, "maxLength": 5},
    "a pattern": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3,5}$"},
    "a date": {"type": "string", "format": "date"},
    "numbers": {"type": "array", "items": {"type": "number", "minimum": -2, "exclusiveMaximum": 3}, "minItems": 3},
    "whole numbers": {"type": "array", "items": {"type": "integer", "multipleOf": 7, "minimum": 100}, "minItems": 2},
    "one of several": {"anyOf": [{"type": "integer"}, ADDRESS, {"type": "array", "items": {"type": "boolean"}}]},
    "a map": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 9}},
    "a tree": TREE,
    "no demands": {},
}


@pytest.fixture(scope="module")
def facts(tiny_weights: Any) -> Facts:
    """The tiny model's: 256 tokens of one byte each, and a few more."""
    found: Facts = tiny_weights.facts
    return found


@pytest.fixture(scope="module")
def grammars(facts: Facts) -> Any:
    made = Grammars(facts)
    yield made
    made.close()


def require_valid(text: str, schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(json.loads(text))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_written_fits_the_schema(grammars: Grammars, facts: Facts, name: str, seed: int) -> None:
    require_valid(write(grammars.constraint(Format(SCHEMAS[name])), facts, seed), SCHEMAS[name])


@pytest.mark.model
@pytest.mark.parametrize("name", SCHEMAS)
def test_so_it_is_with_a_real_vocabulary(real: Grammars, weights: Any, name: str) -> None:
    for seed in range(3):
        require_valid(write(real.constraint(Format(SCHEMAS[name])), weights.facts, seed), SCHEMAS[name])


@pytest.fixture(scope="module")
def real(weights: Any) -> Any:
    made = Grammars(weights.facts)
    yield made
    made.close()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
BOUNDS = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(sorted)
SIMPLE = st.one_of(
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"type": "integer"}, {"type": "number"}, {}]),
    BOUNDS.map(lambda b: {"type": "string", "minLength": b[0], "maxLength": b[1]}),
    st.tuples(st.sampled_from(["integer", "number"]), st.integers(-500, 500), st.integers(0, 500)).map(
        lambda b: {"type": b[0], "minimum": b[1], "maximum": b[1] + b[2]}
    ),
    st.lists(st.one_of(TEXTS, st.integers(-9, 9), st.none(), st.booleans()), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
)


def larger(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    arrays = st.tuples(inner, BOUNDS).map(
        lambda a: {"type": "array", "items": a[0], "minItems": a[1][0], "maxItems": a[1][1]}
    )
    objects = st.tuples(st.dictionaries(TEXTS, inner, max_size=3), st.booleans()).map(
        lambda o: {
            "type": "object",
            "properties": o[0],
            "required": [name for i, name in enumerate(o[0]) if i % 2],
            **({"additionalProperties": False} if o[1] else {}),
        }
    )
    return st.one_of(arrays, objects, st.lists(inner, min_size=1, max_size=3).map(lambda several: {"anyOf": several}))


@given(st.recursive(SIMPLE, larger, max_leaves=5), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_small_schema_is_kept(grammars: Grammars, facts: Facts, schema: dict[str, Any], seed: int) -> None:
    require_valid(write(grammars.constraint(Format(schema)), facts, seed), schema)


@pytest.mark.parametrize("seed", range(8))
def test_any_object(grammars: Grammars, facts: Facts, seed: int) -> None:
    assert type(json.loads(write(grammars.constraint(Format(None)), facts, seed))) is dict


@pytest.mark.parametrize("seed", range(4))
def test_there_is_no_more_white_space_than_one_blank(grammars: Grammars, facts: Facts, seed: int) -> None:
    schema = {"type": "object", "properties": {"a": SCHEMAS["an array with bounds"], "b": {"type": "null"}}}
    text = write(grammars.constraint(Format({**schema, "additionalProperties": False})), facts, seed)
    assert text == json.dumps(json.loads(text))


def test_logits_keep_their_values_and_are_not_changed(grammars: Grammars, facts: Facts) -> None:
    logits = np.random.default_rng(1).standard_normal(len(facts.tokens), np.float32)
    before = logits.copy()
    allowed = grammars.constraint(Format({"type": "integer"})).allow(logits)
    assert (logits == before).all()
    finite = np.isfinite(allowed)
    assert {token_bytes(facts)[i] for i in np.flatnonzero(finite)} == {bytes([c]) for c in b"-0123456789"}
    assert (allowed[finite] == logits[finite]).all()


@pytest.mark.model
def test_what_is_forced_is_all_that_is_allowed_and_spelled_as_the_model_reads_it(real: Grammars, weights: Any) -> None:
    from everwarm.engine.tokens import Tokenizer

    tokenizer = Tokenizer(weights.folder, weights.facts)
    schema = {"type": "object", "properties": {"temperature": {"type": "number"}}, "required": ["temperature"]}
    constraint = real.constraint(Format(schema))
    forced = constraint.forced()
    assert forced == tokenizer.encode('{"temperature":')  # the blank may belong to the next token
    for token in forced:
        allowed = constraint.allow(np.zeros(len(weights.facts.tokens), np.float32))
        assert np.flatnonzero(allowed == 0).tolist() == [token]
        constraint.accept(token)
    assert constraint.forced()[:1] != [token]


def test_a_draft_fits_as_far_as_it_goes_on_with_the_format(grammars: Grammars, facts: Facts) -> None:
    spelled = token_bytes(facts)

    def tokens(text: bytes) -> list[int]:
        return [spelled.index(bytes([byte])) for byte in text]

    constraint = grammars.constraint(Format({"type": "array", "items": {"type": "boolean"}}))
    assert constraint.fits(tokens(b"[true, false]")) == 13
    assert constraint.fits(tokens(b"[true, 1]")) == 7
    assert constraint.fits([]) == 0
    constraint.accept(tokens(b"[")[0])
    assert constraint.fits(tokens(b"true]")) == 5


def test_each_choice_has_a_constraint_of_its_own(grammars: Grammars, facts: Facts) -> None:
    first, second = (grammars.constraint(Format({"const": 12})) for _ in range(2))
    one = token_bytes(facts).index(b"1")
    first.accept(one)
    assert second.fits([one]) == 1
    assert first.fits([one]) == 0


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"not": {"type": "string"}}, "not"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "object", "properties": {"a": {"if": {}, "then": {}}}}, "if"),
        ({"type": "string", "format": "credit-card"}, "credit-card"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"type": "colour"}, "colour"),
        ({"$ref": "https://example.com/schema"}, "example.com"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, "minLength"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "simpler"),
        ({"const": "\ud800"}, "surrogates"),
    ],
)
def test_what_cannot_be_followed_is_said(grammars: Grammars, schema: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        grammars.constraint(Format(schema, "text.format"))
    assert caught.value.param == "text.format"
    assert caught.value.message.startswith("text.format: ")


def chain(links: int) -> dict[str, Any]:
    """A schema that goes from one definition to the next."""
    definitions = {f"d{i}": {"type": "array", "items": {"$ref": f"#/$defs/d{i + 1}"}} for i in range(links)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{links}": {"type": "null"}}}


def test_a_schema_may_be_deep_but_not_too_deep(grammars: Grammars, facts: Facts) -> None:
    """Too deep ones would end the process, in the compiler's own stack."""
    nested: dict[str, Any] = {"type": "null"}
    for _ in range(300):
        nested = {"type": "array", "items": nested}
    for deep in (chain(DEEPEST), nested):
        with pytest.raises(BadRequest, match=r"(?i)too deeply|recursion limit"):
            grammars.constraint(Format(deep))
    schema = chain(DEEPEST // 2 - 2)
    assert write(grammars.constraint(Format(schema)), facts, 1).startswith("[")
    assert threading.stack_size() == 0  # other threads have the usual


def test_many_references_to_little_and_much_without_any_are_not_deep(grammars: Grammars) -> None:
    little = {"properties": {f"p{i}": {"$ref": f"#/$defs/d{i % 100}"} for i in range(500)}}
    definitions = {f"d{i}": {"enum": [i]} for i in range(100)}
    grammars.constraint(Format({"type": "object", **little, "$defs": definitions}))
    grammars.constraint(Format({"type": "object", "properties": {f"p{i}": {"type": "null"} for i in range(2500)}}))


def test_a_schema_cannot_switch_the_rules_off(grammars: Grammars, facts: Facts) -> None:
    switches = {"lenient": True, "whitespace_pattern": "\\s+", "item_separator": " *, *"}
    schema = {"type": "array", "items": {"const": 1}, "minItems": 3, "maxItems": 3, "x-guidance": switches}
    assert write(grammars.constraint(Format(schema)), facts, 1) == "[1, 1, 1]"
    with pytest.raises(BadRequest, match="not"):
        grammars.constraint(Format({"x-guidance": switches, "not": {}}))


def test_a_token_that_is_not_allowed_is_not_accepted(grammars: Grammars, facts: Facts) -> None:
    constraint = grammars.constraint(Format({"type": "null"}))
    with pytest.raises(BadRequest, match="cannot go on"):
        constraint.accept(token_bytes(facts).index(b"x"))
    with pytest.raises(BadRequest, match="cannot go on"):
        constraint.allow(np.zeros(len(facts.tokens), np.float32))


def test_only_the_grammars_used_last_stay_compiled(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    compile_it = grammar._compile
    monkeypatch.setattr(grammar, "KEPT", 2)
    monkeypatch.setattr(grammar, "KEPT_SIZE", 2000)
    monkeypatch.setattr(grammar, "_compile", lambda *a: made.append(a[1]) or compile_it(*a))
    own = Grammars(facts)
    for value in (1, 2, 1, 3, 1, 2, 2):
        own.constraint(Format({"const": value}))
    assert [json.loads(m)["grammars"][0]["json_schema"]["const"] for m in made] == [1, 2, 3, 2]
    for _ in range(2):
        own.constraint(Format({"const": "x" * 2000}))
    assert len(made) == 6  # it is too large to be kept, and pushes nothing out
    own.constraint(Format({"const": 1}))
    assert len(made) == 6
    own.close()


def test_after_close_a_constraint_goes_on(facts: Facts) -> None:
    own = Grammars(facts)
    constraint = own.constraint(Format({"const": 1}))
    own.close()
    own.close()
    assert write(constraint, facts, 1) == "1"


def test_only_requests_with_a_format_are_held_to_one(grammars: Grammars) -> None:
    free = Request("openai_chat", "m", ())
    assert constraint_for(free, grammars) is None
    assert constraint_for(Request("openai_chat", "m", (), format=Format(None)), grammars) is not None


def test_without_the_package_it_says_what_to_install(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(Unsupported, match=r"pip install 'everwarm\[local\]'") as caught:
        Grammars(facts).constraint(Format(None))
    assert caught.value.param == "response_format"


def test_a_model_that_cannot_end_cannot_be_held(facts: Facts) -> None:
    with pytest.raises(Unsupported, match="ends an answer"):
        Grammars(replace(facts, ends=())).constraint(Format(None))


def test_the_revision_names_what_writes_the_masks() -> None:
    assert revision().startswith("llguidance 1.")
