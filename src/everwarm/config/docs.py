"""The table of settings for ``docs/configuration.md``; ``python -m everwarm.config.docs FILE`` writes it into FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from everwarm.config.settings import SETTINGS, Setting
from everwarm.config.show import word

BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def table() -> str:
    """All settings as a Markdown table."""
    lines = ["| setting | default | allowed | what it is | environment, flag |", "| --- | --- | --- | --- | --- |"]
    lines += (_row(setting) for setting in SETTINGS.values())
    return "\n".join(lines) + "\n"


def _row(setting: Setting) -> str:
    default = setting.default_text or f"`{word(setting.kind.show(setting.default))}`"
    outside = f"`{setting.variable}`" + (f", `{setting.flag}`" if setting.flag else "")
    cells = (f"`{setting.name}`", default, setting.kind.allowed, setting.help, outside)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def filled(text: str) -> str:
    """The page with the table between its two marks brought up to date."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}{END}{after}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(filled(page.read_text("utf-8")), "utf-8")
