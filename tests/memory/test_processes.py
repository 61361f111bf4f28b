"""Several processes on one database."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from banyan.core.approval import Approval, ApprovalState, Scope
from banyan.core.ids import ApprovalId, SourceName, ToolName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolSpec
from banyan.memory import Database

FRAME = """
import anyio, sys
from datetime import UTC, datetime, timedelta
from banyan.core.approval import Approval, ApprovalState
from banyan.core.source import Source, SourceKind
from banyan.core.tool import ToolSpec
from banyan.memory import Database

async def main(url, name):
    # Libraries are loaded: wait for the others.
    print("ready", flush=True)
    await anyio.to_thread.run_sync(sys.stdin.readline)
    database = await Database.open(url)
{body}
    await database.close()

anyio.run(main, *sys.argv[1:])
"""


async def run_together(body: str, url: str, names: list[str]) -> list[str]:
    """Run `body` once for each name, all at the same time, and return what each printed."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    command = [sys.executable, "-c", FRAME.format(body=indented), url]
    processes = [await anyio.open_process([*command, name]) for name in names]
    for process in processes:
        assert process.stdout is not None
        assert (await process.stdout.receive()).startswith(b"ready")
    for process in processes:
        assert process.stdin is not None
        await process.stdin.send(b"go\n")
    printed = []
    for process in processes:
        assert process.stdout is not None
        assert process.stderr is not None
        printed.append(b"".join([chunk async for chunk in process.stdout]).decode().strip())
        errors = b"".join([chunk async for chunk in process.stderr])
        assert await process.wait() == 0, errors.decode()
        await process.aclose()
    return printed


@pytest.mark.timeout(60)
async def test_processes_that_open_and_fill_a_new_database_at_once_find_it_whole(database_url: str) -> None:
    names = [f"source{number}" for number in range(4)]
    body = """
await database.sources.put(Source(name=name, kind=SourceKind.MCP))
report = await database.tools.sync(name, [ToolSpec(server="same", upstream_name=str(n)) for n in range(50)])
print(len(report.new))
"""
    assert await run_together(body, database_url, names) == ["50"] * 4
    database = await Database.open(database_url)
    rows = await database.tools.names()
    assert [source.name for source in await database.sources.all()] == names
    await database.close()
    assert len({row.name.casefold() for row in rows}) == 200
    assert len({(row.source, row.upstream_name) for row in rows}) == 200


@pytest.mark.timeout(60)
async def test_syncs_of_one_source_by_two_processes_leave_it_as_one_of_them_listed_it(database_url: str) -> None:
    database = await Database.open(database_url)
    source = SourceName("files")
    await database.sources.put(Source(name=source, kind=SourceKind.MCP))
    body = """
for turn in range(10):
    servers = ["both", name] * 10
    listed = [ToolSpec(server=one, upstream_name=str(turn + n), title=name) for n, one in enumerate(servers)]
    await database.tools.sync("files", listed)
"""
    await run_together(body, database_url, ["one", "two"])
    rows = await database.tools.names()
    tools = await database.tools.get([row.name for row in rows])
    await database.close()
    assert len(tools) == 20
    assert len({tool.spec.title for tool in tools}) == 1


@pytest.mark.timeout(60)
async def test_leave_for_one_call_is_given_to_one_of_two_processes_alone(database_url: str) -> None:
    database = await Database.open(database_url)
    asked = datetime.now(UTC)
    for number in range(20):
        approval = Approval(
            id=ApprovalId(f"a_{number:02}"),
            tool=ToolName("files__move"),
            tool_digest="d",
            arguments_digest=f"args{number}",
            arguments_preview="{}",
            reason="rule",
            state=ApprovalState.PENDING,
            created_at=asked,
            expires_at=asked + timedelta(hours=1),
        )
        await database.approvals.request(approval)
        await database.approvals.decide(approval.id, approve=True, scope=Scope.ONCE, by="cli")
    body = """
taken = [await database.approvals.take("files__move", "d", f"args{number}") for number in range(20)]
print(*[one.id for one in taken if one])
"""
    printed = await run_together(body, database_url, ["one", "two", "three"])
    states = {one.state for one in await database.approvals.all(pending=False)}
    await database.close()
    assert sorted(id_ for one in printed for id_ in one.split()) == [f"a_{number:02}" for number in range(20)]
    assert states == {ApprovalState.USED}


@pytest.mark.timeout(60)
async def test_processes_that_ask_the_same_wait_for_one_answer(database_url: str) -> None:
    await (await Database.open(database_url)).close()
    body = """
now = datetime.now(UTC)
for number in range(10):
    asked = await database.approvals.request(Approval(
        id=f"a_{name}_{number}", tool="t", tool_digest="d", arguments_digest=str(number), arguments_preview="",
        reason="", state=ApprovalState.PENDING, created_at=now, expires_at=now + timedelta(hours=1),
    ))
    print(asked.id)
"""
    printed = await run_together(body, database_url, ["one", "two", "three"])
    assert printed[0] == printed[1] == printed[2]


async def test_a_change_by_another_process_is_seen_at_the_next_look(database_url: str) -> None:
    ours = await Database.open(database_url)
    before = await ours.tools.version()
    body = """
await database.sources.put(Source(name=name, kind=SourceKind.MCP))
await database.tools.sync(name, [ToolSpec(server="s", upstream_name="t")])
"""
    await run_together(body, database_url, ["files"])
    assert await ours.tools.version() > before
    assert list(await ours.documents.digests()) == ["s__t"]
    await ours.tools.sync(SourceName("files"), [ToolSpec(server="s", upstream_name="u")])
    assert list(await ours.documents.digests()) == ["s__u"]
    await ours.close()


@pytest.mark.timeout(60)
async def test_a_database_that_many_write_to_is_never_found_locked(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.sources.put(Source(name=SourceName("files"), kind=SourceKind.MCP))
    body = """
async def write(number):
    for turn in range(10):
        await database.vectors.save("m", {f"{name}-{number}-{turn}": b"x" * 1_000})
        await database.tools.sync("files", [ToolSpec(server="s", upstream_name=f"{name}{number}{turn}")])
        await database.tools.names()

async with anyio.create_task_group() as group:
    for number in range(4):
        group.start_soon(write, number)
"""
    await run_together(body, database_url, ["one", "two", "three"])
    wanted = [
        f"{name}-{number}-{turn}" for name in ("one", "two", "three") for number in range(4) for turn in range(10)
    ]
    found = await database.vectors.load("m", wanted)
    await database.close()
    assert len(found) == 120
