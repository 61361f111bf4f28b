"""The files that a document's references may reach: those below its folder that a person allowed, and no others."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from banyan.tools.openapi.notes import shown
from banyan.tools.openapi.refs import RefProblem

MAX_FILES = 500
MAX_BYTES = 16 * 2**20
"""Bytes of one file."""


class Files:
    """Reads files by references."""

    def __init__(self, origin: str, allowed: Sequence[str], parse: Callable[[bytes, str], Any]) -> None:
        """Args: the document's own path or URL, globs of files relative to its folder, and what parses a file."""
        self._folder = None if "://" in origin else Path(origin).parent
        self._allowed = tuple(allowed)
        self._parse = parse
        self._known: dict[str, Any] = {}

    def read(self, name: str, file: str) -> tuple[str, Any]:
        """Return the file that `name` means within `file`: its path below the document's folder, and its value.

        Raises:
            RefProblem: it is not allowed, is not there, or cannot be read.
        """
        folder, path = self._inside(name, file)
        if path not in self._known:
            if len(self._known) >= MAX_FILES:
                raise RefProblem(f"the reference to `{shown(name)}` is to one of more than {MAX_FILES} files")
            self._known[path] = self._load(folder, path)
        return path, self._known[path]

    def _inside(self, name: str, file: str) -> tuple[Path, str]:
        odd = "\\" in name or "\0" in name or ":" in name or name.startswith("/")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
        if odd or path.startswith("..") or self._folder is None:
            raise RefProblem(f"the reference to `{shown(name)}` is not followed: it is outside of the document")
        if not any(fnmatchcase(path, one) for one in self._allowed):
            raise RefProblem(
                f"the reference to `{shown(name)}` is not followed: it is another file, which was not allowed"
            )
        return self._folder, path

    def _load(self, folder: Path, path: str) -> Any:
        try:
            real = (folder / path).resolve()
            if not real.is_relative_to(folder.resolve()) or not real.is_file():
                raise RefProblem(f"the file `{shown(path)}`, which is referred to, is not below the document's folder")
            with real.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise RefProblem(
                f"the file `{shown(path)}`, which is referred to: {error.strerror or 'unreadable'}"
            ) from None
        if len(data) > MAX_BYTES:
            raise RefProblem(f"the file `{shown(path)}`, which is referred to, has more than {MAX_BYTES:,} bytes")
        return self._parse(data, path)
