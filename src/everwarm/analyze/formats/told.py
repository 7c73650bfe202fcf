"""What a log tells of a call beside its body, under the names that are usual for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Final

from everwarm.analyze.reading.times import moment, span
from everwarm.core.wire import Json

_NAMES: Final[Mapping[str, str]] = {
    "at": """start_time started_at start request_time request_timestamp requested_at request_created_at timestamp
        @timestamp ts time logged_at datetime date created_at created""",
    "began": "completion_start_time first_token_at first_token_time",
    "ended": "end_time ended_at finished_at completed_at response_created_at response_timestamp",
    "took_ms": """duration_ms latency_ms elapsed_ms total_ms took_ms response_time_ms delay_ms request_duration_ms
        total_time_ms""",
    "took_s": "duration_s latency_s duration_seconds latency_seconds duration_sec elapsed_seconds response_time_s",
    "took": "duration latency elapsed elapsed_time response_time total_time took",
    "first_ms": "ttft_ms time_to_first_token_ms first_token_ms",
    "first": "ttft time_to_first_token first_token_latency",
    "model": "model model_name request_model provided_model_name",
    "status": "status_code http_status response_status response_status_code status",
    "error": "error error_message exception error_type error_str",
    "id": "request_id x_request_id response_id call_id generation_id id",
    "space": """tenant tenant_id organization_id org_id organization org workspace_id workspace account_id account
        team_id namespace api_key_id api_key_hash key_id""",
    "key": "api_key",
    "session": "session_id session conversation_id conversation thread_id chat_id trace_id",
    "user": "user_id user end_user customer_id helicone_user request_user_id",
    "app": "app app_name application application_name service service_name project project_id agent agent_name",
    "provider": "provider vendor custom_llm_provider llm_provider",
    "url": "url target_url request_url api_base base_url endpoint request_path path uri",
    "usage": "usage token_usage usage_details tokens",
    "answer": """response response_body response_json output answer completion reply result response_text
        raw_response assistant_response""",
}
"""What is told -> names under which it may stand, the surest first. Those in camelCase are the same."""


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_KNOWN: Final = {
    _plain(name): (what, rank) for what, names in _NAMES.items() for rank, name in enumerate(names.split())
}

_DURATIONS: Final[Mapping[str, tuple[tuple[str, float | None], ...]]] = {
    "took": (("took_ms", 1e-3), ("took_s", 1.0), ("took", None)),
    "first": (("first_ms", 1e-3), ("first", None)),
}
"""What is told -> where, and the unit in seconds; None if that is not said."""

_BAD: Final = ("error", "failed", "failure", "cancelled", "canceled", "timeout")
_GOOD: Final = ("success", "ok", "succeeded", "completed")
"""What a status may be in words."""

_FAILURE: Final = frozenset(("error", "status"))
"""What may tell of a failure."""

SURE: Final = 12
"""Characters that an id has at least that is one of a request everywhere, and not the number of a row."""


@lru_cache(maxsize=4096)
def known(name: str) -> tuple[str, int] | None:
    """What stands under a name, and how many surer names there are; None if nothing that is known."""
    return _KNOWN.get(_plain(name)) if len(name) < 40 else None


@lru_cache(maxsize=256)
def _places(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """What is told by an object with these members, and under which of them it may stand, the surest first."""
    found = [(*place, name) for name in names if (place := known(name)) is not None]
    return tuple((what, name) for what, _, name in sorted(found, key=itemgetter(1)))


class Told:
    """What was found in one or more objects; those named first are surer, and what is ``given`` is surest."""

    __slots__ = ("_found",)

    def __init__(self, *scopes: Json, **given: Json) -> None:
        self._found: dict[str, Json] = {}
        found = self._found
        for what, value in given.items():
            if value is not None and value != "":
                found[what] = value
        for scope in scopes:
            if isinstance(scope, dict):
                for what, name in _places(tuple(scope)):
                    if what not in found and (value := scope[name]) is not None and value != "":
                        found[what] = value

    def any(self, whats: frozenset[str]) -> bool:
        """Whether one of these is told."""
        return not whats.isdisjoint(self._found)

    def get(self, what: str) -> Json:
        """The value; None if there is none, or an empty one."""
        return self._found.get(what)

    def text(self, what: str) -> str:
        """The same as a text; "" if it is no text and no number."""
        value = self._found.get(what)
        if value is None or isinstance(value, str):
            return value or ""
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""

    def moment(self, what: str) -> float | None:
        """A time, in seconds since 1970."""
        value = self._found.get(what)
        return None if value is None else moment(value)

    def duration(self, what: str) -> float | None:
        """Seconds: of "took" or "first"."""
        for name, unit in _DURATIONS[what]:
            value = self._found.get(name)
            if value is not None and (found := span(value, unit)) is not None:
                return found
        return None

    @property
    def space(self) -> str:
        """Tenant or account. Of a key only a digest: it may be the key itself."""
        space = self.text("space")
        if space or not (key := self.text("key")):
            return space
        return f"key {blake2b(key.encode(), digest_size=4).hexdigest()}"

    @property
    def id(self) -> str:
        """ "" for one that is too short to be unique."""
        found = self._found.get("id")
        return found if isinstance(found, str) and len(found) >= SURE else ""

    @property
    def failed(self) -> bool:
        """Whether a status or an error says so."""
        if _FAILURE.isdisjoint(self._found):
            return False
        status = self._status()
        return bool(self.get("error")) or status in _BAD or (isinstance(status, int | float) and status >= 400)

    @property
    def succeeded(self) -> bool:
        """Whether a status says so."""
        status = self._status()
        return status in _GOOD or (isinstance(status, int | float) and 200 <= status < 400)

    def _status(self) -> str | float | None:
        status = self.get("status")
        if isinstance(status, str):
            word = status.lower()
            return int(word) if word.isascii() and word.isdigit() and len(word) < 5 else word
        return status if isinstance(status, int | float) else None
