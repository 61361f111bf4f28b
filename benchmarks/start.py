"""Start of `banyan find` and of the stdio server, beside the time that importing their libraries takes alone."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from benchmarks import NeedsData
from benchmarks.calls import PROGRAMS
from benchmarks.corpus import prepared_home
from benchmarks.report import Aim, Report, Timings

ROUNDS = 12
QUERY = "say the text again"
VERSION = "2025-11-25"

MODULES_OF = """
import atexit, json, os, signal, sys

def keep(*_):
    with open(report + ".part", "w") as file:
        json.dump(list(sys.modules), file)
    os.replace(report + ".part", report)
    atexit.unregister(keep)

report = sys.argv[1]
atexit.register(keep)
signal.signal(signal.SIGUSR1, keep)
sys.argv = ["banyan", *sys.argv[2:]]
from banyan.server.cli import main
sys.exit(main())
"""
"""Runs `banyan`, and writes down which modules are loaded: at its end, or when it is told to."""


def main(data: Path | None) -> list[Report]:
    """Measure on a home with a few tools, and on one with 50,000 where there is data."""
    reports = []
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
        anyio.run(_small_home, Path(folder))
        reports.append(_measure(Path(folder), "a few tools", aims=True))
    try:
        home = anyio.run(prepared_home, data, 50_000)
    except NeedsData:
        return reports
    return [*reports, _measure(home, "50,000 tools", aims=False)]


async def _small_home(folder: Path) -> None:
    import banyan

    async with banyan.open(folder, watch=False) as opened:
        await opened.add("echo", command=[sys.executable, str(PROGRAMS / "echo.py"), "stdio"])
        await opened.embed()


def _measure(home: Path, what: str, *, aims: bool) -> Report:
    find = ["--home", str(home), "find", QUERY]
    serve = ["--home", str(home), "serve"]
    programs: dict[str, Callable[[], None]] = {
        "python": lambda: _run("pass"),
        "import banyan": lambda: _run("import banyan"),
        "find: its libraries": _importer(_libraries(find)),
        "find": lambda: _banyan(find),
        "serve: its libraries": _importer(_libraries(serve)),
        "serve: first answer": lambda: _first_answer(serve),
    }
    timings = {name: Timings() for name in programs}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            started = time.perf_counter()
            program()
            timings[name].seconds.append(time.perf_counter() - started)
    middle = {name: one.median_ms for name, one in timings.items()}
    rows = tuple((name, one.median_ms, one.p95_ms) for name, one in timings.items())
    return Report(
        title=f"Start, {what}",
        columns=("process", "median ms", "p95 ms"),
        rows=rows,
        aims=_aims(middle) if aims else (),
        notes=(
            f"N = {ROUNDS} processes each, interleaved. The floor is Python importing exactly the third-party modules "
            "that the command has loaded when it ends, the server when it has given its first answer. The server's "
            "time is to its answers to `initialize` and `tools/list`.",
        ),
    )


def _aims(middle: dict[str, float]) -> tuple[Aim, ...]:
    return (
        Aim(text="import banyan", value=middle["import banyan"] - middle["python"], limit=300, unit="ms"),
        Aim(
            text="find against its libraries",
            value=middle["find"] / middle["find: its libraries"],
            limit=1.5,
            unit="times",
        ),
        Aim(
            text="serve against its libraries",
            value=middle["serve: first answer"] / middle["serve: its libraries"],
            limit=1.5,
            unit="times",
        ),
    )


NOTHING_FITS = 3
"""What `banyan find` exits with where no tool fits: an answer, too."""


def _run(program: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, stdin=subprocess.DEVNULL)


def _banyan(arguments: list[str]) -> None:
    command = [str(Path(sys.executable).parent / "banyan"), *arguments]
    quiet = subprocess.DEVNULL
    done = subprocess.run(command, check=False, stdin=quiet, stdout=quiet, stderr=quiet)
    if done.returncode not in {0, NOTHING_FITS}:
        raise RuntimeError(f"`{shlex.join(command)}` exited with {done.returncode}")


def _libraries(arguments: list[str]) -> list[str]:
    """Return the third-party modules that `banyan` has loaded at its end, or at its first answer if it serves."""
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
        report = Path(folder) / "modules.json"
        command = [sys.executable, "-c", MODULES_OF, str(report), *arguments]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            if arguments[-1] == "serve":
                _initialize(process)
                process.send_signal(signal.SIGUSR1)
            _until_there(report)
            process.kill()
        loaded = json.loads(report.read_text(encoding="utf-8"))
    own = {"banyan", "__main__", *sys.stdlib_module_names}
    return [name for name in loaded if name.split(".")[0] not in own]


def _until_there(file: Path) -> None:
    until = time.monotonic() + 60
    while not file.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"nothing was written to {file}")
        time.sleep(0.05)


def _importer(modules: list[str]) -> Callable[[], None]:
    # A module that only exists inside its package's own machinery cannot be imported by its name: it is skipped.
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError:\n"
        "        pass\n"
    )
    return lambda: _run(program, *modules)


def _first_answer(arguments: list[str]) -> None:
    command = [str(Path(sys.executable).parent / "banyan"), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        _greet(process)
        # What follows the answer is not part of the start.
        process.kill()


def _initialize(process: subprocess.Popen[str]) -> None:
    client = {"name": "bench", "version": "1"}
    _ask(process, 1, "initialize", {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client})


def _greet(process: subprocess.Popen[str]) -> None:
    _initialize(process)
    _send(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    _ask(process, 2, "tools/list", {})


def _ask(process: subprocess.Popen[str], number: int, method: str, params: dict[str, Any]) -> None:
    _send(process, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    assert process.stdout is not None
    for line in process.stdout:
        answer = json.loads(line)
        if answer.get("id") == number:
            if "result" not in answer:
                raise RuntimeError(f"`{method}` answered {line[:500]}")
            return
    raise RuntimeError(f"the server ended before it answered `{method}`")


def _send(process: subprocess.Popen[str], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
