"""Stop strings over a stream of text."""

from __future__ import annotations


class Stops:
    """Passes text on up to the earliest stop string, and never a character of one.

    What could still become a stop string is held back, and nothing more. The stop string that is complete first counts,
    and of several that end together the longest: so the text passed on is the same however it is cut into pieces.
    """

    def __init__(self, strings: tuple[str, ...]) -> None:
        self._strings = tuple(s for s in strings if s)
        self._held = ""
        self.hit = False  # a stop string has been met; nothing more is passed on

    def feed(self, piece: str) -> str:
        """The text that may be passed on now that ``piece`` has arrived."""
        if self.hit or not piece:
            return ""
        if not self._strings:
            return piece
        text = self._held + piece
        cut = self._cut(text)
        if cut is not None:
            self.hit, self._held = True, ""
            return text[:cut]
        keep = self._hopeful(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """What was held back and, now that the text has ended, is no stop string."""
        held, self._held = self._held, ""
        return held

    def _cut(self, text: str) -> int | None:
        met = [(at + len(s), at) for s in self._strings if (at := text.find(s)) >= 0]
        return min(met)[1] if met else None

    def _hopeful(self, text: str) -> int:
        """Length of the longest end of ``text`` that is the beginning of a stop string."""
        longest = 0
        for string in self._strings:
            for size in range(min(len(string) - 1, len(text)), longest, -1):
                if text.endswith(string[:size]):
                    longest = size
                    break
        return longest
