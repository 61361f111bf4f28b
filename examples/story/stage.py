"""Where the first run plays: its folders, a small database and a small repository."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / ".demo" / "servers"
"""Tool servers by other people, installed once for every run."""

BOOKS = [
    ("Emma", "Austen", 312),
    ("Persuasion", "Austen", 118),
    ("Middlemarch", "Eliot", 254),
    ("Dracula", "Stoker", 401),
]
COMMITS = (
    ("shelf.py", "books = []\n", "Add an empty shelf"),
    ("shelf.py", "books = ['Emma']\n", "Put Emma on the shelf"),
    ("README", "A shelf of books.\n", "Say what this is"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The folder that everything of one run lies in."""

    folder: Path

    @property
    def home(self) -> Path:
        """Banyan's home."""
        return self.folder / "home"

    @property
    def project(self) -> Path:
        """A repository for the git server to look at."""
        return self.folder / "project"

    @property
    def books(self) -> Path:
        """A database for the SQLite server to read."""
        return self.folder / "books.db"

    def set_up(self) -> None:
        """Make the database and the repository anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.books.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.books)) as database, database:
            database.execute("CREATE TABLE books (title TEXT, author TEXT, sold INTEGER)")
            database.executemany("INSERT INTO books VALUES (?, ?, ?)", BOOKS)
        if shutil.which("git"):
            self._make_repository()

    def _make_repository(self) -> None:
        shutil.rmtree(self.project, ignore_errors=True)
        self.project.mkdir()
        who = ["-c", "user.name=First Run", "-c", "user.email=first@run.invalid", "-c", "commit.gpgsign=false"]
        self._git("init", "--quiet", "--initial-branch=main")
        for name, text, message in COMMITS:
            (self.project / name).write_text(text, encoding="utf-8")
            self._git("add", name)
            self._git(*who, "commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.project, check=True, capture_output=True)
