"""The first run, as `make run` does it, and the commands that it ends with."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = dict(os.environ)
"""As it is outside the tests: package managers have their settings in the user's home."""


def run(command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**ENVIRONMENT, "COLUMNS": "400", "BANYAN_HOME": str(home)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, encoding="utf-8", timeout=200
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_first_run_finds_and_calls_real_tools_and_what_it_says_to_type_next_works(
    tmp_path: Path, home: Path
) -> None:
    done = run([sys.executable, "examples/first_run.py", str(tmp_path), "--small"], home)
    if "could not be installed" in done.stdout:
        pytest.skip(f"the registry cannot be reached: {done.stdout[:1_000]}")
    assert done.returncode == 0, done.stdout + done.stderr
    for tool in ("time__convert_time", "orders__placeOrder", "s3__PutObject", "sqs__SendMessage"):
        assert re.search(rf"[0-9]% +{tool}", done.stdout), f"`{tool}` was not found"
        assert f"✓ call {tool}" in done.stdout, f"`{tool}` was not called"
    assert "+9.0h" in done.stdout
    assert '"Body": "two copies of Emma"' in done.stdout
    assert "every tool has a vector" in done.stdout
    assert "nothing fits" in done.stdout
    said = re.findall(r"^ +(\S*banyan .*)$", done.stdout, re.MULTILINE)
    assert len(said) == 6
    for line in said:
        program, *words = shlex.split(line)
        if words == ["import"]:
            continue  # It would read what the assistants of whoever runs the tests have.
        if "claude-desktop" in words:
            words += ["--config-path", str(tmp_path / "claude.json")]
        after = run([program, *words], home)
        assert after.returncode == 0, f"{line}: {after.stdout}{after.stderr}"
