"""The command line: one verb per job, for people and, with `--json`, for programs."""

from __future__ import annotations


def main() -> None:
    """Run the command that the program was started with, and exit with its status."""
    import sys

    from banyan.server.cli.program import run

    sys.exit(run(sys.argv[1:]))
