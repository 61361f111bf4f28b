"""A whole job by assistants over MCP: planned, worked, cut off by a kill, and finished by somebody else."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from tests.journeys.test_third_party import installed
from tests.tools.aws.local import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ORDERS = [("1001", "Emma", 3), ("1002", "Persuasion", 1), ("1003", "Ivanhoe", 2), ("1004", "Waverley", 5)]
LEASE_S = 2


class Assistant:
    """A scripted assistant: what it knows is what its client's tools answered."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls = 0
        self.failures: list[str] = []

    async def use(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool of Banyan and return its structured answer."""
        self.calls += 1
        result = await self._client.call_tool(tool, arguments)
        found: dict[str, Any] = dict(result.structured_content or {})
        if result.is_error:
            self.failures.append(f"{tool}: {found}")
        return found

    async def act(self, task: str, step: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Find the tools for a step of a task, choose one, call it for the task, and return what came of it."""
        found = await self.use("find_tools", query=step, task=task)
        names = [one["name"] for one in found["results"]]
        name = next((one for one in names if one.endswith(f"__{tool}")), "")
        assert name, f"{tool} is not among {names}"
        called = await self.use("call_tool", name=name, arguments=arguments, task=task)
        assert called["outcome"] == "ok", json.dumps(called)
        return called


@asynccontextmanager
async def connected(home: Path) -> AsyncIterator[tuple[Assistant, Any]]:
    """Run `banyan serve` as a desktop assistant does; yield an assistant, and how to kill the server."""
    pid_file = home / "serve.pid"
    program = (
        "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()));"
        "from banyan.server.cli import main; sys.argv = ['banyan', '--home', sys.argv[2], 'serve']; main()"
    )
    command = StdioServerParameters(
        command=sys.executable, args=["-c", program, str(pid_file), str(home)], env=dict(os.environ)
    )
    async with Client(command) as client:

        def kill() -> None:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)

        yield Assistant(client), kill


