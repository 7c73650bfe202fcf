"""Who asks what, in which order: the data of the demo. Nothing here is drawn at random, so two runs ask the same.

Eight people write to the help page of a maker of coffee machines. The page offers the common questions as buttons,
which is why several people ask the same one word for word. What they type by themselves differs.

Three acts: all eight at the same moment, with nothing known yet (``OPENING``); a day of questions, one after another
(``DAY``); and what is asked once the gateway was stopped and started again (``AFTER``).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

MAX_TOKENS = 40
"""Longest answer. An answer that is cut off here is incomplete, and the gateway does not store it."""

STOP = (". ", "\n")
"""One sentence is enough. An answer that ends at one of these is complete."""


class Person(NamedTuple):
    """Somebody who writes, and how the program speaks that they write with."""

    name: str
    client: str  # in words, for the table and the picture
    streams: bool = False
    shuffles: bool = False  # writes equal JSON in other bytes each time: key order, white space, escapes

    @property
    def label(self) -> str:
        """The name, and what is special about the program, in a word or two."""
        return self.name + (", stream" if self.streams else ", shuffled" if self.shuffles else "")


PEOPLE = (
    Person("Amara", "reads the answer as it is written (stream)", streams=True),
    Person("Ben", "the help page"),
    Person("Chiyo", "an app that shuffles its JSON keys", shuffles=True),
    Person("Dmitri", "the help page"),
    Person("Elif", "the help page"),
    Person("Farid", "the help page, at the same moment as Elif"),
    Person("Greta", "the help page, and always one question more"),
    Person("Hugo", "the help page"),
)


class Ask(NamedTuple):
    """One request of one person."""

    who: str
    question: str
    follows: bool = False  # continues this person's conversation; otherwise a new one begins
    together: bool = False  # sent while the one before it is still being answered


WARRANTY = "How long is the warranty?"
BLUE = "What does the blinking blue light mean?"
DESCALING = "How long does a descaling take?"
SOUR = "My coffee is sour. What should I do?"
REPAIR = "How long does a repair take?"
IRELAND = "Do you deliver to Ireland?"
RETURN = "Within how many days may I return a new machine?"
PUMP = "How much does a new pump cost?"
READY = "How many minutes until the Fell 1 is ready to brew?"
OPEN = "When does the workshop answer the telephone?"

OPENING = (
    # No two begin with the same word, so what they share is the handbook and nothing else, whoever is answered first.
    # None is asked again or continued: what eight answers say that are computed together may differ in a word between
    # two runs (see docs/engine.md, mode "fast"), and no later prompt should depend on it.
    Ask("Amara", "At what temperature do both machines brew?"),
    Ask("Ben", "Which part number does the water filter have?", together=True),
    Ask("Chiyo", "Can the drip tray go in the dishwasher?", together=True),
    Ask("Dmitri", "Is vinegar good for cleaning?", together=True),
    Ask("Elif", "Water stands under my machine. Why?", together=True),
    Ask("Farid", "Why is there no crema on my coffee?", together=True),
    Ask("Greta", "Who helps if there is a smell of burning?", together=True),
    Ask("Hugo", "Does the warranty cover frost?", together=True),
)

DAY = (
    # The first round: the handbook is known by now, the questions are not.
    Ask("Amara", WARRANTY),
    Ask("Ben", BLUE),
    Ask("Ben", DESCALING, follows=True),
    Ask("Chiyo", BLUE),
    Ask("Chiyo", DESCALING, follows=True),
    Ask("Dmitri", WARRANTY),
    Ask("Elif", SOUR),
    Ask("Farid", SOUR, together=True),
    Ask("Greta", IRELAND),
    Ask("Greta", "How many working days does that take?", follows=True),
    Ask("Greta", "And what does it cost?", follows=True),
    Ask("Greta", "Do you deliver to France as well?", follows=True),
    Ask("Greta", "And within the United Kingdom?", follows=True),
    Ask("Hugo", READY),
    # Second round: people come back, and some ask what others asked before.
    Ask("Amara", "And does it pass to the next owner?", follows=True),
    Ask("Ben", "Which descaler do I need for that?", follows=True),
    Ask("Chiyo", "Which descaler do I need for that?", follows=True),
    Ask("Dmitri", "And does it pass to the next owner?", follows=True),
    Ask("Elif", "And what if it is bitter?", follows=True),
    Ask("Farid", "And what if it is bitter?", follows=True),
    Ask("Greta", PUMP),
    Ask("Hugo", WARRANTY),
    Ask("Hugo", "And does it pass to the next owner?", follows=True),
    # Third round: three people press the same button in the same second.
    Ask("Elif", REPAIR),
    Ask("Farid", REPAIR, together=True),
    Ask("Hugo", REPAIR, together=True),
    Ask("Amara", BLUE),
    Ask("Amara", "What happens if I ignore it?", follows=True),
    Ask("Ben", RETURN),
    Ask("Chiyo", RETURN),
    Ask("Dmitri", OPEN),
    Ask("Dmitri", "Also on Saturday?", follows=True),
    Ask("Greta", "And what does a group gasket cost?", follows=True),
    Ask("Greta", "When will the parts leave if I order at noon?", follows=True),
    # Fourth round: conversations that others interrupt.
    Ask("Ben", "Who pays for the transport?", follows=True),
    Ask("Hugo", "Is the repair free under the warranty?", follows=True),
    Ask("Chiyo", "Who pays for the transport?", follows=True),
    Ask("Elif", "What does an estimate cost?", follows=True),
    Ask("Amara", PUMP),
    Ask("Amara", "And what does a group gasket cost?", follows=True),
    Ask("Dmitri", SOUR),
    Ask("Farid", "Can you lend me a machine in the meantime?", follows=True),
    Ask("Greta", OPEN),
    Ask("Greta", "Also on Saturday?", follows=True),
    Ask("Greta", "Where do I send the machine?", follows=True),
    Ask("Greta", "How long does a repair take?", follows=True),
    Ask("Greta", "And who pays for it?", follows=True),
    # Fifth round: new subjects.
    Ask("Ben", "How much water does the tank of the Fell 2 hold?"),
    Ask("Ben", "And the Fell 1?", follows=True),
    Ask("Chiyo", "How much water does the tank of the Fell 2 hold?"),
    Ask("Dmitri", "And what if it is bitter?", follows=True),
    Ask("Dmitri", "How many grams of ground coffee go in the basket?", follows=True),
    Ask("Elif", "Where is the serial number of the machine?"),
    Ask("Farid", "Where is the serial number of the machine?", together=True),
    Ask("Hugo", "What does the steady red light mean?"),
    Ask("Hugo", "What if it comes back after the machine has cooled down?", follows=True),
    Ask("Hugo", "May I open the housing myself?", follows=True),
    Ask("Hugo", "How long must it cool before that?", follows=True),
    Ask("Hugo", "Does the warranty end then?", follows=True),
    Ask("Amara", READY),
    Ask("Amara", "And the Fell 2?", follows=True),
    # Last round: the common questions once more, before the workshop closes.
    Ask("Ben", WARRANTY),
    Ask("Chiyo", WARRANTY),
    Ask("Chiyo", "And does it pass to the next owner?", follows=True),
    Ask("Dmitri", RETURN),
    Ask("Elif", BLUE),
    Ask("Elif", DESCALING, follows=True),
    Ask("Farid", PUMP),
    Ask("Farid", "How often should I clean the machine with powder?"),
    Ask("Greta", RETURN),
    Ask("Greta", "Who pays for the transport?", follows=True),
    Ask("Greta", "When is the money back on my account?", follows=True),
    Ask("Greta", "Must all parts be in the box?", follows=True),
    Ask("Greta", "And may I return a part whose bag is open?", follows=True),
    Ask("Hugo", OPEN),
    Ask("Hugo", "Also on Saturday?", follows=True),
    Ask("Hugo", "Where do I send the machine?", follows=True),
    Ask("Ben", "Do you repair machines of other makers?"),
    Ask("Amara", "My machine makes a strange noise, is that dangerous?"),
)

AFTER = (
    # The first goes on with a conversation from before. It is the only one that is computed, so all that it reuses was
    # read from disk. The second was answered before.
    Ask("Amara", "Should I unplug it?", follows=True),
    Ask("Hugo", WARRANTY),
)

SCRIPT = (*OPENING, *DAY)
"""What is asked before the restart, or where there is none."""


def person(name: str) -> Person:
    """Who that is. KeyError if nobody."""
    return {p.name: p for p in PEOPLE}[name]


def instructions() -> str:
    """The static part of every prompt: the system prompt and the handbook."""
    folder = files("everwarm.demo") / "content"
    return "\n\n".join((folder / name).read_text("utf-8").strip() for name in ("system.md", "handbook.md"))


def rounds(script: Sequence[Ask] = SCRIPT) -> list[tuple[Ask, ...]]:
    """The script in groups: those of one group are sent together, the groups one after another."""
    groups: list[tuple[Ask, ...]] = []
    for ask in script:
        if ask.together and groups:
            groups[-1] = (*groups[-1], ask)
        else:
            groups.append((ask,))
    return groups
