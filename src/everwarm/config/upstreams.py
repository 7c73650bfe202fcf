"""Upstreams: who answers what the gateway does not remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from everwarm.config.addresses import Url
from everwarm.config.kinds import Choice, Kind, Number, Switch, Whole
from everwarm.config.layout import MODE
from everwarm.config.names import Listed, Name, Pattern, Variable, matches
from everwarm.config.setting import optional, required, setting

Dialect = Literal["openai", "anthropic"]
DIALECTS: tuple[Dialect, ...] = ("openai", "anthropic")

_DAY = 86400.0
_DIALECT = cast(Kind[Dialect], Choice(*DIALECTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """One ``[[upstream]]``. Only the name of the variable that holds its credential is here, never the credential."""

    name: str = required(Name("engine", "exact"), "what it is called in figures and logs; no two have the same")
    dialect: Literal["openai", "anthropic"] = required(_DIALECT, "the protocol that it speaks")
    url: str = required(
        Url('an address such as "https://api.openai.com/v1" or "http://127.0.0.1:8000/v1"'),
        "its address, as the vendor's SDK takes it: of an `openai` mostly with `/v1`, of an `anthropic` without",
    )
    provider: str | None = optional(
        Name(),
        "whose prompt cache is behind it, as `everwarm rules` names it: `qwen`, `bedrock` ...",
        without="the vendor of the dialect, for models of its own",
    )
    models: tuple[str, ...] = setting(
        (), Listed(Pattern()), "the models that it serves, `*` and `?` for any", default_text="every model"
    )
    key_env: str | None = optional(
        Variable(), "the environment variable that holds our credential for it", without="the client's own is passed on"
    )
    connect_seconds: float = setting(5.0, Number(0.1, 600), "time for a connection")
    first_byte_seconds: float = setting(600.0, Number(0.1, _DAY), "time until an answer begins")
    idle_seconds: float = setting(120.0, Number(0.1, _DAY), "time between two pieces of an answer")
    seconds: float = setting(1800.0, Number(0.1, _DAY), "time for the whole answer, retries included")
    retries: int = setting(2, Whole(0, 10), "times that a call which failed before its first byte is made again")
    count_streams: bool = setting(
        False,
        Switch(),
        "ask for token counts in streams whose client did not: one member more is sent, and the client sees no "
        "difference; then one stored stream serves every form, and its tokens are in the figures",
    )
    weight: float | None = optional(
        Number(0.01, 1000),
        "its part of the sessions, beside others that serve the model",
        without="in the order of the file: the next when the one before fails",
    )

    layout: Literal["off", "advise", "rewrite"] | None = optional(
        MODE, "what is done about the layout of prompts that go there", without="as `layout.mode` says"
    )

    def serves(self, model: str) -> bool:
        """Whether it is to be asked for this model."""
        return not self.models or matches(self.models, model)

    def credential(self, env: Mapping[str, str]) -> str | None:
        """What to present to it; None if the client's own credential is to be passed on."""
        return env.get(self.key_env) or None if self.key_env else None
