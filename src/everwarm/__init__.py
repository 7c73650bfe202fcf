"""Everwarm: the cache in front of large language models.

``from everwarm import Prompt`` builds prompts that cache; it is loaded when it is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from everwarm.prompt import Prompt, PromptWarning

__version__ = "0.1.0"
__all__ = ["Prompt", "PromptWarning", "__version__"]


def __getattr__(name: str) -> Any:
    if name in {"Prompt", "PromptWarning"}:
        from everwarm import prompt

        return getattr(prompt, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
