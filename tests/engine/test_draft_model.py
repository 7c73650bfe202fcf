"""A second model that guesses: the answer is the same, whatever it guesses; its guesses are judged; it leaves nothing
behind.

The model and the draft model are tiny. One with the same weights is nearly always right, one with others never.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET, share
from engines import balanced, count_steps
from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.pace import Pace
from everwarm.core.wire import Format, Request
from everwarm.engine.draft_model import AT_ONCE, MOST_TRUSTS, WORTH, DraftModel
from everwarm.engine.settings import MODES, Settings
from everwarm.errors import ModelError
from everwarm.store.segments import Segments

NEVER_END = {0: -100.0, 2: -100.0}
OTHER = Namespace("1" * 32)
GREEDY: dict[str, Any] = {"temperature": 0, "max_tokens": 60, "logit_bias": NEVER_END}
SAMPLED: dict[str, Any] = {"temperature": 0.7, "seed": 5, "max_tokens": 60, "logit_bias": NEVER_END}
CHEAP = 0.05

Ask = Callable[..., Any]
Make = Callable[..., Request]


class Steady(Pace):
    """A machine on which steps always take the same time, for tests that do not depend on what else runs here."""

    def took(self, rows: int, seconds: float) -> None:
        pass


@pytest.fixture(scope="module")
def stranger(make_gguf: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A draft model with the same vocabulary and other weights."""
    return make_gguf(tmp_path_factory.mktemp("stranger") / "stranger.gguf", seed=2)


@pytest.fixture
def drafting(engine_in: Callable[..., Any]) -> Callable[..., Any]:
    """``drafting(mode, path, price)``: an engine whose draft model takes ``price`` of a step for a guess. Nothing is
    looked up."""

    def make(mode: str, path: Path, price: float = CHEAP, **settings: Any) -> Any:
        return steady(engine_in(mode, **{"drafts": False, **settings}, draft=str(path)), price)

    return make


def steady(engine: Any, price: float) -> Any:
    """``engine``, whose draft model takes ``price`` of a step for a guess."""
    model = engine.inside.proposer
    model.pace, model.own = Steady(model.pace.costs, 1.0), Steady(lambda rows: rows, price)
    return engine


@pytest.fixture
def plain(engine_in: Callable[..., Any]) -> Any:
    """Mode "exact", without any drafts."""
    return engine_in("exact", drafts=False)


def drafts_of(engine: Any) -> tuple[int, int]:
    """Tokens that the draft model has guessed, and how many were right."""
    figures = engine.figures()
    return figures["tokens", "drafted_by_model"], figures["tokens", "accepted_by_model"]


def count_reading(engine: Any) -> list[int]:
    """From now on, the tokens of every step that the draft model begins."""
    steps: list[int] = []
    model = engine.inside.proposer._model
    original = model.step

    def step(spans: Any) -> Any:
        steps.append(sum(len(span.tokens) for span in spans))
        return original(spans)

    model.step = step
    return steps


async def together(engine: Any, collect: Ask, requests: list[Request]) -> list[Any]:
    return list(await asyncio.gather(*(collect(engine, request) for request in requests)))


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("draft", ["tiny_gguf", "stranger"])
@pytest.mark.parametrize("lookups", [False, True])
def test_in_mode_exact_no_draft_changes_a_text(
    draft: str,
    lookups: bool,
    sampling: dict[str, Any],
    plain: Any,
    drafting: Any,
    collect: Ask,
    request_of: Make,
    request: pytest.FixtureRequest,
) -> None:
    """A sampled one neither: each token takes its random bits, and a refused guess takes none."""
    engine = drafting("exact", request.getfixturevalue(draft), drafts=lookups)
    asked = [request_of("to and fro " * times, **sampling, n=choices) for times, choices in ((1, 3), (30, 1), (31, 2))]
    expected = asyncio.run(together(plain, collect, asked))
    for _ in range(2):  # cold, then warm
        answers = asyncio.run(together(engine, collect, asked))
        assert [answer.texts for answer in answers] == [answer.texts for answer in expected]
    assert drafts_of(engine)[0] > 0
    balanced(engine)


@pytest.mark.parametrize("mode", MODES)
def test_guesses_of_the_same_weights_are_right_and_spare_steps(
    mode: str, tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make
) -> None:
    engine = drafting(mode, tiny_gguf)
    steps = count_steps(engine)
    answer = ask(engine, request_of("hello", **GREEDY))
    balanced(engine)
    assert answer.usage.output == 60
    assert len(steps) < 25
    done, (drafted, accepted) = answer.events[-1], drafts_of(engine)
    assert accepted > 40
    assert accepted > 0.9 * drafted
    assert (done.accepted, done.rejected) == (accepted, drafted - accepted)
    assert engine.figures()["tokens", "drafted"] == drafted, "the sum of all sources"


