"""What the libraries behind the encoder must not do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
from banyan.retrieval.encoder import load_encoder
print(load_encoder().embed(["hello"]).shape)
"""


def test_loading_the_encoder_leaves_nothing_in_the_users_folders(home: Path) -> None:
    # onnxruntime keeps the queue of what it will report, and an id of the machine, in the user's cache folder.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "(1, 384)"
    assert list(home.rglob("*")) == []
