"""A fake provider: it speaks the OpenAI and Anthropic APIs over a real socket, and fails as real providers fail.

    with provider() as fake:
        fake.plan = [faults.status(429, retry_after=1), faults.crlf() & faults.reset(at=3)]
        ...                       # two calls that fail as planned; those that follow are answered
        assert fake.asked[0].header("authorization") == "Bearer sk-upstream"

Everything is deterministic: two providers that are asked the same in the same order answer the same bytes. What is
counted (``finished``, ``cancelled``, ``open``) is counted a moment after the client has seen it: wait with ``until``.
"""

from providers import faults
from providers.answer import HEAD
from providers.asked import Asked
from providers.server import Provider, nobody_listens, provider

__all__ = ["HEAD", "Asked", "Provider", "faults", "nobody_listens", "provider"]
