"""The contract of a protocol: what the gateway must know of the bytes that go in and out.

Every implementation passes ``tests/contract/dialect.py``. All are pure and hold no state; ``REGISTRY`` (in
``core.dialects.registry``) lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol

from everwarm.core.answer import Form, Verdict
from everwarm.core.wire import Event, Json, Request
from everwarm.errors import EverwarmError

Vendor = Literal["openai", "anthropic"]
"""Whose protocols an upstream speaks."""


class Envelope(NamedTuple):
    """The few members that decide how a request is handled, read without building the whole."""

    model: str
    form: Form
    sampled: bool  # whether asking twice may give two answers


class Head(NamedTuple):
    """What stands at the head of an answer that we write ourselves."""

    id: str  # random hexadecimal digits; each dialect puts its own prefix before them
    created: int  # seconds since 1970
    model: str
    fingerprint: str


class Writer(Protocol):
    """Writes one answer of the model inside as a stream, event by event, in the form ``Form(True, True)``."""

    def write(self, event: Event) -> bytes:
        """The bytes to send for this event: whole server-sent events, or nothing."""
        ...


class Dialect(Protocol):
    """One protocol, both ways."""

    name: str  # part of every key: "openai_chat"
    vendor: Vendor
    path: str  # "/v1/chat/completions"

    def envelope(self, value: Mapping[str, Json]) -> Envelope:
        """Raises ``BadRequest`` where a member that decides about the handling is wrong."""
        ...

    def obstacle(self, value: Mapping[str, Json]) -> str | None:
        """Why an answer to this may never be reused, in words: it acts on the world, or looks at it. Else None."""
        ...

    def parse(self, value: Mapping[str, Json]) -> Request:
        """The request for the model inside. Raises ``BadRequest`` with the path of the member that is wrong."""
        ...

    def writer(self, head: Head, request: Request) -> Writer:
        """For one answer of the model inside."""
        ...

    def judge(self, answer: bytes, form: Form) -> Verdict:
        """What a whole answer in this form is. Never raises: what cannot be read has a flaw.

        ``answer`` may be the end of a long one only, cut anywhere: then only ``ended`` counts.
        """
        ...

    def convert(self, answer: bytes, have: Form, want: Form) -> bytes | None:
        """A whole, clean answer in another form; None where it does not hold what that needs. Never raises."""
        ...

    def strainer(self, have: Form, want: Form) -> Callable[[bytes], bytes] | None:
        """What turns a stream's events, as they come, from one form into another; None where that is not possible.

        Takes and gives whole server-sent events. Not asked for where both forms are equal.
        """
        ...

    def error(self, e: EverwarmError) -> bytes:
        """The JSON body of an error."""
        ...

    def error_event(self, e: EverwarmError) -> bytes:
        """An error in the middle of a stream, such that the official SDKs raise."""
        ...
