"""What all tables have in common: how a path in them is written."""

from __future__ import annotations

from everwarm.config.tables import dotted


def test_paths_are_written_as_toml_does() -> None:
    assert dotted(("models", "a.b", "ttl")) == 'models."a.b".ttl'
    assert dotted(("tenant", 0, "keys", 1)) == "tenant[0].keys[1]"
    assert dotted(("", 'a"b')) == '""."a\\"b"'
