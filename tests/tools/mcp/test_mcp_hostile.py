"""Servers that misbehave: each costs a typed error, bounded time and memory, and nobody else anything."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from banyan.core.call import Category
from banyan.core.errors import CallFailed, SourceUnavailable
from banyan.core.ports import Elicited
from banyan.tools.mcp import McpBackend, SessionLimits
from tests.tools.mcp.conftest import HOSTILE, Person, Start, alive, ask, text, until, until_gone
from tests.tools.mcp.measure import MIB, watched

FAST = SessionLimits(
    start_timeout_s=5,
    probe_timeout_s=0.5,
    ping_timeout_s=0.5,
    stop_grace_s=0.3,
    backoff_first_s=0.05,
    backoff_cap_s=0.1,
)


async def failure(backend: McpBackend, name: str, timeout_s: float = 10, **arguments: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await ask(backend, name, timeout_s, **arguments)
    return caught.value


# Starting.


async def test_a_server_that_hangs_at_start_is_given_up_at_its_start_deadline_and_killed(start: Start) -> None:
    backend = start(*HOSTILE, "hang", limits=SessionLimits(start_timeout_s=0.5, stop_grace_s=0.1))
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match="did not start within"):
        await backend.listing()
    assert time.monotonic() - began < 3
    assert backend.status()["failures"] == 1
    assert backend.status()["pid"] is None


async def test_a_server_that_ends_at_start_is_reported_with_its_last_words_but_no_secret(start: Start) -> None:
    backend = start(
        *HOSTILE, "chatty_exit", environ={"MY_TOKEN": "hunter2hunter2"}, env={"TOKEN": "${MY_TOKEN}"}, limits=FAST
    )
    with pytest.raises(SourceUnavailable) as caught:
        await backend.listing()
    assert "cannot find my configuration" in str(caught.value)
    assert "hunter2" not in str(caught.value) + json.dumps(backend.status())


async def test_a_command_that_is_not_there_is_named(start: Start) -> None:
    with pytest.raises(SourceUnavailable, match="`no-such-program` was not found"):
        await start("no-such-program").listing()


@pytest.mark.parametrize("mode", ["deaf_to_probe", "dies_on_probe"])
async def test_a_server_that_cannot_bear_the_newest_protocols_question_is_greeted_the_old_way(
    start: Start, mode: str, tmp_path: Path
) -> None:
    first = start(*HOSTILE, mode, limits=FAST, log_dir=tmp_path)
    assert len((await first.listing()).tools) == 2
    assert first.status()["failures"] == 0
    assert (tmp_path / "s.era").read_text() == "legacy"
    again = start(*HOSTILE, mode, limits=SessionLimits(probe_timeout_s=30, start_timeout_s=4), log_dir=tmp_path)
    assert len((await again.listing()).tools) == 2


async def test_a_malformed_handshake_is_a_typed_error(start: Start) -> None:
    with pytest.raises(SourceUnavailable, match="handshake"):
        await start(*HOSTILE, "garbage_handshake", limits=FAST).listing()


async def test_a_server_that_only_greets_costs_each_call_its_own_deadline_and_is_replaced(start: Start) -> None:
    backend = start(*HOSTILE, "only_greets", limits=FAST)
    for count in (1, 2):
        began = time.monotonic()
        error = await failure(backend, "good", 0.4)
        assert error.category is Category.TIMEOUT
        assert error.sent
        assert backend.status()["starts"] == count
        assert time.monotonic() - began < 0.4 * 1.1 + 2


async def test_a_crash_loop_opens_the_breaker_which_fails_fast_and_says_when_it_tries_again(start: Start) -> None:
    limits = SessionLimits(
        start_timeout_s=5, backoff_first_s=0.01, backoff_cap_s=0.02, breaker_failures=3, breaker_open_s=0.5
    )
    backend = start(*HOSTILE, "exit", limits=limits)
    for _ in range(3):
        await failure(backend, "good")
    assert backend.status()["state"] == "broken"
    began = time.monotonic()
    error = await failure(backend, "good")
    assert time.monotonic() - began < 0.1
    assert "tried again in" in error.message
    assert not error.sent
    assert backend.status()["starts"] == 3
    await anyio.sleep(0.6)
    await failure(backend, "good")
    assert backend.status()["starts"] == 4


async def test_callers_of_one_moment_share_one_start(start: Start) -> None:
    backend = start(*HOSTILE, "good")
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask, backend, "good")
    assert backend.status()["starts"] == 1


# Calls.


async def test_a_death_mid_call_gives_each_call_in_flight_one_error_and_the_next_call_a_new_server(
    start: Start,
) -> None:
    backend = start(*HOSTILE, "good", limits=FAST)
    await ask(backend, "good")
    errors: list[CallFailed] = []

    async def one(name: str) -> None:
        errors.append(await failure(backend, name))

    async with anyio.create_task_group() as group:
        for name in ("never", "never", "never", "die"):
            group.start_soon(one, name)
    assert [error.category for error in errors] == [Category.TRANSPORT] * 4
    assert all(error.sent for error in errors)
    assert "status 3" in errors[0].message
    assert text(await ask(backend, "good")) == "good"


async def test_twenty_deaths_give_twenty_errors_and_leave_no_zombie(start: Start) -> None:
    before = _children()
    limits = SessionLimits(backoff_first_s=0, backoff_cap_s=0, breaker_failures=1000, stop_grace_s=0.2)
    backend = start(*HOSTILE, "good", limits=limits)
    for _ in range(20):
        assert (await failure(backend, "die")).sent
    assert backend.status()["starts"] == 20
    await backend.aclose()
    assert _children() <= before


async def test_a_call_over_its_deadline_is_cancelled_upstream(start: Start, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    backend = start(*HOSTILE, "good", str(heard), limits=FAST)
    error = await failure(backend, "cancelled", 0.3)
    assert error.category is Category.TIMEOUT
    await until(lambda: heard.exists() and heard.read_text().endswith("]"))
    notice, request_id = json.loads(heard.read_text())
    assert notice["method"] == "notifications/cancelled"
    assert notice["params"]["requestId"] == request_id


async def test_a_cancelled_caller_is_cancelled_upstream(start: Start, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    backend = start(*HOSTILE, "good", str(heard), limits=FAST)
    await ask(backend, "good")
    with anyio.move_on_after(0.2):
        await ask(backend, "cancelled", 30)
    await until(lambda: heard.exists() and heard.read_text().endswith("]"))
    assert text(await ask(backend, "good")) == "good"
    assert backend.status()["starts"] == 1


async def test_a_server_that_is_stuck_is_killed_and_the_next_call_works(start: Start) -> None:
    backend = start(*HOSTILE, "good", limits=FAST)
    began = time.monotonic()
    assert (await failure(backend, "block", 0.3)).category is Category.TIMEOUT
    assert time.monotonic() - began < 2
    assert text(await ask(backend, "good")) == "good"
    assert backend.status()["starts"] == 2


async def test_a_server_that_is_merely_slow_is_not_killed(start: Start) -> None:
    backend = start(*HOSTILE, "good", limits=FAST)
    assert (await failure(backend, "never", 0.3)).category is Category.TIMEOUT
    assert text(await ask(backend, "good")) == "good"
    assert backend.status()["starts"] == 1


# What they say.


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["long_line_id_first", "long_line_id_last"])
async def test_a_500_mb_line_costs_its_own_call_a_typed_error_and_little_time_and_memory(
    start: Start, name: str
) -> None:
    backend = start(*HOSTILE, "good")
    await ask(backend, "good")
    async with watched(lag_s=0.5, growth_bytes=64 * MIB):
        began = time.monotonic()
        error = await failure(backend, name, 30, size_bytes=500 * MIB)
        assert error.category is Category.UPSTREAM
        assert "more than" in error.message
        assert text(await ask(backend, "good", 30)) == "good"
        assert time.monotonic() - began < 20
    assert backend.status()["starts"] == 1


async def test_a_long_line_for_nobody_ends_the_session_and_is_replaced(start: Start) -> None:
    backend = start(*HOSTILE, "good", limits=FAST)
    error = await failure(backend, "long_line_of_nothing", size_bytes=20 * MIB)
    assert error.category is Category.TRANSPORT
    assert error.sent
    assert text(await ask(backend, "good")) == "good"


@pytest.mark.timeout(60)
async def test_200_mb_on_standard_error_cost_little_memory_and_a_bounded_log(start: Start, tmp_path: Path) -> None:
    backend = start(*HOSTILE, "good", log_dir=tmp_path)
    await ask(backend, "good")
    async with watched(lag_s=0.5, growth_bytes=32 * MIB):
        assert text(await ask(backend, "stderr", 30, size_bytes=200 * MIB)) == "ok"
    await backend.aclose()
    logs = [tmp_path / "s.log", tmp_path / "s.log.1"]
    assert sum(log.stat().st_size for log in logs if log.exists()) <= 2 * MIB
    assert logs[0].stat().st_mode & 0o077 == 0
    assert len(backend.status()["log"]) <= 8192


@pytest.mark.parametrize(("name", "size_bytes"), [("notices", 2 * MIB), ("changes", MIB // 4), ("progress", MIB // 4)])
async def test_a_flood_of_notifications_stalls_nothing_and_the_answer_still_comes(
    start: Start, name: str, size_bytes: int
) -> None:
    heard: list[str] = []
    backend = start(*HOSTILE, "good", on_changed=heard.append)
    await ask(backend, "good")
    async with watched(lag_s=0.5, growth_bytes=48 * MIB):
        assert text(await ask(backend, name, 25, size_bytes=size_bytes)) == "ok"
    assert len(heard) < 50


async def test_a_caller_that_is_slow_to_hear_of_progress_hears_the_latest_and_not_all(start: Start) -> None:
    class Slow(Person):
        async def progress(self, done: float, total: float | None, message: str | None) -> None:
            await super().progress(done, total, message)
            await anyio.sleep(0.05)

    person = Slow()
    assert text(await ask(start(*HOSTILE, "good"), "progress", 25, person, size_bytes=MIB // 4)) == "ok"
    assert 1 <= len(person.told) < 200


async def test_a_large_result_comes_whole_without_stalling_others(start: Start) -> None:
    backend = start(*HOSTILE, "good")
    await ask(backend, "good")
    async with watched(lag_s=0.5, growth_bytes=200 * MIB):
        found = await ask(backend, "big", 20, size_bytes=6 * MIB)
    assert found.structured[-1]["number"] == len(found.structured) - 1


@pytest.mark.parametrize("name", ["garbage", "wrong_id"])
async def test_garbage_and_answers_to_nobody_are_passed_over(
    start: Start, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    backend = start(*HOSTILE, "good")
    assert text(await ask(backend, name)) == "ok"
    assert "hello" not in caplog.text


@pytest.mark.parametrize("name", ["broken_answer", "no_result"])
async def test_an_answer_that_is_none_is_a_typed_error(start: Start, name: str) -> None:
    error = await failure(start(*HOSTILE, "good"), name)
    assert error.category is Category.UPSTREAM
    assert error.sent


@pytest.mark.parametrize("levels", [260, 2000, 100_000])
async def test_a_result_nested_too_deep_is_a_typed_error(start: Start, levels: int) -> None:
    error = await failure(start(*HOSTILE, "good"), "deep_result", levels=levels)
    assert error.category is Category.UPSTREAM
    assert "nested" in error.message


async def test_a_result_nested_a_hundred_levels_deep_is_kept(start: Start) -> None:
    assert (await ask(start(*HOSTILE, "good"), "deep_result", levels=100)).structured is not None


@pytest.mark.parametrize(
    ("code", "said", "category"),
    [
        (-32601, "Method not found", Category.NOT_FOUND),
        (-32602, "Unknown tool: x", Category.NOT_FOUND),
        (-32602, "Missing required argument: a", Category.MISSING_ARGUMENT),
        (-32602, "a must be an integer", Category.BAD_VALUE),
        (-32603, "Internal error", Category.UPSTREAM),
        (-32000, "Connection closed", Category.TRANSPORT),
        (1, "", Category.UPSTREAM),
    ],
)
async def test_an_error_answer_has_the_category_of_its_code(
    start: Start, code: int, said: str, category: Category
) -> None:
    error = await failure(start(*HOSTILE, "good", limits=FAST), "code", code=code, text=said)
    assert error.category is category
    assert error.sent


async def test_secrets_reach_the_server_and_come_back_neither_in_errors_nor_logs(start: Start, tmp_path: Path) -> None:
    backend = start(
        *HOSTILE, "good", environ={"MY_TOKEN": "hunter2hunter2"}, env={"TOKEN": "${MY_TOKEN}"}, log_dir=tmp_path
    )
    error = await failure(backend, "secret")
    assert "bad token [secret]" in error.message
    assert len(error.message) < 1100
    assert "hunter2" not in json.dumps(backend.status())
    await backend.aclose()
    assert "hunter2" not in (tmp_path / "s.log").read_text()


async def test_a_missing_secret_fails_the_call_before_anything_is_started(start: Start) -> None:
    backend = start(*HOSTILE, "good", env={"TOKEN": "${NOT_THERE}"})
    error = await failure(backend, "good")
    assert error.category is Category.AUTH
    assert not error.sent
    assert "NOT_THERE" in error.message
    assert backend.status()["failures"] == 0


async def test_a_server_gets_what_it_needs_of_our_environment_and_no_more(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do not pass on")
    found = await ask(start(*HOSTILE, "good", env={"MINE": "yes"}), "environment")
    assert found.structured["MINE"] == "yes"
    assert "PATH" in found.structured
    assert "AWS_SECRET_ACCESS_KEY" not in found.structured


async def test_a_question_of_an_older_server_reaches_the_only_caller(start: Start) -> None:
    person = Person(Elicited(action="accept", content={"sure": True}))
    found = await ask(start(*HOSTILE, "good"), "ask", person=person)
    assert person.asked[0][0] == "Sure?"
    assert found.structured["result"] == {"action": "accept", "content": {"sure": True}}


async def test_a_question_that_may_be_anybodys_is_declined(start: Start) -> None:
    backend = start(*HOSTILE, "good")
    await ask(backend, "good")
    person = Person(Elicited(action="accept"))
    async with anyio.create_task_group() as group:
        group.start_soon(failure, backend, "never", 2)
        await anyio.wait_all_tasks_blocked()
        found = await ask(backend, "ask", person=person)
        group.cancel_scope.cancel()
    assert found.structured["result"] == {"action": "decline"}
    assert person.asked == []


async def test_where_nobody_can_be_asked_the_question_is_cancelled(start: Start) -> None:
    found = await ask(start(*HOSTILE, "good"), "ask", person=Person(None))
    assert found.structured["result"] == {"action": "cancel"}


async def test_the_deadline_does_not_run_while_a_person_thinks(start: Start) -> None:
    person = Person(Elicited(action="decline"))
    person.thinks = anyio.Event()
    backend = start(*HOSTILE, "good")
    await ask(backend, "good")
    async with anyio.create_task_group() as group:
        group.start_soon(ask, backend, "ask", 0.3, person)
        await anyio.sleep(0.6)
        person.thinks.set()


# Nobody else.


@pytest.mark.timeout(60)
@pytest.mark.parametrize("noise", ["long_line_id_first", "notices", "changes", "stderr", "never"])
async def test_a_healthy_server_stays_quick_beside_one_that_does_not(start: Start, noise: str) -> None:
    healthy, wild = start(*HOSTILE, "good"), start(*HOSTILE, "good", limits=FAST)
    await ask(healthy, "good")
    await ask(wild, "good")

    async def p95_s() -> float:
        taken = []
        for _ in range(200):
            began = time.perf_counter()
            await ask(healthy, "good")
            taken.append(time.perf_counter() - began)
        return statistics.quantiles(taken, n=20)[-1]

    async def make_noise() -> None:
        while True:
            with suppress(CallFailed):
                await ask(wild, noise, 1, size_bytes=100 * MIB)

    alone_s = await p95_s()
    async with anyio.create_task_group() as group:
        group.start_soon(make_noise)
        beside_s = await p95_s()
        group.cancel_scope.cancel()
    # Both servers share this machine's few processors with us: what is held here is that none waits for the other.
    assert beside_s < max(2 * alone_s, 0.02), f"{alone_s * 1000:.1f} ms alone, {beside_s * 1000:.1f} ms beside"


# Ending.


def _children() -> set[int]:
    listed = subprocess.run(["ps", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return {int(pid) for pid, parent, name in rows if int(parent) == os.getpid() and name != "ps"}


async def test_an_idle_server_is_stopped_and_started_again_when_needed(start: Start) -> None:
    limits = SessionLimits(idle_stop_s=0.3, stop_grace_s=0.3)
    backend = start(*HOSTILE, "good", limits=limits)
    pid = (await ask(backend, "pid")).structured["pid"]
    await until_gone(pid)
    await until(lambda: backend.status()["state"] == "idle")
    assert backend.status()["failures"] == 0
    assert (await ask(backend, "pid")).structured["pid"] != pid


async def test_a_call_in_flight_keeps_a_server_from_being_idle(start: Start) -> None:
    backend = start(*HOSTILE, "good", limits=SessionLimits(idle_stop_s=0.2, stop_grace_s=0.3))
    assert (await failure(backend, "never", 1)).category is Category.TIMEOUT


async def test_a_server_that_ignores_every_request_to_end_is_killed(start: Start) -> None:
    backend = start(*HOSTILE, "stubborn", limits=FAST)
    pid = (await ask(backend, "pid")).structured["pid"]
    began = time.monotonic()
    await backend.aclose()
    assert time.monotonic() - began < 3
    assert not alive(pid)


async def test_what_a_server_started_ends_with_it(start: Start) -> None:
    backend = start(*HOSTILE, "family", limits=FAST)
    found = (await ask(backend, "pid")).structured
    assert alive(found["group"][0])
    await backend.aclose()
    await until_gone(found["pid"], *found["group"])


async def test_closing_twice_and_calling_after_it_are_safe(start: Start) -> None:
    backend = start(*HOSTILE, "good")
    await ask(backend, "good")
    await backend.aclose()
    await backend.aclose()
    assert (await failure(backend, "good")).category is Category.TRANSPORT


async def test_a_call_in_flight_ends_with_a_typed_error_when_the_backend_is_closed(start: Start) -> None:
    backend = start(*HOSTILE, "good", limits=FAST)
    await ask(backend, "good")
    errors = []

    async def one() -> None:
        errors.append(await failure(backend, "never", 30))

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        await anyio.wait_all_tasks_blocked()
        await backend.aclose()
    assert errors[0].category is Category.TRANSPORT


PARENT = """
import anyio, sys
from pathlib import Path
from banyan.core.source import Source, SourceKind
from banyan.server.secrets import SecretStores
from banyan.tools.mcp import McpBackend
from tests.tools.mcp.conftest import HOSTILE, ask

async def main():
    source = Source(name="s", kind=SourceKind.MCP, config={"command": [*HOSTILE, "family"]})
    backend = McpBackend(source, secrets=SecretStores(Path(sys.argv[1]), environ={}))
    found = (await ask(backend, "pid")).structured
    print(found["pid"], *found["group"], flush=True)
    await anyio.sleep(60)

anyio.run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
async def test_no_orphan_is_left_when_banyan_itself_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    async with await anyio.open_process([sys.executable, "-c", PARENT, str(tmp_path)], cwd=root) as parent:
        assert parent.stdout
        with anyio.fail_after(20):
            pids = [int(pid) for pid in (await parent.stdout.receive()).split()]
        assert all(alive(pid) for pid in pids)
        parent.send_signal(number)
        await parent.wait()
        await until_gone(*pids)
