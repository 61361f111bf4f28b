"""The guarded call, from a name and arguments to an outcome."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio
import pytest

from banyan.core.approval import Scope
from banyan.core.call import CallState, Category, OutcomeKind, Part, RawResult
from banyan.core.errors import CallFailed, DatabaseUnavailable, SourceUnavailable, StorageFull
from banyan.core.policy import DIRECT_POLICY, MCP_POLICY, Action, Policy, Rule
from banyan.core.ports import Caller, Elicited
from banyan.core.source import Source
from banyan.core.tool import Effects
from banyan.testing.backend import ScriptedCaller
from banyan.tools.invoke import CallLimits
from banyan.tools.replay import KEY_ARGUMENT
from tests.tools.room import DELETES, READS, SECRET, WRITES, Clock, Room, schema, spec

LOST = CallFailed(Category.TRANSPORT, "connection closed", sent=True)


def accept(decision: str = "once") -> Elicited:
    return Elicited(action="accept", content={"decision": decision})


async def test_a_call_returns_what_the_tool_answered_and_keeps_it_under_a_handle(room: Room) -> None:
    await room.offer(spec("read", input_schema=schema(["path"], path="string")), {"lines": [1, 2]})
    outcome = await room.call("files__read", {"path": "a"})
    assert (outcome.outcome, outcome.preview, outcome.truncated) == (OutcomeKind.OK, '{"lines":[1,2]}', False)
    assert outcome.data == {"lines": [1, 2]}
    assert outcome.handle is not None
    assert (await room.reader.read(outcome.handle, path="/lines/1")).content == "2"


async def test_every_call_is_recorded_with_its_outcome_and_without_its_arguments(room: Room) -> None:
    await room.offer(spec("read", input_schema=schema(["path"], path="string")), "text")
    await room.call("files__read", {"path": "private"}, task="t1")
    await room.call("files__read", {"path": 31415.9265})
    wrong, right = await room.database.journal.recent(limit=5)
    assert (right.outcome, right.task, right.state) == (OutcomeKind.OK, "t1", CallState.ENDED)
    assert (wrong.outcome, wrong.category) == (OutcomeKind.FAILED, Category.BAD_VALUE)
    assert "private" not in str(right)
    assert "31415" not in str(wrong)


async def test_an_unknown_tool_is_an_outcome_with_the_nearest_names(room: Room) -> None:
    await room.offer(spec("read_file"), "text")
    outcome = await room.call("files__raed_file", {})
    assert (outcome.category, outcome.exit_status) == (Category.UNKNOWN_TOOL, 2)
    assert outcome.fix is not None
    assert "`files__read_file`" in outcome.fix


async def test_a_corrected_name_is_noted(room: Room) -> None:
    await room.offer(spec("read_file"), "text")
    outcome = await room.call("mcp__banyan__files__read_file")
    assert (outcome.ok, outcome.tool) == (True, "files__read_file")
    assert "was taken as `files__read_file`" in outcome.notes[0]


async def test_a_name_that_stands_within_the_arguments_is_taken_from_there(room: Room) -> None:
    await room.offer(spec("read", input_schema=schema(["path"], path="string")), "text")
    outcome = await room.call("", {"tool_name": "files__read", "arguments": {"path": "a"}})
    assert outcome.ok
    assert room.backend.sent[0].arguments == {"path": "a"}


async def test_wrong_arguments_are_told_with_their_place_and_the_schema_they_violate(room: Room) -> None:
    await room.offer(spec("read", input_schema=schema(["path"], path="string", lines="integer")), "text")
    outcome = await room.call("files__read", {"lines": [], "pth": "a"})
    assert outcome.category is Category.MISSING_ARGUMENT
    assert outcome.message is not None
    assert outcome.fix is not None
    for part in ("`/path` is missing", "did you mean `path`?", "`/lines`: expected integer", '{"type":"integer"}'):
        assert part in outcome.message
    assert "files__read(path: string, lines?: integer)" in outcome.fix
    assert room.backend.sent == []


async def test_a_quarantined_tool_is_denied_with_the_reason(room: Room) -> None:
    await room.offer(spec("read", fault="its schema is broken"), "text")
    outcome = await room.call("files__read")
    assert (outcome.outcome, outcome.category) == (OutcomeKind.DENIED, Category.DENIED)
    assert outcome.message is not None
    assert "its schema is broken" in outcome.message


async def test_a_tool_that_is_gone_says_so(room: Room) -> None:
    await room.offer(spec("read"), "text")
    await room.database.tools.sync(room.made[0].name if room.made else "files", [])  # type: ignore[arg-type]
    room.resolver.forget()
    outcome = await room.call("files__read")
    assert (outcome.outcome, outcome.category) == (OutcomeKind.FAILED, Category.NOT_FOUND)


async def test_a_failed_tool_is_an_outcome_with_its_words_and_a_stored_result(room: Room) -> None:
    text = f"no such file {SECRET} " + "x" * 5_000
    answer = RawResult(parts=(Part(media_type="text/plain", body=text.encode()),), failed=True)
    await room.offer(spec("read"), answer)
    outcome = await room.call("files__read")
    assert (outcome.outcome, outcome.category, outcome.exit_status) == (OutcomeKind.FAILED, Category.UPSTREAM, 5)
    assert outcome.message is not None
    assert outcome.message.startswith("no such file [secret]")
    assert len(outcome.message) <= CallLimits().message_chars
    assert outcome.truncated
    page = await room.reader.read(str(outcome.handle), offset=20)
    assert SECRET not in str(page.content)


async def test_secrets_are_hidden_in_results_messages_and_questions(room: Room) -> None:
    await room.offer(spec("read", input_schema=schema(at="string"), effects=DELETES), {"password": SECRET})
    caller = ScriptedCaller(answers=[accept()])
    outcome = await room.call("files__read", {"at": SECRET}, policy=MCP_POLICY, caller=caller)
    assert outcome.ok
    assert SECRET not in repr(outcome) + repr(outcome.data) + repr(caller.asked)
    stored = await room.database.artifacts.get(str(outcome.handle))
    assert SECRET.encode() not in stored.body


async def test_a_result_beyond_the_cap_is_cut_and_marked(clock: Clock, room: Room) -> None:
    small = Room(room.database, clock, CallLimits(result_cap_bytes=1_000))
    await small.offer(spec("read"), "é" * 2_000)
    outcome = await small.call("files__read")
    assert (outcome.size_bytes, outcome.truncated, outcome.data) == (1_000, True, None)
    assert (await small.database.artifacts.get(str(outcome.handle))).artifact.truncated


async def test_a_long_result_is_previewed_and_read_on(room: Room) -> None:
    rows = [{"id": at, "name": f"row {at}"} for at in range(1_000)]
    await room.offer(spec("list"), rows)
    outcome = await room.call("files__list")
    assert outcome.truncated
    assert len(outcome.preview) <= CallLimits().preview_chars
    assert "more of 1000" in outcome.preview
    assert (await room.reader.read(str(outcome.handle), path="/999/name")).content == "row 999"


# Policy and approval.


async def test_a_rule_that_denies_wins_over_the_default(room: Room) -> None:
    await room.offer(spec("read"), "text")
    policy = Policy(
        name="p",
        read_only=Action.ALLOW,
        writes=Action.ALLOW,
        destructive=Action.ALLOW,
        rules=(Rule(action=Action.DENY, tool="files__*"),),
    )
    outcome = await room.call("files__read", policy=policy)
    assert (outcome.outcome, outcome.exit_status) == (OutcomeKind.DENIED, 4)
    assert outcome.rule is not None
    assert "files__*" in outcome.rule
    assert room.backend.sent == []


async def test_the_command_line_is_warned_of_a_tool_that_writes(room: Room) -> None:
    await room.offer(spec("write", effects=WRITES), "done")
    outcome = await room.call("files__write")
    assert outcome.ok
    assert any(note.startswith("warning") for note in outcome.notes)


async def test_a_destructive_tool_waits_for_a_person_who_cannot_be_asked(room: Room) -> None:
    await room.offer(spec("delete", input_schema=schema(path="string"), effects=DELETES), "done")
    outcome = await room.call("files__delete", {"path": "a"}, policy=MCP_POLICY)
    assert (outcome.outcome, outcome.exit_status) == (OutcomeKind.NEEDS_APPROVAL, 4)
    assert outcome.category is None  # it waits, and is not refused
    assert outcome.fix is not None
    assert f"banyan approve {outcome.approval_id}" in outcome.fix
    assert room.backend.sent == []
    again = await room.call("files__delete", {"path": "a"}, policy=MCP_POLICY)
    assert again.approval_id == outcome.approval_id


async def test_an_approval_lets_the_same_call_run_once_and_no_other(room: Room) -> None:
    await room.offer(spec("delete", input_schema=schema(path="string"), effects=DELETES), "done")
    asked = await room.call("files__delete", {"path": "a"}, policy=MCP_POLICY)
    await room.database.approvals.decide(str(asked.approval_id), approve=True, scope=Scope.ONCE, by="cli")
    other = await room.call("files__delete", {"path": "b"}, policy=MCP_POLICY)
    first = await room.call("files__delete", {"path": "a"}, policy=MCP_POLICY)
    second = await room.call("files__delete", {"path": "a"}, policy=MCP_POLICY)
    assert [one.outcome for one in (other, first, second)] == [
        OutcomeKind.NEEDS_APPROVAL,
        OutcomeKind.OK,
        OutcomeKind.NEEDS_APPROVAL,
    ]


async def test_an_approval_for_always_ends_when_the_tool_changes(room: Room) -> None:
    await room.offer(spec("delete", input_schema=schema(path="string"), effects=DELETES), "done")
    caller = ScriptedCaller(answers=[accept("always")])
    assert (await room.call("files__delete", {"path": "a"}, policy=MCP_POLICY, caller=caller)).ok
    assert (await room.call("files__delete", {"path": "b"}, policy=MCP_POLICY)).ok
    await room.offer(spec("delete", description="new", input_schema=schema(path="string"), effects=DELETES), "done")
    changed = await room.call("files__delete", {"path": "b"}, policy=MCP_POLICY)
    assert changed.outcome is OutcomeKind.NEEDS_APPROVAL


@pytest.mark.parametrize("effects", [DELETES, WRITES], ids=["asked", "offered"])
async def test_leave_for_a_tool_that_changed_at_its_server_since_it_was_listed_sends_nothing(
    room: Room, effects: Effects
) -> None:
    kept = spec("change", input_schema=schema(path="string"), effects=effects)
    await room.offer(kept, "done")
    caller = ScriptedCaller(answers=[accept("always")])
    assert (await room.call("files__change", {"path": "a"}, policy=MCP_POLICY, caller=caller)).ok
    room.backend.tools = [replace(kept, description="Now it does something else.")]
    for answers in ([], [accept("once")]):
        caller = ScriptedCaller(answers=answers)
        outcome = await room.call("files__change", {"path": "b"}, policy=MCP_POLICY, caller=caller)
        assert (outcome.outcome, outcome.category) == (OutcomeKind.FAILED, Category.NOT_FOUND)
    assert len(room.backend.sent) == 1
    assert (await room.call("files__change", {"path": "b"})).ok, "whoever types the call needs no leave"


async def test_a_person_is_told_which_server_asks(room: Room) -> None:
    async def ask(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
        answer = await caller.elicit("Allow `files__delete` of source `files` to run?", {})
        return RawResult(structured=dict(answer.content or {}) if answer else None)

    await room.offer(spec("ask"), ask)
    caller = ScriptedCaller(answers=[Elicited(action="accept", content={"a": 1})])
    assert (await room.call("files__ask", caller=caller)).data == {"a": 1}
    assert caller.asked == ["The tool server `files` asks: Allow `files__delete` of source `files` to run?"]


@pytest.mark.parametrize("answer", [accept("deny"), Elicited(action="decline")])
async def test_a_person_who_declines_denies_the_call(room: Room, answer: Elicited) -> None:
    await room.offer(spec("delete", effects=DELETES), "done")
    outcome = await room.call("files__delete", policy=MCP_POLICY, caller=ScriptedCaller(answers=[answer]))
    assert outcome.outcome is OutcomeKind.DENIED
    assert room.backend.sent == []


async def test_a_question_that_is_dismissed_stays_open_in_the_inbox(room: Room) -> None:
    await room.offer(spec("write", effects=WRITES), "done")
    caller = ScriptedCaller(answers=[Elicited(action="cancel")])
    outcome = await room.call("files__write", policy=MCP_POLICY, caller=caller)
    assert outcome.outcome is OutcomeKind.NEEDS_APPROVAL
    assert [one.id for one in await room.pending()] == [outcome.approval_id]


async def test_an_unannotated_tool_is_offered_where_a_person_can_be_asked_and_else_allowed(room: Room) -> None:
    await room.offer(spec("write", effects=Effects()), "done")
    caller = ScriptedCaller(answers=[accept()])
    assert (await room.call("files__write", policy=MCP_POLICY, caller=caller)).ok
    assert "guessed" in caller.asked[0]
    assert (await room.call("files__write", policy=MCP_POLICY, caller=ScriptedCaller())).ok
    assert await room.pending() == []


async def test_a_tool_that_changes_while_the_person_thinks_is_not_called(room: Room) -> None:
    await room.offer(spec("delete", effects=DELETES), "done")

    class Thinker(ScriptedCaller):
        async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
            await room.offer(spec("delete", description="something else", effects=DELETES), "done")
            return accept()

    outcome = await room.call("files__delete", policy=MCP_POLICY, caller=Thinker())
    assert outcome.outcome is OutcomeKind.FAILED
    assert room.backend.sent == []


async def test_a_call_that_cannot_be_sent_uses_up_no_approval(room: Room) -> None:
    await room.offer(spec("delete", effects=DELETES), "done")
    asked = await room.call("files__delete", policy=MCP_POLICY)
    await room.database.approvals.decide(str(asked.approval_id), approve=True, scope=Scope.ONCE, by="cli")
    source = await room.database.sources.get("files")
    await room.backends.drop(source.name)
    await room.database.sources.put(replace(source, enabled=False))
    assert (await room.call("files__delete", policy=MCP_POLICY)).outcome is OutcomeKind.FAILED
    await room.database.sources.put(source)
    assert (await room.call("files__delete", policy=MCP_POLICY)).ok


# Failures on the way.


async def test_a_broken_connection_is_tried_once_more_for_a_tool_that_reads(room: Room) -> None:
    await room.offer(spec("read", effects=READS), LOST, "text")
    outcome = await room.call("files__read")
    assert outcome.ok
    assert len(room.backend.sent) == 2
    assert any("once more" in note for note in outcome.notes)


async def test_a_tool_that_reads_and_asks_to_come_back_soon_is_called_once_more(room: Room) -> None:
    busy = CallFailed(Category.RATE_LIMITED, "busy", sent=True, retry_after_s=0.01)
    await room.offer(spec("read", effects=READS), busy, "text")
    outcome = await room.call("files__read")
    assert outcome.ok
    assert len(room.backend.sent) == 2
    assert any("asked to wait" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("effects", "wait_s", "timeout_s"), [(READS, 3_600, None), (READS, 4, 3), (WRITES, 0.01, None)]
)
async def test_a_long_wait_and_a_tool_that_writes_are_left_to_the_caller(
    room: Room, effects: Effects, wait_s: float, timeout_s: float | None
) -> None:
    busy = CallFailed(Category.RATE_LIMITED, "busy", fix="wait", sent=True, retry_after_s=wait_s)
    await room.offer(spec("tool", effects=effects), busy)
    outcome = await room.call("files__tool", timeout_s=timeout_s)
    assert (outcome.outcome, outcome.category, outcome.fix) == (OutcomeKind.FAILED, Category.RATE_LIMITED, "wait")
    assert len(room.backend.sent) == 1


async def test_a_broken_connection_is_tried_no_more_than_twice(room: Room) -> None:
    await room.offer(spec("read", effects=READS), LOST)
    outcome = await room.call("files__read")
    assert (outcome.outcome, outcome.category) == (OutcomeKind.FAILED, Category.TRANSPORT)
    assert len(room.backend.sent) == 2


@pytest.mark.parametrize("category", [Category.TRANSPORT, Category.TIMEOUT])
async def test_a_lost_answer_of_a_tool_that_writes_is_an_unknown_effect_and_not_repeated(
    room: Room, category: Category
) -> None:
    await room.offer(spec("write", effects=WRITES), CallFailed(category, "lost", sent=True))
    outcome = await room.call("files__write")
    assert (outcome.outcome, outcome.category, outcome.exit_status) == (
        OutcomeKind.UNKNOWN,
        Category.UNKNOWN_EFFECT,
        8,
    )
    assert outcome.fix
    assert len(room.backend.sent) == 1
    (record,) = await room.database.journal.recent(limit=5, unsettled=True)
    assert record.outcome is OutcomeKind.UNKNOWN


async def test_a_call_that_was_never_sent_has_no_unknown_effect(room: Room) -> None:
    await room.offer(spec("write", effects=WRITES), CallFailed(Category.TRANSPORT, "cannot start", sent=False))
    outcome = await room.call("files__write")
    assert (outcome.outcome, outcome.category) == (OutcomeKind.FAILED, Category.TRANSPORT)


async def test_a_slow_tool_ends_at_its_deadline(room: Room) -> None:
    async def slow(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
        await anyio.sleep_forever()
        raise AssertionError

    await room.offer(spec("read"), slow)
    with anyio.fail_after(5):
        outcome = await room.call("files__read", timeout_s=0.05)
    assert (outcome.outcome, outcome.category) == (OutcomeKind.FAILED, Category.TIMEOUT)


async def test_a_deadline_is_the_requests_else_the_sources_else_the_general_one(room: Room) -> None:
    await room.offer(spec("read"), "text")
    await room.call("files__read")
    source = await room.database.sources.get("files")
    await room.database.sources.put(Source(name=source.name, kind=source.kind, config={"timeout_s": 7}))
    await room.backends.drop(source.name)
    await room.call("files__read")
    await room.call("files__read", timeout_s=3)
    assert [one.timeout_s for one in room.backend.sent] == [CallLimits().timeout_s, 7, 3]


async def test_a_backend_that_ignores_its_deadline_is_given_up(clock: Clock, room: Room) -> None:
    class Stuck(Exception):
        pass

    async def stuck(tool: Any, arguments: Any, *, timeout_s: float, caller: Caller) -> RawResult:
        await anyio.sleep_forever()
        raise Stuck

    short = Room(room.database, clock, CallLimits(timeout_s=0.02, start_grace_s=0.02))
    await short.offer(spec("read"), "text")
    short.backend.call = stuck  # type: ignore[method-assign]
    with anyio.fail_after(5):
        outcome = await short.call("files__read")
    assert outcome.category is Category.TIMEOUT


async def test_a_bug_in_a_backend_ends_one_call_and_is_logged(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    await room.offer(spec("read"), ZeroDivisionError("boom"))
    await room.offer(spec("write", effects=WRITES), ZeroDivisionError("boom"))
    with caplog.at_level(logging.ERROR):
        outcome = await room.call("files__read")
    assert (outcome.outcome, outcome.category) == (OutcomeKind.FAILED, Category.UPSTREAM)
    assert "ZeroDivisionError" in caplog.text
    assert (await room.call("files__write")).outcome is OutcomeKind.UNKNOWN


async def test_a_source_that_is_switched_off_is_an_outcome(room: Room) -> None:
    await room.offer(spec("read"), "text")
    source = await room.database.sources.get("files")
    await room.database.sources.put(Source(name=source.name, kind=source.kind, enabled=False))
    outcome = await room.call("files__read")
    assert outcome.category is Category.TRANSPORT
    assert outcome.message is not None
    assert "switched off" in outcome.message


async def test_a_source_that_cannot_start_is_an_outcome(room: Room) -> None:
    await room.offer(spec("read"), SourceUnavailable("files", "no such program"))
    outcome = await room.call("files__read")
    assert (outcome.outcome, outcome.category) == (OutcomeKind.FAILED, Category.TRANSPORT)


# The ledger.


async def test_a_call_that_writes_is_in_the_ledger_before_it_is_sent(room: Room) -> None:
    seen: list[CallState] = []

    async def look(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
        seen.extend(one.state for one in await room.database.journal.recent(limit=5))
        return RawResult()

    await room.offer(spec("write", effects=WRITES), look)
    assert (await room.call("files__write")).ok
    assert seen == [CallState.PREPARED]


async def test_nothing_is_sent_that_cannot_be_written_down_first(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(record: Any) -> None:
        raise StorageFull("no room")

    await room.offer(spec("write", effects=WRITES), "done")
    monkeypatch.setattr(room.database.journal, "prepare", full)
    with pytest.raises(StorageFull):
        await room.call("files__write")
    assert room.backend.sent == []


async def test_a_result_that_cannot_be_stored_still_reaches_the_caller(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(record: Any, result: Any = None, *, durable: bool) -> None:
        raise DatabaseUnavailable("locked")

    await room.offer(spec("write", effects=WRITES), "done")
    monkeypatch.setattr(room.database.journal, "finish", broken)
    outcome = await room.call("files__write")
    assert (outcome.outcome, outcome.preview, outcome.handle) == (OutcomeKind.OK, "done", None)
    assert any("could not be stored" in note for note in outcome.notes)


@pytest.mark.parametrize(("effects", "expected"), [(READS, OutcomeKind.FAILED), (WRITES, OutcomeKind.UNKNOWN)])
async def test_a_cancelled_call_leaves_a_truthful_record(
    kept_room: Room, effects: Effects, expected: OutcomeKind
) -> None:
    began = anyio.Event()

    async def hang(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
        began.set()
        await anyio.sleep_forever()
        raise AssertionError

    await kept_room.offer(spec("work", effects=effects), hang)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(kept_room.call, "files__work")
            await began.wait()
            group.cancel_scope.cancel()
    (record,) = await kept_room.database.journal.recent(limit=5)
    assert (record.state, record.outcome) == (CallState.ENDED, expected)


async def test_what_a_tool_answered_is_kept_even_if_its_caller_goes_away(kept_room: Room) -> None:
    scope = anyio.CancelScope()

    async def answer(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
        scope.cancel()
        return RawResult(structured={"done": True})

    await kept_room.offer(spec("write", effects=WRITES), answer)
    with anyio.fail_after(10), scope:
        await kept_room.call("files__write")
    (record,) = await kept_room.database.journal.recent(limit=5)
    assert (record.outcome, record.handle is not None) == (OutcomeKind.OK, True)


# Idempotency keys.


async def test_a_repeated_key_tells_the_outcome_again_and_calls_nothing(kept_room: Room) -> None:
    await kept_room.offer(spec("write", input_schema=schema(a="integer"), effects=WRITES), {"id": 7}, {"id": 8})
    first = await kept_room.call("files__write", {"a": 1}, idempotency_key="k")
    second = await kept_room.call("files__write", {"a": 1}, idempotency_key="k")
    assert (second.call_id, second.handle, second.data) == (first.call_id, first.handle, {"id": 7})
    assert second.preview == first.preview
    assert len(kept_room.backend.sent) == 1


async def test_a_key_of_a_call_that_only_reads_works_the_same(kept_room: Room) -> None:
    await kept_room.offer(spec("read"), "first", "second")
    await kept_room.call("files__read", idempotency_key="k")
    again = await kept_room.call("files__read", idempotency_key="k")
    assert again.preview == "first"


async def test_a_key_used_for_another_call_is_refused(room: Room) -> None:
    await room.offer(spec("write", input_schema=schema(a="integer"), effects=WRITES), "done")
    await room.call("files__write", {"a": 1}, idempotency_key="k")
    other = await room.call("files__write", {"a": 2}, idempotency_key="k")
    assert (other.outcome, other.category) == (OutcomeKind.FAILED, Category.BAD_VALUE)
    assert len(room.backend.sent) == 1


async def test_a_key_whose_call_has_no_outcome_is_an_unknown_effect(room: Room) -> None:
    began, go = anyio.Event(), anyio.Event()

    async def wait(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
        began.set()
        await go.wait()
        return RawResult()

    await room.offer(spec("write", effects=WRITES), wait)
    other = Room(room.database, room.clock)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: room.call("files__write", idempotency_key="k"))
            await began.wait()
            same = await room.call("files__write", idempotency_key="k")
            elsewhere = await other.call("files__write", idempotency_key="k")
            go.set()
    assert [same.category, elsewhere.category] == [Category.UNKNOWN_EFFECT] * 2
    assert other.backend.sent == []
    assert await room.database.journal.recent(limit=5, unsettled=True) == []


@pytest.mark.parametrize("failure", [CallFailed(Category.TRANSPORT, "cannot start", sent=False)])
async def test_a_key_under_which_nothing_was_sent_can_be_used_again(kept_room: Room, failure: CallFailed) -> None:
    await kept_room.offer(spec("write", effects=WRITES), failure, "done")
    assert not (await kept_room.call("files__write", idempotency_key="k")).ok
    assert (await kept_room.call("files__write", idempotency_key="k")).ok


async def test_a_key_of_a_refused_call_can_be_used_once_it_is_approved(kept_room: Room) -> None:
    await kept_room.offer(spec("delete", effects=DELETES), "done")
    asked = await kept_room.call("files__delete", policy=MCP_POLICY, idempotency_key="k")
    await kept_room.database.approvals.decide(str(asked.approval_id), approve=True, scope=Scope.ONCE, by="cli")
    assert (await kept_room.call("files__delete", policy=MCP_POLICY, idempotency_key="k")).ok
    again = await kept_room.call("files__delete", policy=MCP_POLICY, idempotency_key="k")
    assert again.ok
    assert len(kept_room.backend.sent) == 1


async def test_progress_of_a_tool_reaches_its_caller(room: Room) -> None:
    async def work(arguments: Mapping[str, Any], caller: Caller) -> RawResult:
        await caller.progress(1, 2, "half")
        return RawResult()

    await room.offer(spec("read"), work)
    caller = ScriptedCaller()
    await room.call("files__read", policy=DIRECT_POLICY, caller=caller)
    assert caller.told == [(1, 2, "half")]


async def test_what_a_backend_notes_is_told_with_secrets_hidden(room: Room) -> None:
    await room.offer(spec("read"), RawResult(structured=[], notes=(f"the next page: {SECRET}",)))
    assert (await room.call("files__read")).notes == ("the next page: [secret]",)


@pytest.mark.parametrize(
    ("arguments", "key", "sent"),
    [
        ({}, "k", {"token": "da6d6fe2-138f-5f35-99a3-01d9b2aa6e5c"}),
        ({"token": "mine"}, "k", {"token": "mine"}),
        ({}, None, {}),
    ],
)
async def test_a_key_reaches_the_tool_in_the_argument_that_it_has_for_one(
    room: Room, arguments: Mapping[str, Any], key: str | None, sent: Mapping[str, Any]
) -> None:
    takes = spec("write", input_schema=schema(token="string"), effects=WRITES, binding={KEY_ARGUMENT: "token"})
    await room.offer(takes, "done")
    assert (await room.call("files__write", arguments, idempotency_key=key)).ok
    assert room.backend.sent[-1].arguments == sent
