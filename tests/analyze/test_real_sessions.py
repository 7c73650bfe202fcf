"""Two real coding sessions: what the provider reported of each call, beside what the analysis says of it.

A *miss* is a call that read under 90 % of the prompt before it in its session.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from analyzed import analysed, gathered
from everwarm.core.analysis.account import Accounts, Options
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import UNAVOIDABLE, Account, Loss
from everwarm.core.rules import Rule
from everwarm.rules import load
from shared import shared

FILES: Final = ("before-compaction.jsonl.gz", "large-session.jsonl.gz")
HIT: Final = 0.9
"""Part of the prompt before that must be read for it not to be a miss."""

SLACK: Final = 64
"""Tokens by which the size of what is not in the files may be wrong: it is a straight line's."""


@dataclass(frozen=True)
class Step:
    """A call after another one of its session."""

    before: Call
    call: Call
    account: Account  # with what was reported
    foretold: Account  # without it
    rule: Rule
    head: int  # tokens of the tools and the system prompt, as far as it is known: they are not in the files

    @property
    def reported(self) -> int:
        assert self.call.usage
        return self.call.usage.cache_read

    @property
    def missed(self) -> bool:
        return self.reported < HIT * self.before.tokens

    @property
    def foretold_to_miss(self) -> bool:
        return self.foretold.read < HIT * self.before.tokens

    @property
    def in_time(self) -> bool:
        """Whether less than a lifetime lies between both."""
        assert self.call.at is not None
        assert self.before.at is not None
        return self.call.at - self.before.at < self.rule.ttls[0].seconds

    @property
    def loss(self) -> Loss | None:
        """What took most of what could have been read; None where no cause is named."""
        lost = [loss for loss in self.account.losses if loss.cause not in UNAVOIDABLE]
        return max(lost, key=lambda loss: loss.tokens, default=None)


def paths() -> list[Path]:
    return [shared(f"pi-sessions/{name}") for name in FILES]


def answers() -> Iterator[dict[str, Any]]:
    """What the files themselves say of each call: their lines, read without any of the program."""
    for path in paths():
        for line in gzip.decompress(path.read_bytes()).splitlines():
            message = orjson.loads(line).get("message") or {}
            if message.get("role") == "assistant":
                yield message


@cache
def steps() -> list[Step]:
    """Of both sessions."""
    logs, rule_of = gathered(*paths()), load().of
    prompts, hidden = logs.gather.prompts, logs.gather.hidden
    told = Accounts(prompts, rule_of, anchors=hidden)
    alone = Accounts(prompts, rule_of, Options(reported=False), hidden)
    last: dict[str, Call] = {}
    found = []
    for call in logs.gather.finish():
        if not call.tokens:
            continue
        account, foretold, rule = told.of(call), alone.of(call), rule_of(call.line.provider, call.line.model)
        before = last.get(call.place.file)
        last[call.place.file] = call
        if before is not None:
            assert rule
            head = hidden[prompts.prefixes.path(call.prompt.blocks)[0]]
            found.append(Step(before, call, account, foretold, rule, head))
    return found


def test_calls_and_tokens_are_the_files_own() -> None:
    """What an agent wrote of a call that was broken off before the provider counted are zeros."""
    said = [message["usage"] for message in answers()]
    counted = [usage for usage in said if sum(usage[name] for name in ("input", "output", "cacheRead", "cacheWrite"))]
    total = analysed(*paths()).total
    read = sum(usage["cacheRead"] for usage in counted)
    written = sum(usage["cacheWrite"] for usage in counted)
    prompt = read + written + sum(usage["input"] for usage in counted)
    assert (len(said), total.failed) == (937, len(said) - len(counted))
    assert (total.calls, total.reported) == (len(counted), len(counted))
    assert (total.prompt, total.read, total.written) == (prompt, read, written)
    assert total.output == sum(usage["output"] for usage in counted)
    assert total.rate == read / prompt
    assert total.read + sum(step.tokens for step in total.steps) == prompt


def test_misses_within_the_lifetime_have_a_cause_with_a_tier() -> None:
    misses = [step for step in steps() if step.missed and step.in_time]
    named = [step for step in misses if step.loss is not None and step.loss.tier]
    assert len(misses) >= 40
    assert len(named) >= 0.9 * len(misses), f"{len(named)} of {len(misses)} misses have a cause with a tier"


def test_what_was_read_fits_the_tier_that_is_named() -> None:
    """Of the named tier, and of what comes behind it, nothing was read."""
    named = [(step, step.loss) for step in steps() if step.missed and step.in_time and step.loss]
    right = [step for step, loss in named if step.reported <= (step.head + SLACK) * (loss.tier == "messages")]
    assert len(right) >= 0.93 * len(named), f"of {len(named)} misses with a tier, what was read fits {len(right)}"


def test_what_is_foretold_to_miss_misses() -> None:
    """Without a look at what was reported of any call's cache: lifetimes, minimum, settings and changes alone."""
    foretold = [step for step in steps() if step.foretold_to_miss]
    right = [step for step in foretold if step.missed]
    figures = f"of {len(foretold)} calls foretold to miss, {len(right)} did"
    assert len(foretold) >= 10
    assert len(right) >= 0.93 * len(foretold), figures


def test_what_is_foretold_to_hit_hits() -> None:
    """The reverse, which nobody can promise: providers let go of what they need not keep. So it is not all of them."""
    foretold = [step for step in steps() if not step.foretold_to_miss]
    right = [step for step in foretold if not step.missed]
    assert len(right) >= 0.95 * len(foretold), f"of {len(foretold)} calls foretold to hit, {len(right)} did"


@pytest.mark.parametrize("name", FILES)
def test_each_file_by_itself(name: str) -> None:
    """Two sessions of two models: what one says changes nothing of the other."""
    both, one = analysed(*paths()), analysed(shared(f"pi-sessions/{name}"))
    (model,) = one.models
    (same,) = (sums for sums in both.models if sums.name == model.name)
    assert (same.calls, same.prompt, same.read, same.steps) == (model.calls, model.prompt, model.read, model.steps)
