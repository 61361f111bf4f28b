"""The story of a weekend that is planned, as an example plays it, and the commands that it ends with."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, encoding="utf-8", timeout=50
    )


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_weekend_is_planned_worked_on_changed_and_asked_about(tmp_path: Path) -> None:
    done = run([sys.executable, "examples/remember.py", str(tmp_path)])
    assert (done.returncode, done.stderr) == (0, "")
    made = re.findall(r"^  (?:Ana|Ben): (.+) → ", done.stdout, re.MULTILINE)
    assert sorted(made[:4]) == ["Book both", "Choose a hotel", "Find a train", "Look at the forecast"]
    assert sorted(made[4:]) == ["Book both", "Choose a hotel", "Find a train"]
    assert "├─ ● 3 Choose a hotel  stale: `city` changed; ready" in done.stdout
    assert "Ghent: it was true, and is no longer" in done.stdout
    said = re.findall(r"^ +(\S*banyan .*)$", done.stdout, re.MULTILINE)
    assert len(said) == 5
    for line in said:
        after = run(shlex.split(line))
        assert after.returncode == 0, f"{line}: {after.stdout}{after.stderr}"
