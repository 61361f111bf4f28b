"""Why a server could not be started or reached, in a sentence for people."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType

import httpx2
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from banyan.core.call import Category
from banyan.core.errors import BanyanError, CallFailed, SourceUnavailable
from banyan.tools.mcp.connect import ProbeRefused
from banyan.tools.mcp.failures import bounded, call_failed, status_error

logger = logging.getLogger(__name__)

_LOG_CHARS = 400
"""Of what the server last said on its standard error, which mostly tells why it ended."""


_INSTALL: Mapping[str, str] = MappingProxyType(
    {
        "uvx": "it comes with uv: `pip install uv`",
        "uv": "`pip install uv`",
        "npx": "it comes with Node.js, from nodejs.org",
        "node": "it comes with Node.js, from nodejs.org",
    }
)
"""How a program that starts many tool servers is had."""


def explain(error: BaseException, source: str, redact: Callable[[str], str], log: str) -> BanyanError:
    """Return the error that callers get for `error`, which ended a start or a conversation."""
    error = _leaf(error)
    if isinstance(error, SourceUnavailable):
        return SourceUnavailable(source, _with_log(error.problem, log), category=error.category)
    if isinstance(error, BanyanError) and not isinstance(error, CallFailed):
        return error
    problem, category = _problem(error, redact)
    return SourceUnavailable(source, _with_log(problem, log), category=category)


def _problem(error: BaseException, redact: Callable[[str], str]) -> tuple[str, Category]:
    if isinstance(error, OSError):
        return bounded(_unrunnable(error), redact), Category.TRANSPORT
    if isinstance(error, httpx2.HTTPStatusError):
        failed = call_failed(MCPError.from_error_data(status_error(error.response.status_code)), redact)
        return failed.message, failed.category
    if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL):
        said = bounded(str(error) or type(error).__name__, redact)
        return f"the server cannot be reached: {said}", Category.TRANSPORT
    if isinstance(error, ProbeRefused):
        return "ended during the handshake", Category.TRANSPORT
    if isinstance(error, MCPError):
        failed = call_failed(error, redact)
        return f"the handshake failed: {failed.message}", failed.category
    if isinstance(error, CallFailed):
        return error.message, error.category
    if isinstance(error, ValidationError):
        return "the handshake failed: the server's answer is not as the protocol wants it", Category.UPSTREAM
    if isinstance(error, RuntimeError):
        return f"the handshake failed: {bounded(error, redact)}", Category.UPSTREAM
    # Its text is not repeated: nobody knows what may be in it.
    logger.error("a conversation with source ended unexpectedly: %s", type(error).__name__)
    return f"failed with {type(error).__name__}", Category.TRANSPORT


def _unrunnable(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        program = PurePath(str(error.filename)).name
        return f"`{error.filename}` was not found; {_INSTALL.get(program, 'is it installed?')}"
    reason = error.strerror or type(error).__name__
    return f"cannot be run: {reason}" + ("; may it be executed?" if error.errno == errno.EACCES else "")


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _with_log(problem: str, log: str) -> str:
    said = log.strip()
    if len(said) > _LOG_CHARS:
        # From the start of a line on, unless the last one alone is too long.
        before, line_end, whole = said[-_LOG_CHARS:].partition("\n")
        said = (whole if line_end and whole.strip() else before).strip()
    if said and said in problem:
        return problem
    return f"{problem}; it last said: {said}" if said else problem
