"""Task memory while its database is full, read-only, damaged or away: nothing half applied, then on it goes."""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy.engine import Connection, make_url

from banyan.core.claim import Claim
from banyan.core.errors import DatabaseUnavailable, StorageFull
from banyan.core.task import Status
from banyan.memory import Database, DatabaseLimits
from banyan.memory.database import now
from banyan.memory.durability import durability
from banyan.memory.tasks import Tasks
from tests.memory.test_full_disk import fill
from tests.memory.test_opening import make_readable_alone, path_of

PLAN: list[dict[str, Any]] = [
    {"op": "add", "title": "trip", "facts": {"destination": "Lisbon"}},
    {"op": "add", "title": "hotel"},
    {"op": "add", "title": "flight"},
]
IMPATIENT = DatabaseLimits(busy_timeout_s=0.2, connect_timeout_s=2)


async def planted(url: str) -> tuple[Database, Tasks, str]:
    database = await Database.open(url, limits=IMPATIENT)
    tasks = Tasks(database.graphs, now)
    return database, tasks, (await tasks.apply(None, PLAN)).tree


async def state(tasks: Tasks, tree: str) -> Any:
    view = await tasks.view(tree)
    return view.to_json(), [one.to_json() for one in await tasks.history(tree)]


async def check_works(tasks: Tasks, tree: str) -> None:
    """An edit, a claim and its end: all that a store does."""
    before = (await tasks.view(tree)).tree.revision
    await tasks.apply(tree, [{"op": "fact", "key": "destination", "value": "Porto"}])
    (held,) = await tasks.claim(tree, Claim(worker="w"))
    await tasks.finish(held.view.id, "done", fence=held.fence, output={})
    assert (await tasks.get(held.view.id)).task.status is Status.DONE
    assert (await tasks.view(tree)).tree.revision == before + 3


async def test_without_room_no_edit_is_half_made_and_reading_goes_on(small_disk: Path) -> None:
    database, tasks, tree = await planted(f"sqlite:///{small_disk / 'banyan.db'}")
    before = await state(tasks, tree)
    fill(small_disk / "ballast")
    many = [{"op": "add", "title": f"{number} " + "x" * 400} for number in range(2_000)]
    with pytest.raises(StorageFull):
        await tasks.apply(tree, many)
    assert await state(tasks, tree) == before
    (small_disk / "ballast").unlink()
    await check_works(tasks, tree)
    await database.close()


READ_ONLY = """
import anyio, os, sys
from banyan.core.claim import Claim
from banyan.core.errors import DatabaseUnavailable
from banyan.memory import Database
from banyan.memory.database import now
from banyan.memory.tasks import Tasks

async def main(url, tree):
    database = await Database.open(url)
    tasks = Tasks(database.graphs, now)
    if tree is None:
        tree = (await tasks.apply(None, [{"op": "add", "title": "first"}])).tree
    answers = (await tasks.recall(tree, keys=["destination"])).to_json()["answers"]
    print([one["value"] for one in answers], len((await tasks.view(tree)).tasks))
    for work in (tasks.apply(tree, [{"op": "fact", "key": "x", "value": 1}]), tasks.claim(tree, Claim(worker="w"))):
        try:
            await work
        except DatabaseUnavailable as error:
            print(error)
    await database.close()

if os.getuid() == 0:
    # Root may write every file, so the program becomes nobody; first it loads what nobody may not read.
    anyio.run(main, sys.argv[3], None)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
anyio.run(main, sys.argv[1], sys.argv[2])
"""


async def test_a_tree_that_may_only_be_read_is_read_and_an_edit_says_what_is_wrong(sqlite_url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/banyan.db"
        database, tasks, tree = await planted(url)
        before = await state(tasks, tree)
        make_readable_alone(Path(folder))
        done = await anyio.run_process([sys.executable, "-c", READ_ONLY, url, tree, sqlite_url], check=False)
        assert await state(tasks, tree) == before
        await database.close()
    assert done.returncode == 0, done.stderr.decode()
    *_, read, edit, claim = done.stdout.decode().splitlines()
    assert read == "['Lisbon'] 3"
    assert "cannot be written" in edit
    assert "cannot be written" in claim


async def test_a_damaged_file_is_said_to_be_damaged(sqlite_url: str) -> None:
    database, tasks, tree = await planted(sqlite_url)
    await tasks.apply(tree, [{"op": "add", "title": f"{number} " + "x" * 300} for number in range(1_500)])
    await database.close()
    with path_of(sqlite_url).open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xff" * (path_of(sqlite_url).stat().st_size - 12_288))
    with pytest.raises(DatabaseUnavailable) as refused:
        database = await Database.open(sqlite_url, limits=IMPATIENT)
        try:
            await Tasks(database.graphs, now).view(tree)
        finally:
            await database.close()
    assert "damaged" in str(refused.value)


async def test_a_file_that_is_away_for_a_while_takes_nothing_and_goes_on_when_it_is_back(sqlite_url: str) -> None:
    database, tasks, tree = await planted(sqlite_url)
    before = await state(tasks, tree)
    folder = path_of(sqlite_url).parent
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(DatabaseUnavailable):
        await tasks.apply(tree, [{"op": "fact", "key": "destination", "value": "Nowhere"}])
    assert not folder.exists()
    away.rename(folder)
    assert await state(tasks, tree) == before
    await check_works(tasks, tree)
    await database.close()


@contextmanager
def passage(target: str, port: int = 0) -> Iterator[int]:
    """Lead connections to a port here on to a local socket, until the end of the block."""
    listener = socket.create_server(("127.0.0.1", port))
    open_: list[socket.socket] = [listener]

    def carry(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(target)
                open_.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for one in open_:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


async def test_a_server_that_is_away_for_a_while_is_unavailable_and_goes_on_when_it_is_back(postgres_url: str) -> None:
    url = make_url(postgres_url)
    place = f"{url.query['host']}/.s.PGSQL.{url.port or 5432}"
    rest = {key: value for key, value in url.query.items() if key != "host"}
    with passage(place) as port:
        near = url.set(host="127.0.0.1", port=port, query=rest).render_as_string(hide_password=False)
        database, tasks, tree = await planted(near)
        before = await state(tasks, tree)
    with pytest.raises(DatabaseUnavailable):
        await tasks.apply(tree, [{"op": "fact", "key": "destination", "value": "Nowhere"}])
    with pytest.raises(DatabaseUnavailable):
        await tasks.view(tree)
    with passage(place, port):
        assert await state(tasks, tree) == before
        await check_works(tasks, tree)
        await database.close()


async def test_what_a_change_of_a_tree_is_written_by_waits_for_the_disk(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, tasks, tree = await planted(database_url)
    seen: list[dict[str, str]] = []
    run = database.transactions.run

    def watched(work: Callable[[Connection], Any], *, writes: bool) -> Any:
        def last(connection: Connection) -> Any:
            found = work(connection)
            if writes:
                seen.append(dict(durability(connection)))
            return found

        return run(last, writes=writes)

    monkeypatch.setattr(database.transactions, "run", watched)
    await check_works(tasks, tree)
    await database.close()
    assert len(seen) == 3
    wanted = {"sqlite": {"journal_mode": "wal", "synchronous": "full"}}.get(
        database_url.partition(":")[0], {"fsync": "on", "synchronous_commit": "on"}
    )
    assert all(wanted.items() <= one.items() for one in seen)
