"""A prompt builder: what is the same for everybody first, what changes last, the same bytes in every process."""

from everwarm.prompt.drift import PromptWarning
from everwarm.prompt.prompt import Prompt

__all__ = ["Prompt", "PromptWarning"]
