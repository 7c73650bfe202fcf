"""Answers held to a format: which tokens may come next, so that the answer is JSON that a schema allows.

The work is done by ``llguidance``: from a JSON schema it makes a grammar, and from the grammar and what was written so
far a mask of the tokens that can go on. JSON is written on one line with one space after each comma and colon, as most
of what models have read. So no model loses itself in white space, and most of what stands between the values is forced.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import Any, Final

import numpy as np
import orjson

from everwarm.core.wire import Format, Json, Request
from everwarm.engine.facts import Facts
from everwarm.engine.vocabulary import Vocabulary
from everwarm.errors import BadRequest, Unsupported

Logits = np.ndarray[Any, np.dtype[np.float32]]

KEPT: Final = 32
"""Grammars that stay compiled, those used last."""

KEPT_SIZE: Final = 64 * 1024
"""Bytes of a schema beyond which its grammar is made anew each time."""

DEEPEST: Final = 2000
"""Levels of a schema, counted through its references. The compiler takes 5 to 10 kB of stack for each."""

_STACK: Final = 64 * 2**20  # bytes
_STYLE: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "lenient": False}
_ANY_OBJECT: Final[Mapping[str, Json]] = {"type": "object"}
_STATES: Final = 20_000  # of a lexer, each 1 to 2 kB
_LONGEST_REASON: Final = 300  # characters


class Constraint:
    """Holds one choice of one answer to its format. Not safe for use from two threads at once."""

    def __init__(self, matcher: Any, wanted: Format) -> None:
        self._matcher = matcher
        self._wanted = wanted

    @property
    def done(self) -> bool:
        """The JSON is complete, and nothing but an end token can follow."""
        return bool(self._matcher.is_stopped())

    def allow(self, logits: Logits) -> Logits:
        """``logits``, shape [vocabulary], with -inf for what cannot come next; a new array. At least one is left.

        ``BadRequest`` if the model has no token to go on with, or to find one would take too long.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(bits, count=len(logits), bitorder="little").view(np.bool_)
        if self._matcher.is_error() or not allowed.any():
            raise self._stuck()
        return np.where(allowed, logits, np.float32(-np.inf))

    def accept(self, token: int) -> None:
        """``token``, one that ``allow`` allowed, is next. ``BadRequest`` as there."""
        if not self._matcher.consume_token(token):
            raise self._stuck()

    def fits(self, tokens: Sequence[int]) -> int:
        """How many of ``tokens``, counted from the first, can come next: a draft is cut there before it is verified."""
        return int(self._matcher.validate_tokens(list(tokens)))

    def forced(self) -> list[int]:
        """The tokens that come next whatever the model says: a draft that cannot be refused. Often none."""
        return list(self._matcher.compute_ff_tokens())

    def _stuck(self) -> BadRequest:
        place = self._wanted.place
        return BadRequest(f"{place}: the model cannot go on as the schema demands; make it simpler", param=place)


class Grammars:
    """Makes constraints for one model. Safe to use from any thread; a schema seen first may take a second to compile.

    The vocabulary is prepared when the first constraint is wanted, in half a second.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._vocabulary: Any = None
        self._compiled: OrderedDict[str, Any] = OrderedDict()
        self._compiler: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def constraint(self, wanted: Format) -> Constraint:
        """A constraint for one choice, at the start of its answer.

        ``BadRequest`` that says what of the schema cannot be followed, ``Unsupported`` if ``llguidance`` is absent.
        """
        with self._lock:
            if self._compiler is None:
                self._compiler = _deep_thread()
            return self._compiler.submit(self._make, wanted).result()

    def close(self) -> None:
        """End the thread that compiles, if there is one. What was made goes on to work."""
        with self._lock:
            if self._compiler is not None:
                self._compiler.shutdown()
                self._compiler = None

    def _make(self, wanted: Format) -> Constraint:
        if self._vocabulary is None:
            self._vocabulary = _vocabulary(self._facts, wanted)
        grammar = _grammar(wanted)
        matcher = self._compiled.pop(grammar, None) or _compile(self._vocabulary, grammar, wanted)
        if len(grammar) <= KEPT_SIZE:
            self._compiled[grammar] = matcher
        if len(self._compiled) > KEPT:
            self._compiled.popitem(last=False)
        return Constraint(matcher.deep_copy(), wanted)


def constraint_for(request: Request, grammars: Grammars) -> Constraint | None:
    """What holds one choice of the answer to ``request``; None if it is free text. Each choice needs its own."""
    return None if request.format is None else grammars.constraint(request.format)


def revision() -> str:
    """What of this module changes answers, for the model's fingerprint."""
    try:
        return f"llguidance {metadata.version('llguidance')} {orjson.dumps(_STYLE).decode()}"
    except metadata.PackageNotFoundError:
        return "free text"


