"""A report's page in a real browser, and a script of the test in it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from browsing import Browser, Page, found_browser
from everwarm.analyze.report import Report
from everwarm.analyze.showing.page import page

HELP = """
const texts = (query) => [...document.querySelectorAll(query)].map((one) => one.textContent);
const key = (name) => flame.canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
const find = (words) => { $("find").value = words; $("find").dispatchEvent(new Event("input")); };
const click = (x, y) => {
  const box = flame.canvas.getBoundingClientRect();
  const at = { clientX: box.left + x * box.width, clientY: box.top + y, bubbles: true };
  flame.canvas.dispatchEvent(new PointerEvent("pointermove", at));
  flame.canvas.dispatchEvent(new MouseEvent("click", at));
};
const settled = () => new Promise((done) => setTimeout(done, 500));
"""


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return found_browser(tmp_path_factory.mktemp("profile"))


@dataclass
class Seen:
    """What a script of the test found on the page, and the page afterwards."""

    told: Any
    page: Page


@pytest.fixture
def ask(browser: Browser, tmp_path: Path) -> Callable[..., Seen]:
    """Opens the page of a report from a file, runs the body of a function in it, and says what that returned."""

    def ask(what: Report, script: str, more: str = "") -> Seen:
        driver = f"{HELP}(async () => {{ {script} }})().then((value) => {{ const told = make('pre'); told.id = 'told';"
        driver += "told.textContent = JSON.stringify(value ?? null); document.body.append(told); });"
        digest = b64encode(sha256(driver.encode()).digest()).decode()
        whole = page(what).replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
        target = tmp_path / "report.html"
        target.write_text(whole.replace("</body>", f"<script>{driver}</script>{more}</body>"), "utf-8")
        seen = browser.see(target.as_uri())
        return Seen(json.loads(seen.text["told"]), seen)

    return ask
