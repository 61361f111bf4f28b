"""A function becomes a command: global options after the verb, and every failure a line and an exit status."""

from __future__ import annotations

import contextlib
import inspect
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from banyan.core.errors import BanyanError
from banyan.server.cli.shell import Given, Shell

logger = logging.getLogger(__name__)

BUG = 1
INTERRUPTED = 130
PIPE_CLOSED = 141
"""What a shell gives for a program that died of SIGPIPE."""

_PANEL = "Everywhere"

_HOME = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Folder of database, index and logs.", rich_help_panel=_PANEL),
]
_DATABASE = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="SQLite or PostgreSQL, as a URL.", rich_help_panel=_PANEL),
]
_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=_PANEL)]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors alone.", rich_help_panel=_PANEL)]

_GLOBAL: tuple[tuple[str, Any, Any], ...] = (
    ("home", _HOME, None),
    ("database", _DATABASE, None),
    ("json", _JSON, False),
    ("quiet", _QUIET, False),
)


def verb(function: Callable[..., Any]) -> Callable[..., int]:
    """Return `function`, whose first parameter is a `Shell`, as a command that returns its exit status.

    A coroutine function runs in an event loop of its own. What it returns is the exit status; None is 0.
    """

    def command(context: typer.Context, **arguments: Any) -> int:
        given = _given(arguments).over(context.obj or Given())
        return _run(Shell(given), context.command_path, partial(function, **arguments))

    return _with_global_options(command, function, skip=1)


def group(function: Callable[..., Any]) -> Callable[..., None]:
    """Return `function`, whose first parameter is the context, as what runs before a verb.

    The global options that stand there are kept for the verb.
    """

    def before(context: typer.Context, **arguments: Any) -> None:
        context.obj = _given(arguments).over(context.obj or Given())
        function(context, **arguments)

    return _with_global_options(before, function, skip=1)


def _with_global_options(command: Callable[..., Any], function: Callable[..., Any], *, skip: int) -> Callable[..., Any]:
    own = list(inspect.signature(function, eval_str=True).parameters.values())[skip:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    context = inspect.Parameter("context", keyword, annotation=typer.Context)
    more = [inspect.Parameter(name, keyword, default=default, annotation=what) for name, what, default in _GLOBAL]
    parameters = [context, *(one.replace(kind=keyword) for one in own), *more]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


def _given(arguments: dict[str, Any]) -> Given:
    """Take the global options out of `arguments`."""
    return Given(**{name: arguments.pop(name) for name, _, _ in _GLOBAL})


def _run(shell: Shell, name: str, function: Callable[[Shell], Any]) -> int:
    try:
        if inspect.iscoroutinefunction(function.func if isinstance(function, partial) else function):
            import anyio

            return anyio.run(function, shell) or 0
        return function(shell) or 0
    except BanyanError as error:
        return fail(shell, error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_output()
        return PIPE_CLOSED
    except typer.Exit as ended:
        return ended.exit_code
    except (typer.Abort, typer.TyperException):
        raise
    except Exception as error:
        _open_log(shell)
        logger.exception("`%s` failed", name, extra={"bug": True})
        return _bug(shell, error)
    finally:
        shell.close()


def fail(shell: Shell, error: BanyanError) -> int:
    """Print what went wrong, and return the exit status that goes with it."""
    text = shell.redact(str(error))
    if shell.terminal.json:
        known = {"code": error.code, "message": text, "retryable": error.retryable}
        more = {key: _told(shell, value) for key, value in vars(error).items() if isinstance(value, str | int | tuple)}
        shell.terminal.document({"error": more | known}, lambda: None)
    else:
        shell.terminal.error(text)
    return error.exit_status


def _told(shell: Shell, value: Any) -> Any:
    if isinstance(value, tuple):
        return [_told(shell, one) for one in value]
    if hasattr(value, "to_json"):  # an event that an error carries
        return value.to_json()
    return shell.redact(value) if isinstance(value, str) else value


def _open_log(shell: Shell) -> None:
    """Open the log of a command that had no need of it before."""
    with contextlib.suppress(BanyanError):
        _ = shell.settings


def _bug(shell: Shell, error: Exception) -> int:
    where = f"; the trace is in {shell.log_file}" if shell.log_file else ""
    text = f"this is a bug in Banyan ({type(error).__name__}){where}"
    if shell.terminal.json:
        shell.terminal.document({"error": {"code": "internal", "message": text}}, lambda: None)
    else:
        shell.terminal.error(text)
    return BUG


def _let_go_of_output() -> None:
    """Keep the interpreter from writing, at its end, what nobody reads."""
    import os

    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
