"""A process of its own that uses a store. Run by store/test_sqlite.py and store/test_shared.py.

store_load.py PATH TURN        write for ever; prints a name and the turn once it is flushed
store_load.py PATH TURN LIMIT  with files of at most LIMIT bytes, then without that limit; prints what happened
store_load.py PATH obey        memory over disk; does what each line of its input says, and prints the outcome
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from everwarm.core import key as keys
from everwarm.core.key import PUBLIC, ExactKey, exact_key
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

if os.environ.get("EVERWARM_TEST_CONSTANT_HASH"):  # as in conftest.py: this process looks for what that one wrote
    keys.hint = lambda data: b"\0" * keys.DIGEST_BYTES

SECRET = bytes(range(32))
NOW = 1_800_000_000.0
NAMES = 200


def key(name: str) -> ExactKey:
    return exact_key(PUBLIC, "openai_chat", "model", name.encode())


def payload(name: str, turn: int) -> bytes:
    """Says whose it is, and is long enough to cover several pages: a torn one could not go unseen."""
    head = f"{name}/{turn}/".encode()
    return head + hashlib.shake_128(head).digest(500 + 97 * turn % 20_000)


def is_whole(name: str, found: bytes) -> bool:
    return found == payload(name, int(found.split(b"/")[1]))


def write(path: Path, turn: int) -> None:
    store = SqliteStore(path, SECRET, 10**7)
    while True:
        turn += 1
        for number in range(NAMES):
            store.put(key(f"n{number}"), Entry(payload(f"n{number}", turn), NOW, NOW + 1e6, ("t",)), NOW)
            if number % 40 == 0:
                store.flush()
                print(f"n{number} {turn}", flush=True)
        store.drop(PUBLIC, digest=key("n7").digest)


def fill(path: Path, limit: int) -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = SqliteStore(path, SECRET, 10**9)
    store.put(key("before"), Entry(b"before", NOW, NOW + 1e6), NOW)
    store.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for number in range(NAMES):
        store.put(key(f"n{number}"), Entry(payload(f"n{number}", 200), NOW, NOW + 1e6), NOW)
        store.flush()
    full = store.faults()
    kept = store.get(key("before"), NOW) is not None
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.put(key("after"), Entry(b"after", NOW, NOW + 1e6), NOW)
    store.flush()
    again = SqliteStore(path, SECRET, 10**9)
    found = [n for n in range(NAMES) if (e := again.get(key(f"n{n}"), NOW)) and is_whole(f"n{n}", e.payload)]
    after = again.get(key("after"), NOW) is not None
    again.check_integrity()
    again.close()
    store.close()
    print(full.unwritten, full.corrupt, len(found), kept, after)


def obey(path: Path) -> None:
    """``get NAME``, ``put NAME TEXT``, ``drop TAG``, ``check``; each is answered with one line."""
    store = TieredStore(MemoryStore(10**7), SqliteStore(path, SECRET, 10**7))
    print("ready", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "get":
            found = store.get(key(rest[0]), NOW)
            print("nothing" if found is None else found.payload.decode(), flush=True)
        elif word == "put":
            store.put(key(rest[0]), Entry(rest[1].encode(), NOW, NOW + 1e6, ("t",)), NOW)
            store.flush()
            print("put", flush=True)
        elif word == "drop":
            print(store.drop(PUBLIC, tag=rest[0]), flush=True)
        else:
            store.check_integrity()
            print(*store.faults(), flush=True)
    store.close()


if __name__ == "__main__":
    if sys.argv[2] == "obey":
        obey(Path(sys.argv[1]))
    elif len(sys.argv) > 3:
        fill(Path(sys.argv[1]), int(sys.argv[3]))
    else:
        write(Path(sys.argv[1]), int(sys.argv[2]))
