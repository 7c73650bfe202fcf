"""What a reload changes in a gateway that runs, part by part. With signals and processes: test_program_signals."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from everwarm.errors import ConfigError
from everwarm.gateway.reload import take_up
from gateway_upstreams import asks
from live import Live, gateway, settings_of

TENANT = '[[tenant]]\nname = "{}"\nkeys = ["sha256:{}"]\n{}\n'


def tenant(name: str, key: str, more: str = "") -> str:
    return TENANT.format(name, sha256(key.encode()).hexdigest(), more)


def reload(live: Live, toml: str) -> list[str]:
    """What was taken up."""
    return take_up(live.house, settings_of(live.house.config.data, toml)).applied


def test_an_alias_counts_from_the_next_request_on(live: Live) -> None:
    assert live.ask(model="gpt-5").status_code == 404
    assert reload(live, '[aliases]\n"gpt-5" = "test-model"\n') == ["aliases.gpt-5"]
    assert live.ask(model="gpt-5").status_code == 200
    reload(live, "")
    assert live.ask(model="gpt-5").status_code == 404, "what was understood before is forgotten"


def test_what_cannot_be_taken_up_changes_nothing(live: Live) -> None:
    before = live.house.config, live.house.directory, live.house.auth
    with pytest.raises(ConfigError, match="leads to"):
        reload(live, '[aliases]\nx = "nowhere"\n[limits]\nbody_mb = 1\n')
    assert (live.house.config, live.house.directory, live.house.auth) == before


def test_what_waits_for_a_new_start_stays_in_force(tmp_path: Path) -> None:
    """A gateway that others can reach must not take itself for one that only this machine can."""
    with gateway(tmp_path, toml='host = "0.0.0.0"\n') as live:
        told = take_up(live.house, settings_of(tmp_path, '[limits]\nqueue = 7\nbody_mb = 1\n[cache]\nttl = "1h"\n'))
        assert told.restart == ["host", "limits.queue"]
        assert live.house.config.host == "0.0.0.0"
        assert live.house.config.cache.ttl == 3600
        assert take_up(live.house, settings_of(tmp_path, "[limits]\nqueue = 7\n")).restart == ["host", "limits.queue"]


def test_a_tenants_answers_are_found_again_under_its_next_key(live: Live) -> None:
    reload(live, tenant("acme", "key-one"))
    assert live.ask(headers={"x-api-key": "key-one"}).headers["x-everwarm-cache"] == "miss"
    reload(live, tenant("acme", "key-two"))
    assert live.ask(headers={"x-api-key": "key-two"}).headers["x-everwarm-cache"] == "hit"
    assert live.ask(headers={"x-api-key": "key-one"}).headers["x-everwarm-cache"] == "miss", "it is nobody's now"


def test_limits_are_taken_up(live: Live) -> None:
    reload(live, "[limits]\nbody_mb = 1\nbody_seconds = 7\n[cache]\nentry_mb = 3\n")
    assert live.ask("x" * 2**20).status_code == 413
    assert live.house.patience.seconds == 7
    assert live.house.tower.limit == 3 * 2**20


def test_upstreams_that_did_not_change_stay_and_others_hand_on_their_counts(tmp_path: Path) -> None:
    a, b = "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"
    with gateway(tmp_path, toml=asks(a, b), inside=False) as live:
        kept, changed = live.house.directory.providers
        changed.answered[2], changed.again = 5, 3
        reload(live, asks(a, b + "x"))
        now_kept, now_changed = live.house.directory.providers
        assert now_kept is kept
        assert now_changed is not changed
        assert (now_changed.answered[2], now_changed.again) == (5, 3)
        assert live.house.retired == [changed]


def test_shares_of_the_store_are_taken_up(live: Live) -> None:
    held: list[object] = []
    assert live.house.store is not None
    live.house.store.set_quotas = held.append  # type: ignore[method-assign]
    reload(live, tenant("acme", "k", "store_mb = 2"))
    (quotas,) = held
    assert [q.floor for q in quotas.values()] == [2 * 2**20]