@pytest.mark.parametrize("mode", MODES)
def test_guesses_that_are_wrong_are_soon_given_up(
    mode: str, stranger: Path, drafting: Any, ask: Ask, request_of: Make
) -> None:
    engine = drafting(mode, stranger)
    answer = ask(engine, request_of("hello", **{**GREEDY, "max_tokens": 400}))
    balanced(engine)
    drafted, accepted = drafts_of(engine)
    assert 0 < drafted < 40
    assert accepted < drafted / 2
    assert (answer.events[-1].accepted, answer.events[-1].rejected) == (accepted, drafted - accepted)


def test_guesses_that_cost_more_than_they_spare_are_given_up(
    tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make
) -> None:
    """Though they are right: a guess takes twice the time of a step."""
    engine = drafting("exact", tiny_gguf, 2.0)
    ask(engine, request_of("hello", **{**GREEDY, "max_tokens": 400}))
    assert 0 < drafts_of(engine)[0] < 40


def test_what_can_be_looked_up_is_not_guessed(tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make) -> None:
    engine = drafting("exact", tiny_gguf, drafts=True)
    letters = dict.fromkeys(engine.inside.voice.tokenizer.encode("abcdefg"), 100.0)  # a text that is read as it is said
    asked = {**GREEDY, "logit_bias": letters}
    text = ask(engine, request_of("hello", **asked)).text
    balanced(engine)
    before = drafts_of(engine)
    predicted = {"prediction": {"type": "content", "content": text}}
    answer = ask(engine, request_of("hello", **asked, rest=predicted))
    balanced(engine)
    assert answer.text == text
    assert answer.events[-1].accepted > 40
    assert drafts_of(engine)[0] - before[0] < 10


def test_the_price_is_measured(engine_in: Any, tiny_gguf: Path, ask: Ask, request_of: Make) -> None:
    engine = engine_in("fast", draft=str(tiny_gguf), drafts=False)
    pace, own = engine.inside.proposer.pace, engine.inside.proposer.own
    guessed, timed = pace.seconds, own.seconds
    ask(engine, request_of("hello", **GREEDY))
    assert 0 < pace.seconds != guessed
    assert 0 < own.seconds != timed


def test_guesses_that_a_format_refuses_are_given_up_too(
    plain: Any, tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make
) -> None:
    """The draft model does not know of formats, and always guesses a letter where there can be none."""
    engine = drafting("exact", tiny_gguf)
    read = count_reading(engine)
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 40, "maxItems": 60}
    letter = dict.fromkeys(engine.inside.voice.tokenizer.encode("z"), 90.0)
    asked = request_of("numbers", temperature=0, max_tokens=300, logit_bias=letter)
    answer = ask(engine, replace(asked, format=Format(schema)))
    balanced(engine)
    assert answer.text == ask(plain, replace(asked, format=Format(schema))).text
    assert answer.usage.output > 100
    assert 0 < len(read) < 30
    assert answer.events[-1].rejected == 0, "what was not verified is none of the answer's"


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_prompt_is_read_in_pieces_and_once(tiny_gguf: Path, drafting: Any, collect: Ask, request_of: Make) -> None:
    """Four at a time begin alike: the draft model, too, reads the beginning once."""
    engine = drafting("exact", tiny_gguf)
    read = count_reading(engine)
    asked = [request_of("x" * 600 + letter, **GREEDY) for letter in "abcd"]
    answers = asyncio.run(together(engine, collect, asked))
    balanced(engine)
    assert max(read) <= AT_ONCE
    longest = max(answer.usage.prompt for answer in answers)
    said = sum(answer.usage.output for answer in answers)
    assert longest < sum(read) < longest + 4 * 64 + 2 * said, "what follows the first 600 is read by each"
    del read[:]
    asyncio.run(together(engine, collect, asked))
    assert sum(read) < 4 * 64 + 2 * said


def test_others_prefixes_are_not_there(tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make) -> None:
    engine = drafting("exact", tiny_gguf)
    asked = request_of("x" * 300, **GREEDY)
    ask(engine, asked, PUBLIC)
    balanced(engine)
    read = count_reading(engine)
    ask(engine, asked, PUBLIC)
    balanced(engine)
    known = sum(read)
    ask(engine, asked, OTHER)
    balanced(engine)
    assert sum(read) - known > known + 250
    cache = engine.inside.proposer.cache
    assert cache.tree.held(PUBLIC) == cache.tree.held(OTHER) > 300 // 32


