"""The command line: one verb per job, for people and, with `--json`, for programs."""

from __future__ import annotations

COLLECT_EVERY = 100_000
"""Objects made between two searches for cycles.  A command makes mostly what lasts until it ends: with Python's 700,
a tenth of a `find` goes into looking through its own imports again and again."""


def main() -> None:
    """Run the command that the program was started with, and exit with its status."""
    import gc
    import sys

    gc.set_threshold(COLLECT_EVERY)
    from banyan.server.cli.program import run

    status = run(sys.argv[1:])
    # Everything is closed by now: the interpreter need not look through what is left before it lets go of it.
    gc.freeze()
    sys.exit(status)
