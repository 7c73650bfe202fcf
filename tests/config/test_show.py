"""Show: every value with its source, in the terminal and as JSON; nothing of a credential."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256

from rich.console import Console

from everwarm.config import SETTINGS, Config, as_json, show

DIGEST = sha256(b"k").hexdigest()
TOML = f"""port = 1
[cache]
enabled = false
ttl = "90m"
[aliases]
"[red]x" = "m.1"
[models."m.1"]
ttl = "1h"
layout = "off"
[layout.streams.9f86d081884c7d65]
mode = "rewrite"
[[tenant]]
name = "acme"
keys = ["sha256:{DIGEST}"]
"""


def printed(config: Config) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(show(config))
    return out.getvalue()


def test_json_has_every_setting_with_its_source(configure: Callable[..., Config]) -> None:
    shown = json.loads(as_json(configure(TOML, {"host": "::1"}, EVERWARM_LOG_LEVEL="debug")))
    assert shown["version"] == 1
    assert shown["file"].endswith("everwarm.toml")
    settings = shown["settings"]
    assert list(settings)[: len(SETTINGS)] == list(SETTINGS)
    assert settings["port"] == {"value": 1, "source": "everwarm.toml:1"}
    assert settings["host"] == {"value": "::1", "source": "--host"}
    assert settings["log.level"] == {"value": "debug", "source": "EVERWARM_LOG_LEVEL"}
    assert settings["cache.ttl"] == {"value": "90m", "source": "everwarm.toml:4"}
    assert settings["cache.disk_mb"] == {"value": 1024, "source": "default"}
    assert settings['aliases."[red]x"'] == {"value": "m.1", "source": "everwarm.toml:6"}
    assert settings['models."m.1".ttl'] == {"value": "1h", "source": "everwarm.toml:8"}
    assert settings['models."m.1".layout'] == {"value": "off", "source": "everwarm.toml:9"}
    assert settings["layout.streams.9f86d081884c7d65.mode"] == {"value": "rewrite", "source": "everwarm.toml:11"}
    assert settings["tenant.acme.keys"] == {"value": [f"sha256:{DIGEST[:8]}..."], "source": "everwarm.toml:14"}


def test_the_terminal_shows_the_same(configure: Callable[..., Config]) -> None:
    config = configure(TOML)
    text = printed(config)
    words = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    assert words["port"] == ["1", "everwarm.toml:1"]
    assert words["cache.enabled"] == ["false", "everwarm.toml:3"]
    assert words['aliases."[red]x"'] == ["m.1", "everwarm.toml:6"]  # markup is not obeyed
    assert DIGEST[:9] not in text
    assert len(words) == len(json.loads(as_json(config))["settings"]) + 1


def test_without_a_file_json_says_so(configure: Callable[..., Config]) -> None:
    assert json.loads(as_json(configure()))["file"] is None


def test_importing_the_configuration_does_not_import_rich() -> None:
    code = "import sys, everwarm.config; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
