"""A moto server, which speaks as AWS does, on loopback."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PROGRAM = "import sys; from moto.server import main; main(sys.argv[1:])"


@contextmanager
def serving() -> Iterator[str]:
    """Serve within the block, and give the address."""
    command = [sys.executable, "-c", PROGRAM, "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            yield next(found[0] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        finally:
            server.kill()