def banyan(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-c", "from banyan.server.cli import main; main()", "--home", str(home), *arguments]


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A home with a file server, SQLite and S3 in it, whose assistants may write."""
    folder, files = tmp_path / "home", tmp_path / "files"
    folder.mkdir(mode=0o700)
    files.mkdir()
    lines = ["number,title,copies", *(f"{number},{title},{copies}" for number, title, copies in ORDERS)]
    (files / "orders.csv").write_text("\n".join(lines))
    (folder / "settings.toml").write_text(f'[tasks]\nlease_s = {LEASE_S}\n\n[policy]\nmcp = [{{ action = "allow" }}]\n')
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with serving() as s3:
        for arguments in (
            ["add", "mcp", "files", "--", installed("files"), str(files)],
            ["add", "mcp", "sqlite", "--", installed("sqlite"), "--db-path", str(tmp_path / "shop.db")],
            ["add", "aws", "s3", "--endpoint-url", s3, "--region", "eu-north-1"],
        ):
            await anyio.run_process(banyan(folder, *arguments))
        yield folder


async def plan(one: Assistant) -> str:
    """Plan the job, and return its tree."""
    assert (await one.use("next_tasks"))["trees"] == []
    made = await one.use(
        "edit_tasks",
        turn=1,
        source="user",
        edits=[
            {"op": "add", "ref": "@goal", "title": "Bring this week's orders into the shop, and report them"},
            {"op": "fact", "task": "@goal", "key": "bucket", "value": "weekly-reports"},
            {"op": "add", "ref": "@read", "parent": "@goal", "title": "read the orders file"},
            {
                "op": "add",
                "ref": "@table",
                "parent": "@goal",
                "title": "make the orders table in the database",
                "requires": ["@read"],
            },
            {
                "op": "add",
                "ref": "@store",
                "parent": "@goal",
                "title": "store the orders",
                "inputs": {"orders": {"$from": "@read", "path": "/orders"}},
                "requires": ["@table"],
            },
            {
                "op": "add",
                "ref": "@report",
                "parent": "@goal",
                "title": "put the report into the bucket",
                "inputs": {"bucket": {"$fact": "bucket"}, "stored": {"$from": "@store", "path": "/copies"}},
            },
        ],
    )
    return str(made["tree"])


async def claimed(one: Assistant, tree: str, title: str) -> dict[str, Any]:
    """Claim what comes next, which should be `title`, as soon as nobody else holds it."""
    with anyio.fail_after(60):
        while True:
            answer = await one.use("next_tasks", tree=tree, claim=True, limit=1)
            if answer.get("claimed"):
                break
            await anyio.sleep(0.3)
    held: dict[str, Any] = answer["claimed"][0]
    assert held["task"]["title"] == title
    return held


async def store_one(one: Assistant, tree: str, number: str, *, finish: bool = True) -> None:
    held = await claimed(one, tree, f"store order {number}")
    order = held["task"]["values"]
    query = f"INSERT INTO orders VALUES ('{order['number']}', '{order['title']}', {order['copies']})"
    await one.act(held["task"]["id"], "insert a row into the database", "write_query", {"query": query})
    if finish:
        await one.use("finish_task", task=held["task"]["id"], fence=held["fence"], outcome="done", output=order)


async def begin(one: Assistant, tree: str, folder: Path) -> None:
    """Work until the second order is stored but not handed in."""
    held = await claimed(one, tree, "read the orders file")
    task = held["task"]["id"]
    context = await one.use("get_task", task=task, view="context", budget_tokens=500)
    assert "weekly-reports" in context["text"]
    text = (await one.act(task, "read a text file", "read_text_file", {"path": str(folder / "orders.csv")}))["preview"]
    rows = re.findall(r"(\d{4}),(\w+),(\d+)", text)
    orders = [{"number": number, "title": title, "copies": int(copies)} for number, title, copies in rows]
    await one.use("finish_task", task=task, fence=held["fence"], outcome="done", output={"orders": orders})
    adds: list[dict[str, Any]] = []
    for order in orders:
        requires = [f"@{adds[-1]['ref'][1:]}"] if adds else []
        title, ref = f"store order {order['number']}", f"@{order['number']}"
        adds.append({"op": "add", "ref": ref, "parent": "store the orders", "title": title} | {"inputs": order})
        adds[-1]["requires"] = requires
    await one.use("edit_tasks", tree=tree, turn=2, edits=adds)
    held = await claimed(one, tree, "make the orders table in the database")
    query = "CREATE TABLE orders (number TEXT, title TEXT, copies INTEGER)"
    await one.act(held["task"]["id"], "create a table in the SQLite database", "create_table", {"query": query})
    await one.use("finish_task", task=held["task"]["id"], fence=held["fence"], outcome="done")
    await store_one(one, tree, "1001")
    await store_one(one, tree, "1002", finish=False)


async def take_over(two: Assistant) -> str:
    """Find what is open, and hand in what the first assistant had done, without doing it again."""
    trees = (await two.use("next_tasks"))["trees"]
    assert [one["title"] for one in trees] == ["Bring this week's orders into the shop, and report them"]
    tree = str(trees[0]["tree"])
    shown = await two.use("get_task", task=tree)
    assert sum(line["status"] == "done" for line in shown["tasks"]) == 3
    held = await claimed(two, tree, "store order 1002")
    full = await two.use("get_task", task=held["task"]["id"], view="full")
    assert [(call["tool"], call["outcome"]) for call in full["calls"]] == [("sqlite__write_query", "ok")]
    order = held["task"]["values"]
    await two.use("finish_task", task=held["task"]["id"], fence=held["fence"], outcome="done", output=order)
    return tree


async def complete(two: Assistant, tree: str) -> None:
    await store_one(two, tree, "1003")
    await store_one(two, tree, "1004")
    held = await claimed(two, tree, "store the orders")
    copies = sum(order["copies"] for order in held["task"]["values"]["orders"])
    await two.use(
        "finish_task", task=held["task"]["id"], fence=held["fence"], outcome="done", output={"copies": copies}
    )
    held = await claimed(two, tree, "put the report into the bucket")
    task, values = held["task"]["id"], held["task"]["values"]
    bucket = {"Bucket": values["bucket"], "CreateBucketConfiguration": {"LocationConstraint": "eu-north-1"}}
    await two.act(task, "create an S3 bucket", "CreateBucket", bucket)
    body = base64.b64encode(f"{values['stored']} copies".encode()).decode()
    put = {"Bucket": values["bucket"], "Key": "report.txt", "Body": body}
    await two.act(task, "s3 PutObject", "PutObject", put)
    await two.use("finish_task", task=task, fence=held["fence"], outcome="done", output=f"{values['stored']} copies")
    held = await claimed(two, tree, "Bring this week's orders into the shop, and report them")
    await two.use("finish_task", task=held["task"]["id"], fence=held["fence"], outcome="done", output="reported")


async def test_a_job_that_a_kill_cut_off_is_finished_by_a_second_client_and_nothing_is_done_twice(home: Path) -> None:
    async with connected(home) as (one, kill):
        tree = await plan(one)
        await begin(one, tree, home.parent / "files")
        kill()
    async with connected(home) as (two, _):
        assert await take_over(two) == tree
        await complete(two, tree)
        said = await two.use("recall", tree=tree, claim={"key": "bucket", "value": "monthly-reports"})
        assert said.get("claim", {}).get("verdict") == "false", said
        got = await two.use("find_tools", query="s3 GetObject", k=1)
        name = got["results"][0]["name"]
        report = await two.use("call_tool", name=name, arguments={"Bucket": "weekly-reports", "Key": "report.txt"})
        shown = await two.use("get_task", task=tree)
    assert "11 copies" in json.dumps(report) or base64.b64encode(b"11 copies").decode() in json.dumps(report)
    assert {line["status"] for line in shown["tasks"]} == {"done"}
    with closing(sqlite3.connect(home.parent / "shop.db")) as database:
        assert database.execute("SELECT * FROM orders").fetchall() == ORDERS
    assert one.failures == two.failures == []
    assert one.calls + two.calls >= 30
