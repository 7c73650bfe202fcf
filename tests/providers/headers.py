"""The headers that the two providers send beside an answer, in their order, case and number."""

from __future__ import annotations

Headers = tuple[tuple[bytes, bytes], ...]

DATE = b"Tue, 05 May 2026 10:00:00 GMT"


def usual(family: str, number: int, content_type: str) -> Headers:
    """What stands in every answer; the framing (length or chunks) is added where it is sent."""
    own = _anthropic(number) if family == "anthropic" else _openai(number)
    return ((b"Date", DATE), (b"Content-Type", content_type.encode()), *own, *_edge(number))


def _openai(number: int) -> Headers:
    return (
        (b"access-control-expose-headers", b"X-Request-ID"),
        (b"openai-organization", b"org-fake"),
        (b"openai-processing-ms", b"%d" % (100 + number)),
        (b"openai-project", b"proj_fake"),
        (b"openai-version", b"2020-10-01"),
        (b"x-ratelimit-limit-requests", b"5000"),
        (b"x-ratelimit-limit-tokens", b"4000000"),
        (b"x-ratelimit-remaining-requests", b"%d" % (5000 - number)),
        (b"x-ratelimit-remaining-tokens", b"3999985"),
        (b"x-ratelimit-reset-requests", b"12ms"),
        (b"x-ratelimit-reset-tokens", b"0s"),
        (b"x-request-id", b"req_%032x" % number),
    )


def _anthropic(number: int) -> Headers:
    return (
        (b"anthropic-ratelimit-requests-limit", b"4000"),
        (b"anthropic-ratelimit-requests-remaining", b"%d" % (4000 - number)),
        (b"anthropic-ratelimit-requests-reset", b"2026-05-05T10:00:00Z"),
        (b"anthropic-ratelimit-input-tokens-limit", b"2000000"),
        (b"anthropic-ratelimit-input-tokens-remaining", b"1999000"),
        (b"anthropic-ratelimit-input-tokens-reset", b"2026-05-05T10:00:00Z"),
        (b"request-id", b"req_%024x" % number),
        (b"anthropic-organization-id", b"00000000-0000-4000-8000-000000000000"),
        (b"via", b"1.1 google"),
    )


def _edge(number: int) -> Headers:
    """What the network in front adds: among it the one header that comes twice."""
    return (
        (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload"),
        (b"CF-Cache-Status", b"DYNAMIC"),
        (b"Set-Cookie", b"__cf_bm=%032x; path=/; HttpOnly; Secure; SameSite=None" % number),
        (b"Set-Cookie", b"_cfuvid=%032x; path=/; HttpOnly; Secure; SameSite=None" % number),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Server", b"cloudflare"),
        (b"CF-RAY", b"%016x-FRA" % number),
        (b"alt-svc", b'h3=":443"; ma=86400'),
    )
