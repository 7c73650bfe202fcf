"""Aliases, and rules for one model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from everwarm.config import Config, ModelRules

Load = Callable[..., Config]
Complaint = Callable[..., str]


def test_aliases_are_read(configure: Load) -> None:
    config = configure('[aliases]\n"gpt-5-mini" = "m"\nb = "m"')
    assert config.aliases == {"gpt-5-mini": "m", "b": "m"}
    assert config.sources['aliases."gpt-5-mini"'.replace('"', "")] == "everwarm.toml:2"


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("aliases = 1", "line 1, aliases: found 1; allowed is a table: [aliases]."),
        ("[aliases]\na = 1", "line 2, aliases.a: found 1; allowed is the id of a model"),
        ("[aliases]\na = ''", 'found ""; allowed is the id of a model'),
        ("[aliases]\n' ' = 'm'", 'aliases." "'),
        ("[aliases]\na = 'b'\nb = 'm'", 'line 2, aliases.a: "b" is an alias itself'),
        ("[aliases]\na = 'a'", '"a" is an alias itself'),
    ],
)
def test_a_wrong_alias_is_named(complaint: Complaint, toml: str, says: str) -> None:
    assert says in complaint(toml)


def test_a_model_has_rules_of_its_own(configure: Load) -> None:
    cache = configure('[cache]\nttl = "2h"\n[models."a.b"]\nttl = 60\n[models.c]\nreuse_sampled = false').cache
    assert cache.models == {"a.b": ModelRules(60, None), "c": ModelRules(None, False)}
    assert (cache.ttl_of("a.b"), cache.ttl_of("c"), cache.ttl_of("other")) == (60, 7200, 7200)
    assert (cache.reuse_of("a.b"), cache.reuse_of("c"), cache.reuse_of("other")) == (True, False, True)
    assert (cache.ttl_of("x", "a.b"), cache.reuse_of("x", "a.b", "c")) == (60, False)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            "[models.a]\ntll = 1",
            "line 2, models.a.tll: unknown; known here are ttl, reuse_sampled and layout. Did you mean ttl?",
        ),
        ("[models.a]\nttl = 'x'", 'models.a.ttl: found "x"; allowed is a duration'),
        ("[models]\na = 1", "line 2, models.a: found 1; allowed is a table: [models.a]."),
        ("[models.'']\nttl = 1", "is not the id of a model"),
        (
            "[aliases]\na = 'b.c'\n[models.a]\nttl = 1",
            'line 3, models.a: is an alias; write the model: [models."b.c"].',
        ),
    ],
)
def test_a_wrong_rule_is_named(complaint: Complaint, toml: str, says: str) -> None:
    assert says in complaint(toml)