def test_for_a_short_answer_a_long_prompt_is_not_read(
    tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make
) -> None:
    engine = drafting("exact", tiny_gguf)
    read = count_reading(engine)
    long = "x" * (4 * WORTH + 1)
    ask(engine, request_of(long, **{**GREEDY, "max_tokens": 4}))
    assert not read
    ask(engine, request_of(long, **{**GREEDY, "max_tokens": 40}))
    balanced(engine)
    assert read


def test_where_its_context_ends_the_model_goes_on_alone(
    plain: Any, drafting: Any, make_gguf: Any, tmp_path: Path, ask: Ask, request_of: Make
) -> None:
    engine = drafting("exact", make_gguf(tmp_path / "short.gguf", metadata={"llama.context_length": 256}))
    model, ends = engine.inside.proposer._model, []
    original = model.step

    def step(spans: Any) -> Any:
        ends.extend(span.past + len(span.tokens) for span in spans)
        return original(spans)

    model.step = step
    for text in ("x" * 150, "y" * 400):
        asked = request_of(text, **{**GREEDY, "max_tokens": 200})
        assert ask(engine, asked).text == ask(plain, asked).text
        balanced(engine)
    assert drafts_of(engine)[1] > 40
    assert 250 < max(ends) <= 256


# --- blocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_who_leaves_in_the_middle_leaves_no_block_behind(
    mode: str, tiny_gguf: Path, drafting: Any, request_of: Make, collect: Ask
) -> None:
    engine = drafting(mode, tiny_gguf)
    model = engine.inside.proposer

    async def leave(text: str, events: int) -> None:
        asked = engine.ask(request_of(text, **{**GREEDY, "max_tokens": 400, "n": 2}), PUBLIC)
        for _ in range(events):
            await anext(asked)
        await asked.aclose()

    async def main() -> None:
        await asyncio.gather(*(leave("to and fro " * times, 1 + times) for times in (1, 3, 9, 27)))
        await collect(engine, request_of("z", **GREEDY))

    asyncio.run(main())
    balanced(engine)
    assert not model._readers
    for cache in (engine.inside.cache, model.cache):
        assert cache.promised == 0
        assert cache.pool.free + cache.tree.spare == cache.pool.blocks


def test_when_its_pool_is_full_it_lets_go_and_some_go_without(
    plain: Any, tiny_gguf: Path, drafting: Any, collect: Ask, request_of: Make
) -> None:
    """Its pool holds one context: of those who need more than half of it only one at a time has guesses."""
    engine = drafting("exact", tiny_gguf, kv_bytes=4096 * 80)
    cache = engine.inside.proposer.cache
    assert cache.pool.blocks == 1024 // 32 + 1
    asked = [request_of(letter * 500, **{**GREEDY, "max_tokens": 100}) for letter in "abcdef"]
    answers = asyncio.run(together(engine, collect, asked))
    expected = asyncio.run(together(plain, collect, asked))
    assert [answer.text for answer in answers] == [answer.text for answer in expected]
    balanced(engine)
    assert cache.pool.free + cache.tree.spare == cache.pool.blocks
    assert cache.tree.held(PUBLIC) <= cache.pool.blocks < 6 * 500 // 32
    accepted = [answer.events[-1].accepted for answer in answers]
    assert max(accepted) > 50 > min(accepted)


def test_a_failing_step_of_it_ends_drafting_and_no_answer(
    plain: Any, tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make, caplog: pytest.LogCaptureFixture
) -> None:
    engine = drafting("exact", tiny_gguf)
    model, calls = engine.inside.proposer._model, count()
    original = model.step

    def step(spans: Any) -> Any:
        if next(calls) == 5:
            raise RuntimeError("secret words of the prompt")
        return original(spans)

    model.step = step
    for _ in range(2):
        assert ask(engine, request_of("hello", **GREEDY)).text == ask(plain, request_of("hello", **GREEDY)).text
        balanced(engine)
    assert next(calls) == 6
    assert caplog.text.count("the draft model failed, and is not used any more: RuntimeError") == 1
    assert "secret" not in caplog.text
    assert engine.failures == 0


def test_trust_in_namespaces_is_bounded(tiny_gguf: Path, drafting: Any, ask: Ask, request_of: Make) -> None:
    engine = drafting("fast", tiny_gguf)
    for number in range(MOST_TRUSTS + 3):
        ask(engine, request_of("a", temperature=0, max_tokens=3, logit_bias=NEVER_END), Namespace(f"{number:032}"))
    assert len(engine.inside.proposer._trusts) == MOST_TRUSTS


