"""Python functions as a source: those of a module, or those that a program hands in."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from banyan.core.call import Category, RawResult
from banyan.core.errors import CallFailed, InvalidArgument, SourceUnavailable
from banyan.core.shorten import cut
from banyan.core.source import Listing, Source
from banyan.core.tool import ToolSpec
from banyan.tools.faults import schema_fault
from banyan.tools.function import FunctionTool, failure, function_tool, name_of, options_of, result_of

if TYPE_CHECKING:
    from banyan.core.ports import Caller
    from banyan.core.tool import Tool

logger = logging.getLogger(__name__)

THREADS = 16
"""Functions that are not async and run at a time, of one source."""

_DOCSTRING_CHARS = 2_000
_PROGRAM = {"", "__main__"}
"""Modules that are none: what runs has them, and nobody else."""
_NONE: Mapping[str, Callable[..., Any]] = MappingProxyType({})


class PythonBackend:
    """A source of Python functions: those handed in, or where none are, those that its target names."""

    def __init__(self, source: Source, functions: Mapping[str, Callable[..., Any]] = _NONE) -> None:
        self._source = source
        self._handed = functions
        self._tools: dict[str, FunctionTool] = {}
        self._notes: tuple[str, ...] = ()
        self._instructions = ""
        self._error: str | None = None
        self._threads: anyio.CapacityLimiter | None = None
        self._calls = 0

    async def listing(self) -> Listing:
        """Return the functions as tools; one of which no schema can be made is listed with its fault.

        Raises:
            SourceUnavailable: the module cannot be imported, or has no such function.
        """
        functions = dict(self._handed) or await self._load()
        specs: list[ToolSpec] = []
        self._tools = {}
        for name, function in functions.items():
            specs.append(self._spec(name, function))
        return Listing(tools=tuple(specs), instructions=self._instructions)

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> RawResult:
        """Call a function: an async one in place, another in a worker thread.  What it raises is its result.

        Raises:
            CallFailed: there is no such function, its arguments cannot be converted, or it did not end in time.
        """
        found = await self._find(tool.spec.upstream_name)
        args, kwargs = found.bind(arguments)
        self._calls += 1
        with anyio.move_on_after(timeout_s):
            return await self._run(found, partial(found.function, *args, **kwargs))
        raise CallFailed(Category.TIMEOUT, f"`{tool.name}` did not end within {timeout_s:g} s", sent=True)

    def status(self) -> Mapping[str, Any]:
        """Return what `doctor` shows."""
        state = "failed" if self._error else "ready" if self._tools else "idle"
        return {"state": state, "functions": len(self._tools), "calls": self._calls, "last_error": self._error}

    async def aclose(self) -> None:
        """Do nothing: functions have nothing to stop."""

    async def _run(self, found: FunctionTool, work: Callable[[], Any]) -> RawResult:
        try:
            if found.is_async:
                value = await work()
            else:
                if self._threads is None:
                    self._threads = anyio.CapacityLimiter(THREADS)
                value = await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        except Exception as error:  # noqa: BLE001 - the program's own code: whatever it raises is what the tool answers
            logger.info("function `%s` raised %s", found.spec.upstream_name, type(error).__name__)
            return failure(error)
        return result_of(value)

    async def _find(self, name: str) -> FunctionTool:
        if name not in self._tools:
            try:
                await self.listing()
            except SourceUnavailable as error:
                raise CallFailed(Category.TRANSPORT, str(error), sent=False) from error
        if name not in self._tools:
            raise CallFailed(Category.NOT_FOUND, f"`{self._source.name}` has no function `{name}` any more", sent=False)
        return self._tools[name]

    def _spec(self, name: str, function: Callable[..., Any]) -> ToolSpec:
        try:
            made = function_tool(function, server=self._source.name, name=name)
        except InvalidArgument as error:
            return ToolSpec(server=self._source.name, upstream_name=name, fault=str(error))
        fault = schema_fault(made.spec.input_schema)
        if fault is not None:
            return ToolSpec(server=self._source.name, upstream_name=name, fault=fault)
        self._tools[name] = made
        return made.spec

    async def _load(self) -> dict[str, Callable[..., Any]]:
        """Import the target, and return its functions by name."""
        target = str(self._source.config.get("target", ""))
        module_name, _, attribute = target.partition(":")
        try:
            module = await anyio.to_thread.run_sync(_import, module_name, self._source.config.get("path"))
            self._instructions = cut((module.__doc__ or "").strip(), _DOCSTRING_CHARS)
            functions = _named(module, attribute) if attribute else _decorated(module)
        except _NotThere as error:
            self._error = str(error)
            if module_name in _PROGRAM:
                self._error += f"; if it has ended, `banyan remove {self._source.name}`"
            raise SourceUnavailable(self._source.name, self._error, category=Category.NOT_FOUND) from error
        self._error = None
        return functions


class _NotThere(Exception):
    """The target cannot be had."""


def _import(name: str, folder: Any) -> Any:
    if name in _PROGRAM:
        raise _NotThere("its functions belong to a program: they can be called while that program runs, from within it")
    if isinstance(folder, str) and folder not in sys.path:
        sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except Exception as error:
        # The program's own code runs on import, and may raise anything.
        raise _NotThere(f"`{name}` cannot be imported: {cut(f'{type(error).__name__}: {error}', 400)}") from error


def _named(module: Any, attribute: str) -> dict[str, Callable[..., Any]]:
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise _NotThere(f"`{module.__name__}` has no function `{attribute}`")
    return {name_of(found): found}


def _decorated(module: Any) -> dict[str, Callable[..., Any]]:
    """Return the functions of a module that `@tool` marks, in the order in which they are defined."""
    marked = [one for one in vars(module).values() if callable(one) and options_of(one) is not None]
    if not marked:
        raise _NotThere(f"`{module.__name__}` has no function with `@tool`; name one as `{module.__name__}:function`")
    return {name_of(one): one for one in marked}
