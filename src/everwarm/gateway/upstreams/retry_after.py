"""How long an answer asks to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def seconds(headers: Mapping[str, str], now: float) -> float | None:
    """From ``retry-after-ms`` or ``Retry-After`` (seconds, or a date: RFC 9110, section 10.2.3); None if it says
    nothing that can be read. ``headers`` are looked up by lower-case names."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        text = headers.get("retry-after", "").strip()
        if text[:1].isdigit():
            return float(text)
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError):
        return None