def test_after_a_restart_kv_on_disk_is_the_models_with_and_without_it(
    tiny_gguf: Path, data: Path, tmp_path: Path, ask: Ask, request_of: Make
) -> None:
    from everwarm.engine.engine import Engine

    def once(draft: str) -> Any:
        settings = Settings(threads=1, mode="exact", draft=draft)
        keep = lambda identity: Segments(tmp_path, SECRET, identity, 16 << 20)  # noqa: E731
        engine = Engine.load(tiny_gguf, data, SECRET, settings, keep=keep)
        try:
            return ask(engine, request_of("x" * 500, **GREEDY))
        finally:
            asyncio.run(engine.close())

    answers = [once(draft) for draft in (str(tiny_gguf), "", str(tiny_gguf))]
    assert len({answer.text for answer in answers}) == 1
    assert [answer.prefilled.cached for answer in answers] == [0, 384 + 128, 384 + 128]


# --- which models -----------------------------------------------------------------------------------------------------


def test_padding_of_a_vocabulary_does_not_matter(
    engine_in: Any, make_gguf: Any, data: Path, tmp_path: Path, tiny_gguf: Path, ask: Ask, request_of: Make
) -> None:
    """Larger siblings are often padded to other sizes. A penalty is counted by tokens of the model's vocabulary."""
    from everwarm.engine.engine import Engine

    wide = make_gguf(tmp_path / "wide.gguf", unused=11)
    asked = request_of("hello", **GREEDY, frequency_penalty=0.1)
    for model, draft in ((tiny_gguf, wide), (wide, tiny_gguf)):
        texts = []
        for path in ("", str(draft)):
            engine = Engine.load(model, data, SECRET, Settings(threads=1, mode="exact", drafts=False, draft=path))
            texts.append(ask(steady(engine, CHEAP) if path else engine, asked).text)
            asyncio.run(engine.close())
        assert texts[0] == texts[1]
        assert drafts_of(engine)[1] > 5


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("renamed", r"its token 259 is 'hi', and the model's is 'he'"),
        ("longer", r"it has 262 tokens, and the model has 261"),
        ("other end", r"its begin and end tokens are 1 and 0, the model's 1 and 2"),
    ],
)
def test_another_vocabulary_is_refused(changed: str, says: str, tiny_weights: Any) -> None:
    from everwarm.engine.facts import require_same_vocabulary

    facts = tiny_weights.facts
    other = {
        "renamed": replace(facts, tokens=tuple("hi" if token == "he" else token for token in facts.tokens)),
        "longer": replace(facts, tokens=(*facts.tokens, "new"), token_types=(*facts.token_types, 1)),
        "other end": replace(facts, eos=0),
    }[changed]
    require_same_vocabulary(facts, facts)
    with pytest.raises(ModelError, match=rf"the draft model has another vocabulary: {says}; use a smaller model"):
        require_same_vocabulary(facts, other)


def test_what_cannot_be_loaded_is_said_of_the_draft(
    drafting: Any, make_gguf: Any, tmp_path: Path, tiny_gguf: Path
) -> None:
    mamba = make_gguf(tmp_path / "mamba.gguf", architecture="mamba")
    ends = make_gguf(tmp_path / "ends.gguf", metadata={"tokenizer.ggml.eos_token_id": 0})
    for path, says in (
        (tmp_path / "absent.gguf", r"engine\.draft: there is no model file .*absent\.gguf"),
        (tmp_path, r"engine\.draft: the folder .* has no openvino_model\.xml"),
        (mamba, r"engine\.draft: .*architecture 'mamba' cannot be run"),
        (ends, r"engine\.draft: the draft model has another vocabulary: its begin and end tokens are 1 and 0"),
    ):
        with pytest.raises(ModelError, match=says):
            drafting("fast", path)


def test_serve_says_it_in_one_line(tiny_gguf: Path, data: Path, tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.mkdir()
    share(home)
    flags = ["--port", "0", "--data", str(home), "--model", str(tiny_gguf), "--draft", "absent.gguf"]
    command = [sys.executable, "-m", "everwarm", "serve", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"everwarm: engine.draft: there is no model file {tmp_path}/absent.gguf; "
        "give the path of a GGUF file, or of a folder of OpenVINO files"
    )
    assert "Traceback" not in done.stderr


def test_it_is_a_proposer(tiny_gguf: Path, drafting: Any) -> None:
    from everwarm.engine.proposer import NoProposer, Proposer

    proposers: list[Proposer] = [drafting("fast", tiny_gguf).inside.proposer, NoProposer()]  # the type checker's part
    assert isinstance(proposers[0], DraftModel)
    assert list(proposers[1].figures()) == []
