"""Tables: aliases, rules for a model, tenants; and that no message repeats a credential."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest

from everwarm.config import Config, ModelRules
from everwarm.config.tables import dotted

Load = Callable[..., Config]
Complaint = Callable[..., str]


def key_of(credential: bytes) -> str:
    return f'"sha256:{sha256(credential).hexdigest()}"'


def tenant(name: str, *keys: str) -> str:
    return f'[[tenant]]\nname = "{name}"\nkeys = [{", ".join(keys)}]\n'


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
            "line 2, models.a.tll: unknown; known here are ttl and reuse_sampled. Did you mean ttl?",
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


def test_a_credential_has_its_tenant(configure: Load) -> None:
    config = configure(
        tenant("acme", key_of(b"k1"), key_of(b"k2").upper().replace("SHA", "sha")) + tenant("b", key_of(b"k3"))
    )
    assert [config.tenant_of(k) for k in (b"k1", b"k2", b"k3", b"k4", b"")] == ["acme", "acme", "b", None, None]
    assert [t.name for t in config.tenants] == ["acme", "b"]
    assert len(config.tenants) == 2
    assert b"k1" not in repr(config).encode()
    assert hash(config.tenants) == hash(configure().tenants)
    assert configure("").tenant_of(b"k1") is None


A, B = key_of(b"a"), key_of(b"b")
SECRET = "sk-live-1234567890"


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (tenant("a", A) + tenant("b", B, A), "line 6, tenant[1].keys[1]: this key is listed already: see everwarm"),
        (tenant("a", A, A), "tenant[0].keys[1]: this key is listed already"),
        (tenant("a", A) + tenant("a", B), 'line 5, tenant[1].name: "a" is taken: see everwarm.toml, line 2.'),
        (tenant("public", A), 'line 2, tenant[0].name: found "public"; allowed are 1 to 64 of'),
        (tenant("A b", A), 'found "A b"'),
        (tenant("x" * 65, A), "allowed are 1 to 64 of"),
        (f"[[tenant]]\nkeys = [{A}]", "line 1, tenant[0].name: missing; allowed are"),
        ("[[tenant]]\nname = 'a'", "line 1, tenant[0].keys: missing or empty; allowed is a list"),
        (tenant("a"), "tenant[0].keys: missing or empty"),
        (tenant("a", key_of(b"")), "tenant[0].keys[0]: this is the digest of an empty text: was $KEY set?"),
        (tenant("a", f'"{SECRET}"'), "line 3, tenant[0].keys[0]: found a text that is not such a digest; allowed is"),
        (tenant("a", A[:-2] + '"'), "not such a digest"),
        (tenant("a", "7"), "tenant[0].keys[0]: found a number or date that is not such a digest"),
        (f"[[tenant]]\nname = 'a'\nkeys = '{SECRET}'", "tenant[0].keys: found a text; allowed is a list"),
        (tenant("a", A) + f"key = '{SECRET}'", "tenant[0].key: unknown; known here are name and keys. Did you"),
        (f"tenant = '{SECRET}'", "line 1, tenant: found a text; allowed are tables"),
        ("[tenant]\nname = 'a'", "tenant: found a table; allowed are tables: [[tenant]]"),
        (f"tenant = ['{SECRET}']", "tenant: found a list"),
    ],
)  # fmt: skip
def test_a_wrong_tenant_is_named_without_its_secret(complaint: Complaint, toml: str, says: str) -> None:
    message = complaint(toml)
    assert says in message
    assert SECRET not in message


def test_paths_are_written_as_toml_does() -> None:
    assert dotted(("models", "a.b", "ttl")) == 'models."a.b".ttl'
    assert dotted(("tenant", 0, "keys", 1)) == "tenant[0].keys[1]"
    assert dotted(("", 'a"b')) == '""."a\\"b"'
