"""A configuration file of another program: read whole, replaced at once, its form kept."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from banyan.core.errors import Conflict, SettingsError, StorageFull

MAX_BYTES = 64 * 2**20
"""The largest file that is read.  An assistant's own state file can reach some megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """What was read: text with plain newlines, and the form to write it back in."""

    path: Path
    """The file itself, where the name given was a link to it."""
    text: str | None
    """None where there is no file."""
    bom: bool = False
    crlf: bool = False

    def encoded(self, text: str) -> bytes:
        """Return `text` as bytes in this file's form."""
        body = text.replace("\n", "\r\n") if self.crlf else text
        return (codecs.BOM_UTF8 if self.bom else b"") + body.encode("utf-8")


def read(path: Path) -> TextFile:
    """Return the file at `path`, or what makes it when it is not there.

    Raises:
        SettingsError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        real = path.resolve()
        if real.stat().st_size > MAX_BYTES:
            raise SettingsError(f"`{path}` is larger than {MAX_BYTES >> 20} MiB; it was left untouched")
        raw = real.read_bytes()
        body = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except FileNotFoundError:
        return TextFile(path=real, text=None)
    except UnicodeDecodeError:
        raise SettingsError(f"`{path}` is not UTF-8; it was left untouched") from None
    except (OSError, RuntimeError) as error:  # `resolve` raises RuntimeError for links in a circle
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"`{path}` cannot be read: {reason}") from error
    # A file with both kinds of line end keeps each where it is.
    crlf = "\r\n" in body and body.count("\n") == body.count("\r\n")
    text = body.replace("\r\n", "\n") if crlf else body
    return TextFile(path=real, text=text, bom=raw.startswith(codecs.BOM_UTF8), crlf=crlf)


def replace(file: TextFile, text: str | None) -> None:
    """Put `text` in the place of what `file` was read with, or remove the file; in one step, rights kept.

    Raises:
        Conflict: the file is no longer what was read.
        SettingsError: it cannot be written.
        StorageFull: the disk is full; the file is as it was.
    """
    if read(file.path).text != file.text:
        raise Conflict(f"`{file.path}` changed meanwhile; try again")
    try:
        if text is None:
            file.path.unlink(missing_ok=True)
            return
        _write(file.path, file.encoded(text))
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"no room to write `{file.path}`; it is as it was") from error
        raise SettingsError(f"`{file.path}` cannot be written: {error.strerror}") from error


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        # A new file keeps the 0600 of its draft: such files come to hold keys.
        with contextlib.suppress(FileNotFoundError):
            draft.chmod(path.stat().st_mode & 0o7777)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def backup_of(file: TextFile) -> Path:
    """Return where the content from before Banyan is kept."""
    return file.path.with_name(f"{file.path.name}.before-banyan")


def keep_backup(file: TextFile) -> None:
    """Keep what `file` holds now beside it, in place of an older backup, with the file's own rights.

    Raises:
        SettingsError: it cannot be written.
        StorageFull: the disk is full.
    """
    backup = read(backup_of(file))
    copy = TextFile(path=backup.path, text=backup.text, bom=file.bom, crlf=file.crlf)
    replace(copy, file.text)
    with contextlib.suppress(FileNotFoundError):
        backup.path.chmod(file.path.stat().st_mode & 0o7777)
