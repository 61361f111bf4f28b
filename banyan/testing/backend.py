"""Doubles of a live source and of a caller: what they answer is written down beforehand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import anyio

from banyan.core.call import Category, Part, RawResult
from banyan.core.errors import CallFailed
from banyan.core.ports import Caller, Elicited
from banyan.core.source import Listing
from banyan.core.tool import Tool, ToolSpec

Answer: TypeAlias = (
    "RawResult | str | bytes | Exception | Callable[[Mapping[str, Any], Caller], Awaitable[RawResult]] | Any"
)
"""What a scripted tool answers: a result; a text, bytes or JSON value to make one of; an error; or a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCall:
    """One call that a scripted backend got."""

    tool: str
    """Name of the tool at its server."""
    arguments: Mapping[str, Any]
    timeout_s: float


class ScriptedBackend:
    """A `Backend` that lists given tools, answers by script and remembers what it was sent.

    Where several answers are given for a tool they are used in turn, the last one from then on.
    """

    def __init__(
        self, tools: Sequence[ToolSpec] = (), answers: Mapping[str, Sequence[Answer]] | None = None, *, notes: str = ""
    ) -> None:
        self.tools = list(tools)
        self.answers: dict[str, list[Answer]] = {name: list(some) for name, some in (answers or {}).items()}
        self.listing_error: Exception | None = None
        self.instructions = notes
        self.sent: list[SentCall] = []
        self.closed = False

    async def listing(self) -> Listing:
        """Return the tools, or raise the listing error that was set."""
        await anyio.lowlevel.checkpoint()
        if self.listing_error is not None:
            raise self.listing_error
        return Listing(tools=tuple(self.tools), instructions=self.instructions)

    async def unchanged(self, tool: Tool) -> bool:
        """Return whether a tool of that digest is among the given ones."""
        await anyio.lowlevel.checkpoint()
        return any(spec.digest == tool.digest for spec in self.tools)

    async def call(self, tool: Tool, arguments: Mapping[str, Any], *, timeout_s: float, caller: Caller) -> RawResult:
        """Answer by script.  Raises `CallFailed`: scripted, or `timeout` when a scripted function takes too long."""
        name = tool.spec.upstream_name
        self.sent.append(SentCall(tool=name, arguments=dict(arguments), timeout_s=timeout_s))
        await anyio.lowlevel.checkpoint()
        if name not in self.answers:
            raise CallFailed(Category.NOT_FOUND, f"no tool `{name}` here", sent=False)
        script = self.answers[name]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            with anyio.move_on_after(timeout_s):
                result: RawResult = await answer(arguments, caller)
                return result
            raise CallFailed(Category.TIMEOUT, f"no answer within {timeout_s:g} s", sent=True)
        return _result(answer)

    def status(self) -> Mapping[str, Any]:
        """Return what `doctor` shows."""
        return {"state": "closed" if self.closed else "ready", "calls": len(self.sent)}

    async def aclose(self) -> None:
        """Remember that it was stopped."""
        self.closed = True


@dataclass(slots=True, kw_only=True)
class ScriptedCaller:
    """A `Caller` whose person answers by script; with no answers left, or none, they cannot be asked."""

    surface: str = "python"
    answers: list[Elicited] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    told: list[tuple[float, float | None, str | None]] = field(default_factory=list)

    async def elicit(self, message: str, schema: Mapping[str, Any]) -> Elicited | None:
        """Return the next scripted answer; None where there is none."""
        await anyio.lowlevel.checkpoint()
        if not self.answers:
            return None
        self.asked.append(message)
        return self.answers.pop(0)

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Remember what was told."""
        self.told.append((done, total, message))


def _result(answer: Any) -> RawResult:
    if isinstance(answer, RawResult):
        return answer
    if isinstance(answer, str):
        return RawResult(parts=(Part(media_type="text/plain", body=answer.encode()),))
    if isinstance(answer, bytes):
        return RawResult(parts=(Part(media_type="application/octet-stream", body=answer),))
    return RawResult(structured=answer)
