"""A worker without Banyan: claims a task, notes its effect, writes its end, each in a transaction; 70 lines of SQL.

plain_worker.py make URL COUNT    makes the tables and that many tasks
plain_worker.py work URL WORKER   works until none is left, once a line comes in; prints how many it did
"""

from __future__ import annotations

import sys
import time
from typing import Any

MAKE = (
    "CREATE TABLE plain_tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL, holder TEXT,"
    " fence INTEGER NOT NULL, lease_until REAL, output TEXT)",
    "CREATE INDEX plain_status ON plain_tasks (status, id)",
    "CREATE TABLE plain_effects (id TEXT PRIMARY KEY, task INTEGER NOT NULL, fence INTEGER NOT NULL,"
    " tool TEXT NOT NULL, state TEXT NOT NULL)",
)
NEXT = "SELECT id, fence FROM plain_tasks WHERE status = 'pending' ORDER BY id LIMIT 1"
CLAIM = "UPDATE plain_tasks SET status = 'running', holder = ?, fence = ?, lease_until = ? WHERE id = ?"
PREPARE = "INSERT INTO plain_effects (id, task, fence, tool, state) VALUES (?, ?, ?, 'mail', 'prepared')"
END = "UPDATE plain_effects SET state = 'done' WHERE id = ?"
DONE = "UPDATE plain_tasks SET status = 'done', holder = NULL, output = ? WHERE id = ? AND fence = ?"


def connect(url: str) -> Any:
    """Return a connection, how a transaction begins, and what spells a statement for it."""
    if url.startswith("sqlite"):
        import sqlite3

        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -16384"):
            connection.execute(f"PRAGMA {pragma}")
        return connection, "BEGIN IMMEDIATE", lambda text: text
    import psycopg

    connection = psycopg.connect(url, autocommit=True)
    connection.execute("SET synchronous_commit TO on")
    return (
        connection,
        "BEGIN",
        lambda text: text.replace("?", "%s").replace("LIMIT 1", "LIMIT 1 FOR UPDATE SKIP LOCKED"),
    )


def make(url: str, count: int) -> None:
    """Make the tables."""
    connection, begin, spelt = connect(url)
    connection.execute(begin)
    for statement in MAKE:
        connection.execute(statement)
    for number in range(1, count + 1):
        text = spelt("INSERT INTO plain_tasks (id, title, status, fence) VALUES (?, ?, 'pending', 0)")
        connection.execute(text, (number, f"Send letter {number}"))
    connection.execute("COMMIT")


def work(url: str, worker: str) -> None:
    """Work until nothing is left."""
    connection, begin, spelt = connect(url)

    def change(*statements: tuple[str, tuple[Any, ...]]) -> None:
        connection.execute(begin)
        for text, values in statements:
            connection.execute(spelt(text), values)
        connection.execute("COMMIT")

    print("ready", flush=True)
    sys.stdin.readline()
    count, started = 0, time.time()
    while True:
        connection.execute(begin)
        row = connection.execute(spelt(NEXT)).fetchone()
        if row is None:
            connection.execute("COMMIT")
            break
        number, fence = row[0], row[1] + 1
        connection.execute(spelt(CLAIM), (worker, fence, time.time() + 300, number))
        connection.execute("COMMIT")
        effect = f"{number}.{fence}"
        change((PREPARE, (effect, number, fence)))
        change((END, (effect,)), (DONE, ('{"ok": true}', number, fence)))
        count += 1
    print(count, started, time.time())


if __name__ == "__main__":
    make(sys.argv[2], int(sys.argv[3])) if sys.argv[1] == "make" else work(*sys.argv[2:])