def _deep_thread() -> ThreadPoolExecutor:
    """One thread with a large stack: llguidance's compiler calls itself, and would end the process if it ran out."""
    before = threading.stack_size(_STACK)
    try:
        pool = ThreadPoolExecutor(1, "everwarm-grammars")
        pool.submit(int).result()  # which starts the thread
        return pool
    finally:
        threading.stack_size(before)


def _grammar(wanted: Format) -> str:
    """The schema as llguidance takes it. Its own switches in there are none of the protocols', and are left out."""
    from llguidance import LLMatcher

    schema = _ANY_OBJECT if wanted.schema is None else wanted.schema
    plain = {key: value for key, value in schema.items() if key != "x-guidance"}
    if _levels(plain) > DEEPEST:
        raise _refused(wanted, "it is nested too deeply, or has too many $ref")
    try:
        return str(LLMatcher.grammar_from_json_schema(orjson.dumps(plain).decode(), overrides=_STYLE))
    except (ValueError, TypeError) as error:  # nested too deeply for the one or for the other, or half a surrogate
        raise _refused(wanted, str(error)) from error


def _levels(schema: Mapping[str, Json]) -> int:
    """How deep the compiler goes at most: nested as the schema is, once more for each place that it refers to.

    And never deeper than there are objects, for it refuses to go round in circles.
    """
    objects, deepest, references = 0, 0, set()
    left: list[tuple[Json, int]] = [(schema, 1)]
    while left:
        value, level = left.pop()
        if isinstance(value, Mapping):
            objects += 1
            references.add(str(value.get("$ref")))
            left += [(inner, level + 1) for inner in value.values()]
        elif isinstance(value, list):
            left += [(inner, level + 1) for inner in value]
        deepest = max(deepest, level)
    return min(objects, len(references) * deepest)


def _compile(vocabulary: Any, grammar: str, wanted: Format) -> Any:
    from llguidance import LLMatcher, LLParserLimits

    limits = LLParserLimits(max_lexer_states=_STATES, verbose_errors=False)  # an error must not repeat the answer
    matcher = LLMatcher(vocabulary, grammar, log_level=0, limits=limits)
    if matcher.is_error():
        raise _refused(wanted, matcher.get_error())
    Constraint(matcher.deep_copy(), wanted).allow(np.zeros(vocabulary.vocab_size, np.float32))  # some fail only then
    return matcher


def _refused(wanted: Format, reason: str) -> BadRequest:
    reason = " ".join(reason.split())[:_LONGEST_REASON]
    return BadRequest(f"{wanted.place}: the model cannot be held to this schema: {reason}", param=wanted.place)


def _vocabulary(facts: Facts, wanted: Format) -> Any:
    try:
        from llguidance import LLTokenizer, TokenizerWrapper
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"{wanted.place}: this needs the Python package llguidance, which is not there; "
            "install it with: pip install 'everwarm[local]'",
            param=wanted.place,
        ) from error
    if not facts.ends:
        raise Unsupported(f"{wanted.place}: this model has no token that ends an answer", param=wanted.place)
    return LLTokenizer(TokenizerWrapper(Vocabulary(facts)), n_vocab=len(facts.tokens), eos_token=list(facts.ends))
