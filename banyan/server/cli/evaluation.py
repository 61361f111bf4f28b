"""`eval`: how well search finds what is known to be right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from banyan.core.errors import InvalidArgument
from banyan.server.cli.command import group, verb
from banyan.server.cli.shell import Shell
from banyan.server.cli.terminal import Row

app = typer.Typer()
_eval = typer.Typer(no_args_is_help=True)
app.add_typer(_eval, name="eval", rich_help_panel="Upkeep")


class Ranks(StrEnum):
    """What ranks: both kinds of evidence, or one alone."""

    LEXICAL = "lexical"
    DENSE = "dense"
    HYBRID = "hybrid"


class _Lists(TyperCommand):
    """A command some of whose options take all the words up to the next option: `--tools a b --queries c`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Give every word after such an option an option of its own."""
        return super().parse_args(ctx, list(_spread(args, {"--tools", "--queries"})))


def _spread(words: Sequence[str], lists: set[str]) -> Iterator[str]:
    option, count = "", 0
    for word in words:
        if word.startswith("-") and word != "-":
            option, count = (word if word in lists else ""), 0
            yield word
        else:
            if option and count:
                yield option
            count += 1
            yield word


@_eval.callback()
@group
def eval_(context: typer.Context) -> None:
    """Measure Banyan against files of known answers."""


@_eval.command("retrieval", cls=_Lists)
@verb
async def retrieval(  # noqa: PLR0913 - each parameter is an option of the command
    shell: Shell,
    tools: Annotated[
        list[Path], typer.Option(metavar="FILE…", help="Tools as JSON lines; together they are the pool.")
    ],
    queries: Annotated[list[Path], typer.Option(metavar="FILE…", help="Queries and the tools that answer them.")],
    equivalents: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Groups of tools of which each is as good as the others.")
    ] = None,
    mode: Annotated[Ranks, typer.Option(help="What ranks.")] = Ranks.HYBRID,
    k: Annotated[str, typer.Option("--k", help="Depths at which recall is measured.", metavar="K,K…")] = "1,5,10,20",
    ranks_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the ranks of every query are written.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Queries asked of each file; all if not given.", min=1)] = None,
) -> None:
    """Measure how well `find` finds the tools that are known to answer each query."""
    from banyan.server.evaluation import Mode, Trial, measure

    trial = Trial(
        tools=tuple(tools),
        queries=tuple(queries),
        equivalents=equivalents,
        mode=Mode(mode.value),
        k=_depths(k),
        ranks_out=ranks_out,
        limit=limit,
    )
    with shell.terminal.progress("evaluating") as update:
        done = await measure(shell.settings, trial, update)
    document = done.to_json()
    shell.terminal.document(document, lambda: _show(shell, document))


def _depths(text: str) -> tuple[int, ...]:
    try:
        depths = tuple(int(one) for one in text.split(","))
    except ValueError:
        depths = ()
    if not depths or min(depths) < 1:
        raise InvalidArgument("k", f"`{text}` should be whole numbers from 1 with commas between")
    return depths


def _show(shell: Shell, document: Mapping[str, Any]) -> None:
    files = document["files"]
    depths = list(files[0]["recall"]) if files else []
    headings = ("queries", "n", *(f"R@{k}" for k in depths), "nDCG@10", "MRR", "all@10", "p50 ms", "p95 ms")
    rows = [Row(cells=_cells(one["name"], f"{one['n']:,}", one, depths)) for one in files]
    if len(files) > 1:
        rows.append(Row(cells=_cells("mean", "", document["mean"], depths), style="bold"))
    shell.terminal.table(headings, rows)


def _cells(name: str, n: str, one: Mapping[str, Any], depths: Sequence[str]) -> tuple[str, ...]:
    measures = [
        *(one["recall"][k] for k in depths),
        one["ndcg"]["10"],
        one["mrr"],
        one["completeness"]["10"],
    ]
    latency = one["latency_ms"]
    return (name, n, *(f"{value:.3f}" for value in measures), f"{latency['p50']:.1f}", f"{latency['p95']:.1f}")
