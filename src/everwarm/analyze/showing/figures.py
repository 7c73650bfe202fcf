"""Numbers as people read them: the same on the screen and on the page."""

from __future__ import annotations

import math
import time


def count(number: int) -> str:
    """12,345,678."""
    return f"{number:,}"


def short(number: int) -> str:
    """12, 1.5 thousand, 20 million: of sizes that are round."""
    for name, scale in (("billion", 10**9), ("million", 10**6), ("thousand", 10**3)):
        if number >= scale:
            return f"{number / scale:.4g} {name}"
    return str(number)


def percent(part: float, whole: float) -> str:
    """With one digit behind the point. 0.0% means none and 100.0% means all: what is near is said to be near."""
    if not whole:
        return "–"
    share = part / whole
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{share:.1%}"


def usd(amount: float | None) -> str:
    """$1,234.56; what is less than a cent with two digits that count, or as next to nothing; a dash for what has no
    price."""
    if amount is None:
        return "–"
    sign, amount = "-" if amount < 0 else "", abs(amount)
    if not 0 < amount < 0.01:
        return f"{sign}${amount:,.2f}"
    if amount < 0.0001:
        return ">-$0.0001" if sign else "<$0.0001"
    return f"{sign}${amount:.{1 - math.floor(math.log10(amount))}f}"


def moment(at: float | None) -> str:
    """2026-11-26 14:05 in UTC; a dash where no time is known."""
    return "–" if at is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))


def every(number: int) -> str:
    """Every 2nd, every 4th: of a power of two."""
    return f"every {count(number)}{'nd' if number % 10 == 2 and number % 100 != 12 else 'th'}"


def duration(seconds: float) -> str:
    """In the unit that fits: 45 seconds, 5 minutes, 1.5 hours, 30 days."""
    for name, scale in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= scale:
            return many(round(seconds / scale, 1), name)
    return many(round(seconds, 1), "second")


def many(number: float, name: str) -> str:
    """1 call, 2 calls, 1.5 hours."""
    return f"{number:,g} {name}{'s' * (number != 1)}" if number < 1e6 else f"{number:,.0f} {name}s"
