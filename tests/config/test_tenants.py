"""Tenants: found by the digest of a credential, and only by that."""

from __future__ import annotations

from hashlib import sha256

import pytest

from everwarm.config import Tenant, Tenants


def digest(credential: bytes) -> str:
    return sha256(credential).hexdigest()


def test_a_credential_is_found_by_its_digest() -> None:
    tenants = Tenants([Tenant("a", (digest(b"1"), digest(b"2"))), Tenant("b", (digest(b"3"),))])
    assert [tenants.of(c) for c in (b"1", b"2", b"3", b"4")] == ["a", "a", "b", None]


def test_the_digest_itself_is_no_credential() -> None:
    tenants = Tenants([Tenant("a", (digest(b"1"),))])
    assert tenants.of(digest(b"1").encode()) is None
    assert tenants.of(sha256(b"1").digest()) is None


def test_no_credential_is_nobody_whatever_is_configured() -> None:
    assert Tenants([Tenant("a", (digest(b""),))]).of(b"") is None


def test_equality_is_of_what_is_in_them() -> None:
    one, same, other = (Tenants([Tenant(name, (digest(b"1"),))]) for name in ("a", "a", "b"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != [Tenant("a", (digest(b"1"),))]


def test_a_tenant_is_found_by_its_name() -> None:
    a, b = Tenant("a", store_mb=1), Tenant("b")
    assert Tenants([a, b]).named("a") is a
    with pytest.raises(KeyError):
        Tenants([a, b]).named("c")


def test_a_tenant_may_use_the_models_that_are_named_for_it() -> None:
    some = Tenant("a", models=("gpt-*", "o?"))
    assert [some.may_use(m) for m in ("gpt-5", "gpt-", "o3", "o3-mini", "claude")] == [True, True, True, False, False]
    assert Tenant("b").may_use("anything")
