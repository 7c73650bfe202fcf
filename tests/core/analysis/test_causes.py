"""Each cause is named, with the right tokens. A token is a character here."""

from __future__ import annotations

from typing import Any

import pytest

from analysed import Log, adds_up, change_in, loss_of, lost
from everwarm.core.analysis.account import Options
from everwarm.core.analysis.loss import Loss
from everwarm.core.usage import Usage

HEAD = len("\n<|user|>\n")
SYSTEM = len("\n<|system|>\n")
LONG = "Every parcel has a number, and every number a story. " * 40


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def chat(system: str, *messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": system}, *map(user, messages)], **more}


def part(text: str, ttl: str = "") -> dict[str, Any]:
    mark = {"cache_control": {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}} if ttl else {}
    return {"type": "text", "text": text, **mark}


def claude(system: Any, *messages: Any, **more: Any) -> dict[str, Any]:
    return {"system": system, "messages": [*map(user, messages)], **more}


def test_cold_is_a_prompt_that_nothing_like_it_preceded() -> None:
    log = Log()
    account = log.ask(chat("Be kind.", "Hi"))
    assert account.losses == (Loss("cold", account.total, "system"),)
    assert (account.read, account.ideal, account.rules, account.after) == (0, 0, 0, -1)
    assert log.ask(chat("Answer.", "Hi")).losses[0].cause == "cold"


def test_new_is_what_was_added() -> None:
    log = Log()
    first = log.ask(chat("Be kind.", "Hi"))
    account = log.ask(chat("Be kind.", "Hi", "And?"))
    assert (account.read, account.after) == (first.total, 0)
    assert account.losses == (Loss("new", HEAD + 4, "messages"),)


def test_a_prompt_that_was_sent_before_is_read_whole() -> None:
    log = Log()
    log.ask(chat("Be kind.", "Hi"))
    account = log.ask(chat("Be kind.", "Hi"))
    assert (account.losses, account.read, account.ideal) == ((), account.total, account.total)


def test_model_changed() -> None:
    log = Log()
    first = log.ask(chat(LONG, "Hi"), model="small")
    account = log.ask(chat(LONG, "Hi", "And?"), model="large")
    assert account.losses == (
        Loss("model_changed", first.total, "system", evidence="small before", pair=0),
        Loss("new", HEAD + 4, "messages"),
    )


def test_another_model_and_another_text_are_told_apart() -> None:
    log = Log()
    log.ask(chat(f"It is 10:03:21. {LONG}", "Hi"), model="small")
    account = log.ask(chat(f"It is 10:04:59. {LONG}", "Hi"), model="large")
    assert lost(account) == {"model_changed": SYSTEM + 10, "system_changed": len(". ") + len(LONG) + HEAD + 2}


def test_settings_changed_by_the_rule() -> None:
    log = Log("marked", "anthropic_messages")
    body = claude([part(LONG, "5m")], [part(LONG, "5m")])
    log.ask(body, 0.0)
    said = SYSTEM + len(LONG)
    account = log.ask({**body, "tool_choice": {"type": "any"}, "service_tier": "auto"}, 1.0)
    assert account.read == said
    loss = loss_of(account, "settings_changed")
    assert (loss.tokens, loss.tier, loss.pair) == (HEAD + len(LONG), "messages", 0)
    assert loss.evidence == 'tool_choice: none became {"type":"any"}'
    account = log.ask({**body, "thinking": {"type": "enabled"}}, 2.0)
    assert lost(account) == {"settings_changed": HEAD + len(LONG)}
    assert loss_of(account, "settings_changed").evidence == (
        'thinking: none became {"type":"enabled"}, tool_choice: {"type":"any"} became none'
    )
    assert lost(log.ask({**body, "speed": "fast"}, 3.0)) == {"settings_changed": account.total}
    assert lost(log.ask({**body, "temperature": 1}, 4.0)) == {}


@pytest.mark.parametrize(("provider", "read"), [("steps", 2048), ("marked", 2132)])
def test_expired(provider: str, read: int) -> None:
    log = Log(provider, "anthropic_messages")
    body = claude(LONG, [part("Hi", "5m")])
    log.ask(body, 0.0)
    log.ask(body, 299.0)
    assert log.ask(body, 598.0).read in (read, 2048 + 96)
    account = log.ask(body, 598.0 + 7200)
    assert (account.read, lost(account)) == (0, {"expired": account.total})
    assert loss_of(account, "expired").evidence == "2 h after the last call that began so"


def test_how_long_ago_is_told_in_the_unit_that_fits() -> None:
    log = Log("marked", "anthropic_messages")
    body, at, told = claude(LONG, [part("Hi", "5m")]), 0.0, []
    log.ask(body, at)
    for gap in (300.0, 5400.0, 200_000.0):
        at += gap
        told.append(loss_of(log.ask(body, at), "expired").evidence.split(" after")[0])
    assert told == ["5 min", "2 h", "2 d"]
    at += 9.0
    evidence = loss_of(log.ask(body, at, read=0), "evicted").evidence
    assert evidence == (
        "9 s after the last call that began so, in a lifetime of 5m; nothing that is in the log had changed"
    )


def test_a_longer_lifetime_is_asked_for_by_the_mark_or_told_by_the_usage() -> None:
    log = Log("marked", "anthropic_messages")
    log.ask(claude(LONG, [part("Hi", "1h")]), 0.0)
    assert log.ask(claude(LONG, [part("Hi", "5m")]), 3000.0).losses == ()


def test_parallel() -> None:
    log = Log()
    body = chat(LONG, "Hi")
    log.ask(body, 0.0, began=5.0)
    account = log.ask(body, 4.0, began=6.0)
    assert account.losses == (
        Loss("parallel", account.total, "system", None, "the answer to the earlier one had not begun", 0),
    )
    assert log.ask(body, 5.0).losses == ()


def test_calls_at_the_same_time_are_parallel_and_those_without_times_are_not() -> None:
    log = Log()
    log.ask(chat(LONG, "Hi"), 7.0, ended=9.0)
    assert lost(log.ask(chat(LONG, "Ho"), 7.0)).keys() == {"parallel"}
    log = Log("steps")
    log.ask(chat(LONG, "Hi"), 1000.0)
    for _ in range(3):
        assert lost(log.ask(chat(LONG, "Hi"))).keys() == {"step"}
    assert lost(log.ask(chat(LONG, "Hi"), None, ended=1001.0)).keys() == {"step"}


def test_minimum() -> None:
    log = Log("steps")
    log.ask(chat("Be kind.", "Hi"))
    account = log.ask(chat("Be kind.", "Hi", LONG))
    loss = loss_of(account, "minimum")
    size = SYSTEM + 8 + HEAD + 2
    assert (loss.tokens, loss.tier, loss.evidence) == (size, "system", f"{size} of 1,024 tokens")


def test_step() -> None:
    log = Log("steps")
    log.ask(chat(LONG, "Hi"))
    account = log.ask(chat(LONG, "Hi", "And?"))
    known = SYSTEM + len(LONG) + HEAD + 2
    assert (account.read, lost(account)) == (known // 128 * 128, {"step": known % 128})
    assert loss_of(account, "step").evidence == "in steps of 128 tokens"


def test_step_is_what_is_known_of_a_block_that_changed() -> None:
    """Where entries end at no marks, its beginning could have been read but for the step."""
    log = Log("steps")
    log.ask(chat(LONG + "It is 10:00.", LONG))
    account = log.ask(chat(LONG + "It is 10:07.", LONG))
    known = SYSTEM + len(LONG) + len("It is 10:0")
    assert (account.read, account.ideal) == (known // 128 * 128, known)
    assert lost(account) == {"step": known % 128, "system_changed": account.total - known - 1}


def test_unmarked() -> None:
    log = Log("marked", "anthropic_messages")
    log.ask(claude(LONG, LONG))
    account = log.ask(claude(LONG, LONG, "And?"))
    assert loss_of(account, "unmarked") == Loss(
        "unmarked", account.total - HEAD - 4, "system", None, "no mark at all", 0
    )
    log.ask(claude([part(LONG, "5m")], LONG))
    account = log.ask(claude([part(LONG, "5m")], LONG))
    assert (account.read, lost(account)) == (SYSTEM + len(LONG), {"unmarked": HEAD + len(LONG)})
    assert loss_of(account, "unmarked").evidence == ""


def test_what_changed_within_a_block_is_not_lost_for_want_of_a_mark() -> None:
    log = Log("marked", "anthropic_messages")
    log.ask(claude(LONG, [part(f"It is 10:00. {LONG}", "5m")]))
    account = log.ask(claude(LONG, [part(f"It is 11:00. {LONG}", "5m")]))
    assert account.ideal == SYSTEM + len(LONG) + HEAD + len("It is 1")
    assert lost(account)["unmarked"] == SYSTEM + len(LONG)
    assert lost(account)["messages_changed"] > len(LONG)


def test_lookback() -> None:
    log = Log("marked", "anthropic_messages")
    first = [part("a", "") for _ in range(3)]
    log.ask(claude(LONG, [*first, part(LONG, "5m")]))
    more = [part("b", "") for _ in range(25)]
    account = log.ask(claude(LONG, [*first, part(LONG), *more, part("c", "5m")]))
    loss = loss_of(account, "lookback")
    known = SYSTEM + len(LONG) + HEAD + 3 + len(LONG)
    assert (account.read, loss.tokens, loss.tier) == (0, known, "system")
    assert loss.evidence == "the next entry is more than 20 blocks before any mark"


def test_lookback_is_told_also_where_a_shorter_entry_is_found() -> None:
    log = Log("marked", "anthropic_messages")
    system = [part(LONG, "5m")]
    log.ask(claude(system, [part("a"), part(LONG, "5m"), part("b")]))
    account = log.ask(claude(system, [part("a"), part(LONG), part("b"), *[part("c")] * 25, part("d", "5m")]))
    assert account.read == SYSTEM + len(LONG)
    assert lost(account) == {"lookback": HEAD + 1 + len(LONG), "unmarked": 1}


def test_what_is_behind_the_last_mark_is_no_eviction() -> None:
    log = Log("marked", "anthropic_messages")
    first = log.ask(claude(LONG, [part("Hi", "5m")]), read=0)
    account = log.ask(claude(LONG, [part("Hi", "5m")]), read=first.total - 64)
    assert loss_of(account, "step").evidence == "what is behind the last breakpoint is not kept"
    account = log.ask(claude(LONG, [part("Hi", "5m")]), read=first.total - 65)
    assert lost(account) == {"evicted": 65}


def test_replica() -> None:
    log = Log("steps")
    first = log.ask(chat(LONG, LONG), read=0)
    second = log.ask(chat(LONG, LONG, LONG), read=first.total // 128 * 128)
    account = log.ask(chat(LONG, LONG, LONG, "Hi"), read=first.total // 128 * 128)
    loss = loss_of(account, "replica")
    assert loss.tokens == second.total // 128 * 128 - first.total // 128 * 128
    assert loss.evidence == "it read what an earlier call had left, and not what came after that"


def test_evicted() -> None:
    log = Log("steps")
    first = log.ask(chat(LONG, "Hi"), 0.0, read=0)
    account = log.ask(chat(LONG, "Hi", "Ho"), 60.0, read=0)
    loss = loss_of(account, "evicted")
    assert (loss.tokens, loss.tier, loss.pair) == (first.total // 128 * 128, "system", 0)
    assert loss.evidence == (
        "1 min after the last call that began so, in a lifetime of 5m; nothing that is in the log had changed"
    )


@pytest.mark.parametrize("written", [1500, 1450, 900])
def test_what_no_mark_had_written_is_not_let_go_of(written: int) -> None:
    """As text that an agent sends behind its last mark. A transcript has no marks, but what was read and written."""
    log = Log("marked", "anthropic_messages", bodies=False)
    first = log.ask(claude(LONG, LONG), 0.0, usage=Usage(2000 - written, 0, 1, written // 2, 0, written - written // 2))
    account = log.ask(claude(LONG, LONG, "Ho"), 60.0, read=1500)
    if written == 900:
        assert "evicted" in lost(account)
    else:
        loss = loss_of(account, "unmarked")
        assert (loss.tokens, loss.evidence) == (
            first.total - 1500,
            "the call before had neither read nor written more than this",
        )


def test_evicted_of_a_cache_that_nothing_is_known_of() -> None:
    log = Log("free")
    log.ask(chat(LONG, "Hi"), read=0)
    account = log.ask(chat(LONG, "Hi"), read=17)
    assert (account.read, lost(account)) == (17, {"evicted": account.total - 17})
    assert loss_of(account, "evicted").evidence == ""


@pytest.mark.parametrize("read", [-5, 0, 10, 10**9])
def test_what_is_reported_may_be_absurd(read: int) -> None:
    log = Log()
    log.ask(chat(LONG, "Hi"), read=0)
    account = log.ask(chat(LONG, "Hi", "Ho"), tokens=500, read=read)
    assert account.read == min(max(read, 0), 500)
    assert adds_up(account)


def test_a_replay_goes_by_the_rules_and_keeps_what_it_is_told_to() -> None:
    log = Log("marked", "anthropic_messages", Options(reported=False, explain=False, keep=3600.0))
    body = claude(LONG, [part("Hi", "5m")])
    first = log.ask(body, 0.0, read=7)
    assert (first.read, first.written, first.written_long) == (0, first.total, 0)
    assert log.ask(body, 3000.0, read=7).read == first.total
    changed = log.ask(claude(f"x{LONG}", [part("Hi", "5m")]), 3001.0, read=7)
    assert changed.losses == ()  # nobody asks a replay why


def test_a_transcript_knows_no_marks() -> None:
    log = Log("marked", "anthropic_messages", Options(lifetime="1h"))
    log.ask(claude(LONG, "Hi"), 0.0)
    log.calls.clear()
    for at in (1.0, 3000.0):
        call = log.ask(claude(LONG, "Hi", "Ho"), at)
    assert lost(call).keys() == {"unmarked"}


def test_what_belongs_to_a_tenant_neither_explains_nor_feeds_another() -> None:
    log = Log("steps")
    body = chat(LONG, "Hi")
    log.ask(body, 0.0, read=0, space="a", session="s")
    for text in (body, chat(f"x{LONG}", "Hi")):
        account = log.ask(text, 1.0, space="b", session="s", model="m")
        other = log.ask(text, 1.0, space=f"c{len(log.calls)}", session="s", model="other")
        assert [loss.cause for loss in other.losses] == ["cold"]
        assert other.after == -1
    assert account.after == 1


def test_tokens_that_were_reported_to_a_tenant_do_not_place_those_of_another() -> None:
    alone, beside = Log("steps"), Log("steps")
    beside.ask(chat(LONG, "Hi"), tokens=500, read=0, space="other")
    alone.ask(chat(LONG, "Hi", "Yes."))
    beside.ask(chat(LONG, "Hi", "Yes."))
    account, other = (log.ask(chat(LONG, "Hi", "No.")) for log in (alone, beside))
    assert (account.rules, account.ideal, lost(account)) == (other.rules, other.ideal, lost(other))


def test_a_prompt_of_which_nothing_is_known_has_no_tier_of_its_own() -> None:
    log = Log()
    account = log.ask({"messages": []}, tokens=9)
    assert account.losses == (Loss("untold", 9, "messages"),)
    assert log.ask({"messages": []}, tokens=9).losses == (Loss("untold", 9, "messages"),)


def test_the_start_of_an_agent_is_told_from_an_eviction() -> None:
    log = Log(anchors={1: 40})
    log.ask(chat(LONG, "Hi"), 0.0, read=0)
    account = log.ask(chat(LONG, "Hi"), 60.0, read=20)
    assert change_in(account).what == "outside the log"
