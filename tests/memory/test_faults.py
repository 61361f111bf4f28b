"""What databases say went wrong, in Banyan's errors."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from banyan.core.errors import BanyanError, Conflict, DatabaseUnavailable, SettingsError, StorageFull
from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolSpec
from banyan.memory import Database


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("53100", StorageFull),
        ("53300", DatabaseUnavailable),
        ("53200", DatabaseUnavailable),
        ("28P01", SettingsError),
        ("3D000", SettingsError),
        ("42501", SettingsError),
        ("25006", DatabaseUnavailable),
        ("40001", Conflict),
        ("40P01", Conflict),
        ("57P01", DatabaseUnavailable),
        ("08006", DatabaseUnavailable),
        ("XX001", DatabaseUnavailable),
        ("23505", Conflict),
        ("42703", BanyanError),
    ],
)
async def test_each_state_of_postgresql_is_an_error_of_banyan(
    postgres_url: str, sqlstate: str, expected: type[BanyanError]
) -> None:
    database = await Database.open(postgres_url)
    fail = text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$")
    with pytest.raises(BanyanError) as failed:
        await database.transactions.write(lambda connection: connection.execute(fail))
    assert type(failed.value) is expected
    assert await database.tools.version() == 0
    await database.close()


async def test_an_sqlite_file_that_may_not_grow_is_full_and_goes_on_when_it_may(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url)
    source = SourceName("files")
    await database.sources.put(Source(name=source, kind=SourceKind.MCP))
    # One connection is in use at a time here, so it is the one that every statement gets.
    pages = "PRAGMA max_page_count = "
    await database.transactions.write(lambda connection: connection.exec_driver_sql(pages + "40"))
    many = [ToolSpec(server="s", upstream_name=str(number), description="x" * 200) for number in range(500)]
    with pytest.raises(StorageFull):
        await database.tools.sync(source, many)
    assert await database.tools.names() == []
    await database.transactions.write(lambda connection: connection.exec_driver_sql(pages + "4000"))
    assert len((await database.tools.sync(source, many)).new) == 500
    await database.close()
