"""A report as an analysis of a week of a coding agent and a support desk gives it, made by hand: all sums are exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from everwarm.analyze.report import Answers, Bar, Flame, Moment, Repair, Report, Source, Step, Sums, Worst

HOSTILE = (
    "</script ><script>document.title='x'</script/><!--<script>"
    "<img src=x onerror=\"document.title='x'\">'\"&amp;${1}{0}"
)
MONDAY = 1_794_787_200.0  # 2026-11-16 00:00 UTC
HOUR = 3600.0
CLOCK = (
    "You are the support desk of Harbour & Sons.\nIt is Monday, 16 November 2026, 09:14:07.\nAnswer in one paragraph.",
    "You are the support desk of Harbour & Sons.\nIt is Monday, 16 November 2026, 09:15:31.\nAnswer in one paragraph.",
)
TOOLS = ('{"name":"read_file","parameters":{"path":…', '{"name":"bash","parameters":{"command":…')
TTL = "lifetime over (TTL): 5 minutes"
SHUFFLED = "tools changed: in another order"
TICKING = "system prompt changed: a clock"
COMPACTED = "earlier messages changed: history compacted"


def steps() -> list[Step]:
    """9,486,000 tokens lost and 5,114,000 new."""
    clock = Step("system_changed", "a clock", 4_820_000, 1_640, 12.05, TICKING, "messages[0].content", 76, 84, *CLOCK)
    clock.where = "support/2026-11-16.jsonl:412"
    clock.evidence = "1,640 of 1,702 requests differ at this place from the one before"
    clock.cure = "Say the time in the last message, or round it to the day. `everwarm serve` can move it there."
    late = Step("expired", "5 minutes", 2_310_000, 38, 6.24, TTL, "messages[41].content")
    late.where = "agent/session-07.jsonl:88"
    late.evidence = "the calls came 5 minutes and 20 seconds to 51 minutes after the one before"
    late.cure = "A lifetime of one hour, or keeping the prefix alive while a person thinks."
    tools = Step("tools_changed", "in another order", 1_604_000, 212, 4.33, SHUFFLED, "tools[0]", 9, 18, *TOOLS)
    tools.where = "agent/session-02.jsonl:17"
    tools.evidence, tools.cure = "the same 14 definitions in another order", "Sort them by name before every request."
    history = Step("messages_changed", "history compacted", 611_000, 9, 1.65, COMPACTED, "messages[1].content")
    history.was = "Please find out why the build of the parser fails on Windows."
    history.became = "<summary>The user is repairing the parser's build on Windows. So far"
    history.where, history.cure = "agent/session-04.jsonl:231", "Compact rarely, and much at a time."
    short = Step("minimum", "", 96_000, 311, 0.02, "under the provider's minimum")
    short.evidence = "the shared beginning has 309 tokens; this model keeps from 1,024 on"
    gone = Step("evicted", "", 45_000, 4, 0.11, "let go by the provider", where="support/2026-11-18.jsonl:90")
    gone.evidence = "within its lifetime, the same text, and nothing else explains it"
    fresh = Step("new", "", 3_904_000, 2_310, None, "new text")
    return [clock, late, tools, history, short, gone, fresh, Step("cold", "", 1_210_000, 64, None, "first of its kind")]


def total() -> Sums:
    """Of all calls."""
    return Sums(
        name="",
        calls=2_412,
        failed=7,
        reported=2_398,
        prompt=38_400_000,
        read=23_800_000,
        written=6_020_000,
        output=811_302,
        ideal=24_900_000,
        rules=24_200_000,
        cost=61.42,
        uncached=118.93,
        steps=steps(),
    )


def repairs() -> list[Repair]:
    """Four, of which one does nothing, and all together."""
    rows = (
        ("layout", "move what changes to the end of the prompt", 1_640, 28_400_000, 4_110_000, 49.71, ""),
        ("ttl", "a lifetime of one hour", 710, 26_020_000, 5_100_000, 56.92, "Writing costs twice as much."),
        ("spelling", "tools always in the order first seen", 212, 25_380_000, 5_390_000, 57.18, ""),
        ("cache-key", "one `prompt_cache_key` a conversation", 0, 23_790_000, 6_020_000, 61.40, "No call moved."),
        ("all", "all of these together", 1_902, 32_910_000, 2_240_000, 40.36, ""),
    )  # fmt: skip
    prompt, before = 38_400_000, (23_790_000, 6_020_000, 61.40)
    return [Repair(*row[:3], prompt, *row[3:6], prompt, *before, row[6]) for row in rows]


def _flame(text: str, tier: Any, tokens: int, calls: int, shares: tuple[int, int], cause: str, *inside: Flame) -> Flame:
    """``shares``: of a hundred tokens, how many were read and lost."""
    read, lost = (tokens * calls * share // 100 for share in shares)
    return Flame(text, tier, tokens, calls, read, lost, cause, list(inside))


def flames() -> list[Flame]:
    """Three ways in which prompts begin."""
    return [_agent(), _desk(), Flame("こんにちは。日本語で答えてください。", "messages", 812, 31, 21_000, 0)]


def _agent() -> Flame:
    slash = _flame("[assistant] The test compares paths with a slash.", "messages", 9_400, 70, (84, 6), TTL)
    retry = _flame("[tool] bash: ctest --rerun-failed", "messages", 6_100, 31, (90, 0), "")
    built = _flame("[tool] bash: ctest --output-on-failure", "messages", 14_100, 120, (86, 9), TTL, slash, retry)
    topics = (
        _flame("Please find out why the build fails on Windows.", "messages", 5_200, 210, (88, 3), TTL, built),
        _flame("Write a test for the rate limiter with a fake clock.", "messages", 13_900, 160, (91, 2), "", *_turns()),
        _flame("<summary>The user is repairing the parser's build.", "messages", 9_100, 140, (60, 22), COMPACTED),
    )  # fmt: skip
    coding = "You are a coding agent. Work in small steps and show your evidence."
    system = _flame(coding, "system", 4_300, 702, (96, 3), SHUFFLED, *topics)
    return _flame("tools: bash, edit_file, grep, list_dir, read_file", "tools", 9_100, 710, (90, 8), SHUFFLED, system)


def _turns() -> list[Flame]:
    files = ("limiter.py", "clock.py", "test_limiter.py", "conftest.py", "pyproject.toml")
    return [
        _flame(f"[tool] read_file: {name}", "messages", 5_000, 40 - 7 * n, (80, 2 * n), TTL)
        for n, name in enumerate(files)
    ]


def _desk() -> Flame:
    days = (f"It is Monday, {day} November 2026, 09:1{day % 10}" for day in range(16, 22))
    inside = [_flame(day, "system", 2_900, 266, (11, 86), TICKING) for day in days]
    return _flame(CLOCK[0].splitlines()[0], "system", 42, 1_702, (0, 0), "under the provider's minimum", *inside)


def timeline() -> list[Moment]:
    """Two-hour stretches of a week, nights without calls."""
    return list(_moments())


def _moments() -> Iterator[Moment]:
    for day in range(7):
        for hour in range(8, 20, 2):
            wave = (day * 7 + hour * 3) % 11
            prompt = 300_000 + 41_000 * wave - (180_000 if day > 4 else 0)
            expired = prompt // 6 if wave in (2, 7) else 0
            lost, read = expired + prompt * (8 + wave) // 100, prompt * (64 - wave * 3) // 100
            yield Moment(MONDAY + (day * 24 + hour) * HOUR, 2 * HOUR, 20 + wave * 3, prompt, read, expired, lost)


def worst() -> list[Worst]:
    """One of each of the three great losses."""
    claude, tools = "claude-sonnet-4-5", Bar("static", 13_400, False, "tools: bash, edit_file, grep")
    where, path = "agent/session-07.jsonl:88", "messages[41].content"
    late = Worst(where, MONDAY + 11 * HOUR, claude, 75_904, 0, 74_700, TTL, path, "", "")
    late.bars = [tools, Bar("session", 61_300, False, "Please find"), Bar("dynamic", 1_204, False, "[tool] ctest")]
    where = "agent/session-02.jsonl:17"
    order = Worst(where, MONDAY + 34 * HOUR, claude, 31_210, 0, 30_800, SHUFFLED, "tools[0]", *TOOLS)
    order.bars = [tools, Bar("session", 17_810, False, "Write a test for the rate limiter")]
    where, path = "support/2026-11-16.jsonl:412", "messages[0].content"
    clock = Worst(where, MONDAY + 9 * HOUR, "gpt-5-mini", 3_776, 923, 2_841, TICKING, path, *CLOCK)
    clock.bars = [
        Bar("static", 923, True, "You are the support desk of Harbour & Sons."),
        Bar("dynamic", 18, False, "It is Monday, 16 November 2026, 09:15:31."),
        Bar("static", 1_959, False, "Answer in one paragraph. Our tariffs are"),
        Bar("session", 812, False, "My parcel is late."),
        Bar("dynamic", 64, False, "And the other one?"),
    ]
    return [late, order, clock]


def group(name: str, calls: int, prompt: int, read: int, lost: int, cost: float | None) -> Sums:
    """Of some calls, all of whose losses are to the clock."""
    money, uncached = (None, None) if cost is None else (cost / 5, cost * 2)
    parts = [Step("system_changed", "a clock", lost, calls, money, TICKING)]
    parts.append(Step("new", "", prompt - read - lost, calls, None, "new text"))
    ideal, rules = read + lost // 3, read + lost // 4
    return Sums(name, calls, 0, calls, prompt, read, lost, prompt // 50, ideal, rules, cost, uncached, parts)


def sources() -> list[Source]:
    """The last one is no log at all."""
    sample = 'support/2026-11-16.jsonl:77: no JSON: {"model": "gpt-5-mi'
    return [
        Source("agent/session-07.jsonl", "Claude Code transcript", 710, 41_203_118, repeated=88),
        Source("support/2026-11-16.jsonl", "bodies, one a line", 1_702, 9_811_034, 3, sample),
        Source("support/backup.bin", "", 0, 4_096, 1, "support/backup.bin:1: bytes that are no text: 7f 45 4c 46"),
    ]


def report(**changes: Any) -> Report:
    """The example, with some of its parts replaced."""
    agent, desk = (30_100_000, 21_400_000, 4_400_000, 55.20), (8_200_000, 2_400_000, 5_000_000, 6.22)
    whole = Report(
        sources=sources(),
        total=total(),
        models=[
            group("claude-sonnet-4-5", 710, *agent),
            group("gpt-5-mini", 1_602, *desk),
            group("llama-local", 100, 100_000, 0, 86_000, None),
        ],
        streams=[
            group(f"agent/session-{n:02}", 40 + n, 1_000_000 * n, 690_000 * n + 9_000 * n * n, 90_000 * n, 3.5 * n)
            for n in range(1, 6)
        ],
        apps=[group("claude-cli/2.1", 710, *agent), group("support-desk", 1_702, *desk)],
        days=[
            group(f"2026-11-{16 + n}", 400 - 40 * n, 6_000_000 - 300_000 * n, 3_700_000 - 150_000 * n, 900_000, 9.1 - n)
            for n in range(7)
        ],
        repairs=repairs(),
        answers=[
            Answers(300.0, 31, 88_012, 0.12),
            Answers(3600.0, 74, 212_330, 0.29),
            Answers(86400.0, 122, 371_004, 0.48),
        ],
        near=17,
        flame=flames(),
        timeline=timeline(),
        worst=worst(),
        notes=[
            "Tokens of claude-sonnet-4-5 are estimated from bytes, calibrated to the 698 calls whose usage is known.",
            "llama-local has no price: money of its 100 calls is left out.",
        ],
        began=MONDAY + 8 * HOUR,
        ended=MONDAY + 164 * HOUR,
    )
    return replace(whole, **changes)


def bushy(stretches: int) -> list[Flame]:
    """A tree of so many stretches, hundreds of them deep."""
    made = [Flame(f"stretch {n}", "messages", 40 + n % 700, 1 + 9_000 // (n + 1), 0, 0) for n in range(stretches)]
    for n, one in enumerate(made):
        one.read, one.lost = one.tokens * one.calls * (n % 7) // 8, one.tokens * one.calls * (n % 3) // 24
        if n:
            made[n - 1 - n % min(n, 40) * 7 % n].inside.append(one)
    return made[:1]
