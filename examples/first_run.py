"""The first run: tens of thousands of tools in one catalogue, searched by meaning, and called for real.

All of AWS and Google, a small service with an OpenAPI document, and tool servers by other people. What is called runs
on this machine, and needs no account: for AWS stands moto. Everything it makes lies in `.demo/`, or in the folder that
it is given; run it again at any time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
from rich.markup import escape
from story import cast, telling
from story.services import Services, keep_secrets, relative, running
from story.stage import SERVERS, Stage
from story.telling import console
from third_party import CannotInstall, install

import banyan
from banyan import Banyan
from banyan.core.errors import BanyanError

PATIENCE_S = 60.0
"""Seconds that the run waits for vectors; search goes by words where one is missing."""

SMALL_S = 5.0
"""Seconds for the vectors of the small sources, before the large ones are added."""

LOOK_EVERY_S = 1.0
QUIET_S = 10.0
"""Seconds between two lines of progress where there is no terminal."""


async def main(words: Sequence[str]) -> int:
    """Run the whole story, and return the exit status."""
    options = _options(words)
    began_s = time.perf_counter()
    stage = Stage(folder=options.folder.resolve())
    console.rule("[bold]Banyan: the right tool of tens of thousands, called for real")
    stage.set_up()
    ready = _install()
    with ExitStack() as stack:
        with telling.timed("services on this machine: book orders, and moto in place of AWS"):
            services = stack.enter_context(running())
            keep_secrets(stage.home)
        async with banyan.open(stage.home, watch=False) as b:
            worked, added = await _play(b, stage, ready, services, everything=not options.small)
    _what_next(stage, began_s, added)
    return 0 if worked else 1


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The first run of Banyan.")
    parser.add_argument("folder", nargs="?", type=Path, default=SERVERS.parent, help="where everything is put")
    parser.add_argument("--small", action="store_true", help="of AWS and Google only two services each")
    return parser.parse_args(words)


def _install() -> list[cast.Server]:
    """Install the servers that can be had here, and return them."""
    telling.heading("1", "Tool servers by other people, each in an environment of its own; and services of our own")
    ready = []
    for one in cast.SERVERS_OF_OTHERS:
        if not one.can_run:
            console.print(f"  [yellow]-[/] {one.needs} is not on this machine, so its server is left out")
            continue
        try:
            with telling.timed(f"{one.name}: installed"):
                install(one.name, SERVERS)
        except CannotInstall as error:
            console.print(f"  [red]✗[/] {escape(str(error))}")
            continue
        ready.append(one)
    return ready


async def _play(
    b: Banyan, stage: Stage, ready: list[cast.Server], services: Services, *, everything: bool
) -> tuple[bool, list[str]]:
    telling.heading("2", "Their tools, listed into one catalogue")
    added = [name for name, config in cast.small_sources(stage, ready, services).items() if await _add(b, name, config)]
    with anyio.move_on_after(SMALL_S):  # enough for these; what an earlier run left undone is done below
        await b.embed()
    added += await _add_large(b, cast.large_sources(services, everything=everything))
    telling.heading("3", "Searches by words, at once")
    await _search(b, cast.AT_ONCE, k=1)
    vectors = Vectors(b)
    async with anyio.create_task_group() as group:
        group.start_soon(vectors.compute)
        telling.heading("4", "Calls, while vectors are computed: arguments checked, policy asked, answer stored")
        worked = await _call(b, stage, added)
        await vectors.wait(PATIENCE_S)
        group.cancel_scope.cancel()
    telling.heading("5", f"Searches by meaning; {vectors.told}")
    await _search(b, (*cast.QUERIES, cast.NOTHING_FITS), k=2)
    return worked, added


async def _add(b: Banyan, name: str, config: dict[str, Any]) -> bool:
    began_s = time.perf_counter()
    try:
        report = await b.add(name, **config)
    except BanyanError as error:
        console.print(f"  [red]✗[/] {escape(str(error))}")
        return False
    count = len(report.new) + len(report.changed) + len(report.back) + report.unchanged
    telling.done(f"{name}: {count:,} tools, {len(report.new):,} of them new", began_s)
    return True


async def _add_large(b: Banyan, sources: dict[str, dict[str, Any]]) -> list[str]:
    """Add sources of many servers at the same time, and show how far they are."""
    added: list[str] = []

    async def one(name: str) -> None:
        if await _add(b, name, sources[name]):
            added.append(name)

    async def count() -> None:
        while True:
            tools = sum(sum(server.counts.values()) for server in await b.servers())
            status.update(f"  {', '.join(sources)}: {tools:,} tools in the catalogue, all of them searchable …")
            await anyio.sleep(LOOK_EVERY_S if console.is_terminal else QUIET_S)
            if not console.is_terminal:
                console.print(f"  … {tools:,} tools in the catalogue")

    with console.status(f"  {', '.join(sources)} …") as status:
        async with anyio.create_task_group() as group:
            group.start_soon(count)
            async with anyio.create_task_group() as adding:
                for name in sources:
                    adding.start_soon(one, name)
            group.cancel_scope.cancel()
    return added


class Vectors:
    """The vectors that are computed beside everything else."""

    def __init__(self, b: Banyan) -> None:
        self._b = b
        self._done, self._total = 0, 0
        self._ended = anyio.Event()

    @property
    def told(self) -> str:
        """How many tools can be found by meaning, in words."""
        if self._done >= self._total:
            return "every tool has a vector now, made by a model that runs here"
        return f"{self._done:,} of {self._total:,} new tools have a vector, the rest follow with `banyan sync`"

    async def compute(self) -> None:
        """Compute what is missing."""
        await self._b.embed(self._note)
        self._ended.set()

    async def wait(self, most_s: float) -> None:
        """Show how far they are, until all are there or `most_s` is over."""
        with telling.bar() as progress, anyio.move_on_after(most_s):
            task = progress.add_task("learning what the tools mean", total=None)
            told_s = time.monotonic()
            while not self._ended.is_set():
                if not console.is_terminal and time.monotonic() - told_s >= QUIET_S:
                    told_s = time.monotonic()
                    console.print(f"  … {self._done:,} of {self._total:,} tools have a vector")
                progress.update(task, completed=self._done, total=self._total or None)
                with anyio.move_on_after(LOOK_EVERY_S / 4):
                    await self._ended.wait()

    def _note(self, done: int, total: int) -> None:
        self._done, self._total = done, total


async def _search(b: Banyan, queries: Sequence[str], *, k: int) -> None:
    for query in queries:
        telling.answer(query, await b.find(query, k=k))


async def _call(b: Banyan, stage: Stage, added: Sequence[str]) -> bool:
    worked, known = True, dict[str, Any]()
    for one in cast.CALLS:
        if one.source not in added:
            continue
        outcome = await b.call(one.tool, one.arguments(stage, known))
        worked = worked and outcome.ok
        telling.called(one.tool, outcome, quiet=one.quiet)
        if outcome.ok:
            known |= {name: outcome.data[key] for name, key in one.keep.items()}
    return worked


def _what_next(stage: Stage, began_s: float, added: Sequence[str]) -> None:
    telling.heading("6", f"Done in {time.perf_counter() - began_s:.0f} s. What to type next")
    program = f"{relative(Path(sys.executable).parent / 'banyan')} --home {relative(stage.home)}"
    convert = "call time__convert_time source_timezone=Europe/London time=12:00 target_timezone=Asia/Tokyo"
    for text, command in (
        ("search on", f'{program} find "{cast.QUERIES[1]}"'),
        ("look closer", f"{program} describe orders__placeOrder"),
        *((("call", f"{program} {convert}"),) if "time" in added else ()),
        ("give them to your assistant", f"{program} install claude-desktop --dry-run"),
        ("begin with your own servers", f"{relative(Path(sys.executable).parent / 'banyan')} import"),
        ("what is wrong, if anything", f"{program} doctor"),
    ):
        console.print(f"  [dim]{text}[/]\n    {command}", soft_wrap=True)
    ended = "orders__… and those of AWS" if "aws" in added else "orders__…"
    console.print(
        f"\n  Calls of {ended} work only while this runs: the services on this machine have been stopped, and the "
        "next run starts them. Google's need an account of yours.",
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(anyio.run(main, sys.argv[1:]))
