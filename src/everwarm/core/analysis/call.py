"""One call of a model, as a log tells it: what was asked when, and what the provider said it read and wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from everwarm.core.analysis.prompts import Prompt
from everwarm.core.usage import Usage


class Place(NamedTuple):
    """Where a call is written: to be found again."""

    file: str
    line: int  # from 1; of a file that is one JSON value, the number of the call


class Line(NamedTuple):
    """What belongs together, as far as a log says it. Calls with another provider or model never share a cache."""

    provider: str = ""  # as the rules call it: "anthropic", "openai"; "" if nothing tells
    model: str = ""
    space: str = ""  # the tenant, key or account: nothing is shared across two
    app: str = ""  # the application, or the folder that an agent worked in
    session: str = ""  # the conversation


@dataclass(slots=True)
class Call:
    """Times are seconds since 1970. Compact: prompts are numbers, all that repeats is shared."""

    place: Place
    line: Line
    dialect: str  # a name of the registry; "" where there is no body: transcripts, hash traces
    prompt: Prompt
    size: int  # characters of the prompt as far as it is known; without ``hidden``
    rest: Mapping[str, object] = field(default_factory=dict)  # members of the body that are no prompt
    at: float | None = None  # when it was sent
    began: float | None = None  # when its answer began
    ended: float | None = None
    usage: Usage | None = None  # as the provider reported it
    failed: bool = False  # no answer, or an error: nothing was read, but a prefix may have been written
    settings: Mapping[str, str] = field(default_factory=dict)  # what invalidates besides the prompt: tool_choice ...
    answer: bytes = b""  # a digest of the answer; b"" if it is not in the log
    tokens: int = 0  # of the prompt: as reported, else estimated (``Scale``)
