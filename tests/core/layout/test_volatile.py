"""What changes by nature is found whole, and what only looks like it is left alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.span import KINDS, Span
from everwarm.core.layout.volatile import around, find, label

FOUND = [
    # ISO 8601
    ("The current time is «2026-11-25T10:03:22.123+09:00».", "a clock"),
    ("at «2026-11-25T10:03:22Z», ok", "a clock"),
    ("«20261125T100322Z»", "a clock"),
    ("at «2026-11-25 10:03:22» and", "a clock"),
    ("The current time is «2024-05-15 15:00:00 EST».", "a clock"),
    ("Now: «2026-11-25 10:03 (Asia/Tokyo)»", "a clock"),
    ("Now: «2026-11-25 10:03:22.1 UTC+9»!", "a clock"),
    ("Today's date: «2026-11-25»\n", "a date"),
    ("Today's date is «2026/11/25».", "a date"),
    # English
    ("It is «Wednesday, November 25, 2026 at 10:03 PM UTC».", "a clock"),
    ("It is «10:03 PM on Wednesday, November 25, 2026».", "a clock"),
    ("«Wed Nov 25 10:03:22 UTC 2026»", "a clock"),
    ("«Wed, 25 Nov 2026 10:03:22 +0000»", "a clock"),
    ("Today is «25 Nov 2026».", "a date"),
    ("Today is the «25th of November 2026».", "a date"),
    ("Today is «November 25th, 2026 (Wednesday)».", "a date"),
    ("Since «Sept. 3» it is so", "a date"),
    ("Date «11/25/2026»", "a date"),
    ("Date «11/25/26»", "a date"),
    ("Datum: «25.11.2026»", "a date"),
    ("Today is «Wednesday».", "a date"),
    ("The time is now «10:03».", "a clock"),
    ("It's «3 PM», hurry", "a clock"),
    ("started «10:03:22»", "a clock"),
    # Japanese
    ("現在は«2026年11月25日(水) 10時3分»です", "a clock"),
    ("今日は«令和8年11月25日»です", "a date"),
    ("«令和元年5月1日»", "a date"),
    ("«１１月２５日 水曜日»、", "a date"),
    ("«午後3時»です", "a clock"),
    ("«午後 3:05»です", "a clock"),
    ("現在 «10時半»です", "a clock"),
    ("«2026-11-25 (水)»", "a date"),
    # seconds since 1970
    ("timestamp: «1795601000»", "a clock"),
    ('"ts": «1795601000123»,', "a clock"),
    ("unix_time=«1795601000.25»", "a clock"),
    # ids
    ("call «123e4567-e89b-12d3-a456-426614174000».", "a UUID"),
    ("of «d41d8cd98f00b204e9800998ecf8427e» and", "a hash"),
    ("at commit «3f2a9bc» we", "a hash"),
    ("sha: «3f2a9bcd»", "a hash"),
    ("hash=«deadbeef12»", "a hash"),
    ("in «req_011CSHoEeqs5C35K2UUqR7Fy»", "an id"),
    ("in «sess-8f3a2b1c»", "an id"),
    ("«chatcmpl-9x8y7z6w5v4u»", "an id"),
    ("at «01ARZ3NDEKTSV4RRFFQ69G5FAV»", "an id"),
    ("at «V1StGXR8_Z5jdHi6B-myT».", "an id"),
    ("Request id: «8f3a-22»", "an id"),
    ("**Session**: `«ab12cd»`", "an id"),
    ("nonce=«77aa1»;", "an id"),
    ("cch=«8fa31»", "an id"),
    # counters
    ("request #«17» of the day", "a counter"),
    ("This is turn «5» of 20", "a counter"),
    ("Message count: «12»", "a counter"),
    # lines
    ("a\n«x-anthropic-billing-header: cc_version=2.1.3.f2a; cch=8fa31;»\nb", "a billing line"),
    ("cwd: «/home/x/y»", "a path"),
    ("<cwd>«/home/x/y»</cwd>", "a path"),
    ("Working directory: `«C:\\work»`", "a path"),
    ("- **User ID**: `«mia_li_3668»`", "a user"),
    ("user_id = «mia_li_3668»", "a user"),
    ("User: «Mia Li»\n", "a user"),
    ("User: «Mia Li (gold member)»", "a user"),
    ("User: «Mia Li <mia@example.com>»", "a user"),
    ("<user>«Mia Li»</user>", "a user"),
    ("User name: «Mia»", "a user"),
    ("Customer: «Ana de Souza», since years", "a user"),
    ("Name: «Noah Müller» | gold", "a user"),
    ("Email: «mia.li@example.com»", "a user"),
    ("ユーザー: «田中»", "a user"),
    ("名前：«田中 太郎»", "a user"),
    ("氏名：「«田中»」", "a user"),
    ("Location: «Berlin, Germany»", "a place"),
    ("Location: «52.52, 13.40»", "a place"),
    ("現在地: «東京都»", "a place"),
    ("On branch «main»\n", "git state"),
    ("Current branch: «feature/x-1»\n", "git state"),
    ("Status:\n«M src/foo.py\n?? bar.py»\n\nGo on.", "git state"),
    ("Recent commits:\n«3f2a9bc Fix x\nab12cd3 Fix y»\n\nGo on.", "git state"),
]


@pytest.mark.parametrize(("marked", "kind"), FOUND, ids=[text for text, _ in FOUND])
def test_the_whole_of_it_is_found(marked: str, kind: str) -> None:
    before, rest = marked.split("«", 1)
    value, after = rest.split("»", 1)
    text = before + value + after
    assert [(text[s.start : s.end], s.kind) for s in find(text)] == [(value, kind)]


PROSE = [
    "Use v1.2.3 of it, or 10.0.12.2026, with Python 3.11 and iso-8859-1.",
    "gpt-4o-2024-08-06, claude-3-5-sonnet-20241022 and us-east-1 are names.",
    "It costs $12.50 or 1,000.00 EUR, at a ratio of 3:1 or 16:9, 24-hour service.",
    "See section 3.1, ISO 8601, RFC 2119, page 3 of 5, and/or 1/2 of chapter 12.",
    "We open from 9:00 to 17:00, or 9:00-17:00, or 9 AM to 5 PM, and close at 6 PM.",
    "Call get_user_details_v2, getUserDetailsV2Response or search_onestop_flight.",
    "Within 24 hours of booking, 5 to 7 business days, 30 dollars; Step 3: go on; 404 errors.",
    "Marching 5 miles, Section 3 and Decide 4 of them; 5 Maybes; 3 Octopuses",
    "User: How do I book a flight?\nUser: hello\nName: get_weather\nCustomer: I want a refund",
    "Location: the body of the request\nStatus: open\nBranch: if that fails, go on\nUser: {name}",
    "3時間以内、毎月1日、10月分、営業は9時から17時まで、午前9時〜午後5時",
    "It's 3:1 now. 2026-13-45 is no date, nor 99/99/2026 or 25:70.",
    "time: 30 seconds\ntoken: abc\nsha: none\nsession: on\nhttps://example.com/a/b1c2D3e4F5g6H7i8J9k0",
    "0123456789012345 " + "ab12" * 40,
    "turn 12345678901234567890 of 3",
    "2026-11-25.txt is a file, log_2026-11-25 too",
]


@pytest.mark.parametrize("text", PROSE)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert [text[s.start : s.end] for s in find(text)] == []


ALL = [text.replace("«", "").replace("»", "") for text, _ in FOUND] + PROSE


@given(st.lists(st.sampled_from(ALL)))
def test_spans_are_in_order_and_apart(parts: list[str]) -> None:
    text = "\n".join(parts)
    found = find(text)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(0 <= s.start < s.end <= len(text) and s.kind in KINDS for s in found)


@given(st.lists(st.tuples(st.sampled_from(ALL), st.sampled_from(["\n", " ", "\n\n", ", "]))), st.data())
def test_what_stands_at_a_place_is_found_in_what_is_around_it(
    parts: list[tuple[str, str]], data: st.DataObject
) -> None:
    text = "".join(part + end for part, end in parts)
    begin, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    whole = [Span(s.start + begin, s.end + begin, s.kind) for s in find(text[begin:end])]
    found = {at for span in whole for at in (span.start - 1, span.start, span.end - 1, span.end)}
    for at in {*found, begin, end} & {*range(begin, end)}:
        low, high = around(text, at, begin, end)
        near = [Span(s.start + low, s.end + low, s.kind) for s in find(text[low:high])]
        assert [s for s in near if s.start <= at < s.end] == [s for s in whole if s.start <= at < s.end]


def test_what_is_around_is_a_line_unless_more_belongs_to_it() -> None:
    text = "It is late.\nIt is 10:03:21 now.\nBe brief."
    assert [text[slice(*around(text, at, 0, len(text)))] for at in (0, 18, 40)] == text.split("\n")
    assert around(text, 18, 14, 20) == (14, 20)
    status = "Status:\nM src/foo.py\n?? bar.py"
    assert around(status, 10, 0, len(status)) == (0, len(status))


@given(st.text())
def test_any_text_is_understood(text: str) -> None:
    found = find(text)
    assert all(text[s.start : s.end].strip() == text[s.start : s.end] for s in found)


LABELLED = [
    ("Current time: «x»", "Current time"),
    ("Today is «x».", "Today is"),
    ("# A\n\nThe current time is «x».", "The current time is"),
    ("- **User ID**: `«x»`", "User ID"),
    ('{"user_id": "«x»"}', "user_id"),
    ("<cwd>«x»</cwd>", "cwd"),
    ("Be kind. Now it is «x»", "Now it is"),
    ("You should always know that the time is «x»", "know that the time is"),
    ("a" * 30 + " " + "b" * 20 + " «x»", "b" * 20),
    ("c" * 60 + " «x»", "c" * 40),
    ("On 2026-11-25, user «x»", "user"),
    ("現在の日時：«x»", "現在の日時"),
    ("## Passages\n\n«x»", "Passages"),
    ("What you know:\n- «x»", "What you know"),
    ("Nothing.\n«x»", None),
    ("\n\n«x»", None),
    ("«x»", None),
]


@pytest.mark.parametrize(("marked", "name"), LABELLED, ids=[text for text, _ in LABELLED])
def test_a_label_is_the_words_before(marked: str, name: str | None) -> None:
    start = marked.index("«")
    text = marked.replace("«", "").replace("»", "")
    assert label(text, start, start + 1) == name


@given(st.text(), st.text())
def test_a_label_fits_an_attribute(before: str, value: str) -> None:
    name = label(before + value, len(before), len(before + value))
    assert name is None or (0 < len(name) <= 40 and name.isprintable() and not set(name) & set("\"'<>&\n"))


HOSTILE = {
    "digits": "1",
    "slashes": "/",
    "letters": "a",
    "capitals": "A",
    "letters and digits": "a1",
    "colons": ":",
    "ends of lines": "\n",
    "blanks": " ",
    "hyphens": "-",
    "half a time": "1:",
    "half a date": "1/1",
    "half a UUID": "abcdef12-",
    "weekdays": "Mon, ",
    "stars": "\n*",
    "users": "\nUser: ",
    "commits": "\nRecent commits:\nabcdef ",
    "months": "11月",
    "of": "1 of ",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_long_text_of_one_thing_is_gone_through(unit: str) -> None:
    """Where a pattern tries again from each place, this does not end: there is no limit on time in it."""
    assert find(unit * (100_000 // len(unit))) == ()
