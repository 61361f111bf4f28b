"""Opening a database: what is made, what is refused, and that no message shows a password."""

from __future__ import annotations

import socket
import sqlite3
import sys
import tempfile
import traceback
from pathlib import Path

import anyio
import anyio.from_thread
import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from banyan.core.errors import BanyanError, DatabaseTooNew, DatabaseUnavailable, SettingsError
from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.memory import Database, DatabaseLimits

SOURCE = Source(name=SourceName("files"), kind=SourceKind.MCP)
SECRET = "-".join(["what", "nobody", "may", "see"])
"""In pieces, since a traceback shows lines of the test itself."""

IMPATIENT = DatabaseLimits(busy_timeout_s=0.2, connect_timeout_s=2)


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


async def test_a_new_file_and_its_folder_are_its_owners_alone(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url)
    await database.sources.put(SOURCE)
    folder = path_of(sqlite_url).parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in [folder, *folder.iterdir()]}
    await database.close()
    assert modes == {folder.name: 0o700, "banyan.db": 0o600, "banyan.db-wal": 0o600, "banyan.db-shm": 0o600}


async def test_what_was_put_is_there_after_opening_again(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.sources.put(SOURCE)
    await database.close()
    again = await Database.open(database_url)
    assert await again.sources.all() == [SOURCE]
    await again.close()
    await again.close()


async def test_a_path_with_signs_that_mean_something_in_a_url_is_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "a b?c=d#e%20;ü" / "banyan.db"
    await (await Database.open(f"sqlite:///{odd}")).close()
    assert odd.is_file()


def settings_of(connection: Connection) -> dict[str, object]:
    if connection.dialect.name == "sqlite":
        names = ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}
    names = ("fsync", "synchronous_commit", "timezone", "lock_timeout")
    return {name: connection.execute(text(f"SHOW {name}")).scalar() for name in names}


async def test_every_connection_keeps_what_was_committed(database_url: str) -> None:
    database = await Database.open(database_url)
    expected = {
        "sqlite": {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "auto_vacuum": 2},
        "postgresql": {"fsync": "on", "synchronous_commit": "on", "timezone": "UTC", "lock_timeout": "30s"},
    }[database_url.split(":", maxsplit=1)[0]]
    seen: list[dict[str, object]] = []

    async def look() -> None:
        seen.append(await database.transactions.read(settings_of))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(look)
    seen.append(await database.transactions.write(settings_of))
    await database.close()
    assert seen == [expected] * 5


@pytest.mark.parametrize(
    "url",
    [
        "",
        "banyan.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://user:s3cret@host/name",
        "postgresql+asyncpg://user:s3cret@host/name",
        "postgresql://user:s3cret@host",
        "postgresql://user:s3cret@host:port/name",
        "postgresql://user:s3cret@[::1/name",
        "postgres ql://user:s3cret@host/name",
    ],
)
async def test_a_wrong_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        await Database.open(url.replace("s3cret", SECRET))
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    assert "sqlite:///" in str(refused.value)


