"""A report as an analysis of a week of a coding agent and a support desk gives it, made by hand: all sums are exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from everwarm.analyze.report import Answers, Bar, Flame, Moment, Repair, Report, Source, Step, Sums, Worst

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"&amp;${1}{0}"
MONDAY = 1_794_787_200.0  # 2026-11-16 00:00 UTC
HOUR = 3600.0
CLOCK = (
    "You are the support desk of Harbour & Sons.\nIt is Monday, 16 November 2026, 09:14:07.\nAnswer in one paragraph.",
    "You are the support desk of Harbour & Sons.\nIt is Monday, 16 November 2026, 09:15:31.\nAnswer in one paragraph.",
)
TOOLS = ('{"name":"read_file","parameters":{"path":…', '{"name":"bash","parameters":{"command":…')


def steps() -> list[Step]:
    """9,486,000 tokens lost and 5,114,000 new."""
    return [
        Step("system_changed", "a clock", 4_820_000, 1_640, 12.05, "system prompt changed: a clock",
             path="messages[0].content", start=76, end=84, was=CLOCK[0], became=CLOCK[1],
             where="support/2026-11-16.jsonl:412", evidence="1,640 of 1,702 requests differ at this place from the one before",
             cure="Say the time in the last message, or round it to the day. `everwarm serve` can move it there by itself."),
        Step("expired", "5 minutes", 2_310_000, 38, 6.24, "lifetime over (TTL): 5 minutes",
             path="messages[41].content", where="agent/session-07.jsonl:88",
             evidence="the calls came 5 minutes and 20 seconds to 51 minutes after the one before",
             cure="A lifetime of one hour, or keeping the prefix alive while a person thinks."),
        Step("tools_changed", "tools in another order", 1_604_000, 212, 4.33, "tools changed: in another order",
             path="tools[0]", start=9, end=18, was=TOOLS[0], became=TOOLS[1], where="agent/session-02.jsonl:17",
             evidence="the same 14 definitions, sorted differently", cure="Sort them by name before every request."),
        Step("messages_changed", "history compacted", 611_000, 9, 1.65, "earlier messages changed: history compacted",
             path="messages[1].content", was="Please find out why the build of the parser fails on Windows.",
             became="<summary>The user is repairing the parser's build on Windows. So far", where="agent/session-04.jsonl:231",
             cure="Compact rarely, and much at a time."),
        Step("minimum", "", 96_000, 311, 0.02, "under the provider's minimum",
             evidence="the shared beginning has 309 tokens; this model keeps from 1,024 on"),
        Step("evicted", "", 45_000, 4, 0.11, "let go by the provider", where="support/2026-11-18.jsonl:90",
             evidence="in its lifetime, the same text, and nothing else explains it"),
        Step("new", "", 3_904_000, 2_310, None, "new text"),
        Step("cold", "", 1_210_000, 64, None, "first of its kind"),
    ]  # fmt: skip


def total() -> Sums:
    return Sums(
        name="", calls=2_412, failed=7, reported=2_398, prompt=38_400_000, read=23_800_000, written=6_020_000,
        output=811_302, ideal=24_900_000, rules=24_200_000, cost=61.42, uncached=118.93, steps=steps(),
    )  # fmt: skip


def repairs() -> list[Repair]:
    was = {"before_read": 23_790_000, "before_written": 6_020_000, "before_cost": 61.40}
    return [
        Repair("layout", "move what changes to the end of the prompt", 1_640, 28_400_000, 4_110_000, 49.71, **was),
        Repair("ttl", "a lifetime of one hour", 710, 26_020_000, 5_100_000, 56.92, **was, note="Written tokens cost twice the price of new ones."),
        Repair("spelling", "tools always in the order first seen", 212, 25_380_000, 5_390_000, 57.18, **was),
        Repair("cache-key", "one prompt_cache_key for each conversation", 0, 23_790_000, 6_020_000, 61.40, **was, note="Does nothing here: no call went to another replica."),
        Repair("all", "all of these together", 1_902, 32_910_000, 2_240_000, 40.36, **was),
    ]  # fmt: skip


def flames() -> list[Flame]:
    turns = [
        Flame(text, "messages", tokens, calls, tokens * calls * read // 100, tokens * calls * lost // 100, cause)
        for text, tokens, calls, read, lost, cause in (
            ("Please find out why the build of the parser fails on Windows.", 5_200, 210, 88, 3, "lifetime over (TTL): 5 minutes"),
            ("Write a test for the rate limiter, with a fake clock.", 3_900, 160, 91, 2, ""),
            ("<summary>The user is repairing the parser's build on Windows.", 2_100, 140, 60, 22, "earlier messages changed: history compacted"),
        )
    ]  # fmt: skip
    turns[0].inside = [Flame("[tool] bash: ctest --output-on-failure", "messages", 4_100, 120, 410_000, 60_000, "lifetime over (TTL): 5 minutes")]
    turns[0].inside[0].inside = [Flame("[assistant] The failing test compares paths with a slash.", "messages", 2_400, 70, 120_000, 8_000)]
    agent = Flame("tools: bash, edit_file, grep, list_dir, read_file, web_fetch", "tools", 9_100, 710, 5_830_000, 480_000, "tools changed: in another order")
    agent.inside = [Flame("You are a coding agent. Work in small steps and show your evidence.", "system", 4_300, 702, 2_910_000, 70_000, inside=turns)]
    days = [
        Flame(f"It is Monday, {day} November 2026, 09:1{day % 10}", "system", 2_900, 96, 31_000, 240_000, "system prompt changed: a clock")
        for day in range(16, 22)
    ]  # fmt: skip
    desk = Flame("You are the support desk of Harbour & Sons.", "system", 42, 1_702, 0, 0, "under the provider's minimum", days)
    return [agent, desk, Flame("こんにちは。日本語で答えてください。", "messages", 812, 31, 21_000, 0)]


def timeline() -> list[Moment]:
    """Two-hour stretches of a week, nights without calls."""
    return list(_moments())


def _moments() -> Iterator[Moment]:
    for day in range(7):
        for hour in range(8, 20, 2):
            wave = (day * 7 + hour * 3) % 11
            prompt = 300_000 + 41_000 * wave - (180_000 if day > 4 else 0)
            expired = prompt // 6 if wave in (2, 7) else 0
            lost = expired + prompt * (8 + wave) // 100
            yield Moment(MONDAY + day * 24 * HOUR + hour * HOUR, 2 * HOUR, 20 + wave * 3, prompt, prompt * (64 - wave * 3) // 100, expired, lost)


def worst() -> list[Worst]:
    clock = [Bar("static", 41, True, "You are the support desk of Harbour & Sons."), Bar("dynamic", 18, False, "It is Monday, 16 November 2026, 09:15:31."),
             Bar("static", 2_841, False, "Answer in one paragraph. Our tariffs are"), Bar("session", 812, False, "My parcel is late."), Bar("dynamic", 64, False, "And the other one?")]  # fmt: skip
    late = [Bar("static", 13_400, False, "tools: bash, edit_file, grep"), Bar("session", 61_300, False, "Please find out why the build"), Bar("dynamic", 1_204, False, "[tool] ctest: 3 failed")]  # fmt: skip
    return [
        Worst("agent/session-07.jsonl:88", MONDAY + 11 * HOUR, "claude-sonnet-4-5", 75_904, 0, 74_700, "lifetime over (TTL): 5 minutes", "messages[41].content", "", "", late),
        Worst("agent/session-02.jsonl:17", MONDAY + 34 * HOUR, "claude-sonnet-4-5", 31_210, 0, 30_800, "tools changed: in another order", "tools[0]", *TOOLS, [Bar("static", 13_400, False, "tools"), Bar("session", 17_810, False, "Write a test")]),
        Worst("support/2026-11-16.jsonl:412", MONDAY + 9 * HOUR, "gpt-5-mini", 3_776, 0, 3_653, "system prompt changed: a clock", "messages[0].content", *CLOCK, clock),
    ]  # fmt: skip


def _share(name: str, calls: int, prompt: int, read: int, lost: int, cost: float | None) -> Sums:
    step = Step("system_changed", "a clock", lost, calls, None if cost is None else cost / 5, "system prompt changed: a clock")
    fresh = Step("new", "", prompt - read - lost, calls, None, "new text")
    uncached = None if cost is None else cost * 2
    return Sums(name, calls, 0, calls, prompt, read, lost, prompt // 50, read + lost // 3, read + lost // 4, cost, uncached, [step, fresh])


def report(**changes: Any) -> Report:
    """The example, with some of its parts replaced."""
    days = [_share(f"2026-11-{16 + day}", 400 - 40 * day, 6_000_000 - 300_000 * day, 3_700_000 - 150_000 * day, 900_000, 9.1 - day) for day in range(6)]  # fmt: skip
    whole = Report(
        sources=[
            Source("agent/session-07.jsonl", "Claude Code transcript", 710, 41_203_118, repeated=88),
            Source("support/2026-11-16.jsonl", "bodies, one a line", 1_702, 9_811_034, 3, "support/2026-11-16.jsonl:77: no JSON: {\"model\": \"gpt-5-mi"),
            Source("support/backup.bin", "", 0, 4_096, 1, "support/backup.bin:1: bytes that are no text: 7f 45 4c 46"),
        ],
        total=total(),
        models=[_share("claude-sonnet-4-5", 710, 30_100_000, 21_400_000, 4_400_000, 55.2), _share("gpt-5-mini", 1_602, 8_200_000, 2_400_000, 5_000_000, 6.22), _share("llama-local", 100, 100_000, 0, 86_000, None)],
        streams=[_share(f"agent/session-{n:02}", 40 + n, 1_000_000 * n, 700_000 * n, 90_000 * n, 3.5 * n) for n in range(1, 6)],
        apps=[_share("claude-cli/2.1", 710, 30_100_000, 21_400_000, 4_400_000, 55.2), _share("support-desk", 1_702, 8_300_000, 2_400_000, 5_086_000, 6.22)],
        days=days, repairs=repairs(),
        answers=[Answers(300.0, 31, 88_012, 0.12), Answers(3600.0, 74, 212_330, 0.29), Answers(86400.0, 122, 371_004, 0.48)],
        near=17, flame=flames(), timeline=timeline(), worst=worst(),
        notes=["Tokens of claude-sonnet-4-5 are estimated from bytes, calibrated to the 698 calls whose usage is known.",
               "llama-local has no price: money of its 100 calls is left out."],
        began=MONDAY + 8 * HOUR, ended=MONDAY + 164 * HOUR,
    )  # fmt: skip
    return replace(whole, **changes)


def bushy(stretches: int) -> list[Flame]:
    """A tree of so many stretches, about thirty deep."""
    made = [Flame(f"stretch {n}", "messages", 40 + n % 700, 1 + 9_000 // (n + 1), 0, 0) for n in range(stretches)]
    for n, one in enumerate(made):
        one.read, one.lost = one.tokens * one.calls * (n % 7) // 8, one.tokens * one.calls * (n % 3) // 24
        if n:
            made[n - 1 - n % min(n, 40) * 7 % n].inside.append(one)
    return made[:1]
