"""A ledger that several processes write: no row is lost or counted twice, also while each of them prunes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from everwarm.ledger.book import Ledger

PROCESSES, ROWS = 3, 700
WRITER = """
import sys
from pathlib import Path
from everwarm.ledger.book import Ledger
from ledger_rows import row
ledger = Ledger(Path(sys.argv[1]), clock=lambda: 1_800_000_000.0)
for n in range(int(sys.argv[2])):
    ledger.add(row(at=1_800_000_000.0 - 5000 * (n % 3), cache="hit", prompt=3, output=2, namespace=sys.argv[3]))
    if n % 50 == 0:
        ledger.flush()
ledger.close()
print(ledger.faults().unwritten)
"""


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    command = [sys.executable, "-c", WRITER, str(path), str(ROWS)]
    env = {"PYTHONPATH": f"{Path(__file__).parents[1]}:{Path(__file__).parents[2] / 'src'}"}
    writers = [
        subprocess.Popen([*command, f"n{i % 2}"], stdout=subprocess.PIPE, text=True, env=env) for i in range(PROCESSES)
    ]
    assert [w.communicate(timeout=60)[0].strip() for w in writers] == ["0"] * PROCESSES
    ledger = Ledger(path, clock=lambda: 1_800_000_000.0)
    try:
        tally = ledger.sums(None).of("hit")
        assert tally.requests == PROCESSES * ROWS
        assert tally.prompt == 3 * PROCESSES * ROWS
        assert len(ledger.rows(limit=10_000)) == PROCESSES * ROWS
        assert ledger.sums("n1").of("hit").requests == ROWS
    finally:
        ledger.close()
