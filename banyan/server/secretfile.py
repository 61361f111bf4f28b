"""The file of secrets: JSON that only its owner can read, for machines without a keyring."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from banyan.core.errors import SettingsError, StorageFull

LOCK_TIMEOUT_S = 10.0
"""Seconds to wait for another process to finish writing."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretFile:
    """Secrets by name. A name without a value is one whose value the keyring holds, so that it can be listed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> str | None:
        """Return a value, None where there is none.  Raises `SettingsError`."""
        return self._read().get(name)

    def names(self) -> list[str]:
        """Return every name, sorted.  Raises `SettingsError`."""
        return sorted(self._read())

    def put(self, name: str, value: str | None) -> None:
        """Keep `value` under `name`.  Raises `SettingsError` and `StorageFull`."""
        with self._locked():
            self._write(self._read() | {name: value})

    def delete(self, name: str) -> bool:
        """Forget `name`, and return whether it was there.  Raises `SettingsError` and `StorageFull`."""
        with self._locked():
            found = self._read()
            if name not in found:
                return False
            del found[name]
            self._write(found)
            return True

    def _read(self) -> dict[str, str | None]:
        try:
            with self._path.open("rb") as file:
                _refuse_what_others_read(self._path, os.fstat(file.fileno()))
                found = orjson.loads(file.read())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SettingsError(f"`{self._path}` cannot be read: {error.strerror}") from error
        except orjson.JSONDecodeError:
            # Without its cause: that one carries the document, which is all secrets.
            raise SettingsError(f"`{self._path}` is damaged: no JSON; mend or remove it") from None
        if not isinstance(found, dict) or not all(isinstance(value, str | None) for value in found.values()):
            raise SettingsError(f"`{self._path}` is damaged: it is no object of strings; mend or remove it")
        return found

    def _write(self, secrets: dict[str, str | None]) -> None:
        try:
            handle, draft = tempfile.mkstemp(dir=self._path.parent, prefix=".secrets-")  # 0600 from the start
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(orjson.dumps(secrets, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
                    file.flush()
                    os.fsync(file.fileno())
                Path(draft).replace(self._path)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._failed(error) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from writing between our reading and our writing."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self._path.with_suffix(".lock"), mode=0o600, timeout=LOCK_TIMEOUT_S)
            with lock:
                yield
        except Timeout:
            raise SettingsError(f"`{self._path}` is being written by another process") from None
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> SettingsError | StorageFull:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return StorageFull(f"no room to write `{self._path}`")
        return SettingsError(f"`{self._path}` cannot be written: {error.strerror}")


def _refuse_what_others_read(path: Path, status: os.stat_result) -> None:
    if sys.platform == "win32":  # rights are by access list there, and the user's own folder is private
        return
    if status.st_uid != os.geteuid():
        raise SettingsError(f"`{path}` belongs to another user; secrets are not read from it")
    if status.st_mode & _OTHERS:
        raise SettingsError(f"`{path}` can be read by others; run `chmod 600 {path}`, and renew what it holds")
