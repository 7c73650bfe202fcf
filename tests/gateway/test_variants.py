"""Each variant does what its row says; and docs/gateway.md shows the very rows. EVERWARM_TEST_WRITE=1 writes them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import everwarm
from gateway_upstreams import asks
from live import Live, gateway
from providers import provider
from variants import BASE, VARIANTS, Variant

PAGE = Path(everwarm.__file__).parents[2] / "docs" / "gateway.md"
BEGIN, END = "<!-- variants:begin -->\n", "<!-- variants:end -->"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with provider() as fake, gateway(tmp_path_factory.mktemp("variants"), toml=asks(fake.url), inside=False) as running:
        yield running


def sent(live: Live, body: Any, credential: str, **headers: str) -> httpx.Response:
    data = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    named = {"content-type": "application/json", "authorization": f"Bearer {credential}", **headers}
    return live.client.post("/v1/chat/completions", content=data.encode("utf-8", "surrogatepass"), headers=named)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_a_variant_does_what_its_row_says(live: Live, variant: Variant) -> None:
    credential = f"sk-{VARIANTS.index(variant)}"  # a memory of its own
    first = sent(live, BASE if variant.first is None else variant.first, credential, **variant.first_headers)
    assert first.headers["x-everwarm-cache"] == "miss"
    second = sent(live, variant.second, credential, **variant.headers)
    if variant.expect == "400":
        assert second.status_code == 400
        return
    assert second.status_code == 200 or variant.expect == "bypass"  # what is no text, a provider may refuse
    assert second.headers["x-everwarm-cache"] == variant.expect
    assert second.headers["x-everwarm-via"] == ("exact" if variant.expect == "hit" else "upstream:u0")


def rows() -> str:
    lines = ["| the second request differs in ... | it is a | because |", "|---|---|---|"]
    lines += [f"| {v.name} | {v.expect} | {v.why} |" for v in VARIANTS]
    return "\n".join(lines) + "\n"


def test_the_page_shows_these_rows() -> None:
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    shown, after = rest.split(END)
    if os.environ.get("EVERWARM_TEST_WRITE"):
        PAGE.write_text(before + BEGIN + rows() + END + after)
    else:
        assert shown == rows()


def test_there_are_enough_of_them() -> None:
    assert len(VARIANTS) >= 33
    assert len({v.name for v in VARIANTS} | {v.name + v.expect for v in VARIANTS}) >= len(VARIANTS)
