"""Reload: every setting is either applied while running or waits for a restart, and nothing that differs is missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from everwarm.config import SETTINGS, Changes, Config, changes
from everwarm.config.reload import APPLIED, RESTART

Load = Callable[..., Config]

TABLES = """
[aliases]
a = "m"
[models.m]
ttl = 60
[layout.streams.9f86d081884c7d65]
mode = "off"
[[upstream]]
name = "one"
dialect = "openai"
url = "http://one/v1"
[[upstream]]
name = "two"
dialect = "openai"
url = "http://two/v1"
[[tenant]]
name = "acme"
store_mb = 5
"""


def test_every_setting_is_of_one_sort() -> None:
    assert set(SETTINGS) == APPLIED | RESTART
    assert not APPLIED & RESTART


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_that_differs_is_named(configure: Load, name: str) -> None:
    values = {"data": "d", "model": "none", "access": "open", "log.level": "debug", "log.format": "json"}
    values |= {"telemetry.otlp": "http://h", "metrics.access": "local", "engine.temperature": "1.5"}
    values |= {"engine.mode": "exact", "engine.draft": "smollm2", "engine.kv_precision": "u8"}
    values |= {"layout.mode": "off", "layout.reference": "{name}", "layout.block": "{name}: {value}"}
    given = values.get(name) or ("false" if SETTINGS[name].default is True else "7")
    found = changes(configure(), configure(None, {name: given}))
    assert found == (Changes([name], []) if name in APPLIED else Changes([], [name]))
    assert changes(configure(None, {name: given}), configure()) == found


@pytest.mark.parametrize(
    ("old", "new", "applied"),
    [
        ('a = "m"', 'a = "n"', ["aliases.a"]),
        ('a = "m"', '"b.c" = "m"', ["aliases.a", 'aliases."b.c"']),
        ("ttl = 60", "ttl = 61", ["models.m"]),
        ('mode = "off"', 'mode = "rewrite"', ["layout.streams.9f86d081884c7d65"]),
        ("http://one/v1", "http://other/v1", ["upstream.one"]),
        ('name = "two"', 'name = "three"', ["upstream.two", "upstream.three"]),
        ("store_mb = 5", "store_mb = 6", ["tenant.acme"]),
        ("store_mb = 5", "share = 'x'\n[[tenant]]\nname = 'b'", ["tenant.acme", "tenant.b"]),
    ],
)
def test_each_entry_of_a_table_that_differs_is_named(configure: Load, old: str, new: str, applied: list[str]) -> None:
    assert changes(configure(TABLES), configure(TABLES.replace(old, new))) == Changes(applied, [])


def test_the_order_of_upstreams_counts(configure: Load) -> None:
    swapped = TABLES.replace("one", "zzz").replace("two", "one").replace("zzz", "two")
    assert changes(configure(TABLES), configure(swapped)) == Changes(["upstream"], [])


def test_a_key_that_was_added_counts(configure: Load) -> None:
    keys = f'store_mb = 5\nkeys = ["sha256:{"ab" * 32}"]'
    assert changes(configure(TABLES), configure(TABLES.replace("store_mb = 5", keys))).applied == ["tenant.acme"]


def test_where_a_value_was_written_does_not_count(configure: Load) -> None:
    assert changes(configure("port = 8400"), configure("", {"port": "8400"})) == Changes([], [])
