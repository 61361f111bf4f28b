"""Python functions as a source."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from banyan.core.call import Category, OutcomeKind, RawResult
from banyan.core.errors import CallFailed, SourceUnavailable
from banyan.core.ids import SourceName
from banyan.core.source import Source, SourceKind
from banyan.core.tool import Tool
from banyan.testing.backend import ScriptedCaller
from banyan.testing.stores import MemoryDatabase
from banyan.tools.backends import Backends
from banyan.tools.function import tool as marked
from banyan.tools.python_source import PythonBackend
from tests.tools.room import Clock, Room, spec, tool

LIBRARY = '''"""Things to do with numbers."""
from banyan.tools.function import tool

@tool(read_only=True)
def twice(n: int) -> int:
    """Double a number."""
    return 2 * n

@tool
async def fail(text: str) -> None:
    """Fail."""
    raise ValueError("no " + text)

@tool
def broken(a: "Missing"): ...

def plain(a: int = 1) -> list[int]:
    return [a]
'''


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that can be imported in this test alone."""
    name = f"library_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def backend(target: str = "", functions: dict[str, Callable[..., Any]] | None = None, **config: Any) -> PythonBackend:
    source = Source(name=SourceName("lib"), kind=SourceKind.PYTHON, config={"target": target, **config})
    return PythonBackend(source, functions or {})


def named(name: str) -> Tool:
    return tool(spec(name, "lib"))


async def call(where: PythonBackend, name: str, timeout_s: float = 5, **arguments: Any) -> RawResult:
    return await where.call(named(name), arguments, timeout_s=timeout_s, caller=ScriptedCaller())


async def test_a_module_offers_its_decorated_functions_in_order(library: str) -> None:
    listing = await backend(library).listing()
    assert [one.upstream_name for one in listing.tools] == ["twice", "fail", "broken"]
    assert listing.instructions == "Things to do with numbers."


async def test_a_function_of_which_no_schema_can_be_made_hides_no_other(library: str) -> None:
    listing = await backend(library).listing()
    faults = {one.upstream_name: one.fault for one in listing.tools}
    assert faults["twice"] is None
    assert "Missing" in str(faults["broken"])


async def test_a_named_function_needs_no_decorator(library: str) -> None:
    (only,) = (await backend(f"{library}:plain").listing()).tools
    assert only.upstream_name == "plain"


async def test_a_folder_of_the_configuration_is_searched(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "far_away_library.py").write_text(LIBRARY)
    before = list(sys.path)
    try:
        assert len((await backend("far_away_library", path=str(folder)).listing()).tools) == 3
    finally:
        sys.path[:] = before


@pytest.mark.parametrize("target", ["no_such_module", "json:nothing", "json", "", "__main__", "json:__name__"])
async def test_a_target_that_is_not_there_makes_the_source_unavailable(target: str) -> None:
    where = backend(target)
    with pytest.raises(SourceUnavailable):
        await where.listing()
    with pytest.raises(CallFailed) as caught:
        await call(where, "anything")
    assert (caught.value.category, caught.value.sent) == (Category.TRANSPORT, False)
    assert where.status()["state"] == "failed"


async def test_a_module_that_fails_on_import_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad_on_import.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceUnavailable, match="ZeroDivisionError"):
        await backend("bad_on_import").listing()


async def test_a_call_needs_no_listing_before_it(library: str) -> None:
    assert (await call(backend(library), "twice", n=4)).structured == 8


async def test_what_a_function_raises_is_a_failed_result_without_a_traceback(library: str) -> None:
    result = await call(backend(library), "fail", text="luck")
    assert result.failed
    assert result.parts[0].body == b"ValueError: no luck"


async def test_a_function_that_is_gone_is_not_found(library: str) -> None:
    with pytest.raises(CallFailed) as caught:
        await call(backend(library), "thrice")
    assert caught.value.category is Category.NOT_FOUND


async def test_functions_that_a_program_hands_in_are_the_source() -> None:
    def where_am_i() -> str:
        return threading.current_thread().name

    @marked
    async def async_where() -> str:
        return threading.current_thread().name

    source = backend("__main__", {"where_am_i": where_am_i, "async_where": async_where})
    assert len((await source.listing()).tools) == 2
    here = threading.current_thread().name.encode()
    assert (await call(source, "async_where")).parts[0].body == here
    assert (await call(source, "where_am_i")).parts[0].body != here


async def test_a_function_that_takes_too_long_times_out_sync_or_async() -> None:
    stop = threading.Event()

    def sync() -> None:
        stop.wait(20)

    async def forever() -> None:
        await anyio.sleep_forever()

    source = backend("__main__", {"sync": sync, "forever": forever})
    try:
        for name in ("sync", "forever"):
            with anyio.fail_after(5), pytest.raises(CallFailed) as caught:
                await call(source, name, timeout_s=0.05)
            assert (caught.value.category, caught.value.sent) == (Category.TIMEOUT, True)
    finally:
        stop.set()


async def test_a_timeout_of_the_function_itself_is_its_own_failure() -> None:
    async def impatient() -> None:
        raise TimeoutError("mine")

    assert (await call(backend("__main__", {"impatient": impatient}), "impatient")).failed


async def test_a_python_tool_goes_the_guarded_path(library: str) -> None:
    clock, database = Clock(), MemoryDatabase()
    room = Room(database, clock)
    source = Source(name=SourceName("lib"), kind=SourceKind.PYTHON, config={"target": library})
    await database.sources.put(source)
    backends = Backends(database.sources, {SourceKind.PYTHON: PythonBackend})
    room.backends._make = backends._make
    await database.tools.sync(source.name, (await PythonBackend(source).listing()).tools)
    assert (await room.call("lib__twice", {"n": "21"})).data == 42
    failed = await room.call("lib.fail", {"text": "luck"})
    assert (failed.outcome, failed.message) == (OutcomeKind.FAILED, "ValueError: no luck")
    assert (await room.call("lib__broken", {})).outcome is OutcomeKind.DENIED
