"""The command line run in this process, as the program itself runs it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keyring
import orjson
import pytest
from keyring.backends.fail import Keyring

from banyan.server.cli.program import run

EVERYDAY = Path(__file__).parents[2] / "servers" / "everyday.py"

SHELF = '''"""Books on a shelf."""

import os

from banyan import tool

SHELF = ["Emma", "Dracula"]


@tool(read_only=True)
def list_books(limit: int = 10, letters: list[str] | None = None) -> list[str]:
    """List the books on the shelf, at most `limit` of them."""
    return [one for one in SHELF if not letters or one[0] in letters][:limit]


@tool(destructive=True)
def burn_book(title: str) -> str:
    """Burn a book, so that nobody can read it again."""
    if title not in SHELF:
        raise ValueError(f"there is no {title}")
    return f"{title} is gone"


@tool(read_only=True)
def long_book(chapters: int) -> dict:
    """Read a long book aloud."""
    return {"title": "Emma", "chapters": ["It was a fine day. " * 40 for _ in range(chapters)]}


@tool(read_only=True)
def cover() -> bytes:
    """Show the picture on the cover of a book."""
    return bytes(range(256)) * 40


def unmarked(x: int) -> int:
    """Double a number."""
    return 2 * x
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of one command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return orjson.loads(self.out)


class Cli(Protocol):
    def __call__(self, *words: str, stdin: bytes | None = None) -> Done: ...


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    def run_it(*words: str, stdin: bytes | None = None) -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin or b""), encoding="utf-8"))
        capsys.readouterr()
        status = run(words)
        captured = capsys.readouterr()
        return Done(status=status, out=captured.out, err=captured.err)

    return run_it


@pytest.fixture
def shelf(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """A catalogue with the tools of one Python module; returns the command line."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shelf.py").write_text(SHELF, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "shelf", raising=False)
    assert cli("add", "python", "shelf", "--quiet").status == 0
    return cli
