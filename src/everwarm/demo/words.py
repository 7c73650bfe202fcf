"""Numbers in words, the same in the table and in the picture."""

from __future__ import annotations


def count(number: float) -> str:
    """12,345."""
    return f"{round(number):,}"


def plural(number: int, noun: str) -> str:
    """1 request, 2 requests."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(part: float, whole: float) -> str:
    """A share with one decimal; of nothing, 0."""
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def duration(ms: float) -> str:
    """2.4 ms, 31 ms, 1.8 s, 2 min 05 s. What takes time away is negative."""
    if ms < 0:
        return "-" + duration(-ms)
    if ms < 9.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds:02d} s"


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters, with a sign where some are left out."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
