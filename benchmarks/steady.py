"""Memory that stays as it is: over many exact hits, and over many misses that are stored beyond what memory holds."""

from __future__ import annotations

from itertools import pairwise

from rich.table import Table

from benchmarks.asking import Gateway
from benchmarks.field import Field
from benchmarks.hits import OTHER
from benchmarks.passing import NEW
from benchmarks.rates import CONNECTIONS
from benchmarks.servers import console, everwarm, load

SIZE = 2_000
AT = (10, 25, 50, 100)  # parts in a hundred after which memory is read
RUNS = {"exact hits": (1_000_000, OTHER), "misses that are stored": (100_000, NEW)}
"""What is asked -> how many in full, and the member that makes each request differ in its bytes."""

BOUNDS = {"EVERWARM_CACHE_MEMORY_MB": "16", "EVERWARM_CACHE_DISK_MB": "64"}
"""Small enough that what is stored must make room well before the end."""

LONGEST = 1_800.0  # seconds that one part may take


def run(field: Field, *, full: bool, part: float = 0.1) -> None:
    """Prints a table. ``part``: how much of the full numbers is asked, unless ``full``."""
    share = 1.0 if full else part
    table = Table(title=f"Resident memory in MiB, {BOUNDS['EVERWARM_CACHE_MEMORY_MB']} MiB of it for answers")
    for name in ("", "requests", "at start", *(f"at {at} %" for at in AT), "from 25 % on", "bound"):
        table.add_column(name, no_wrap=True, justify="right" if name else "left")
    for what, (most, member) in RUNS.items():
        resident = measured(field, round(most * share), member)
        grown = resident[-1] - resident[1 + AT.index(25)]
        requests = f"{most * share:,.0f}"
        table.add_row(what, requests, *(f"{mib:.0f}" for mib in resident), f"{grown:+.1f}", "flat")
    where = console()
    where.print(table)
    if not full:
        where.print(f"{share:.0%} of the requests that the figures are for; `--full` sends all of them.")


def measured(field: Field, requests: int, member: str) -> list[float]:
    """Memory of a new gateway at the start, and after each part."""
    with everwarm("--model", "none", "--upstream", f"openai={field.provider.url}/v1", settings=BOUNDS) as server:
        ours = Gateway("ours", server)
        field.primed(ours, SIZE)
        resident = [server.resident_mib()]
        for begin, end in pairwise((0, *AT)):
            most = requests * (end - begin) // 100
            load(server, ours.request(SIZE, member), seconds=LONGEST, connections=CONNECTIONS, requests=most)
            resident.append(server.resident_mib())
    return resident
