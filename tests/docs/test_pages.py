"""What the pages tell a reader to type is there, and works."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from banyan.server.cli.program import program
from banyan.server.settings import load

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"(?P<note><!--[^\n]*-->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: str
    language: str
    body: str
    note: str

    def __str__(self) -> str:
        return f"{self.page}: {self.body.splitlines()[0][:40]}"


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        for match in FENCE.finditer(page.read_text(encoding="utf-8")):
            if match["language"] in languages:
                name = page.relative_to(ROOT).as_posix()
                note = match["note"] or ""
                found.append(Block(page=name, language=match["language"], body=match["body"], note=note))
    return found


def typed(block: Block) -> list[list[str]]:
    """Return the commands that a reader types, without prompts, comments and output."""
    lines = block.body.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def commands(program: str) -> list[tuple[str, list[str]]]:
    return [
        (block.page, words[1:])
        for block in blocks("bash", "console")
        for words in typed(block)
        if words[0].rpartition("/")[2] == program
    ]


def run(program: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program, capture_output=True, text=True, check=False, encoding="utf-8", **options)


@pytest.mark.parametrize(
    "words", [pytest.param(words, id=f"{where}: {' '.join(words)[:60]}") for where, words in commands("banyan")]
)
def test_every_command_in_the_pages_is_one_that_banyan_understands(words: list[str]) -> None:
    command: Any = program()
    context = command.make_context("banyan", list(words))
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, list(words), parent=context)
    assert context.command is command


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {word for _, words in commands("make") for word in words if "=" not in word}
    assert asked
    assert asked <= targets


@pytest.mark.timeout(60)
@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_every_python_block_in_the_pages_runs(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "block.py"
    file.write_text(block.body, encoding="utf-8")
    done = run([sys.executable, "-W", "error::DeprecationWarning:__main__", str(file)], cwd=tmp_path, timeout=50)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_every_settings_block_in_the_pages_is_accepted(block: Block, tmp_path: Path) -> None:
    assert tomllib.loads(block.body)
    (tmp_path / "settings.toml").write_text(block.body, encoding="utf-8")
    assert load(tmp_path).home == tmp_path


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_json_block_in_the_pages_is_json(block: Block) -> None:
    assert json.loads(block.body)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_between_the_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_first_session_of_the_readme_works(tmp_path: Path, outside: dict[str, str]) -> None:
    (session,) = [block for block in blocks("console") if "session" in block.note]
    environment = {**outside, "BANYAN_HOME": str(tmp_path), "COLUMNS": "120"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    shown = []
    for words in typed(session):
        done = run(words, env=environment, timeout=150)
        if "add" in words and done.returncode == 7:
            pytest.skip(f"the registry cannot be reached: {done.stderr.strip()[-300:]}")
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        shown.append(done.stdout)
    assert "2 tools (2 new)" in shown[0]
    assert shown[1].startswith("time__convert_time")
    assert "+9.0h" in shown[2]
