"""Tenants of the settings file and of ``keys.toml``; and that no message repeats a credential."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from everwarm.config import Config, Tenant

Load = Callable[..., Config]
Complaint = Callable[..., str]


def key_of(credential: bytes) -> str:
    return f'"sha256:{sha256(credential).hexdigest()}"'


def tenant(name: str, *keys: str) -> str:
    return f'[[tenant]]\nname = "{name}"\nkeys = [{", ".join(keys)}]\n'


def digest(credential: bytes) -> str:
    return sha256(credential).hexdigest()


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
        (tenant("public", A), 'line 2, tenant[0].name: found "public"; allowed is a name of 1 to 64 of'),
        (tenant("A b", A), 'found "A b"'),
        (tenant("x" * 65, A), "allowed is a name of 1 to 64 of"),
        (f"[[tenant]]\nkeys = [{A}]", "line 1, tenant[0].name: missing; allowed is a name"),
        (tenant("a"), "tenant[0].keys: empty; allowed is a list"),
        (tenant("a", key_of(b"")), "tenant[0].keys[0]: this is the digest of an empty text: was $KEY set?"),
        (tenant("a", f'"{SECRET}"'), "line 3, tenant[0].keys[0]: found a text that is not such a digest; allowed is"),
        (tenant("a", A[:-2] + '"'), "not such a digest"),
        (tenant("a", "7"), "tenant[0].keys[0]: found a number or date that is not such a digest"),
        (f"[[tenant]]\nname = 'a'\nkeys = '{SECRET}'", "tenant[0].keys: found a text; allowed is a list"),
        (tenant("a", A) + f"key = '{SECRET}'", "store_max_mb, models and share. Did you mean keys?"),
        (f"tenant = '{SECRET}'", "line 1, tenant: found a text; allowed are tables"),
        ("[tenant]\nname = 'a'", "tenant: found a table; allowed are tables: [[tenant]]"),
        (f"tenant = ['{SECRET}']", "tenant: found a list"),
    ],
)  # fmt: skip
def test_a_wrong_tenant_is_named_without_its_secret(complaint: Complaint, toml: str, says: str) -> None:
    message = complaint(toml)
    assert says in message
    assert SECRET not in message


def test_a_tenant_may_have_bounds_and_a_group(configure: Load) -> None:
    toml = tenant("a", A) + 'store_mb = 10\nstore_max_mb = 20\nmodels = ["gpt-*", "o?"]\nshare = "team"\n'
    config = configure(toml + tenant("b", B))
    assert config.tenants.named("a") == Tenant("a", (digest(b"a"),), 10, 20, ("gpt-*", "o?"), "team")
    assert config.tenants.named("b") == Tenant("b", (digest(b"b"),), None, None, (), None)
    assert config.sources["tenant.a.store_mb"] == "everwarm.toml:4"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("store_mb = 0", "line 3, tenant[0].store_mb: found 0; allowed is a whole number from 1"),
        ("store_mb = 20\nstore_max_mb = 10", "line 3, tenant[0].store_mb: is more than store_max_mb."),
        ("models = []", "tenant[0].models: found a list; allowed is a list, not empty, of which each is a name in"),
        ("models = 'gpt-*'", 'tenant[0].models: found "gpt-*"; allowed is a list'),
        ("models = [1]", "tenant[0].models: found a list; allowed is a list"),
        ("share = 'A B'", 'tenant[0].share: found "A B"; allowed is a name of 1 to 64 of'),
        ("store_mb = 2000", "tenant.store_mb: the shares add up to 2000 MiB, and cache.disk_mb is 1024."),
        ("modls = ['a']", "tenant[0].modls: unknown; known here are name, keys, store_mb"),
    ],
)
def test_a_wrong_bound_is_named(complaint: Complaint, more: str, says: str) -> None:
    assert says in complaint(f"[[tenant]]\nname = 'a'\n{more}")


def test_the_shares_must_fit_together(configure: Load, complaint: Complaint) -> None:
    toml = "[[tenant]]\nname = 'a'\nstore_mb = 600\n[[tenant]]\nname = 'b'\nstore_mb = 600\n"
    assert "add up to 1200 MiB" in complaint(toml)
    assert len(configure(toml, EVERWARM_CACHE_DISK_MB="1200").tenants) == 2


def kept(folder: Path, *keys: tuple[str, bytes]) -> dict[str, str]:
    """Flags that name a data folder in which ``keys.toml`` has these keys."""
    text = "version = 1\n"
    for name, credential in keys:
        text += f'[[key]]\nname = "{name}"\ndigest = {key_of(credential)}\ncreated_at = "2026-01-31T12:00:00Z"\n'
    (folder / "keys.toml").write_text(text)
    return {"data": str(folder)}


def test_keys_that_were_made_are_merged_by_name(configure: Load, tmp_path: Path) -> None:
    flags = kept(tmp_path, ("acme", b"k2"), ("solo", b"k3"), ("acme", b"k1"), ("bare", b"k4"))
    config = configure(tenant("acme", key_of(b"k1")) + "[[tenant]]\nname = 'bare'\nstore_mb = 5", flags)
    assert [config.tenant_of(k) for k in (b"k1", b"k2", b"k3", b"k4")] == ["acme", "acme", "solo", "bare"]
    assert config.tenants.named("acme").digests == (digest(b"k1"), digest(b"k2"))
    assert config.tenants.named("solo") == Tenant("solo", (digest(b"k3"),))
    assert config.tenants.named("bare").store_mb == 5
    assert config.sources["tenant.solo.keys"] == f"{tmp_path / 'keys.toml'}:6"
    assert config.sources["tenant.acme.keys"] == "everwarm.toml:3"


def test_a_key_that_was_made_for_another_tenant_is_a_problem(complaint: Complaint, tmp_path: Path) -> None:
    says = complaint(tenant("acme", key_of(b"k1")), kept(tmp_path, ("globex", b"k1")))
    assert says == (
        f"{tmp_path / 'keys.toml'}, line 2, key[0]: this key is that of another tenant already: "
        "see everwarm.toml, line 3."
    )


def test_a_tenant_without_keys_is_nobody_yet(configure: Load) -> None:
    config = configure("[[tenant]]\nname = 'a'")
    assert config.tenants.named("a").digests == ()
    assert config.tenant_of(b"anything") is None