@pytest.mark.parametrize("options", ["", f"?password={SECRET}", f"?sslpassword={SECRET}"])
async def test_a_server_that_is_not_there_is_unavailable_and_the_password_is_not_shown(options: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        with anyio.fail_after(10), pytest.raises(DatabaseUnavailable) as refused:
            await Database.open(f"postgresql://user:{SECRET}@127.0.0.1:{port}/name{options}", limits=IMPATIENT)
    assert str(refused.value).startswith(f"the database `postgresql://127.0.0.1:{port}/name` cannot be reached")
    assert SECRET not in "".join(traceback.format_exception(refused.value))


async def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://user:s3cret@127.0.0.1:{silent.getsockname()[1]}/name"
        with anyio.fail_after(10), pytest.raises(DatabaseUnavailable):
            await Database.open(url, limits=IMPATIENT)


async def test_a_database_that_the_server_does_not_have_is_named(postgres_server: str) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        await Database.open(postgres_server.replace("/postgres?", "/nobody?"))
    assert "does not exist" in str(refused.value)


async def test_without_its_driver_postgresql_is_refused_with_the_extra_to_install() -> None:
    program = (
        "import sys, anyio; sys.modules['psycopg'] = None\n"
        "from banyan.core.errors import SettingsError\n"
        "from banyan.memory import Database\n"
        "try: anyio.run(Database.open, 'postgresql://user:s3cret@host/name')\n"
        "except SettingsError as error: print(error)"
    )
    done = await anyio.run_process([sys.executable, "-c", program])
    assert b"pip install 'banyan-agents[postgres]'" in done.stdout
    assert b"s3cret" not in done.stdout


@pytest.mark.parametrize("content", [b"this is no database, though long enough" * 99, b"x"], ids=["long", "short"])
async def test_a_file_that_is_no_database_is_refused_and_left_alone(sqlite_url: str, content: bytes) -> None:
    path_of(sqlite_url).parent.mkdir()
    path_of(sqlite_url).write_bytes(content)
    with pytest.raises(DatabaseUnavailable) as refused:
        await Database.open(sqlite_url)
    assert "no SQLite database" in str(refused.value)
    assert path_of(sqlite_url).read_bytes() == content


async def test_a_damaged_database_is_unavailable(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url)
    await database.vectors.save("m", {f"{number:05}": b"x" * 500 for number in range(2_000)})
    await database.close()
    with path_of(sqlite_url).open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xff" * 500_000)
    with pytest.raises(DatabaseUnavailable) as refused:
        database = await Database.open(sqlite_url)
        try:
            await database.vectors.load("m", [f"{number:05}" for number in range(2_000)])
            await database.tools.names()
            await database.sources.put(SOURCE)
        finally:
            await database.close()
    assert "damaged" in str(refused.value)


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable) as refused:
        await Database.open(f"sqlite:///{tmp_path / 'file' / 'banyan.db'}")
    assert "cannot be made" in str(refused.value)
    with pytest.raises(DatabaseUnavailable):
        await Database.open(f"sqlite:///{tmp_path}")


READ_ONLY = """
import anyio, os, sys
from banyan.core.errors import DatabaseUnavailable
from banyan.core.source import Source, SourceKind
from banyan.memory import Database

async def main(url):
    database = await Database.open(url)
    print([source.name for source in await database.sources.all()])
    try:
        await database.sources.put(Source(name="more", kind=SourceKind.MCP))
    except DatabaseUnavailable as error:
        print(error)
    await database.close()

if os.getuid() == 0:
    # Root may write every file, so the program becomes nobody; first it loads what nobody may not read.
    anyio.run(main, sys.argv[2])
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
anyio.run(main, sys.argv[1])
"""


def make_readable_alone(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o755)


async def test_a_file_that_may_only_be_read_is_read_and_the_first_write_says_what_is_wrong(sqlite_url: str) -> None:
    scratch = sqlite_url
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(f"sqlite:///{folder}/banyan.db")
        await database.sources.put(SOURCE)
        make_readable_alone(Path(folder))
        command = [sys.executable, "-c", READ_ONLY, f"sqlite:///{folder}/banyan.db", f"{scratch}"]
        done = await anyio.run_process(command, check=False)
        await database.close()
    assert done.returncode == 0, done.stderr.decode()
    *_, listed, refused = done.stdout.decode().splitlines()
    assert listed == "['files']"
    assert "cannot be written" in refused


