"""Measuring retrieval: an index of its own over files of tools, put together as the wiring does for the catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from banyan.memory.database import Database
from banyan.retrieval.encoder import load_encoder
from banyan.retrieval.evaluate import Evaluation, Trial, evaluate
from banyan.retrieval.rank import Mode

if TYPE_CHECKING:
    from banyan.core.ports import VectorStore
    from banyan.server.settings import Settings

__all__ = ["Evaluation", "Mode", "Trial", "measure"]


async def measure(settings: Settings, trial: Trial, on_progress: Callable[[int, int], None]) -> Evaluation:
    """Return how well the search of these settings does on `trial`; `on_progress` gets (done, total).

    What is computed on the way is kept in the home, apart from the catalogue: a second run embeds nothing.

    Raises:
        BadFile: a file cannot be read, or one of its lines is wrong.
        ModelUnavailable: the encoder cannot be loaded.
    """
    folder = settings.home / "evaluation"
    chosen = settings.retrieval
    async with _vectors(folder) as vectors:
        return await evaluate(
            replace(trial, cache=folder / _pool_name(trial.tools)),
            lambda: load_encoder(chosen.encoder, device=chosen.device, threads=chosen.threads),
            vectors,
            on_progress=lambda _doing, done, total: on_progress(done, total),
        )


def _pool_name(tools: Sequence[Path]) -> str:
    exact = "\n".join(str(path.absolute()) for path in tools)
    return hashlib.sha256(exact.encode("utf-8", "surrogateescape")).hexdigest()[:12]


@asynccontextmanager
async def _vectors(folder: Path) -> AsyncIterator[VectorStore]:
    """Open a database for the vectors of evaluations, so that the catalogue's own stays as it is."""
    database = await Database.open(f"sqlite:///{folder / 'vectors.db'}")
    try:
        yield database.vectors
    finally:
        await database.close()
