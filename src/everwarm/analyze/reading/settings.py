"""What of a request's body, besides its prompt, providers' caches may depend on: by the names that the rules use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from everwarm.core.wire import Json

_PLACES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "tool_choice": (("tool_choice",),),
    "thinking": (("thinking",),),
    "speed": (("speed",),),
    "service_tier": (("service_tier",),),
    "reasoning_effort": (("reasoning_effort",), ("reasoning", "effort")),
    "verbosity": (("verbosity",), ("text", "verbosity")),
    "text_format": (("response_format",), ("text", "format")),
    "prompt_cache_key": (("prompt_cache_key",),),
}
"""Name in the rules -> where it may stand in a body."""

_MEMBERS: Final = frozenset(place[0] for places in _PLACES.values() for place in places)

SHOWN: Final = 80
"""Characters of a value; it is only told apart from others, and shown."""


class SettingsOf:
    """Of one body after another. Tools that are the very list of the body before are not looked at again."""

    def __init__(self) -> None:
        self._tools: Json = None
        self._searches = False
        self._last: Mapping[str, str] = {}

    def __call__(self, body: Mapping[str, Json]) -> Mapping[str, str]:
        """Those that are there; the same object as the last time, if they are the same."""
        found = {} if _MEMBERS.isdisjoint(body) else _told(body)
        tools = body.get("tools")
        if tools is not self._tools:
            self._tools, self._searches = tools, isinstance(tools, list) and any(map(_is_search, tools))
        if self._searches:
            found["web_search"] = "on"
        if found != self._last:
            self._last = found
        return self._last


def _told(body: Mapping[str, Json]) -> dict[str, str]:
    found = {}
    for name, places in _PLACES.items():
        for place in places:
            if place[0] not in body:
                continue
            value = body.get(place[0])
            if len(place) > 1:
                value = value.get(place[1]) if isinstance(value, dict) else None
            if value is not None:
                found[name] = value if isinstance(value, str) else orjson.dumps(value).decode()
    return found


def _is_search(tool: Json) -> bool:
    kind = tool.get("type") if isinstance(tool, dict) else None
    return kind != "function" and isinstance(kind, str) and kind.startswith("web_search")