async def test_a_database_of_a_newer_banyan_is_refused_and_left_alone(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.transactions.write(
        lambda connection: connection.execute(text("UPDATE banyan_schema SET version_num = '9999'"))
    )
    with pytest.raises(DatabaseTooNew) as refused:
        await Database.open(database_url)
    assert "`9999`" in str(refused.value)
    version = await database.transactions.read(
        lambda connection: connection.execute(text("SELECT version_num FROM banyan_schema")).scalar()
    )
    await database.close()
    assert version == "9999"


async def test_tables_of_somebody_else_are_left_alone(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.transactions.write(lambda connection: connection.execute(text("DROP TABLE banyan_schema")))
    with pytest.raises(SettingsError) as refused:
        await Database.open(database_url)
    await database.close()
    assert "`tools`" in str(refused.value)


async def test_a_file_that_another_program_holds_is_unavailable_after_the_wait(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url, limits=IMPATIENT)
    holder = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with anyio.fail_after(5), pytest.raises(DatabaseUnavailable) as refused:
        await database.sources.put(SOURCE)
    assert "locked" in str(refused.value)
    assert refused.value.retryable
    assert await database.sources.all() == []
    holder.execute("ROLLBACK")
    holder.close()
    await database.sources.put(SOURCE)
    assert await database.sources.all() == [SOURCE]
    await database.close()


async def test_rows_that_another_program_holds_are_unavailable_after_the_wait(postgres_url: str) -> None:
    database = await Database.open(postgres_url, limits=IMPATIENT)
    holder = await Database.open(postgres_url)
    held, release = anyio.Event(), anyio.Event()

    def hold(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM catalogue FOR UPDATE"))
        anyio.from_thread.run_sync(held.set)
        anyio.from_thread.run(release.wait)

    async with anyio.create_task_group() as group:
        group.start_soon(holder.transactions.write, hold)
        await held.wait()
        with anyio.fail_after(5), pytest.raises(DatabaseUnavailable):
            await database.sources.put(SOURCE)
        release.set()
    await database.sources.put(SOURCE)
    await database.close()
    await holder.close()


async def test_a_connection_that_the_server_closed_is_replaced(postgres_url: str) -> None:
    database = await Database.open(postgres_url)
    await database.sources.put(SOURCE)
    other = await Database.open(postgres_url)
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND application_name = 'banyan'"
    )
    await other.transactions.write(lambda connection: connection.execute(end).all())
    await other.close()
    assert await database.sources.all() == [SOURCE]
    await database.close()


async def test_opening_a_database_that_is_up_to_date_loads_neither_alembic_nor_psycopg(sqlite_url: str) -> None:
    program = (
        "import sys, anyio\nfrom banyan.memory import Database\n"
        "async def main(): await (await Database.open(sys.argv[1])).close()\n"
        "anyio.run(main); print(sorted({'alembic', 'psycopg', 'numpy', 'sqlalchemy.orm'} & set(sys.modules)))"
    )
    for _ in range(2):
        done = await anyio.run_process([sys.executable, "-c", program, sqlite_url])
        assert done.stdout.strip() == b"[]"


async def test_values_never_reach_an_error(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.transactions.write(
        lambda connection: connection.execute(text("ALTER TABLE vectors RENAME TO other"))
    )
    with pytest.raises(BanyanError) as failed:
        await database.vectors.save("m", {SECRET: SECRET.encode()})
    await database.close()
    assert failed.value.code == "internal"
    assert SECRET not in "".join(traceback.format_exception(failed.value))


async def test_a_new_file_that_another_program_holds_is_waited_for(sqlite_url: str) -> None:
    path_of(sqlite_url).parent.mkdir()
    holder = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    holder.execute("CREATE TABLE other (x)")
    holder.execute("BEGIN IMMEDIATE")
    with anyio.fail_after(5), pytest.raises(DatabaseUnavailable) as refused:
        await Database.open(sqlite_url, limits=IMPATIENT)
    assert "locked" in str(refused.value)
    holder.execute("ROLLBACK")
    holder.close()
    await (await Database.open(sqlite_url, limits=IMPATIENT)).close()


@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
async def test_nothing_is_written_to_a_file_that_was_removed_or_replaced(sqlite_url: str, *, replaced: bool) -> None:
    file = path_of(sqlite_url)
    other = file.with_name("other.db")
    await (await Database.open(f"sqlite:///{other}")).close()
    database = await Database.open(sqlite_url)
    await database.sources.put(SOURCE)
    if replaced:
        other.replace(file)
    else:
        file.unlink()
    for _ in range(10):  # more often than there are connections
        with pytest.raises(DatabaseUnavailable, match="removed or replaced"):
            await database.sources.put(SOURCE)
        with pytest.raises(DatabaseUnavailable, match="removed or replaced"):
            await database.sources.all()
    await database.close()
